//! A process's wall clock, set from outside while it runs; its monotonic clock stays what it is.

use crate::process::Process;
use anyhow::{Context, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the Debian package `libfaketime`, which `./check` installs.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
const FOLDERS: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];

/// The clock of one machine.
#[derive(Debug)]
pub struct WallClock {
    file: PathBuf,
}

impl WallClock {
    /// Takes hold of the clock of a process, from its next start on. It shows the true time at first.
    ///
    /// # Errors
    /// If the library is not installed.
    pub fn of(process: &mut Process, dir: &Path) -> anyhow::Result<Self> {
        let library = FOLDERS.map(|folder| Path::new(folder).join(LIBRARY));
        let library = library.iter().find(|file| file.exists()).context(
            "libfaketime is not installed, and the clock of a program cannot be set without it: \
             apt-get install libfaketime",
        )?;
        let file = dir.join("clock");
        let setting = |name: &str, value: &str| format!("{name}={value}");
        process.run_under(vec![
            "/usr/bin/env".into(),
            setting("LD_PRELOAD", &library.display().to_string()),
            setting("FAKETIME_TIMESTAMP_FILE", &file.display().to_string()),
            setting("FAKETIME_NO_CACHE", "1"),
            setting("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            setting("DONT_FAKE_MONOTONIC", "1"),
            setting("NO_FAKE_STAT", "1"),
        ]);
        let clock = Self { file };
        clock.leap(0)?;
        Ok(clock)
    }

    /// From now on it is so many seconds ahead of the true time.
    ///
    /// # Errors
    /// What the system says.
    pub fn leap(&self, ahead: i64) -> anyhow::Result<()> {
        ensure!(ahead >= 0, "clocks of the past are not needed yet");
        let beside = self.file.with_extension("new");
        fs::write(&beside, format!("+{ahead}\n"))?;
        Ok(fs::rename(beside, &self.file)?)
    }
}
