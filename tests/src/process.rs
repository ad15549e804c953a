//! One real process: started with its log in a file, asked whether it is ready, stopped gently or by
//! `kill -9`, and ended when its handle is dropped. Only processes started here are ever signalled.

use crate::{http::Client, patience::until};
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// How to start a process, as often as needed.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What people call it in messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where its HTTP server listens.
    pub http: SocketAddr,
    /// Its output is appended here.
    pub log: PathBuf,
    /// Where it keeps the token of its HTTP server, if it has one.
    pub token: Option<PathBuf>,
}

/// A process, running or not.
#[derive(Debug)]
pub struct Process {
    recipe: Recipe,
    child: Option<Child>,
    variables: BTreeMap<String, String>,
}

impl Process {
    /// Not started yet.
    pub fn new(recipe: Recipe) -> Self {
        Self { recipe, child: None, variables: BTreeMap::new() }
    }

    /// A variable of its environment, from the next start on.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// No variables of its own any more, from the next start on.
    pub fn clear_variables(&mut self) {
        self.variables.clear();
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.recipe.log
    }

    /// A client of its HTTP server, with its token once it has made one.
    pub fn client(&self) -> Client {
        let text = self.recipe.token.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let token = text.and_then(|text| text.trim().as_bytes().try_into().ok());
        Client { token, ..Client::new(self.recipe.http) }
    }

    /// From the next start on it runs under another program that becomes it, such as `env`.
    pub fn run_under(&mut self, command: Vec<String>) {
        let Some((program, before)) = command.split_first() else { return };
        let own = [self.recipe.program.display().to_string()];
        let args = [before, &own, &self.recipe.args].concat();
        (self.recipe.program, self.recipe.args) = (program.into(), args);
    }

    /// The id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it; does nothing if it runs.
    ///
    /// # Errors
    /// What the system says about program or log.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let Recipe { name, program, args, log, .. } = &self.recipe;
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let output = open().with_context(|| format!("the log {} does not open", log.display()))?;
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .env("RUST_BACKTRACE", "1")
            .env("NO_COLOR", "1")
            .envs(&self.variables)
            .spawn()
            .with_context(|| format!("{name} does not start from {}", program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `/readyz` says so.
    ///
    /// # Errors
    /// If it ends or the time is over; with the end of its log.
    pub fn wait_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let client = self.client().patient(Duration::from_secs(2));
        let ready = until(patience, || match self.ended() {
            Ok(None) => {
                let ready = client.get("/readyz").is_ok_and(|answer| answer.status == 200);
                ready.then_some(Ok(None))
            }
            ended => Some(ended),
        });
        let name = self.name();
        match ready.transpose()? {
            Some(None) => Ok(()),
            Some(Some(status)) => {
                bail!("{name} ended with {status} before it was ready\n{}", self.tail())
            }
            None => bail!("{name} was not ready within {patience:?}\n{}", self.tail()),
        }
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM without waiting.
    ///
    /// # Errors
    /// If it does not run or cannot be signalled.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let id = self.id().with_context(|| format!("{} does not run", self.name()))?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("an odd process id")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("SIGTERM to {}", self.name()))
    }

    /// SIGTERM, then waits; the status it ended with.
    ///
    /// # Errors
    /// If it takes longer than `grace`; it is then killed.
    pub fn stop(&mut self, grace: Duration) -> anyhow::Result<ExitStatus> {
        self.terminate()?;
        self.wait_end(grace)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it takes longer than `grace`; it is then killed.
    pub fn wait_end(&mut self, grace: Duration) -> anyhow::Result<ExitStatus> {
        let Some(ended) = until(grace, || self.ended().transpose()) else {
            self.kill()?;
            bail!("{} did not end within {grace:?}\n{}", self.name(), self.tail());
        };
        self.child = None;
        Ok(ended?)
    }

    /// The status if it ended by itself.
    ///
    /// # Errors
    /// What the system says.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// The last lines of its log, for messages.
    pub fn tail(&self) -> String {
        let bytes = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("--- end of {}\n{last}\n---", self.log().display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
