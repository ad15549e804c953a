//! `motcua-hub`: parse, run, drain.

use clap::{Parser, Subcommand};
use motcua_hub::{access::Operators, report};
use motcua_shell::{
    carry::command::query,
    lan::command::PageVerb,
    program::{Common, Page, Program, TOKEN_FILE},
    settings::{HubSettings, SettingsError},
    shutdown, telemetry,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    /// Names the offices for which too much waits: since when, how much, and what to do.
    Offices {
        /// Names all of them.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
    /// The certificate of the page on the network (docs/page-tls.md). Exit codes: 0 done, 1 failed, 3 it ends
    /// within 30 days, 4 nothing to do, 5 refused.
    Page {
        #[command(subcommand)]
        verb: PageVerb,
    },
    /// Carries work by file where no link leads; the running hub does the work.
    Bundle {
        #[command(subcommand)]
        verb: BundleVerb,
    },
    /// Says who may log in at the console.
    Operator {
        #[command(subcommand)]
        verb: OperatorVerb,
    },
}

#[derive(Subcommand)]
enum OperatorVerb {
    /// Lets somebody log in, or gives them a new password, which ends their sessions. The password
    /// is shown this once.
    Add {
        /// The name that decisions are recorded under.
        name: String,
        /// The settings of the hub, hub.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Lets somebody log in no more; their sessions end.
    Remove {
        /// The name.
        name: String,
        /// The settings of the hub, hub.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
    },
    /// Names those who may log in.
    List {
        /// The settings of the hub, hub.toml.
        #[arg(long, env = "MOTCUA_CONFIG")]
        config: PathBuf,
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
        /// Megabytes of scans at most; 0 for none.
        #[arg(long, value_name = "MB")]
        scans: Option<u64>,
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

const PROGRAM: Program = Program("motcua-hub");

fn main() -> ExitCode {
    motcua_allocator::give_back_at_once();
    match Cli::parse().verb {
        Verb::Run { config } => run(&config),
        Verb::Check { config } => check(&config),
        Verb::Verify { config } => PROGRAM.verify(console(&config)),
        Verb::Offices { all, common } => {
            let told = |told: &Value| match common.json {
                true => told.to_string(),
                false => report::offices(told, all),
            };
            PROGRAM.tell(console(&common.config), "/api/v1/offices", told)
        }
        Verb::Page { verb } => page_act(&verb),
        Verb::Bundle { verb } => bundle(&verb),
        Verb::Operator { verb } => operator(&verb),
    }
}

fn run(config: &Path) -> ExitCode {
    let settings = match PROGRAM.settings(HubSettings::load(config)) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    // Inside the runtime, where the signals are listened to from here on.
    let work = async {
        motcua_hub::service::run(settings, shutdown::signal(), |at| {
            tracing::info!(links = %at.links, console = %at.console, "hub is up");
        })
        .await
    };
    PROGRAM.run(work, |()| ExitCode::SUCCESS)
}

fn check(config: &Path) -> ExitCode {
    match PROGRAM.settings(HubSettings::load(config)) {
        Ok(settings) => PROGRAM.answer(&format!(
            "data in {}\nlinks on udp {} and tcp {}\nconsole on http://{}",
            settings.data_dir.display(),
            settings.listen,
            settings.tcp_listen.unwrap_or(settings.listen),
            settings.http_listen
        )),
        Err(code) => code,
    }
}

fn page_act(verb: &PageVerb) -> ExitCode {
    let common = verb.common();
    let settings =
        HubSettings::load(&common.config).map(|settings| (settings.data_dir, settings.page));
    PROGRAM.page_act(settings, verb, common.json)
}

fn bundle(verb: &BundleVerb) -> ExitCode {
    let (BundleVerb::Export { common, .. } | BundleVerb::Import { common, .. }) = verb;
    PROGRAM.bundle(console(&common.config), common.json, |local| match verb {
        BundleVerb::Export { office, node, scans, file, .. } => {
            let scans = scans.map(|mb| mb.to_string());
            let scans = scans.as_deref().map(|mb| ("scans", mb));
            let office = office.as_deref().map(|office| ("office", office));
            let node = node.as_deref().map(|node| ("node", node));
            let wanted: Vec<(&str, &str)> = office.into_iter().chain(node).chain(scans).collect();
            local.export(&query(&wanted), file)
        }
        BundleVerb::Import { file, reply, .. } => local.import(file, reply.as_deref()),
    })
}

fn operator(verb: &OperatorVerb) -> ExitCode {
    let (OperatorVerb::Add { config, .. }
    | OperatorVerb::Remove { config, .. }
    | OperatorVerb::List { config }) = verb;
    let operators = match PROGRAM.settings(HubSettings::load(config)) {
        Ok(settings) => Operators::of(&settings.data_dir),
        Err(code) => return code,
    };
    let done = match verb {
        OperatorVerb::Add { name, .. } => operators.add(name).map(|password| {
            PROGRAM.answer(&format!(
                "Mật khẩu của {name}, chỉ hiện lần này / password of {name}, shown this once:\n{}",
                &*password
            ))
        }),
        OperatorVerb::Remove { name, .. } => operators.remove(name).map(|()| {
            PROGRAM.answer(&format!("{name} không đăng nhập được nữa / can log in no more"))
        }),
        OperatorVerb::List { .. } => operators.list().map(|all| {
            let names: Vec<String> = all.into_iter().map(|operator| operator.name).collect();
            PROGRAM.answer(&names.join("\n"))
        }),
    };
    done.unwrap_or_else(|error| PROGRAM.fail(&error, 1))
}

/// Where the console of the running hub is.
fn console(config: &Path) -> Result<Page, SettingsError> {
    HubSettings::load(config).map(|settings| Page {
        address: settings.http_listen,
        token: Some(settings.data_dir.join(TOKEN_FILE)),
    })
}
