//! `motcua-hub`: parse, run, drain.

use clap::{Args, Parser, Subcommand};
use motcua_shell::{
    carry::command::{Local, Outcome, query},
    settings::HubSettings,
    shutdown, telemetry,
};
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
    /// Compares what is held here with the hub above, and has every connected office do so with this one, and repairs what differs.
    Verify {
        /// The settings of the running service.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Carries work by file where no link leads; the running hub does the work.
    Bundle {
        #[command(subcommand)]
        verb: BundleVerb,
    },
}

#[derive(Subcommand)]
enum BundleVerb {
    /// Writes what an office lacks into a file to be carried to it, or, with --up, what the hub
    /// above lacks.
    Export {
        /// Code or id of the office below.
        #[arg(long, required_unless_present = "up", conflicts_with = "up")]
        office: Option<String>,
        /// One machine of the office; without it, all of them can read the file.
        #[arg(long, requires = "office")]
        node: Option<String>,
        /// For the hub above.
        #[arg(long)]
        up: bool,
        /// The file, which must not exist.
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Takes in a file that was brought from an office, or from the hub above.
    Import {
        /// The file.
        file: PathBuf,
        /// Writes the answer to it into this file, to be carried back.
        #[arg(long)]
        reply: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// The settings of the running hub, hub.toml.
    #[arg(long, env = "MOTCUA_CONFIG")]
    config: PathBuf,
    /// Answers as JSON.
    #[arg(long)]
    json: bool,
}

/// Exit code for settings that cannot be used (sysexits EX_CONFIG).
const BAD_SETTINGS: u8 = 78;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (config, run) = match Cli::parse().verb {
        Verb::Run { config } => (config, true),
        Verb::Check { config } => (config, false),
        Verb::Bundle { verb } => return bundle(verb),
        Verb::Verify { config } => return verify(&config),
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
    let _inside = runtime.enter();
    let ended = runtime.block_on(motcua_hub::service::run(settings, shutdown::signal(), |at| {
        tracing::info!(links = %at.links, console = %at.console, "hub is up");
        shutdown::announce_ready();
    }));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(&format!("{error:#}"), 1),
    }
}

/// Exit codes: 0 done, 1 failed, 4 nothing new, 5 refused.
fn bundle(verb: BundleVerb) -> ExitCode {
    let local = |common: &Common| {
        HubSettings::load(&common.config)
            .map(|settings| Local::new(settings.http_listen, common.json))
    };
    let outcome = match &verb {
        BundleVerb::Export { office, node, file, common, .. } => {
            let office = office.as_deref().map(|office| ("office", office));
            let node = node.as_deref().map(|node| ("node", node));
            let wanted: Vec<(&str, &str)> = office.into_iter().chain(node).collect();
            local(common).map(|local| local.export(&query(&wanted), file))
        }
        BundleVerb::Import { file, reply, common } => {
            local(common).map(|local| local.import(file, reply.as_deref()))
        }
    };
    match outcome {
        Ok(outcome) => tell(&outcome),
        Err(error) => say(&error, BAD_SETTINGS),
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn tell(outcome: &Outcome) -> ExitCode {
    println!("{}", outcome.text);
    ExitCode::from(outcome.exit as u8)
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn report(settings: &HubSettings) -> ExitCode {
    println!("data in {}", settings.data_dir.display());
    let tcp = settings.tcp_listen.unwrap_or(settings.listen);
    println!("links on udp {} and tcp {tcp}", settings.listen);
    println!("console on http://{}", settings.http_listen);
    ExitCode::SUCCESS
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn verify(config: &std::path::Path) -> ExitCode {
    let settings = match HubSettings::load(config) {
        Ok(settings) => settings,
        Err(error) => return say(&error, BAD_SETTINGS),
    };
    match motcua_shell::verify::ask(settings.http_listen) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => say(&error, 1),
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
fn say(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("motcua-hub: {error}");
    ExitCode::from(code)
}
