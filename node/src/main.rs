//! `motcua-node`: parse, run, drain.

use clap::{Args, CommandFactory, Parser, Subcommand};
use motcua_node::{
    account_command::{self, AccountAct},
    import_command::{self, Wanted},
};
use motcua_shell::{
    carry::command::query,
    lan::command::PageVerb,
    program::{Common, Page, Program},
    settings::{NodeSettings, SettingsError},
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
    /// Takes over an office's old list, CSV or XLSX: look at it first, then agree (docs/import.md).
    Import {
        #[command(subcommand)]
        verb: ImportVerb,
    },
    /// Writes everything this office holds as a list.
    Export {
        /// The file, which must not exist; CSV if its name ends so, otherwise XLSX.
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Accounts of the office (docs/accounts.md).
    Account {
        /// The settings of the running node, node.toml.
        #[arg(long, env = "MOTCUA_CONFIG", global = true)]
        config: Option<PathBuf>,
        /// Answers as JSON.
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        verb: AccountVerb,
    },
    /// Prints a script that completes commands in a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The certificate of the page on the network (docs/page-tls.md). Exit codes: 0 done, 1 failed, 3 it ends
    /// within 30 days, 4 nothing to do, 5 refused.
    Page {
        #[command(subcommand)]
        verb: PageVerb,
    },
    /// Carries work by file where no link leads; the running node does the work.
    Bundle {
        #[command(subcommand)]
        verb: BundleVerb,
    },
}

#[derive(Subcommand)]
enum AccountVerb {
    /// Prints the code with which the first account, the head's, is made on the page; the code before it is
    /// void. Exit codes: 0 done, 1 failed.
    Setup,
    /// The rest is done by the running node. Exit codes: 0 done, 1 failed, 5 refused.
    #[command(flatten)]
    Act(AccountAct),
}

#[derive(Subcommand)]
enum ImportVerb {
    /// Says what would become of each row; writes nothing. Exit codes: 0 all rows can be taken, 3 some
    /// cannot, 1 failed, 5 the file cannot be used.
    Preview {
        #[command(flatten)]
        list: ListArgs,
        /// Which rows are shown: open (to be looked at), taken, warned, stopped, hidden, known, all.
        #[arg(long, default_value = "open")]
        show: String,
        /// Most rows that are shown.
        #[arg(long, default_value_t = 50)]
        rows: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Takes over what a preview with the same file, mapping and choices showed. Exit codes: 0 done, 3 done
    /// but for rows that were stopped or hidden, 4 everything was here, 1 failed, 5 refused.
    Run {
        #[command(flatten)]
        list: ListArgs,
        /// What the preview said to agree to.
        #[arg(long)]
        agreed: String,
        /// Who agrees.
        #[arg(long, default_value = "")]
        clerk: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct ListArgs {
    /// The list.
    file: PathBuf,
    /// Which column is what, TOML or JSON; the usual names of columns without one.
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// A proposal that is accepted: a kind such as id.short, or ROW:FIELD; with :2 behind it the second.
    #[arg(long)]
    accept: Vec<String>,
    /// Takes hidden rows too.
    #[arg(long)]
    hidden: bool,
}

impl ListArgs {
    fn wanted<'a>(&'a self, clerk: &'a str) -> Wanted<'a> {
        Wanted {
            file: Some(&self.file),
            mapping: self.mapping.as_deref(),
            accept: &self.accept,
            hidden: self.hidden,
            clerk,
        }
    }
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
        /// Megabytes of scans at most; 0 for none.
        #[arg(long, value_name = "MB")]
        scans: Option<u64>,
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

const PROGRAM: Program = Program("motcua-node");

fn main() -> ExitCode {
    motcua_allocator::give_back_at_once();
    match Cli::parse().verb {
        Verb::Run { config } => run(&config),
        Verb::Enrol { join, data } => PROGRAM.run(motcua_node::enrol::enrol(&join, &data), report),
        Verb::Restore { from, data, json } => restore(&data, &from, json),
        Verb::Verify { config } => PROGRAM.verify(page(&config)),
        Verb::Page { verb } => page_act(&verb),
        Verb::Bundle { verb } => bundle(&verb),
        Verb::Account { config, json, verb } => {
            let Some(config) = config else {
                let missing = clap::error::ErrorKind::MissingRequiredArgument;
                Cli::command().error(missing, "account needs --config node.toml").exit()
            };
            account(Common { config, json }, &verb)
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), PROGRAM.0, &mut script);
            PROGRAM.answer(&String::from_utf8_lossy(&script))
        }
        Verb::Import { verb } => import(&verb),
        Verb::Export { file, common } => {
            let is_csv = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
            let format = if is_csv { "csv" } else { "xlsx" };
            PROGRAM.bundle(page(&common.config), common.json, |local| {
                import_command::export(&local, format, &file)
            })
        }
    }
}

fn run(config: &Path) -> ExitCode {
    let settings = match PROGRAM.settings(NodeSettings::load(config)) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    // Inside the runtime, where the signals are listened to from here on.
    let work = async {
        motcua_node::service::run(settings, shutdown::signal(), |page| {
            let tls = page.tls.map(tracing::field::display);
            tracing::info!(page = %page.here, tls, "the page answers");
        })
        .await
    };
    PROGRAM.run(work, |()| ExitCode::SUCCESS)
}

fn restore(data: &Path, from: &Path, json: bool) -> ExitCode {
    match motcua_shell::second::restore(data, from) {
        Ok(done) if json => PROGRAM.answer(&serde_json::json!(done)),
        Ok(done) => PROGRAM.answer(&format!(
            "Đã khôi phục {} mục của {} sổ và {} bản quét, bỏ {} bản ghi và {} bản quét không đọc được.\n\
             Restored {} entries of {} logs and {} scans, left out {} records and {} scans that cannot \
             be read.",
            done.entries,
            done.logs,
            done.scans,
            done.left_out,
            done.scans_left_out,
            done.entries,
            done.logs,
            done.scans,
            done.left_out,
            done.scans_left_out
        )),
        Err(error) => PROGRAM.fail(&error, 1),
    }
}

fn page_act(verb: &PageVerb) -> ExitCode {
    let common = verb.common();
    let settings =
        NodeSettings::load(&common.config).map(|settings| (settings.data_dir, settings.page));
    PROGRAM.page_act(settings, verb, common.json)
}

fn bundle(verb: &BundleVerb) -> ExitCode {
    let (BundleVerb::Export { common, .. } | BundleVerb::Import { common, .. }) = verb;
    PROGRAM.bundle(page(&common.config), common.json, |local| match verb {
        BundleVerb::Export { file, all, scans, .. } => {
            let all = all.then(|| ("all", "true".to_owned()));
            let scans = scans.map(|mb| ("scans", mb.to_string()));
            let wanted: Vec<(&str, String)> = all.into_iter().chain(scans).collect();
            let wanted: Vec<(&str, &str)> =
                wanted.iter().map(|(name, value)| (*name, value.as_str())).collect();
            local.export(&query(&wanted), file)
        }
        BundleVerb::Import { file, .. } => local.import(file, None),
    })
}

fn account(common: Common, verb: &AccountVerb) -> ExitCode {
    if let AccountVerb::Act(act) = verb {
        return PROGRAM
            .bundle(page(&common.config), common.json, |local| account_command::run(&local, act));
    }
    let settings = match PROGRAM.settings(NodeSettings::load(&common.config)) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match motcua_node::people::new_code(&settings.data_dir) {
        Ok(code) if common.json => {
            PROGRAM.answer(&serde_json::json!({ "ok": true, "set_up_code": code }))
        }
        Ok(code) => PROGRAM.answer(&format!(
            "Mã thiết lập: {code}\n\
             Mở trang của máy, chọn Tài khoản, và nhập mã này để tạo tài khoản của lãnh đạo; dùng được một lần.\n\
             Set-up code: {code}\n\
             Open this machine's page, choose Accounts, and type it to make the head's account; it works once."
        )),
        Err(error) => PROGRAM.fail(&error, 1),
    }
}

fn import(verb: &ImportVerb) -> ExitCode {
    let (ImportVerb::Preview { common, .. } | ImportVerb::Run { common, .. }) = verb;
    PROGRAM.bundle(page(&common.config), common.json, |local| match verb {
        ImportVerb::Preview { list, show, rows, .. } => {
            import_command::preview(&local, &list.wanted(""), show, *rows)
        }
        ImportVerb::Run { list, agreed, clerk, .. } => {
            import_command::run(&local, &list.wanted(clerk), agreed)
        }
    })
}

/// Where the page of the running node is.
fn page(config: &Path) -> Result<Page, SettingsError> {
    NodeSettings::load(config).map(|settings| Page {
        address: settings.http_listen,
        // Borne although the office may have no accounts yet.
        token: Some(settings.data_dir.join(motcua_node::people::TOKEN_FILE)),
    })
}

fn report(identity: motcua_shell::identity::Identity) -> ExitCode {
    match identity.bound() {
        Ok(binding) => {
            let office = identity.trust.office(binding.office);
            let name = office.map_or("?", |office| office.name.as_str());
            PROGRAM.answer(&format!("enrolled: machine {} of {name}", binding.key.node_id()))
        }
        Err(error) => PROGRAM.fail(&error, 1),
    }
}
