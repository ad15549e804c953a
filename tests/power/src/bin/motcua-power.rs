//! Many power cuts, one city after another: `tests/power/run` starts it.
#![allow(clippy::print_stdout)]

use clap::Parser;
use motcua_power::{
    mount::obstacle,
    story::{Plan, run},
};
use motcua_tests::seed::Seed;

/// Cuts the power under a city at work, and looks for what was promised.
#[derive(Debug, Parser)]
struct Options {
    /// How many cuts.
    #[arg(long, default_value_t = 300)]
    cuts: usize,
    /// Cuts of one city, before the next is founded.
    #[arg(long, default_value_t = 50)]
    of_a_city: usize,
    /// The seed of the first city, to see a run again as far as processes allow.
    #[arg(long)]
    seed: Option<u64>,
    /// Answers syncs of the journal and leaves them out: the run must find that.
    #[arg(long)]
    ignore_syncs: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(words) = obstacle() {
        anyhow::bail!("{words}");
    }
    let mut seed = options.seed.unwrap_or_else(|| Seed::from_env().1);
    let (mut left, mut faults) = (options.cuts, 0);
    while left > 0 {
        let cuts = left.min(options.of_a_city.max(1));
        let deaf = options.ignore_syncs.then_some("journal");
        println!("seed {seed}, {cuts} cuts");
        let report =
            run(&Plan { seed, cuts, deaf, unsynced: false, until_fault: options.ignore_syncs })?;
        println!("{report:#?}");
        faults += report.faults.len();
        left -= cuts;
        seed += 1;
    }
    anyhow::ensure!(faults == 0, "{faults} promises were not kept");
    Ok(())
}
