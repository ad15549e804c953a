//! `motcua-node`: parse, run, drain.

use clap::{Args, Parser, Subcommand};
use motcua_shell::{
    carry::command::{Local, Outcome},
    settings::NodeSettings,
    shutdown, telemetry,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Node of Một Cửa: registers and moves dossiers in one office, with or without a network.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs the node until it is told to stop (SIGTERM or Ctrl-C).
    Run {
        /// The settings, node.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Makes this machine's key and joins an office with a bundle from central IT.
    Enrol {
        /// The join bundle.
        #[arg(long)]
        join: PathBuf,
        /// Data directory of this node.
        #[arg(long)]
        data: PathBuf,
    },
    /// Brings up a data folder that has only an identity from a second copy.
    Restore {
        /// Folder of the second copy.
        #[arg(long)]
        from: PathBuf,
        /// Data directory of this node.
        #[arg(long)]
        data: PathBuf,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compares what is held here with its hub, and repairs what differs.
    Verify {
        /// The settings of the running service.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Carries work by file where no link leads; the running node does the work.
    Bundle {
        #[command(subcommand)]
        verb: BundleVerb,
    },
}

#[derive(Subcommand)]
enum BundleVerb {
    /// Writes what the hub lacks into a file to be carried to it.
    Export {
        /// The file, which must not exist.
        file: PathBuf,
        /// Also what the hub is known to have, as for a hub that was set back.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Takes in the file that was brought from the hub.
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// The settings of the running node, node.toml.
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
    let verb = match Cli::parse().verb {
        Verb::Bundle { verb } => return bundle(verb),
        Verb::Restore { from, data, json } => return restore(&data, &from, json),
        Verb::Verify { config } => return verify(&config),
        verb => verb,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&error, 1),
    };
    match verb {
        Verb::Run { config } => {
            let settings = match NodeSettings::load(&config) {
                Ok(settings) => settings,
                Err(error) => return say(&error, BAD_SETTINGS),
            };
            telemetry::init(&settings.log);
            let _inside = runtime.enter();
            let run = motcua_node::service::run(settings, shutdown::signal(), |page| {
                tracing::info!(%page, "node is up");
                shutdown::announce_ready();
            });
            match runtime.block_on(run) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => say(&format!("{error:#}"), 1),
            }
        }
        Verb::Enrol { join, data } => {
            match runtime.block_on(motcua_node::enrol::enrol(&join, &data)) {
                Ok(identity) => report(&identity),
                Err(error) => say(&format!("{error:#}"), 1),
            }
        }
        Verb::Bundle { verb } => bundle(verb),
        Verb::Restore { from, data, json } => restore(&data, &from, json),
        Verb::Verify { config } => verify(&config),
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn restore(data: &Path, from: &Path, json: bool) -> ExitCode {
    match motcua_shell::second::restore(data, from) {
        Ok(done) if json => println!("{}", serde_json::json!(done)),
        Ok(done) => println!(
            "Đã khôi phục {} mục của {} sổ, bỏ {} bản ghi không đọc được.\n\
             Restored {} entries of {} logs, left out {} records that cannot be read.",
            done.entries, done.logs, done.left_out, done.entries, done.logs, done.left_out
        ),
        Err(error) => return say(&error, 1),
    }
    ExitCode::SUCCESS
}

/// Exit codes: 0 done, 1 failed, 4 nothing new, 5 refused.
fn bundle(verb: BundleVerb) -> ExitCode {
    let local = |common: &Common| {
        NodeSettings::load(&common.config)
            .map(|settings| Local::new(settings.http_listen, common.json))
    };
    let outcome = match &verb {
        BundleVerb::Export { file, all, common } => {
            local(common).map(|local| local.export(if *all { "all=true" } else { "" }, file))
        }
        BundleVerb::Import { file, common } => local(common).map(|local| local.import(file, None)),
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
fn report(identity: &motcua_shell::identity::Identity) -> ExitCode {
    match identity.bound() {
        Ok(binding) => {
            let office = identity.trust.office(binding.office);
            let name = office.map_or("?", |office| office.name.as_str());
            println!("enrolled: machine {} of {name}", binding.key.node_id());
            ExitCode::SUCCESS
        }
        Err(error) => say(&error, 1),
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the operator")]
fn verify(config: &Path) -> ExitCode {
    let settings = match NodeSettings::load(config) {
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
    eprintln!("motcua-node: {error}");
    ExitCode::from(code)
}
