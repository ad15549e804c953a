//! `cargo sim -- --seeds N --from S`

#![allow(clippy::print_stdout, reason = "a command that prints what it found")]

use clap::Parser;
use motcua_sim::{Failure, Fault, Plan, run};
use std::{collections::BTreeMap, process::ExitCode};

/// Runs simulated cities. Exit code 0: all seeds hold; 2: something happened that must never happen;
/// 3: a healed city did not agree in time.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Goes on after a failure and counts.
    #[arg(long)]
    keep_going: bool,
    /// Only these kinds of fault, by name (Kill,Power,...), or `none`.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Prints every step; for one seed.
    #[arg(long)]
    loud: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let named = |names: Vec<String>| {
        let is = |fault: &Fault| names.iter().any(|name| *name == format!("{fault:?}"));
        Fault::ALL.into_iter().filter(is).collect()
    };
    let only = arguments.only.map(named);
    let plan = Plan { loud: arguments.loud, only, ..Plan::default() };
    let mut total = Total::default();
    let mut code = 0;
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        let report = run(seed, &plan);
        total.add(&report);
        let Some(failure) = &report.failure else { continue };
        let (name, this) = match failure {
            Failure::Safety(why) => (format!("safety: {why}"), 2),
            Failure::Liveness(why) => (format!("liveness: {why}"), 3),
        };
        code = if code == 2 { 2 } else { this };
        println!("seed {seed} {name}");
        if !arguments.keep_going {
            report.tail.iter().for_each(|line| println!("{line}"));
            println!("seed {seed} {name}");
            break;
        }
    }
    total.print();
    ExitCode::from(code)
}

#[derive(Default)]
struct Total {
    runs: u64,
    failed: u64,
    steps: u64,
    millis: u64,
    entries: usize,
    lost: usize,
    longest: (u64, u64),
    again: (u64, u64),
    faults: BTreeMap<Fault, u64>,
    refusals: BTreeMap<&'static str, u64>,
}

impl Total {
    fn add(&mut self, report: &motcua_sim::Report) {
        self.runs += 1;
        self.failed += u64::from(report.failure.is_some());
        self.steps += report.steps;
        self.millis += report.millis;
        self.entries += report.entries;
        self.lost += report.lost;
        self.longest = self.longest.max((report.agreed, report.seed));
        self.again = (self.again.0 + report.again.0, self.again.1 + report.again.1);
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (kind, count) in &report.refusals {
            *self.refusals.entry(kind).or_default() += count;
        }
    }

    fn print(&self) {
        let hours = self.millis as f64 / 3_600_000.0;
        println!(
            "{} cities, {} failed; {hours:.0} simulated hours, {} steps, {} entries ({} lost by faults \
             that may lose them); longest until agreement {} s (seed {})",
            self.runs,
            self.failed,
            self.steps,
            self.entries,
            self.lost,
            self.longest.0 / 1_000,
            self.longest.1
        );
        println!("faults {:?}", self.faults);
        println!("refusals {:?}", self.refusals);
        println!("damaged frames asked for {} times, {} came again", self.again.0, self.again.1);
    }
}
