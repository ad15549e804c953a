//! `motcua-demo`: a small city on this machine, to look at and to cut into pieces.

use clap::Parser;
use motcua_tests::demo::{
    self, Options,
    event::say,
    script::{self, Step},
};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// A small city on this machine: three hubs, five wards, clerks at work, lines to cut. At the end
/// every machine is restarted and asked what it holds.
///
/// Exit codes: 0 every dossier is where it belongs, 1 some are not, 2 the demo could not run.
#[derive(Parser)]
#[command(name = "motcua-demo", version)]
struct Cli {
    /// Keep everything in this new folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Lines such as `at 5s cut 26734`, `at 9s restore 26734`, `at 12s kill hub 760`.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Nobody watches: a default script of cuts, and an end by itself.
    #[arg(long)]
    headless: bool,
    /// End after so many seconds (30 with --headless).
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Milliseconds between two actions of the clerks (100 with --headless, else 1200).
    #[arg(long, value_name = "MS")]
    pace: Option<u64>,
}

fn main() -> ExitCode {
    match options(Cli::parse()).and_then(demo::run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            say(format!("motcua-demo: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn options(cli: Cli) -> anyhow::Result<Options> {
    let Cli { dir, script, headless, seconds, pace } = cli;
    let length = seconds.or(headless.then_some(30)).map(Duration::from_secs);
    let script: Vec<Step> = match (script, length) {
        (Some(file), _) => script::parse(&std::fs::read_to_string(file)?)?,
        (None, Some(length)) if headless => script::default_steps(length),
        (None, _) => Vec::new(),
    };
    let pace = Duration::from_millis(pace.unwrap_or(if headless { 100 } else { 1_200 }));
    Ok(Options { dir, script, length, pace, headless })
}
