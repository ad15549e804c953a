//! Power cuts, failing writes and syncs, full disks: what was acknowledged is there, nothing else is.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Model, open};
use motcua_journal::{
    Journal,
    mem::{Crash, Dice, MemFs},
};

/// Runs until the power goes or `steps` are done; failures in between are recovered from.
fn run(
    model: &mut Model,
    journal: &mut Journal,
    fs: &MemFs,
    dice: &mut Dice,
    steps: u64,
    faults: bool,
) {
    for _ in 0..steps {
        if faults {
            match dice.below(12) {
                0 => fs.fail_sync(1 + dice.below(2), dice.next_u64()),
                1 => fs.fail_write(1 + dice.below(2)),
                _ => {}
            }
        }
        if dice.below(4) == 0 {
            let _ = journal.maintain();
        }
        if dice.below(25) == 0 {
            // Trimming is allowed at any time below what the caller no longer needs: nothing here.
            let _ = journal.trim(motcua_journal::Lane::Own, 1);
        }
        let _ = model.step(journal, dice);
        for _ in 0..4 {
            if !journal.is_poisoned() {
                break;
            }
            if journal.recover_after_failure().is_ok() {
                model.voided_behind(journal.point().lsn);
            }
        }
        if journal.is_poisoned() {
            return;
        }
    }
}

/// Several lives of one journal, each ended by a power cut at a random operation.
fn lives(seed: u64, faults: bool) {
    let mut dice = Dice(seed);
    let (fs, mut model) = (MemFs::new(), Model::default());
    model.gaps = faults;
    for life in 0..4 {
        let what = format!("seed {seed} life {life}");
        // A cut during opening itself, now and then.
        if dice.below(3) == 0 {
            fs.power_off_at(1 + dice.below(12));
            let _ = open(&fs, dice.next_u64());
            fs.crash(Crash::Seed(dice.next_u64()));
        }
        let (mut journal, recovery) = open(&fs, dice.next_u64()).unwrap();
        model.check(&journal, &recovery, &what);
        // Opening twice, with sealing between, ends at the same place with the same hash.
        if dice.below(3) == 0 {
            journal.maintain().unwrap();
            drop(journal);
            let again;
            (journal, again) = open(&fs, dice.next_u64()).unwrap();
            assert_eq!(again.point, recovery.point, "{what}: opened again");
        }
        fs.power_off_at(fs.ops() + 1 + dice.below(120));
        run(&mut model, &mut journal, &fs, &mut dice, 60, faults);
        drop(journal);
        fs.crash(match dice.below(8) {
            0 => Crash::LoseAll,
            1 => Crash::KeepAll,
            _ => Crash::Seed(dice.next_u64()),
        });
    }
    let (journal, recovery) = open(&fs, 99).unwrap();
    model.check(&journal, &recovery, &format!("seed {seed} end"));
}

#[test]
fn acknowledged_records_survive_power_cuts_at_random_operations() {
    for seed in 0..500 {
        lives(seed, false);
    }
}

#[test]
fn acknowledged_records_survive_failing_writes_and_syncs_and_then_power_cuts() {
    for seed in 10_000..10_500 {
        lives(seed, true);
    }
}

#[test]
fn acknowledged_records_survive_a_power_cut_at_every_operation() {
    for seed in [1, 2] {
        let total = {
            let (fs, mut model, mut dice) = (MemFs::new(), Model::default(), Dice(seed));
            let (mut journal, _) = open(&fs, seed).unwrap();
            run(&mut model, &mut journal, &fs, &mut dice, 30, false);
            fs.ops()
        };
        assert!(total > 100, "the run is too short to mean anything");
        for op in 1..=total {
            for how in [Crash::LoseAll, Crash::KeepAll, Crash::Seed(op)] {
                let (fs, mut model, mut dice) = (MemFs::new(), Model::default(), Dice(seed));
                fs.power_off_at(op);
                if let Ok((mut journal, _)) = open(&fs, seed) {
                    run(&mut model, &mut journal, &fs, &mut dice, 30, false);
                }
                fs.crash(how);
                let what = format!("seed {seed} op {op} {how:?}");
                let (mut journal, recovery) = open(&fs, 77).unwrap();
                model.check(&journal, &recovery, &what);
                model.step(&mut journal, &mut dice).unwrap();
                drop(journal);
                fs.crash(Crash::LoseAll);
                let (journal, recovery) = open(&fs, 78).unwrap();
                model.check(&journal, &recovery, &format!("{what}, next life"));
            }
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_and_the_journal_goes_on_when_there_is_room() {
    let mut reserves = 0;
    for seed in 0..60 {
        let (fs, mut model, mut dice) = (MemFs::new(), Model::default(), Dice(seed));
        let (mut journal, _) = open(&fs, seed).unwrap();
        run(&mut model, &mut journal, &fs, &mut dice, 10, false);
        fs.disk_full_after(Some(dice.below(30_000)));
        let error = loop {
            let _ = journal.maintain();
            if let Err(error) = model.step(&mut journal, &mut dice) {
                break error;
            }
        };
        assert!(error.is_disk_full(), "{error}");
        assert!(journal.is_poisoned());
        assert!(journal.append(motcua_journal::Lane::Own, 0, b"x").is_err());
        // A prepared file is the reserve; without one the journal stays closed until there is room.
        match journal.recover_after_failure() {
            Ok(()) => reserves += 1,
            Err(error) => assert!(error.is_disk_full() && journal.is_poisoned(), "{error}"),
        }
        fs.disk_full_after(None);
        journal.recover_after_failure().unwrap();
        model.voided_behind(journal.point().lsn);
        model.step(&mut journal, &mut dice).unwrap();
        drop(journal);
        fs.crash(Crash::Seed(seed));
        let (journal, recovery) = open(&fs, 5).unwrap();
        model.check(&journal, &recovery, &format!("seed {seed}"));
    }
    assert!((1..60).contains(&reserves), "both cases must have been met, {reserves}");
}

#[test]
fn records_in_doubt_after_a_failed_sync_are_voided_and_their_numbers_reused() {
    for seed in 0..200 {
        for how in [Crash::KeepAll, Crash::LoseAll, Crash::Seed(seed)] {
            let fs = MemFs::new();
            let (mut journal, _) = open(&fs, seed).unwrap();
            let lane = motcua_journal::Lane::Own;
            let first = journal.append(lane, 1, b"good").unwrap();
            journal.commit().unwrap();
            let doubtful = journal.append(lane, 1, b"in doubt").unwrap();
            let more = journal.append(lane, 1, b"in doubt too").unwrap();
            fs.fail_sync(1, seed);
            assert!(journal.commit().is_err());
            assert_eq!(journal.view().durable(), first);
            assert!(journal.commit().is_err(), "poisoned until recovered");
            journal.recover_after_failure().unwrap();
            let other = motcua_journal::Lane::Others;
            assert_eq!(journal.append(other, 2, b"another").unwrap(), doubtful);
            journal.commit().unwrap();
            drop(journal);
            fs.crash(how);
            let (journal, recovery) = open(&fs, 1).unwrap();
            let seen: Vec<_> = common::all(&journal).into_iter().map(|r| r.payload).collect();
            assert_eq!(seen, [&b"good"[..], b"another"], "seed {seed} {how:?}");
            assert_eq!(recovery.last, doubtful);
            assert_eq!(journal.view().read(more).unwrap(), None);
            assert!(recovery.holes.is_empty() && recovery.chain_breaks.is_empty());
        }
    }
}

#[test]
fn a_killed_process_that_never_recovered_from_a_failed_sync_relies_on_no_page_cache() {
    for seed in 0..100 {
        let fs = MemFs::new();
        let (mut journal, _) = open(&fs, seed).unwrap();
        let lane = motcua_journal::Lane::Own;
        journal.append(lane, 1, b"good").unwrap();
        journal.commit().unwrap();
        journal.append(lane, 1, b"only in the page cache").unwrap();
        fs.fail_sync(1, seed);
        assert!(journal.commit().is_err());
        drop(journal);
        // No power cut: the next process reads the page cache and must make it durable first.
        let (mut journal, _) = open(&fs, 1).unwrap();
        let seen = common::all(&journal);
        journal.append(lane, 1, b"next").unwrap();
        journal.commit().unwrap();
        drop(journal);
        fs.crash(Crash::LoseAll);
        let (journal, recovery) = open(&fs, 2).unwrap();
        assert!(recovery.holes.is_empty(), "seed {seed} {recovery:?}");
        assert_eq!(common::all(&journal)[..seen.len()], seen[..], "seed {seed}");
        assert_eq!(common::all(&journal).last().unwrap().payload, b"next");
    }
}

#[test]
fn what_a_start_reads_after_a_kill_survives_the_power_cut_that_follows() {
    for seed in 0..40 {
        let fs = MemFs::new();
        let (mut journal, _) = open(&fs, seed).unwrap();
        let mut dice = Dice(seed);
        let mut model = Model::default();
        model.step(&mut journal, &mut dice).unwrap();
        let before = journal.point().lsn;
        journal.append(motcua_journal::Lane::Own, 1, b"written and not synced").unwrap();
        // Written, and the sync that would have made it durable did not.
        fs.fail_sync(1, seed);
        journal.commit().unwrap_err();
        drop(journal);
        fs.kill();
        let (journal, _) = open(&fs, seed + 1000).unwrap();
        let seen = common::all(&journal);
        assert_eq!(seen.len() as u64, before + 1, "the page cache still has it");
        let dark = fs.image(Crash::LoseAll);
        let (journal_there, _) = open(&dark, seed + 2000).unwrap();
        assert_eq!(common::all(&journal_there), seen, "seed {seed}");
        assert_eq!(common::all(&journal), seen, "looking at a copy changes nothing");
    }
}
