//! A city at work whose power is cut again and again: after each cut what was promised is looked for
//! on the machine alone, and in the end everybody must agree.

use crate::{
    clerks::{Clerks, Promise},
    disk::Mood,
    rig::Rig,
};
use anyhow::Context;
use motcua_core::record::Record;
use motcua_journal::{Journal, Options, RealFs};
use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, DISTRICT_1, START, WARDS_1},
    desk::Desk,
    patience::until,
    seed::Seed,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// Wards with clerks.
const WARDS: [&str; 2] = [WARDS_1[0], WARDS_1[1]];
/// Clerks of each.
const CLERKS: u64 = 2;
/// Most writes until a cut.
const EVENTS: usize = 120;
/// Most writes until a second cut, while the program comes up again.
const EVENTS_STARTING: usize = 12;
/// Registrations of one clerk before each cut: what is looked for after each must stay little.
const A_ROUND: usize = 12;
/// Promises looked for after each cut: the newest, and others by chance. In the end it is all.
const LOOKED_FOR: (usize, usize) = (100, 30);
/// How long all may take to agree.
const AGREE: Duration = Duration::from_secs(120);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Chooses moments, victims, and what cuts leave.
    pub seed: u64,
    /// How many cuts, not counting those while starting.
    pub cuts: usize,
    /// Syncs of this part do nothing, on every disk: the run must then find something.
    pub deaf: Option<&'static str>,
    /// The programs themselves leave out the syncs of their journals: likewise.
    pub unsynced: bool,
    /// Ends at the first fault.
    pub until_fault: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Cuts of machines at work.
    pub cuts: usize,
    /// Cuts of machines that were starting.
    pub cuts_starting: usize,
    /// Registrations that were answered as saved.
    pub promises: usize,
    /// Requests that were asked again because they were not answered.
    pub doubts: usize,
    /// Promises that were looked for on their machine alone, over all cuts.
    pub looked_for: usize,
    /// Everything that was not as promised, in words.
    pub faults: Vec<String>,
}

/// Lives through the plan.
///
/// # Errors
/// What could not be done at all; what was promised and not kept is in the report.
pub fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut rig = Rig::start(&[CITY, DISTRICT_1], &WARDS, plan.seed)?;
    for disk in rig.disks.values() {
        plan.deaf.into_iter().for_each(|part| disk.ignore_syncs(part));
    }
    if plan.unsynced {
        let codes: Vec<String> = rig.city.sites().map(|site| site.code.clone()).collect();
        for code in codes {
            let site = rig.city.site(&code);
            site.stop()?;
            site.process.set_variable("MOTCUA_SABOTAGE", "journal-sync");
            rig.power_on(&code)?;
        }
    }
    let offices: Vec<(String, String)> =
        rig.city.nodes.values().map(|site| (site.code.clone(), site.office.clone())).collect();
    let clerks: Vec<Clerks> = rig
        .city
        .nodes
        .values()
        .map(|site| Clerks::new(&site.code, Desk::new(site.process.client())))
        .collect();
    let (stop, mut report) = (AtomicBool::new(false), Report::default());
    let allowed = AtomicUsize::new(A_ROUND);
    thread::scope(|scope| {
        let mut at_work: Vec<thread::ScopedJoinHandle<'_, anyhow::Result<()>>> = Vec::new();
        for (office, clerks) in (0..).zip(&clerks) {
            for clerk in 0..CLERKS {
                let seed = Seed::new(plan.seed ^ (1 + office * CLERKS + clerk) << 32);
                let (offices, stop, allowed) = (&offices, &stop, &allowed);
                at_work.push(scope.spawn(move || clerks.write(offices, seed, allowed, stop)));
            }
        }
        let alive = || {
            allowed.fetch_add(A_ROUND, Relaxed);
            !at_work.iter().any(|clerk| clerk.is_finished())
        };
        let cut = cut_again_and_again(&mut rig, &clerks, plan, &mut report, &alive);
        stop.store(true, Relaxed);
        let over = cut.is_err() || (plan.until_fault && !report.faults.is_empty());
        clerks.iter().for_each(|one| one.abandoned.store(over, Relaxed));
        for clerk in at_work {
            match clerk.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) if !over => report.faults.push(format!("{error:#}")),
                Ok(Err(_)) => {}
                Err(_) => report.faults.push("a clerk panicked".into()),
            }
        }
        cut
    })?;
    report.promises = clerks.iter().map(|one| one.promises().len()).sum();
    report.doubts = clerks.iter().map(|one| one.doubts.load(Relaxed)).sum();
    if plan.until_fault && !report.faults.is_empty() {
        return Ok(report);
    }
    let agreed = agree(&mut rig, &clerks);
    agreed.unwrap_or_else(|error| report.faults.push(format!("in the end: {error:#}")));
    Ok(report)
}

fn cut_again_and_again(
    rig: &mut Rig,
    clerks: &[Clerks],
    plan: &Plan,
    report: &mut Report,
    alive: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let mut seed = Seed::new(plan.seed);
    for round in 0..plan.cuts {
        if !alive() {
            return Ok(());
        }
        let victims: &[&str] = match seed.below(8) {
            0..=2 => &WARDS[..1],
            3 => &WARDS[1..],
            4 | 5 => &[DISTRICT_1],
            6 => &[CITY],
            _ => &[WARDS[0], DISTRICT_1],
        };
        for victim in victims {
            let (events, mood) = (1 + seed.below(EVENTS) as u64, Mood::choose(&mut seed));
            rig.cut(victim, events, mood)
                .with_context(|| format!("cut {round} of {victim}, after {events} writes"))?;
            rig.isolate(victim, true);
        }
        report.cuts += 1;
        let before = report.faults.len();
        look(rig, clerks, victims, &mut seed, report)
            .with_context(|| format!("after cut {round} of {victims:?}"))?;
        for fault in &mut report.faults[before..] {
            *fault = format!("cut {round} of {victims:?}: {fault}");
        }
        victims.iter().for_each(|victim| rig.isolate(victim, false));
        if plan.until_fault && !report.faults.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

/// Brings the victims up, each alone, and looks for what was promised by them.
fn look(
    rig: &mut Rig,
    clerks: &[Clerks],
    victims: &[&str],
    seed: &mut Seed,
    report: &mut Report,
) -> anyhow::Result<()> {
    let promised: BTreeMap<&str, Vec<Promise>> =
        clerks.iter().map(|one| (one.code.as_str(), one.promises())).collect();
    let acknowledged = acknowledged(rig, victims);
    for victim in victims {
        if seed.below(3) == 0 {
            report.cuts_starting += usize::from(cut_while_starting(rig, victim, seed)?);
        }
        if let Err(error) = rig.power_on(victim) {
            report.faults.push(format!("{victim} does not start: {error:#}"));
            anyhow::bail!("{error:#}");
        }
        if let Some(clerks) = clerks.iter().find(|one| one.code == **victim) {
            let promised = &promised[*victim];
            let newest = &promised[promised.len().saturating_sub(LOOKED_FOR.0)..];
            let others = (0..LOOKED_FOR.1.min(promised.len())).map(|_| seed.pick(promised).clone());
            let some: Vec<Promise> = newest.iter().cloned().chain(others).collect();
            report.looked_for += some.len();
            report.faults.extend(clerks.broken(&some));
            let again = clerks.ask_again(promised, seed);
            again.unwrap_or_else(|error| report.faults.push(format!("{error:#}")));
        }
    }
    for (hub, office, entries) in acknowledged {
        let held = received_entries(rig, &hub, &office)?;
        if held < entries {
            let words = format!("{hub} acknowledged {entries} entries of {office}, has {held}");
            report.faults.push(words);
        }
    }
    Ok(())
}

/// Entries that a victim acknowledged, as those who were told say it: hub, office below it, entries.
fn acknowledged(rig: &Rig, victims: &[&str]) -> Vec<(String, String, u64)> {
    let mut all = Vec::new();
    let mut at_city = 0;
    for site in rig.city.nodes.values().filter(|site| !victims.contains(&site.code.as_str())) {
        let Ok(sync) = Desk::new(site.process.client()).sync() else { continue };
        let number = |name: &str| sync[name].as_u64().unwrap_or_default();
        at_city += number("city_received_seq");
        if victims.contains(&DISTRICT_1) {
            let office = site.office.clone();
            all.push((DISTRICT_1.to_owned(), office, number("hub_received_seq")));
        }
    }
    if victims.contains(&CITY)
        && let Some(district) = rig.city.hubs.get(DISTRICT_1)
    {
        all.push((CITY.to_owned(), district.office.clone(), at_city));
    }
    all
}

/// Entries of an office below that a hub holds.
fn received_entries(rig: &Rig, hub: &str, office: &str) -> anyhow::Result<u64> {
    let site = rig.city.hubs.get(hub).context("no such hub")?;
    let client = site.process.client();
    let mut last = String::new();
    let found = until(START, || {
        let answer = client.get("/api/v1/offices").ok()?;
        last = answer.text();
        let offices = answer.json()["offices"].as_array().cloned()?;
        let line = offices.into_iter().find(|line| line["id"] == *office)?;
        line["received_entries"].as_u64()
    });
    found.with_context(|| format!("{hub} does not tell of {office}: {last}"))
}

/// Power comes, and goes again while the program starts; whether it went in time.
fn cut_while_starting(rig: &mut Rig, code: &str, seed: &mut Seed) -> anyhow::Result<bool> {
    let disk = rig.disk(code);
    disk.power_on();
    let events = 1 + seed.below(EVENTS_STARTING) as u64;
    disk.cut_after(events, Mood::choose(seed), || {});
    let site = rig.city.find(code).context("no such machine")?;
    site.start()?;
    // Ready, ended, or without power: whatever comes first.
    let client = site.process.client().patient(Duration::from_secs(2));
    until(START, || {
        let ready = client.get("/readyz").is_ok_and(|answer| answer.status == 200);
        let ended = !matches!(site.process.ended(), Ok(None));
        (ready || ended || disk.wait_off(Duration::ZERO)).then_some(())
    });
    let went = disk.wait_off(Duration::ZERO);
    disk.cut(Mood::choose(seed));
    site.process.kill()?;
    Ok(went)
}

/// Everybody holds what belongs there, in the same version, and no number was used twice.
fn agree(rig: &mut Rig, clerks: &[Clerks]) -> anyhow::Result<()> {
    rig.city.wait_connected(START)?;
    let (mut expected, mut codes) = (Expected::default(), BTreeSet::new());
    for clerks in clerks {
        for promise in clerks.promises() {
            let code = &promise.made.code;
            anyhow::ensure!(codes.insert(code.clone()), "{code} was issued twice");
            expected.at(&rig.city, &promise.made.id, &clerks.code);
            for to in &promise.forwarded {
                expected.at(&rig.city, &promise.made.id, to);
            }
        }
    }
    Census::settled(&rig.city, &expected, AGREE)?;
    let faults: Vec<String> = clerks.iter().flat_map(|one| one.broken(&one.promises())).collect();
    anyhow::ensure!(faults.is_empty(), "{faults:?}");
    rig.verify()?;
    rig.city.stop_all()?;
    for site in rig.city.sites() {
        numbers_stand_for_one_entry(&site.data.join("journal"))
            .with_context(|| site.name.clone())?;
    }
    Ok(())
}

/// No number of an own log stands for two entries, and no new log was begun: nothing diverged.
fn numbers_stand_for_one_entry(dir: &Path) -> anyhow::Result<()> {
    let owner = owner_of(dir)?;
    let options = Options::new(owner, motcua_shell::engine::random);
    let (journal, _) = Journal::open(Arc::new(RealFs::new()), dir, options)?;
    let (mut seen, mut logs) = (BTreeSet::new(), 0);
    for raw in journal.view().iter_from(1) {
        let raw = raw?;
        match Record::decode(raw.kind, &raw.payload)? {
            Record::Own { log, sequence, .. } => {
                let fresh = seen.insert((log, sequence));
                anyhow::ensure!(fresh, "number {sequence} of {log} stands twice");
                let follows = sequence == 1 || seen.contains(&(log, sequence - 1));
                anyhow::ensure!(follows, "number {} of {log} is missing", sequence - 1);
            }
            Record::LogStarted { .. } => logs += 1,
            _ => {}
        }
    }
    anyhow::ensure!(logs == 1, "{logs} logs were begun");
    Ok(())
}

/// The owner written in the first segment of a journal.
fn owner_of(dir: &Path) -> anyhow::Result<[u8; 16]> {
    let options = Options::new([0xff; 16], motcua_shell::engine::random);
    match Journal::open(Arc::new(RealFs::new()), dir, options) {
        Err(motcua_journal::JournalError::Foreign { found, .. }) => {
            let digits = |at: usize| u8::from_str_radix(&found[2 * at..2 * at + 2], 16);
            let mut owner = [0; 16];
            for (at, byte) in owner.iter_mut().enumerate() {
                *byte = digits(at)?;
            }
            Ok(owner)
        }
        Ok(_) => anyhow::bail!("{} holds no journal", dir.display()),
        Err(error) => Err(error.into()),
    }
}
