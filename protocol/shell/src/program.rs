//! What the command lines of node and hub share: how an end is said, and the verbs that only speak
//! with the running service.

use crate::{
    carry::command::{Local, Outcome},
    settings::SettingsError,
    verify,
};
use std::{fmt::Display, future::Future, net::SocketAddr, process::ExitCode};

/// Exit code for settings that cannot be used (sysexits EX_CONFIG).
const BAD_SETTINGS: u8 = 78;

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

    /// Runs the future to its end.
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
            Err(error) => self.fail(&format!("{error:#}"), 1),
        }
    }

    /// Carries a bundle. Exit codes: 0 done, 1 failed, 4 nothing new, 5 refused.
    pub fn bundle(
        self,
        page: Result<SocketAddr, SettingsError>,
        json: bool,
        carry: impl FnOnce(Local) -> Outcome,
    ) -> ExitCode {
        match self.settings(page) {
            Ok(address) => {
                let outcome = carry(Local::new(address, json));
                self.answer(&outcome.text);
                ExitCode::from(outcome.exit as u8)
            }
            Err(code) => code,
        }
    }

    /// Has the running service compare what it holds with its hub.
    pub fn verify(self, page: Result<SocketAddr, SettingsError>) -> ExitCode {
        let address = match self.settings(page) {
            Ok(address) => address,
            Err(code) => return code,
        };
        match verify::ask(address) {
            Ok(answer) => self.answer(&answer),
            Err(error) => self.fail(&error, 1),
        }
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
