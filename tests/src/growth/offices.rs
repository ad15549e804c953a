//! Offices that are connected and idle, then a change somewhere every twentieth of a second.

use super::{left, work};
use crate::{process::Process, seed::Seed, storm, usage};
use anyhow::{Context, ensure};
use motcua_node::desk::Caller;
use motcua_shell::driver::Signal;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Between two changes, wherever they are made.
const PACE: Duration = Duration::from_millis(20);
/// Changes made.
const CHANGES: usize = 1_500;
/// How long idling is watched.
const IDLE: Duration = Duration::from_secs(20);
/// Offices that are let in at once.
const TOGETHER: usize = 50;

pub(super) fn measure(count: u16, deadline: Instant) -> anyhow::Result<String> {
    let dir = tempfile::Builder::new().prefix("motcua-growth-").tempdir()?;
    let (hub, port) = storm::start_hub(dir.path(), count, "")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let row = runtime.block_on(async {
        let mut machines = Vec::new();
        for office in 1..=count {
            let folder = dir.path().join(format!("{office}"));
            machines.push(storm::offline(&folder, office, port, count).await?);
            left(deadline)?;
        }
        for some in machines.chunks_mut(TOGETHER) {
            for machine in &*some {
                machine.node.desk.engine().driver().signal(Signal::Pause(false));
            }
            for machine in some {
                let level = machine.in_sync.wait_for(Option::is_some);
                drop(tokio::time::timeout(left(deadline)?, level).await.context("not level")??);
            }
        }
        let row = watched(&hub, &machines, deadline).await;
        for machine in machines {
            machine.node.stop().await;
        }
        row
    })?;
    Ok(format!("| {count} | {row} |"))
}

async fn watched(
    hub: &Process,
    machines: &[storm::Machine],
    deadline: Instant,
) -> anyhow::Result<String> {
    let process = hub.id().context("the hub runs")?;
    let links = storm::value(&hub.client().get("/metrics")?.text(), LINKS);
    ensure!(links == machines.len() as u64, "{links} offices are connected");
    let idle = cpu_over(process, tokio::time::sleep(IDLE)).await?;
    let memory = usage::megabytes(usage::memory(process)?);
    let mut delays = Vec::new();
    let work = async {
        delays = changes(machines, deadline).await?;
        anyhow::Ok(())
    };
    let mut outcome = Ok(());
    let busy = cpu_over(process, async { outcome = work.await }).await?;
    outcome?;
    delays.sort();
    let at = |share: usize| delays.get(delays.len() * share / 100).copied().unwrap_or_default();
    let (measured, middle, most) = (delays.len(), at(50), at(99));
    Ok(format!("{memory} MB | {idle:.1} % | {measured} | {middle:.1?} | {most:.1?} | {busy:.1} %"))
}

const LINKS: &str = "motcua_links{carrier=\"quic\"}";

/// Share of a core that a process takes meanwhile, in percent.
async fn cpu_over(process: u32, meanwhile: impl Future<Output = ()>) -> anyhow::Result<f64> {
    let (before, began) = (usage::cpu(process)?, Instant::now());
    meanwhile.await;
    let used = usage::cpu(process)?.saturating_sub(before);
    Ok(used.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0)
}

/// From "saved here" to "received by the hub", for every change.
async fn changes(machines: &[storm::Machine], deadline: Instant) -> anyhow::Result<Vec<Duration>> {
    let (mut seed, mut under_way) = (Seed::new(50), JoinSet::new());
    let began = tokio::time::Instant::now();
    for turn in 0..CHANGES {
        tokio::time::sleep_until(began + PACE * turn as u32).await;
        // Every office in turn, so that one has received its last when it makes its next.
        let machine = &machines[turn % machines.len()];
        let (desk, mut received) = (machine.node.desk.clone(), machine.received.clone());
        let new = work::registration(&mut seed, turn as u64);
        let caller = Caller { clerk: work::clerk(&mut seed), ..Caller::default() };
        let limit = left(deadline)?;
        under_way.spawn(async move {
            desk.register(new, caller).await?;
            let (saved, head) = (Instant::now(), desk.engine().own().head());
            let known = received.wait_for(|(sequence, _)| *sequence >= head);
            let (_, at) = *tokio::time::timeout(limit, known).await.context("not received")??;
            // The hub may have answered before this task was woken.
            anyhow::Ok(at.saturating_duration_since(saved))
        });
    }
    let mut delays = Vec::new();
    while let Some(done) = under_way.join_next().await {
        delays.push(done??);
    }
    ensure!(delays.len() == CHANGES, "{} of {CHANGES} changes were received", delays.len());
    Ok(delays)
}
