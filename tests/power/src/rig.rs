//! A small city whose machines stand on disks of their own, each of which can be cut, filled or made
//! to fail.

use crate::{
    disk::{Disk, Mood},
    mount::Mount,
};
use anyhow::{Context, ensure};
use motcua_tests::city::{City, START};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a cut may take to come: a hub may have less to write than was thought.
const CUT: Duration = Duration::from_secs(2);

/// The city. Its processes end before its disks go.
pub struct Rig {
    /// Processes and lines.
    pub city: City,
    /// Disks by code of the office.
    pub disks: BTreeMap<String, Disk>,
    mounts: Vec<Mount>,
    _dir: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Rig {
    /// Hubs and wards on disks of their own, started and connected; one rig at a time in a process.
    ///
    /// # Errors
    /// What did not work.
    pub fn start(hubs: &[&str], wards: &[&str], seed: u64) -> anyhow::Result<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dir = tempfile::Builder::new().prefix("motcua-power-").tempdir()?;
        // To look at the logs of a run that failed.
        dir.disable_cleanup(std::env::var_os("MOTCUA_KEEP").is_some());
        let city = City::found(dir.path(), hubs, wards)?;
        let (mut disks, mut mounts) = (BTreeMap::new(), Vec::new());
        for (number, site) in (0..).zip(city.sites()) {
            let disk = Disk::load(&site.data, seed ^ number)?;
            mounts.push(mount(&site.data, &disk)?);
            disks.insert(site.code.clone(), disk);
        }
        let mut rig = Self { city, disks, mounts, _dir: dir, _turn: turn };
        rig.city.open(&mut |_| {})?;
        Ok(rig)
    }

    /// The disk of an office.
    ///
    /// # Panics
    /// If there is none: the caller's mistake.
    pub fn disk(&self, code: &str) -> Disk {
        self.disks.get(code).unwrap_or_else(|| panic!("no disk of the office {code}")).clone()
    }

    /// Lets the power of an office go at its `events`-th write from now, and waits until it is gone:
    /// the process is killed before that write is answered.
    ///
    /// # Errors
    /// If nothing is written, or the process cannot be killed.
    pub fn cut(&mut self, code: &str, events: u64, mood: Mood) -> anyhow::Result<()> {
        let disk = self.disk(code);
        let site = self.city.find(code).context("no such machine")?;
        let process = site.process.id().context("it does not run")?;
        let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.context("an odd process id")?;
        disk.cut_after(events, mood, move || {
            // Not reaped before `kill` below, so the number is still that of this process.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        });
        if !disk.wait_off(CUT) {
            // Nothing writes that much: then between two writes.
            disk.cut(mood);
        }
        site.process.kill()?;
        Ok(())
    }

    /// Power is back, and the program starts on what is left.
    ///
    /// # Errors
    /// If it does not become ready.
    pub fn power_on(&mut self, code: &str) -> anyhow::Result<()> {
        self.disk(code).power_on();
        let site = self.city.find(code).context("no such machine")?;
        site.start()?;
        site.process.wait_ready(START)
    }

    /// Lets nothing through to the hub above an office, and from the offices below it.
    pub fn isolate(&self, code: &str, alone: bool) {
        for site in self.city.sites() {
            if site.code == code || site.above.as_deref() == Some(code) {
                if alone { site.line.cut() } else { site.line.restore() }
            }
        }
    }

    /// Has every node and hub compare with the hub above; each must find nothing to mend.
    ///
    /// # Errors
    /// Whose comparison did not end, or found something.
    pub fn verify(&self) -> anyhow::Result<()> {
        for site in self.city.sites().filter(|site| site.above.is_some()) {
            let client = site.process.client().patient(Duration::from_secs(90));
            let answer = client.post("/api/v1/verify", &[], &serde_json::json!({}))?;
            ensure!(answer.is_success(), "{}: {}", site.name, answer.text());
            let report = answer.json();
            ensure!(report["last"]["differing"] == 0, "{}: {report}", site.name);
            ensure!(report["set_back"] == 0, "{}: {report}", site.name);
        }
        Ok(())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for site in self.city.sites_mut() {
            let _ = site.process.kill();
        }
        self.mounts.clear();
    }
}

fn mount(folder: &Path, disk: &Disk) -> anyhow::Result<Mount> {
    Mount::over(folder, disk.clone()).with_context(|| format!("{} not mounted", folder.display()))
}
