//! What the command lines of node and hub share: how an end is said, and the verbs that only speak
//! with the running service.

use crate::{
    carry::command::{Local, Outcome},
    lan::{self, command::PageVerb},
    service::ServiceError,
    settings::{PageSettings, SettingsError},
    verify,
};
use std::{
    fmt::Display, fs, future::Future, io, net::SocketAddr, path::PathBuf, process::ExitCode,
};

/// Exit code for settings that cannot be used (sysexits EX_CONFIG).
const BAD_SETTINGS: u8 = 78;

/// Exit code where data are missing that this machine had (sysexits EX_NOINPUT): starting it again does
/// not help, and the unit files say so to the manager.
const DATA_MISSING: u8 = 66;

/// Longest answer that is shown: 8,192 offices of a kilobyte, with room.
const TOLD_BYTES: u64 = 16 * 1024 * 1024;

/// Where a hub keeps the token of its console, in its data folder.
pub const TOKEN_FILE: &str = "console/token";

/// The page of the running service, and where the token for it is, if it wants one.
#[derive(Debug)]
pub struct Page {
    /// Where it listens.
    pub address: SocketAddr,
    /// A file that only the service's user may read.
    pub token: Option<PathBuf>,
}

impl Page {
    /// A service that was never started has made no token yet, and answers nobody either.
    fn token(&self) -> Result<Option<String>, String> {
        let Some(file) = &self.token else { return Ok(None) };
        match fs::read_to_string(file) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!(
                "{} cannot be read: {error}; run this as the service's user or as root",
                file.display()
            )),
        }
    }
}

/// What every verb takes that has to do with a service.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// The settings of the service, node.toml or hub.toml.
    #[arg(long, env = "MOTCUA_CONFIG")]
    pub config: PathBuf,
    /// Answers as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A program, by the name it says at the start of an error.
#[derive(Debug, Clone, Copy)]
pub struct Program(pub &'static str);

impl Program {
    /// Settings, or the end that bad ones mean.
    ///
    /// # Errors
    /// The exit code; the words have been said.
    pub fn settings<S>(self, loaded: Result<S, SettingsError>) -> Result<S, ExitCode> {
        loaded.map_err(|error| self.fail(&error, BAD_SETTINGS))
    }

    /// Runs the future to its end. What blocks on threads of its own is not waited for.
    pub fn run<T>(
        self,
        work: impl Future<Output = anyhow::Result<T>>,
        then: impl FnOnce(T) -> ExitCode,
    ) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.fail(&error, 1),
        };
        match runtime.block_on(work) {
            Ok(done) => then(done),
            Err(error) => {
                let missing = error
                    .chain()
                    .filter_map(|cause| cause.downcast_ref::<ServiceError>())
                    .any(|cause| matches!(cause, ServiceError::Start(why) if why.is_missing()));
                if missing {
                    tracing::error!(%error, "data are missing; nothing is started or written");
                }
                self.fail(&format!("{error:#}"), if missing { DATA_MISSING } else { 1 })
            }
        }
    }

    /// Carries a bundle. Exit codes: 0 done, 1 failed, 4 nothing new, 5 refused.
    pub fn bundle(
        self,
        page: Result<Page, SettingsError>,
        json: bool,
        carry: impl FnOnce(Local) -> Outcome,
    ) -> ExitCode {
        let (address, token) = match self.page(page) {
            Ok(page) => page,
            Err(code) => return code,
        };
        let outcome = carry(Local::new(address, json, token));
        self.answer(&outcome.text);
        ExitCode::from(outcome.exit as u8)
    }

    /// Does something with the certificate of the page. Exit codes: 0 done, 1 failed, 3 it ends soon, 4 nothing
    /// to do, 5 refused.
    pub fn page_act(
        self,
        settings: Result<(PathBuf, PageSettings), SettingsError>,
        verb: &PageVerb,
        json: bool,
    ) -> ExitCode {
        let (data_dir, settings) = match self.settings(settings) {
            Ok(settings) => settings,
            Err(code) => return code,
        };
        let outcome = lan::command::run(verb, &data_dir, &settings, json);
        self.answer(&outcome.text);
        ExitCode::from(outcome.exit as u8)
    }

    /// Has the running service compare what it holds with its hub.
    pub fn verify(self, page: Result<Page, SettingsError>) -> ExitCode {
        let (address, token) = match self.page(page) {
            Ok(page) => page,
            Err(code) => return code,
        };
        match verify::ask(address, token.as_deref()) {
            Ok(answer) => self.answer(&answer),
            Err(error) => self.fail(&error, 1),
        }
    }

    /// Has the running service say something as JSON, and shows what `words` makes of it.
    pub fn tell(
        self,
        page: Result<Page, SettingsError>,
        path: &str,
        words: impl FnOnce(&serde_json::Value) -> String,
    ) -> ExitCode {
        let (address, token) = match self.page(page) {
            Ok(page) => page,
            Err(code) => return code,
        };
        let what = format!("GET {path}");
        let told = verify::request(address, token.as_deref(), &what, TOLD_BYTES);
        let told = told.map_err(|error| error.to_string());
        match told.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(told) => self.answer(&words(&told)),
            Err(error) => self.fail(&error, 1),
        }
    }

    fn page(
        self,
        page: Result<Page, SettingsError>,
    ) -> Result<(SocketAddr, Option<String>), ExitCode> {
        let page = self.settings(page)?;
        let token = page.token().map_err(|error| self.fail(&error, 1))?;
        Ok((page.address, token))
    }

    /// Says what was asked for.
    #[expect(clippy::print_stdout, reason = "the answer to the operator")]
    pub fn answer(self, text: &dyn Display) -> ExitCode {
        println!("{text}");
        ExitCode::SUCCESS
    }

    /// Says why it ended.
    #[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
    pub fn fail(self, error: &dyn Display, code: u8) -> ExitCode {
        eprintln!("{}: {error}", self.0);
        ExitCode::from(code)
    }
}
