//! `motcua-hub`: parse, run, drain.

use clap::{Parser, Subcommand};
use motcua_shell::{settings::HubSettings, shutdown, telemetry};
use std::{path::PathBuf, process::ExitCode};

/// Hub of Một Cửa: takes in offices, relays up, fills inboxes.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs the hub until it is told to stop (SIGTERM or Ctrl-C).
    Run {
        /// The settings, hub.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Checks the settings and says where the hub would listen.
    Check {
        /// The settings, hub.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
}

/// Exit code for settings that cannot be used (sysexits EX_CONFIG).
const BAD_SETTINGS: u8 = 78;

fn main() -> ExitCode {
    let (config, run) = match Cli::parse().verb {
        Verb::Run { config } => (config, true),
        Verb::Check { config } => (config, false),
    };
    let settings = match HubSettings::load(&config) {
        Ok(settings) => settings,
        Err(error) => return say(&error, BAD_SETTINGS),
    };
    if !run {
        return report(&settings);
    }
    telemetry::init(&settings.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&error, 1),
    };
    let ended = runtime.block_on(motcua_hub::service::run(settings, shutdown::signal(), |at| {
        tracing::info!(links = %at.links, console = %at.console, "hub is up");
        shutdown::announce_ready();
    }));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(&format!("{error:#}"), 1),
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn report(settings: &HubSettings) -> ExitCode {
    println!("data in {}", settings.data_dir.display());
    let tcp = settings.tcp_listen.unwrap_or(settings.listen);
    println!("links on udp {} and tcp {tcp}", settings.listen);
    println!("console on http://{}", settings.http_listen);
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
fn say(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("motcua-hub: {error}");
    ExitCode::from(code)
}
