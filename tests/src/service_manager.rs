//! A stand-in for the service manager, by systemd's protocol: it starts a process with a socket to speak
//! to, kills what has not said that it is ready in time or gives no sign of life, starts it again, and
//! counts.

use crate::process::Process;
use anyhow::{Context, ensure};
use std::{
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What the manager grants.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start until ready.
    pub start: Duration,
    /// Between two signs of life.
    pub watchdog: Duration,
}

/// What was heard of a process since it was started last.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// How long it took until it was ready.
    pub ready: Option<Duration>,
    /// What it said it was doing, in order.
    pub statuses: Vec<String>,
    /// Signs of life.
    pub alive: u32,
    /// It said that it ends.
    pub stopping: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    limits: Limits,
    began: Instant,
    last_sign: Instant,
    /// How often it started the process.
    pub starts: u32,
    /// Why it killed it, in order.
    pub kills: Vec<&'static str>,
    /// See [`Heard`].
    pub heard: Heard,
}

impl Manager {
    /// Listens in a folder.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub fn new(folder: &Path, limits: Limits) -> anyhow::Result<Self> {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).with_context(|| format!("{}", path.display()))?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let now = Instant::now();
        Ok(Self {
            socket,
            path,
            limits,
            began: now,
            last_sign: now,
            starts: 0,
            kills: Vec::new(),
            heard: Heard::default(),
        })
    }

    /// Starts the process under this manager.
    ///
    /// # Errors
    /// See [`Process::start`].
    pub fn start(&mut self, process: &mut Process) -> anyhow::Result<()> {
        let micros = self.limits.watchdog.as_micros().to_string();
        process.set_variable("NOTIFY_SOCKET", &self.path.display().to_string());
        process.set_variable("WATCHDOG_USEC", &micros);
        self.heard = Heard::default();
        (self.began, self.last_sign) = (Instant::now(), Instant::now());
        self.starts += 1;
        process.start()
    }

    /// Does its work until something is so: listens, kills and starts again.
    ///
    /// # Errors
    /// If it is not so in time, or the process ends by itself.
    pub fn tend(
        &mut self,
        process: &mut Process,
        patience: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            ensure!(
                Instant::now() < deadline,
                "not within {patience:?}: {self:?}\n{}",
                process.tail()
            );
            self.catch_up();
            if let Some(status) = process.ended()? {
                anyhow::bail!("{} ended with {status}\n{}", process.name(), process.tail());
            }
            let late = match self.heard.ready {
                None if self.began.elapsed() > self.limits.start => Some("start"),
                Some(_) if self.last_sign.elapsed() > self.limits.watchdog => Some("watchdog"),
                _ => None,
            };
            if let Some(why) = late {
                self.kills.push(why);
                process.kill()?;
                self.start(process)?;
            }
        }
        Ok(())
    }

    /// Takes in everything that was said up to now, and waits a moment for more.
    fn catch_up(&mut self) {
        while self.listen() {}
    }

    fn listen(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        // Nothing within the timeout is no fault.
        let Ok(length) = self.socket.recv(&mut bytes) else { return false };
        for line in String::from_utf8_lossy(&bytes[..length]).lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => {
                    self.heard.ready = Some(self.began.elapsed());
                    self.last_sign = Instant::now();
                }
                Some(("WATCHDOG", "1")) => {
                    self.heard.alive += 1;
                    self.last_sign = Instant::now();
                }
                Some(("STOPPING", "1")) => self.heard.stopping = true,
                Some(("STATUS", words)) => self.heard.statuses.push(words.to_owned()),
                _ => {}
            }
        }
        true
    }
}
