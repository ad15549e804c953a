//! Why there is a journal: sled's own flush is no barrier against a power cut.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_power::{
    disk::{Disk, Mood},
    mount::{Mount, obstacle},
};
use motcua_tests::{
    patience::{PATIENCE, until},
    seed::Seed,
};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const CUTS: usize = 12;
/// Cuts that lose all that was not synced, with the sync and without.
const CONTROL: usize = 4;

fn run(verb: &str, folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sled-flush"));
    let command = command.arg(verb).arg(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The whole numbers that a process printed, a line each.
fn numbers(from: impl Read) -> BTreeSet<u32> {
    BufReader::new(from)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.parse().ok())
        .collect()
}

/// What came of a cut.
#[derive(Debug)]
enum Found {
    /// Keys that were flushed and are gone.
    Lost(usize),
    /// A store that does not open, or does not give what it has.
    DoesNotOpen,
}

fn cut(verb: &str, seed: &mut Seed, mood: Mood) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::load(dir.path(), seed.bits()).unwrap();
    let _mount = Mount::over(dir.path(), disk.clone()).unwrap();
    let store = dir.path().join("store");
    let mut writer = run(verb, &store);
    let pid = rustix::process::Pid::from_child(&writer);
    disk.cut_after(200 + seed.below(400) as u64, mood, move || {
        // Not reaped before `wait` below, so the number is still that of this process.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    });
    let flushed = numbers(writer.stdout.take().unwrap());
    assert!(disk.wait_off(Duration::ZERO), "the writer ended by itself");
    writer.wait().unwrap();
    disk.power_on();
    let mut reader = run("read", &store);
    // It may also go round for ever in what it finds.
    let ended = until(PATIENCE / 6, || reader.try_wait().unwrap());
    let _ = reader.kill();
    let found = numbers(reader.stdout.take().unwrap());
    reader.wait().unwrap();
    match ended.is_some_and(|status| status.success()) {
        true => Found::Lost(flushed.difference(&found).count()),
        false => Found::DoesNotOpen,
    }
}

#[test]
fn what_sled_flushed_is_lost_or_will_not_open_after_some_power_cuts() {
    if let Some(words) = obstacle() {
        return println!("{words}");
    }
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut cuts = |verb: &str, count: usize, mood: Option<Mood>| {
        let mood = |seed: &mut Seed| mood.unwrap_or_else(|| Mood::choose(seed));
        let cuts = (0..count).map(|_| {
            let mood = mood(&mut seed);
            cut(verb, &mut seed, mood)
        });
        let found: Vec<Found> = cuts.collect();
        println!("{verb}: {found:#?}");
        found.iter().filter(|found| !matches!(found, Found::Lost(0))).count()
    };
    let bad = cuts("write", CUTS, None);
    println!(
        "{bad} of {CUTS} cuts lost keys that were flushed, or left a store that does not open"
    );
    assert!(bad > 0, "if sled has become safe, the journal may go");
    // It is the sync that is missing, not the disk that is unjust: what was not synced goes, each time,
    // and what the same program syncs itself stays, each time.
    assert_eq!(cuts("write", CONTROL, Some(Mood::Loses)), CONTROL, "flushed was as good as synced");
    assert_eq!(cuts("write-synced", CONTROL, Some(Mood::Loses)), 0, "synced was lost");
}
