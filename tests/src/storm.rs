//! The power of a whole district is back: offices with keys, logs and dossiers of their own come to
//! one hub within seconds, some with a morning's work, some with a week's.
//!
//! The nodes are the shipped node's code in this process, the hub is the shipped program. What
//! arrived is asked of the hub's API.

use crate::{
    binaries::Binaries,
    papers, ports,
    process::{Process, Recipe},
    seed::Seed,
};
use anyhow::{Context, ensure};
use motcua_core::{replica::Event, trust::NodeKind};
use motcua_dossier::fact::Applicant;
use motcua_node::{
    desk::{Caller, Desk, NewDossier},
    service::Node,
};
use motcua_shell::{driver::Signal, program::TOKEN_FILE, service::Probes};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// What is to come.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Offices, one machine each.
    pub offices: u16,
    /// Dossiers of every other office, and of the offices between them.
    pub dossiers: (usize, usize),
    /// Within this time all of them come back.
    pub within: Duration,
    /// Chance.
    pub seed: u64,
    /// Longest that it may take.
    pub patience: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            offices: 300,
            dossiers: (150, 5),
            within: Duration::from_secs(5),
            seed: 1,
            patience: Duration::from_secs(300),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Dossiers in the hub's applied state, and those that were registered.
    pub dossiers: (u64, u64),
    /// From the first that came back until the last was level.
    pub all_level: Duration,
    /// Until the hub had applied everything.
    pub all_applied: Duration,
    /// From coming back until level: median and longest of the offices with much.
    pub much: (Duration, Duration),
    /// The same of those with little.
    pub little: (Duration, Duration),
    /// Most peers that were seen catching up in bulk at once, and waiting for their turn.
    pub most: (u64, u64),
    /// Links that the hub refused.
    pub refused: u64,
    /// Peak memory of the hub, bytes.
    pub hub_memory: u64,
}

/// A machine in this process.
pub(crate) struct Machine {
    pub(crate) node: Node,
    /// When nothing was missing on either side.
    pub(crate) in_sync: watch::Receiver<Option<Instant>>,
    /// How much of its log the hub said last that it has, and when.
    pub(crate) received: watch::Receiver<(u64, Instant)>,
}

/// A machine's journal segments share one disk with all others.
const SEGMENT: u64 = 256 * 1024;
/// How often the hub's counts are looked at: more would be work for it.
const SAMPLES: Duration = Duration::from_millis(50);
/// Saves under way at once while the offices work offline.
const CLERKS: usize = 16;

/// Runs it.
///
/// # Errors
/// What did not start, or did not become level in time.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let dir = tempfile::Builder::new().prefix("motcua-storm-").tempdir()?;
    let mut hub = start_hub(dir.path(), papers::OFFICES, "")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(storm(plan, dir.path(), &mut hub))
}

/// Where the hub of a storm listens; chosen once, since it stands in every machine's documents.
/// `more` is what its settings say beyond the usual.
pub(crate) fn start_hub(dir: &Path, offices: u16, more: &str) -> anyhow::Result<(Process, u16)> {
    let (links, http) = (ports::free()?, ports::free()?);
    let data = dir.join("hub");
    papers::write_identity(offices, &data, NodeKind::Hub, 0, 0, links.port())?;
    let text = format!(
        "data_dir = \".\"\nlisten = \"{links}\"\nhttp_listen = \"{http}\"\nlog = \"warn\"\n{more}"
    );
    fs::write(data.join("hub.toml"), text)?;
    let mut process = Process::new(Recipe {
        name: "the hub".into(),
        program: Binaries::ready()?.hub.clone(),
        args: vec!["run".into(), "--config".into(), data.join("hub.toml").display().to_string()],
        http,
        log: dir.join("hub.log"),
        token: Some(data.join(TOKEN_FILE)),
    });
    process.start()?;
    process.wait_ready(Duration::from_secs(60))?;
    Ok((process, links.port()))
}

async fn storm(
    plan: &Plan,
    dir: &Path,
    (hub, port): &mut (Process, u16),
) -> anyhow::Result<Outcome> {
    let mut seed = Seed::new(plan.seed);
    let mut machines = Vec::new();
    let mut registered = 0;
    for office in 1..=plan.offices {
        let count = if office % 2 == 1 { plan.dossiers.0 } else { plan.dossiers.1 };
        let machine =
            offline(&dir.join(format!("{office}")), office, *port, papers::OFFICES).await?;
        work(&machine.node.desk, count).await?;
        registered += count as u64;
        machines.push(machine);
    }

    let began = Instant::now();
    let mut back = Vec::new();
    for (place, machine) in machines.into_iter().enumerate() {
        let after = seed.millis(0, plan.within.as_millis() as u64);
        back.push(tokio::spawn(come_back(machine, after, plan.patience, place % 2 == 0)));
    }
    let (mut most, mut applied_at) = ((0, 0), None);
    // A hub that applies a storm answers late; what is looked at are the counts, not the speed.
    let client = hub.client().patient(Duration::from_secs(60));
    let mut samples = tokio::time::interval(SAMPLES);
    while applied_at.is_none() || back.iter().any(|task| !task.is_finished()) {
        samples.tick().await;
        ensure!(began.elapsed() < plan.patience, "not within {:?}\n{}", plan.patience, hub.tail());
        let metrics = client.get("/metrics")?.text();
        let value = |name: &str| value(&metrics, name);
        most.0 = value("motcua_catch_ups{state=\"running\"}").max(most.0);
        most.1 = value("motcua_catch_ups{state=\"waiting\"}").max(most.1);
        if applied_at.is_none() && value("motcua_dossiers") >= registered {
            applied_at = Some(began.elapsed());
        }
    }
    let (mut much, mut little, mut last) = (Vec::new(), Vec::new(), began);
    let mut nodes = Vec::new();
    for task in back {
        let (node, has_much, took, level_at) = task.await??;
        if has_much { &mut much } else { &mut little }.push(took);
        last = last.max(level_at);
        nodes.push(node);
    }
    let metrics = client.get("/metrics")?.text();
    let status = fs::read_to_string(format!("/proc/{}/status", hub.id().unwrap_or_default()))?;
    let outcome = Outcome {
        dossiers: (value(&metrics, "motcua_dossiers"), registered),
        all_level: last - began,
        all_applied: applied_at.unwrap_or_default(),
        much: middle_and_last(&mut much),
        little: middle_and_last(&mut little),
        most,
        refused: metrics
            .lines()
            .filter(|line| line.starts_with("motcua_refused_total{"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum::<f64>() as u64,
        hub_memory: peak(&status),
    };
    for node in nodes {
        node.stop().await;
    }
    Ok(outcome)
}

/// A machine that has not been connected yet.
pub(crate) async fn offline(
    dir: &Path,
    office: u16,
    port: u16,
    offices: u16,
) -> anyhow::Result<Machine> {
    papers::write_identity(offices, dir, NodeKind::Node, office, 0, port)?;
    let (told, in_sync) = watch::channel(None);
    let (tell_received, received) = watch::channel((0, Instant::now()));
    let event = Box::new(move |event: &Event| match event {
        Event::InSync => drop(told.send_replace(Some(Instant::now()))),
        Event::Received(told) => drop(tell_received.send_replace((told.sequence, Instant::now()))),
        _ => {}
    });
    let probes = Probes {
        event: Some(event),
        segment_bytes: Some(SEGMENT),
        offline: true,
        ..Probes::default()
    };
    Ok(Machine { node: Node::start(dir.to_owned(), probes).await?, in_sync, received })
}

async fn work(desk: &Arc<Desk>, count: usize) -> anyhow::Result<()> {
    for first in (0..count).step_by(CLERKS) {
        let saves = (first..count.min(first + CLERKS)).map(|number| {
            let desk = Arc::clone(desk);
            tokio::spawn(async move { desk.register(dossier(number), Caller::default()).await })
        });
        for save in saves.collect::<Vec<_>>() {
            save.await??;
        }
    }
    desk.settled().await;
    Ok(())
}

fn dossier(number: usize) -> NewDossier {
    NewDossier {
        procedure: "1.001193".into(),
        applicant: Applicant {
            name: format!("Nguyễn Văn Mẫu {number}"),
            id_number: format!("{:012}", 79_000_000_000 + number),
            birth_date: Some("1980-01-31".into()),
            phone: format!("09{number:08}"),
            address: format!("Số {number} đường Mẫu"),
            email: String::new(),
            ..Applicant::default()
        },
        request: format!("Đăng ký khai sinh lần {number}"),
        papers: Vec::new(),
        due: None,
        fee: None,
        code: None,
        on_paper: None,
    }
}

type Back = (Node, bool, Duration, Instant);

async fn come_back(
    mut machine: Machine,
    after: Duration,
    patience: Duration,
    much: bool,
) -> anyhow::Result<Back> {
    tokio::time::sleep(after).await;
    let began = Instant::now();
    machine.node.desk.engine().driver().signal(Signal::Pause(false));
    let level = machine.in_sync.wait_for(Option::is_some);
    let level = tokio::time::timeout(patience, level).await.context("an office is not level")??;
    let at = level.context("no time")?;
    drop(level);
    Ok((machine.node, much, at - began, at))
}

fn middle_and_last(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}

/// A sample of a metric; 0 if there is none.
pub(crate) fn value(metrics: &str, name: &str) -> u64 {
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next().and_then(|value| value.parse::<f64>().ok()).unwrap_or_default() as u64
}

/// `VmHWM` of proc(5), in bytes.
fn peak(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
