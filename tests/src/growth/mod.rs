//! Growth: what a hub and a node cost as dossiers and offices become more. One table for dossiers of
//! seven revisions, one for offices that are connected and idle, then at work. Everything is invented
//! while it is written, nothing of it is kept, and every step has an end.

mod machine;
mod offices;
mod rebuild;
mod work;

use crate::{papers, process::Process, storm, usage::Usage};
use anyhow::{Context, ensure};
use machine::Machine;
pub use machine::serve as machine;
pub use rebuild::{one as rebuild_one, run as rebuild};
use std::time::{Duration, Instant};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Dossiers, a row each.
    pub dossiers: Vec<u64>,
    /// Connected offices, a row each.
    pub offices: Vec<u16>,
    /// Longest that all of it may take; what is not done by then has no row.
    pub within: Duration,
}

/// How often B and C1 are tried; the middle one counts.
const TIMES: usize = 5;

/// Measures and prints row by row.
///
/// # Errors
/// If this machine refuses something. A row that fails says why and the next is begun.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(plan: &Plan) -> anyhow::Result<()> {
    let deadline = Instant::now() + plan.within;
    if !plan.dossiers.is_empty() {
        println!(
            "| dossiers | loaded | A received | A applied | B | C1 | D shown | D filled | hub restarts | hub memory, disk | node memory, disk |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    }
    for &dossiers in &plan.dossiers {
        match of_dossiers(dossiers, deadline) {
            Ok(row) => println!("{row}"),
            Err(error) => println!("| {dossiers} | not measured: {error:#} |"),
        }
    }
    if !plan.offices.is_empty() {
        println!(
            "\n| offices | hub memory | hub idle, CPU of a core | saves measured | received p50 | p99 | hub at work, CPU of a core |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|");
    }
    for &count in &plan.offices {
        match offices::measure(count, deadline) {
            Ok(row) => println!("{row}"),
            Err(error) => println!("| {count} | not measured: {error:#} |"),
        }
    }
    Ok(())
}

fn of_dossiers(dossiers: u64, deadline: Instant) -> anyhow::Result<String> {
    let dir = tempfile::Builder::new().prefix("motcua-growth-").tempdir()?;
    let (mut hub, port) = storm::start_hub(dir.path(), papers::OFFICES, "")?;
    let folder = |name: &str| dir.path().join(name);
    let mut node = Machine::start(&folder("node"), 0, port)?;
    let loaded = node.ask("load", dossiers, deadline)?;

    let began = Instant::now();
    node.tell("sync", 0)?;
    let applied = until_applied(&hub, dossiers, began, deadline)?;
    let received = node.answer(deadline)?;
    let (hub_usage, node_usage) = (
        Usage::of(hub.id().context("the hub runs")?, &folder("hub"))?,
        Usage::of(node.id(), &folder("node"))?,
    );
    let middle = |node: &mut Machine, verb: &str| {
        let times = (0..TIMES).map(|_| node.ask(verb, 0, deadline));
        let mut times = times.collect::<anyhow::Result<Vec<Duration>>>()?;
        times.sort();
        anyhow::Ok(times[TIMES / 2])
    };
    let again = middle(&mut node, "again")?;
    let one = middle(&mut node, "one")?;
    let mut empty = Machine::start(&folder("empty"), 1, port)?;
    let shown = empty.ask("shown", dossiers, deadline)?;
    let filled = shown + empty.ask("filled", dossiers, deadline)?;
    empty.end(deadline)?;
    node.end(deadline)?;
    hub.stop(left(deadline)?)?;
    let stopped = Instant::now();
    hub.start()?;
    hub.wait_ready(left(deadline)?)?;
    let restart = stopped.elapsed();
    hub.stop(left(deadline)?)?;
    Ok(format!(
        "| {dossiers} | {loaded:.1?} | {received:.2?} | {applied:.2?} | {again:.1?} | {one:.1?} | {shown:.2?} | {filled:.2?} | \
         {restart:.2?} | {hub_usage} | {node_usage} |"
    ))
}

/// Until all of it can be looked up at the hub, counted by the hub itself.
fn until_applied(
    hub: &Process,
    dossiers: u64,
    began: Instant,
    deadline: Instant,
) -> anyhow::Result<Duration> {
    // A hub that applies much answers late.
    let client = hub.client().patient(Duration::from_secs(60));
    let applied = crate::patience::until(left(deadline)?, || {
        let metrics = client.get("/metrics").ok()?.text();
        let value = |name: &str| storm::value(&metrics, name);
        let all = value("motcua_dossiers") >= dossiers
            && value("motcua_entries") >= dossiers * work::REVISIONS
            && value("motcua_records_unapplied") == 0;
        all.then(|| began.elapsed())
    });
    applied.with_context(|| format!("the hub has not applied it all\n{}", hub.tail()))
}

/// What is left of the time.
fn left(deadline: Instant) -> anyhow::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    ensure!(!left.is_zero(), "the time is over");
    Ok(left)
}
