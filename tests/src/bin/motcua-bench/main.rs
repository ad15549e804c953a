//! Benchmark adapter: the shipped node and hub code behind the benchmark's line protocol. Every
//! write is a clerk's action with life cycle, audience, index and own log; every acknowledgement
//! follows a disk sync; documents and events are counted in applied state.

mod edge;
mod hub;
mod line;

use anyhow::Context;
use motcua_tests::{finding, full_office, growth, listing, storm, tails};
use serde_json::{Value, json};
use std::{
    io::{BufRead, Write},
    num::ParseIntError,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

/// Monotonic clock in nanoseconds, the one the benchmark's driver reads as well.
pub(crate) fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Answers one verb; `None` for one it does not know.
trait Side {
    async fn verb(&mut self, verb: &str, asked: &Value) -> anyhow::Result<Option<Value>>;
    async fn end(self);
}

fn main() -> anyhow::Result<()> {
    motcua_allocator::give_back_at_once();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, storm, offices] = arguments.as_slice()
        && storm == "storm"
    {
        return storm_of(offices.parse()?);
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "growth", dossiers, offices, minutes] => return growth_of(dossiers, offices, minutes),
        [_, "tails", dossiers] => return tails::run(dossiers.parse()?),
        [_, "finding", dossiers] => return finding::run(dossiers.parse()?),
        [_, "office", dossiers] => return full_office::run(dossiers.parse()?),
        [_, "listing", dossiers] => return listing::run(dossiers.parse()?),
        [_, "rebuild", dossiers, minutes] => {
            let within = Duration::from_secs(minutes.parse::<u64>()? * 60);
            return growth::rebuild(&numbers(dossiers)?, within);
        }
        [_, "rebuild-one", dir] => return growth::rebuild_one(PathBuf::from(dir)),
        [_, "growth-node", dir] => return growth::machine(PathBuf::from(dir)),
        _ => {}
    }
    let [_, role, dir, port] = arguments.as_slice() else {
        anyhow::bail!(
            "usage: motcua-bench hub|edge|edge2 DIR PORT, motcua-bench storm OFFICES, \
             motcua-bench tails DOSSIERS, motcua-bench finding DOSSIERS, motcua-bench listing DOSSIERS, \
             motcua-bench office DOSSIERS, \
             motcua-bench growth DOSSIERS,.. OFFICES,.. MINUTES, or motcua-bench rebuild DOSSIERS,.. MINUTES"
        );
    };
    motcua_shell::telemetry::init(&std::env::var("MOTCUA_LOG").unwrap_or("warn".into()));
    let (dir, port) = (PathBuf::from(dir), port.parse()?);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match role.as_str() {
            "hub" => serve(hub::Hub::start(dir, port).await?).await,
            _ => serve(edge::Edge::start(role, dir).await?).await,
        }
    })
}

/// So many offices that come back within five seconds, every other one with a day's work.
#[expect(clippy::print_stdout, reason = "the answer")]
fn storm_of(offices: u16) -> anyhow::Result<()> {
    let plan = storm::Plan { offices, ..storm::Plan::default() };
    println!("{:#?}", storm::run(&plan)?);
    Ok(())
}

/// Rows for so many dossiers and so many offices, each a list with commas, or "-" for none.
fn growth_of(dossiers: &str, offices: &str, minutes: &str) -> anyhow::Result<()> {
    let plan = growth::Plan {
        dossiers: numbers(dossiers)?,
        offices: numbers(offices)?,
        within: Duration::from_secs(minutes.parse::<u64>()? * 60),
    };
    growth::run(&plan)
}

fn numbers<T: FromStr<Err = ParseIntError>>(list: &str) -> anyhow::Result<Vec<T>> {
    let items = list.split(',').filter(|item| *item != "-");
    let number = |item: &str| item.parse().with_context(|| format!("\"{item}\" is no such number"));
    items.map(number).collect()
}

async fn serve(mut side: impl Side) -> anyhow::Result<()> {
    say(&json!({ "ready": true }))?;
    let mut lines = std::io::stdin().lock().lines();
    while let Some(line) = tokio::task::block_in_place(|| lines.next()) {
        let asked: Value = serde_json::from_str(&line?)?;
        let verb = asked["v"].as_str().unwrap_or_default().to_owned();
        if verb == "quit" {
            break;
        }
        let started = now_ns();
        let mut answer = match side.verb(&verb, &asked).await {
            Ok(Some(answer)) => answer,
            Ok(None) => json!({ "unsupported": verb }),
            Err(error) => json!({ "ok": false, "error": format!("{error:#}") }),
        };
        if let Some(error) = answer.get("error") {
            tracing::error!(%error, verb, "verb failed");
        }
        answer["dur"] = json!((now_ns() - started) as f64 / 1e9);
        say(&answer)?;
    }
    side.end().await;
    Ok(())
}

fn say(answer: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()?;
    Ok(())
}
