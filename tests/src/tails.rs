//! Tails: how long a clerk waits for "saved" at worst while the machine is busy with something else,
//! over HTTP as the page does it, with the shipped programs. One row for each kind of work.

use crate::{
    city::{CITY, City, START, WARDS_1},
    desk::{Desk, application, fresh_key},
    machines::second_machine,
    patience::until,
    seed::Seed,
    shaper::Shape,
};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// Clerks that write what there is before anything is measured.
const CLERKS: usize = 8;
/// Remarks after each registration.
const REMARKS: usize = 6;
/// Looks whether the quiet row is over, one after ten saves: enough for one in a thousand.
const QUIET: usize = 1_000;
/// Longest that one kind of work may take.
const PATIENCE: Duration = Duration::from_secs(300);
const SCAN_BYTES: usize = 50 * 1024 * 1024;
/// Changes that are caught up over a slow line: a day of an office.
const SLOW_CHANGES: usize = 1_000;
/// 3G as it is in the hills: 384 kbit/s each way, 150 ms there and back.
const SLOW_LINE: Shape = Shape {
    rate: 48_000,
    queue: 64 * 1024,
    delay: Duration::from_millis(75),
    loss: 5,
    duplicates: 0,
    reordered: 0,
    late: Duration::ZERO,
    jitter: Duration::from_millis(20),
    mtu: 0,
    no_up: false,
    no_down: false,
    udp_ends_after: 0,
};

/// Measures with so many dossiers of seven entries, and prints row by row.
///
/// # Errors
/// What did not start, or did not end in time.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(dossiers: usize) -> anyhow::Result<()> {
    let mut seed = Seed::new(1);
    let mut city = City::start_with(&[CITY], &WARDS_1[..1])?;
    let site = city.site(WARDS_1[0]);
    let (line, desk) = (site.line.clone(), Desk::new(site.process.client()));
    line.cut();
    let written = Instant::now();
    let ids = fill(&desk, dossiers, &mut seed)?;
    // A day's numbers are 9,999: what is saved is a remark, but where a machine holds nothing yet.
    let mut turn = 0;
    let mut remark = || {
        turn += 1;
        let id = &ids[turn % ids.len()];
        desk.note(id, &format!("ghi chú {turn}"))?;
        anyhow::Ok(id.clone())
    };
    println!("{dossiers} dossiers of {} entries in {:.1?}\n", REMARKS + 1, written.elapsed());
    println!(
        "| while | for | saves | p50 | p99 | p99.9 | longest | in the list after, p50 | p99 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");

    let mut left = QUIET;
    row("nothing else happens", &desk, &mut remark, || {
        left = left.saturating_sub(1);
        Ok(left == 0)
    })?;
    line.restore();
    let hub = city.site(CITY).process.client();
    row("everything is caught up and the hub applies it", &desk, &mut remark, || {
        let metrics = hub.get("/metrics")?.text();
        let unapplied = crate::storm::value(&metrics, "motcua_records_unapplied");
        let entries = crate::storm::value(&metrics, "motcua_entries");
        Ok(entries >= (dossiers * (REMARKS + 1)) as u64 && unapplied < 10)
    })?;

    let mut second = second_machine(&city, WARDS_1[0], "")?;
    second.start()?;
    second.wait_ready(START)?;
    let two = Desk::new(second.client());
    let mut register = || Ok(two.register(&fresh_key(), &application(&mut seed))?.id);
    row("the machine is new and is being filled", &two, &mut register, || {
        let page = two.sync()?;
        let held = two.client.get("/metrics")?.text();
        let filled = crate::storm::value(&held, "motcua_dossiers") >= dossiers as u64;
        Ok(filled && page["unchecked"] == 0 && page["state_applying"] == false)
    })?;
    drop(second);

    let scan = scan(&mut seed);
    let id = desk.register(&fresh_key(), &application(&mut seed))?.id;
    let through = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let path = format!("/api/v1/dossiers/{id}/attachments?name=a.pdf");
            let client = desk.client.patient(PATIENCE);
            let answer = client.send("POST", &path, &[], &scan)?;
            through.store(true, Relaxed);
            ensure!(answer.status == 201, "{}", answer.text());
            anyhow::Ok(())
        });
        row("a scan of 50 MB is taken in and goes up", &desk, &mut remark, || {
            Ok(through.load(Relaxed) && desk.sync()?["unsent_scans"] == 0)
        })?;
        sending.join().ok().context("the sender panicked")?
    })?;

    line.cut();
    fill(&desk, SLOW_CHANGES / (REMARKS + 1), &mut seed)?;
    line.shape(SLOW_LINE);
    line.restore();
    let began = Instant::now();
    until(PATIENCE, || (desk.sync().ok()?["unsent_changes"] == 0).then_some(()))
        .context("the slow line does not get through")?;
    println!(
        "\n{SLOW_CHANGES} changes over 384 kbit/s, 150 ms, 0.5 % loss: {:.1?}",
        began.elapsed()
    );
    line.shape(Shape::default());
    city.stop_all()
}

/// Saves one after the other until the other work is over.
#[expect(clippy::print_stdout, reason = "the answer")]
fn row(
    what: &str,
    desk: &Desk,
    save: &mut impl FnMut() -> anyhow::Result<String>,
    mut is_over: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let (mut saves, mut lags) = (Vec::new(), Vec::new());
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let id = save()?;
        saves.push(asked.elapsed());
        // Looking costs the machine something, so not every time.
        if saves.len() % 20 == 0 {
            let saved = Instant::now();
            until(PATIENCE, || listed(desk, &id).then_some(())).context("it is in no list")?;
            lags.push(saved.elapsed());
        }
        if saves.len() % 10 == 0 && is_over()? {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "{what}: not over in time");
    }
    let took = began.elapsed();
    let (count, longest) = (saves.len(), saves.iter().max().copied().unwrap_or_default());
    println!(
        "| {what} | {took:.1?} | {count} | {:.1?} | {:.1?} | {:.1?} | {longest:.1?} | {:.1?} | {:.1?} |",
        at(&mut saves, 500),
        at(&mut saves, 990),
        at(&mut saves, 999),
        at(&mut lags, 500),
        at(&mut lags, 990),
    );
    Ok(())
}

/// What so many of a thousand do not exceed.
fn at(samples: &mut [Duration], of_thousand: usize) -> Duration {
    samples.sort();
    samples.get(samples.len() * of_thousand / 1_000).copied().unwrap_or_default()
}

fn listed(desk: &Desk, id: &str) -> bool {
    let page = desk.client.get("/api/v1/dossiers?limit=5").map(|answer| answer.json());
    let lines = page.ok().and_then(|page| page["dossiers"].as_array().cloned());
    lines.unwrap_or_default().iter().any(|line| line["id"] == id)
}

/// Writes dossiers of seven entries; which they are.
fn fill(desk: &Desk, dossiers: usize, seed: &mut Seed) -> anyhow::Result<Vec<String>> {
    let applications: Vec<Value> = (0..dossiers).map(|_| application(seed)).collect();
    thread::scope(|scope| {
        let share = applications.len().div_ceil(CLERKS).max(1);
        let clerks: Vec<_> = applications
            .chunks(share)
            .map(|some| {
                scope.spawn(move || {
                    let mut ids = Vec::new();
                    for body in some {
                        let id = desk.register(&fresh_key(), body)?.id;
                        for at in 0..REMARKS {
                            desk.note(&id, &format!("đã xem lần {at}"))?;
                        }
                        ids.push(id);
                    }
                    anyhow::Ok(ids)
                })
            })
            .collect();
        let mut all = Vec::new();
        for clerk in clerks {
            all.extend(clerk.join().ok().context("a clerk panicked")??);
        }
        Ok(all)
    })
}

fn scan(seed: &mut Seed) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    while bytes.len() < SCAN_BYTES {
        bytes.extend((seed.below(1 << 30) as u32).to_le_bytes());
    }
    bytes
}
