//! A hub, an honest office that works, and what the hub costs meanwhile.

use crate::{
    binaries::Binaries,
    desk::{Desk, application, fresh_key},
    http::Client,
    papers,
    patience::{PATIENCE, until},
    ports,
    process::{Process, Recipe},
    seed::Seed,
    storm::start_hub,
    usage::{cpu, memory},
};
use anyhow::{Context, ensure};
use motcua_core::trust::NodeKind;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Offices in the city, beside the hub's.
const OFFICES: u16 = 8;
/// The honest office.
pub const HONEST: u16 = 1;
/// Dossiers that changes go round in, so that no history grows long.
const DOSSIERS: usize = 12;
/// Changes of a measurement.
const SAMPLES: usize = 15;

/// What something cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Bytes by which the hub's memory was larger at most.
    pub memory: u64,
    /// Share of one CPU that the hub used.
    pub cpu: f64,
    /// The middle of the honest office's delays, from saved to received.
    pub delay: Duration,
    /// Bytes that the hub's folder grew by.
    pub disk: u64,
}

/// How long things take before anything is attacked.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The middle of the honest office's delays.
    pub delay: Duration,
    /// The hub's memory, bytes.
    pub memory: u64,
}

/// The city of these tests.
pub struct Stage {
    /// The hub.
    pub hub: Process,
    /// The honest office's machine.
    pub node: Process,
    dossiers: Vec<String>,
    turn: usize,
    port: u16,
    dir: tempfile::TempDir,
}

impl Stage {
    /// Starts hub and honest node; the honest office has some dossiers, whose applicants' names hold
    /// `mark`.
    ///
    /// # Errors
    /// What did not start.
    pub fn start(mark: &str) -> anyhow::Result<Self> {
        Self::with(mark, "")
    }

    /// The same; the hub's settings say this as well.
    ///
    /// # Errors
    /// What did not start.
    pub fn with(mark: &str, hub_settings: &str) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("motcua-hostile-").tempdir()?;
        let (hub, port) = start_hub(dir.path(), OFFICES, hub_settings)?;
        let data = dir.path().join("honest");
        papers::write_identity(OFFICES, &data, NodeKind::Node, HONEST, 0, port)?;
        let http = ports::free()?;
        let text = format!("data_dir = \".\"\nhttp_listen = \"{http}\"\nlog = \"warn\"\n");
        fs::write(data.join("node.toml"), text)?;
        let mut node = Process::new(Recipe {
            name: "the honest node".into(),
            program: Binaries::ready()?.node.clone(),
            args: ["run", "--config"]
                .map(String::from)
                .into_iter()
                .chain([data.join("node.toml").display().to_string()])
                .collect(),
            http,
            log: dir.path().join("node.log"),
            token: None,
        });
        node.start()?;
        node.wait_ready(PATIENCE)?;
        let mut stage = Self { hub, node, dossiers: Vec::new(), turn: 0, port, dir };
        let mut seed = Seed::new(7);
        for _ in 0..DOSSIERS {
            let mut body = application(&mut seed);
            body["applicant"]["name"] = format!("Lê Thị Mẫu {mark}").into();
            body["request"] = format!("Xin cấp {mark}").into();
            let registered = stage.desk().register(&fresh_key(), &body)?;
            stage.dossiers.push(registered.id);
        }
        stage.change()?;
        Ok(stage)
    }

    /// The honest office's API.
    pub fn desk(&self) -> Desk {
        Desk::new(self.node.client())
    }

    /// Dossiers of the honest office.
    pub fn dossiers(&self) -> &[String] {
        &self.dossiers
    }

    /// Where the papers of a machine of an office lie, for whoever wants to lie with them.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn papers_of(&self, office: u16) -> anyhow::Result<PathBuf> {
        let data = self.dir.path().join(format!("liar-{office}"));
        papers::write_identity(OFFICES, &data, NodeKind::Node, office, 0, self.port)?;
        Ok(data)
    }

    /// One change of the honest office, from "saved" to "the hub has it".
    ///
    /// # Errors
    /// If it is not saved, or does not arrive.
    pub fn change(&mut self) -> anyhow::Result<Duration> {
        self.turn += 1;
        let id = &self.dossiers[self.turn % self.dossiers.len()];
        let desk = self.desk();
        desk.note(id, "Ghi chú")?;
        let saved = Instant::now();
        let arrived = until(PATIENCE, || {
            let sync = desk.sync().ok()?;
            (sync["unsent_changes"] == 0).then(|| saved.elapsed())
        });
        arrived.with_context(|| {
            format!("a change is not at the hub\n{}\n{}", self.hub.tail(), self.node.tail())
        })
    }

    /// The middle of some changes.
    ///
    /// # Errors
    /// If one does not arrive.
    pub fn delay(&mut self) -> anyhow::Result<Duration> {
        let all: anyhow::Result<Vec<Duration>> = (0..SAMPLES).map(|_| self.change()).collect();
        let mut all = all?;
        all.sort();
        Ok(all[SAMPLES / 2])
    }

    /// How it is now.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn quiet(&mut self) -> anyhow::Result<Load> {
        self.change()?;
        Ok(Load { delay: self.delay()?, memory: memory(self.pid()?)? })
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.hub.id().context("the hub runs")
    }

    /// What the hub costs, and how the honest office fares, for so long.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn measure(&mut self, load: &Load, length: Duration) -> anyhow::Result<Cost> {
        let (pid, began) = (self.pid()?, Instant::now());
        let (used, disk_before) = (cpu(pid)?, disk(&self.dir.path().join("hub"))?);
        let (mut delays, mut most) = (Vec::new(), 0);
        while began.elapsed() < length || delays.len() < 5 {
            delays.push(self.change()?);
            most = most.max(memory(pid)?);
        }
        delays.sort();
        let took = began.elapsed();
        Ok(Cost {
            memory: most.saturating_sub(load.memory),
            cpu: (cpu(pid)? - used).as_secs_f64() / took.as_secs_f64(),
            delay: delays[delays.len() / 2],
            disk: disk(&self.dir.path().join("hub"))?.saturating_sub(disk_before),
        })
    }

    /// All samples of a metric of the hub by their labels.
    ///
    /// # Errors
    /// If the hub does not answer.
    pub fn metric(&self, name: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let client: Client = self.hub.client().patient(Duration::from_secs(30));
        let text = client.get("/metrics")?.text();
        let sample = |line: &str| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            (labels.is_empty() || labels.starts_with('{'))
                .then(|| Some((labels.to_owned(), value.parse::<f64>().ok()? as u64)))?
        };
        Ok(text.lines().filter_map(sample).collect())
    }

    /// Links refused so far for this kind of fault.
    ///
    /// # Errors
    /// If the hub does not answer.
    pub fn refused(&self, kind: &str) -> anyhow::Result<u64> {
        let all = self.metric("motcua_refused_total")?;
        Ok(all.get(&format!("{{kind=\"{kind}\"}}")).copied().unwrap_or_default())
    }

    /// Waits until the hub has counted a fault of this kind more than `before`.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_refused(&self, kind: &str, before: u64) -> anyhow::Result<()> {
        let counted =
            until(PATIENCE, || self.refused(kind).is_ok_and(|count| count > before).then_some(()));
        let all = || format!("{:?}\n{}", self.metric("motcua_refused_total"), self.hub.tail());
        ensure!(counted.is_some(), "no fault of kind {kind} was counted: {}", all());
        Ok(())
    }
}

/// Bytes that a folder's files have.
fn disk(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // What is tidied away meanwhile occupies nothing.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
