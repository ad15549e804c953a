//! `motcua-soak`: a city at work for hours while things go wrong.

use clap::Parser;
use motcua_tests::soak::{self, Plan};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Three hubs and many nodes of the shipped programs, clerks at work, and a fault every few seconds. At the
/// end every machine is restarted and everything that was answered as saved is looked for; what each
/// process takes of the machine must not have grown. MOTCUA_SEED repeats a run as far as processes allow.
///
/// Exit codes: 0 all is well, 1 something is not, 2 the run could not be made.
#[derive(Parser)]
#[command(name = "motcua-soak", version)]
struct Cli {
    /// How long things go wrong.
    #[arg(long, value_name = "N", default_value_t = 120)]
    minutes: u64,
    /// Nodes, half of them in each of two districts; up to 20.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(2..=20))]
    nodes: u8,
    /// Acts a second, of all clerks together.
    #[arg(long, value_name = "N", default_value_t = 6.0)]
    rate: f64,
    /// Longest time without a new fault, in seconds.
    #[arg(long, value_name = "N", default_value_t = 15)]
    calm: u64,
    /// Where every sample goes, a line of JSON each.
    #[arg(long, value_name = "FILE", default_value = "soak-samples.jsonl")]
    samples: PathBuf,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer")]
fn main() -> ExitCode {
    let Cli { minutes, nodes, rate, calm, samples } = Cli::parse();
    let plan = Plan {
        length: Duration::from_secs(minutes * 60),
        nodes: usize::from(nodes),
        rate,
        calm: Duration::from_secs(calm),
        samples,
    };
    match soak::run(&plan) {
        Ok(outcome) => {
            println!("{outcome}");
            ExitCode::from(u8::from(!outcome.wrong.is_empty()))
        }
        Err(error) => {
            eprintln!("motcua-soak: {error:#}");
            ExitCode::from(2)
        }
    }
}
