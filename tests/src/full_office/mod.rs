//! How long each thing a clerk does takes at a node that holds many dossiers: an old list is taken in by
//! the shipped program, then everything is asked over HTTP as the page asks it, beside a hub that takes
//! it all. One row for each action.

mod list;

use self::list::{code_of, list, listed};
use crate::{
    binaries::Binaries,
    city::{CITY, City, Site, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::until,
    seed::Seed,
    usage::Usage,
};
use anyhow::{Context, ensure};
use motcua_dossier::fact::Applicant;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// What an action may take at a node with so many dossiers, and a search (design: the counter).
const ACTION: Duration = Duration::from_millis(100);
const SEARCH: Duration = Duration::from_millis(50);
/// Each action so many times, each time on another dossier.
const TIMES: u32 = 200;
/// Longest that the list may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Takes in so many and prints a row for each action. Half of them have ended.
///
/// # Errors
/// What did not start, what the programs refuse, or if a search does not find what is there.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(dossiers: u32) -> anyhow::Result<()> {
    let mut city = City::start_with(&[CITY], &WARDS_1[..1])?;
    let file = city.dir.join("old.csv");
    std::fs::write(&file, list(dossiers))?;
    let site = city.site(WARDS_1[0]);
    take_in(&file, site, dossiers)?;
    println!("{}", Usage::of(site.process.id().context("no node")?, &site.data)?);
    site.stop()?;
    let began = Instant::now();
    site.start_ready()?;
    println!("started again in {:.2?}", began.elapsed());
    actions(&Desk::new(site.process.client()), dossiers)?;
    city.stop_all()
}

/// By the shipped program, until the hub has it all.
#[expect(clippy::print_stdout, reason = "the answer")]
fn take_in(file: &Path, site: &Site, dossiers: u32) -> anyhow::Result<()> {
    let config = site.data.join("node.toml");
    let began = Instant::now();
    let seen = import(&config, &["preview"], file, &[])?;
    let looked = began.elapsed();
    let agreed = seen["agreement"].as_str().context("nothing to agree to")?;
    let began = Instant::now();
    let done = import(&config, &["run"], file, &["--agreed", agreed])?;
    ensure!(done["written"] == dossiers, "of {dossiers} rows: {done}");
    let taken = began.elapsed();
    let desk = Desk::new(site.process.client());
    until(PATIENCE, || {
        let state = desk.sync().ok()?;
        (state["unsent_changes"] == 0 && state["state_applying"] == false).then_some(())
    })
    .context("the list does not come to the hub")?;
    let there = began.elapsed();
    println!(
        "{dossiers} rows: looked at in {looked:.1?}, taken in in {taken:.1?}, at the hub after {there:.1?}"
    );
    Ok(())
}

/// The rows that the page shows: a table of actions.
#[expect(clippy::print_stdout, reason = "the answer")]
fn actions(desk: &Desk, dossiers: u32) -> anyhow::Result<()> {
    println!("\n| action | p50 | p99 | longest | may take |\n|---|--:|--:|--:|--:|");
    let mut seed = Seed::new(2);
    let get = |path: String| -> anyhow::Result<Value> {
        let answer = desk.client.get(&path)?;
        ensure!(answer.is_success(), "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    };
    let mut fresh = Vec::new();
    row("register", ACTION, |_| {
        fresh.push(desk.register(&fresh_key(), &application(&mut seed))?);
        Ok(())
    })?;
    let spread = |turn: u32| turn * (dossiers / TIMES).max(1);
    let mut old = Vec::new();
    row("find by whole code", SEARCH, |turn| {
        let code = code_of(spread(turn));
        let found = get(format!("/api/v1/dossiers?q={code}"))?;
        ensure!(found["dossiers"][0]["code"] == code.as_str(), "{code}: {found}");
        old.push(found["dossiers"][0]["id"].as_str().context("no id")?.to_owned());
        Ok(())
    })?;
    for (what, typed) in [
        ("find by the most common name", Typed::Same("nguyen")),
        ("find by a common name with marks", Typed::Same("nguyễn thị lan")),
        ("find by one letter", Typed::Same("h")),
        ("find by name and last digits", Typed::NameAndDigits),
        ("find by whole name", Typed::Name),
        ("find by telephone", Typed::Phone),
        ("find by four last digits of the identity number", Typed::LastDigits),
        ("find nobody", Typed::Same("không có ai")),
    ] {
        row(what, SEARCH, |turn| {
            let q = escaped(&typed.by(&listed(spread(turn))));
            let found = get(format!("/api/v1/dossiers?q={q}"))?;
            let is_there = found["dossiers"].as_array().is_some_and(|all| !all.is_empty());
            ensure!(is_there != (what == "find nobody"), "{what}, {q}: {found}");
            Ok(())
        })?;
    }
    row("counters of all lists", ACTION, |_| get("/api/v1/lists".into()))?;
    let lists = get("/api/v1/lists".into())?;
    for list in lists["lists"].as_array().context("no lists")? {
        let name = list["list"].as_str().context("a list without a name")?;
        row(&format!("first page of {name}"), ACTION, |_| get(format!("/api/v1/lists/{name}")))?;
    }
    let nth = |all: &[String], turn: u32| all[turn as usize % all.len()].clone();
    row("open an old dossier", ACTION, |turn| Ok(desk.detail(&nth(&old, turn))?))?;
    row("remark on an old dossier", ACTION, |turn| {
        Ok(desk.note(&nth(&old, turn), "Đã gọi điện cho người nộp")?)
    })?;
    row("receipt of a new dossier, as a page", ACTION, |turn| {
        let id = &fresh[turn as usize].id;
        let answer = desk.client.get(&format!("/api/v1/dossiers/{id}/forms/receipt"))?;
        ensure!(answer.is_success(), "{}", answer.text());
        Ok(())
    })?;
    row("begin work on a new dossier", ACTION, |turn| {
        Ok(desk.step(&fresh[turn as usize].id, 4, "")?)
    })?;
    row("result ready", ACTION, |turn| Ok(desk.step(&fresh[turn as usize].id, 9, "")?))?;
    row("result returned", ACTION, |turn| Ok(desk.step(&fresh[turn as usize].id, 10, "")?))?;
    row("save a draft", ACTION, |turn| {
        let draft = json!({
            "changes": [{ "field": "name", "value": format!("Mẫu {turn}") }],
            "tab": "one",
        });
        let answer = desk.client.post(&format!("/api/v1/drafts/{:032x}", 1), &[], &draft)?;
        ensure!(answer.is_success(), "{}", answer.text());
        Ok(())
    })?;
    row("state of the exchange", ACTION, |_| Ok(desk.sync()?))?;
    Ok(())
}

/// Times an action and says where it takes longer than it may.
#[expect(clippy::print_stdout, reason = "the answer")]
fn row<T>(
    what: &str,
    bound: Duration,
    mut act: impl FnMut(u32) -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for turn in 0..TIMES {
        let began = Instant::now();
        act(turn).with_context(|| what.to_owned())?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let millis = |place: u32| took[place as usize].as_secs_f64() * 1e3;
    let misses = if took[TIMES as usize - 3] > bound { " **missed**" } else { "" };
    println!(
        "| {what} | {:.1} ms | {:.1} ms | {:.1} ms | {} ms{misses} |",
        millis(TIMES / 2),
        millis(TIMES - 3),
        millis(TIMES - 1),
        bound.as_millis()
    );
    Ok(())
}

/// What a clerk types to find somebody.
#[derive(Clone, Copy)]
enum Typed {
    Same(&'static str),
    NameAndDigits,
    Name,
    Phone,
    LastDigits,
}

impl Typed {
    fn by(self, person: &Applicant) -> String {
        let last = person.id_number.get(8..).unwrap_or_default();
        match self {
            Self::Same(text) => text.into(),
            Self::NameAndDigits => format!("{} {last}", person.name),
            Self::Name => person.name.clone(),
            Self::Phone => person.phone.clone(),
            Self::LastDigits => last.into(),
        }
    }
}

/// The shipped program on a list; its JSON.
fn import(config: &Path, verb: &[&str], file: &Path, rest: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(&Binaries::ready()?.node)
        .arg("import")
        .args(verb)
        .arg("--json")
        .arg("--config")
        .arg(config)
        .arg(file)
        .args(rest)
        .output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("import {verb:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
