#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const MORNING: i64 = 1_795_575_600_000;
const FLOOR: Day = Day { year: 2_026, month: 1, day: 1 };

fn issuer(log: u8, slot: u32, slots: u32) -> Issuer {
    Issuer {
        log: LogId([log; 16]),
        machine: [1; 16],
        org: "H29.30.05".into(),
        slot,
        slots,
        replaces: false,
        blind: false,
    }
}

#[test]
fn codes_run_on_and_a_lease_is_journaled_before_its_first_number() {
    let mut leases = Leases::default();
    let first = leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
    assert!(first.lease.is_some());
    let again = leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
    assert_eq!(again.lease, first.lease, "nobody said that it is on the disk");
    leases.saved(&again.lease.unwrap());
    let second = leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
    assert_eq!(second.lease, None);
    assert!(first.code.ends_with("-0001") && second.code.ends_with("-0003"), "{first:?}");
    let lease = first.lease.unwrap();
    assert_eq!(Lease::decode(&lease.encode()), Some(lease));
    assert_eq!(Lease::decode(&[9, 9]), None);
}

/// Sets the start as a node does, with these numbers known here.
fn set(
    leases: &mut Leases,
    who: &Issuer,
    number: u32,
    known: &[u32],
    elsewhere: &[u32],
) -> Result<(), StartError> {
    let known = known.iter().map(|one| (*one, format!("code {one}"))).collect();
    let elsewhere = elsewhere.iter().copied().collect();
    let asked = (number, "Lê Thị Mẫu");
    let start = leases.may_start(who, asked, (MORNING, FLOOR), &known, &elsewhere)?;
    assert_eq!(Start::decode(&start.encode()).as_ref(), Some(&start));
    assert_eq!(Lease::decode(&start.encode()), None);
    leases.replay_start(start);
    Ok(())
}

fn number(leases: &mut Leases, who: &Issuer, now: i64) -> u32 {
    let code = leases.issue(who, now, FLOOR).unwrap().code;
    Code::read(&code).unwrap().seq.parse().unwrap()
}

#[test]
fn a_day_that_began_on_paper_goes_on_behind_it_and_the_next_begins_at_one() {
    let (mut leases, who) = (Leases::default(), issuer(1, 0, 2));
    set(&mut leases, &who, 38, &[1, 2, 37], &[]).unwrap();
    let mut other = Leases::default();
    let mut all: BTreeSet<u32> = (0..6).map(|_| number(&mut leases, &who, MORNING)).collect();
    all.extend((0..3).map(|_| number(&mut other, &issuer(2, 1, 2), MORNING)));
    assert_eq!(all.len(), 9);
    assert!(*all.first().unwrap() == 38, "{all:?}");
    // A restart burns what was left, and never falls below.
    let mut again = Leases::default();
    again.replay(leases.newest.clone().unwrap());
    again.replay_start(leases.start_of("H29.30.05", Day::of(MORNING)).unwrap().clone());
    let next = number(&mut again, &who, MORNING);
    assert!(next > 43 && !all.contains(&next), "{next}");
    assert_eq!(number(&mut leases, &who, MORNING + 86_400_000), 1);
    assert_eq!(number(&mut again, &who, MORNING + 86_400_000), 1);
}

#[test]
fn a_start_at_or_below_what_was_issued_or_in_anothers_block_is_refused_with_the_reason() {
    let (mut leases, who) = (Leases::default(), issuer(1, 0, 2));
    assert!(matches!(set(&mut leases, &who, 1, &[], &[]), Err(StartError::Bounds(1))));
    assert!(matches!(set(&mut leases, &who, 6_001, &[], &[]), Err(StartError::Bounds(_))));
    let other = set(&mut leases, &who, 150, &[], &[]).unwrap_err();
    assert_eq!(other, StartError::OtherMachine { number: 150, first: 101, last: 200 });
    // Where the machines do not know of each other, what came over tells.
    let alone = issuer(1, 0, 1);
    let met = set(&mut leases, &alone, 150, &[101], &[101]).unwrap_err();
    assert!(matches!(met, StartError::OtherMachine { .. }));
    for known in [38, 39] {
        let refused = set(&mut leases, &who, 38, &[known], &[]).unwrap_err();
        assert!(matches!(refused, StartError::Issued { issued, .. } if issued == known));
    }
    // A guest's numbers are not in the way.
    let mut guest = leases.clone();
    set(&mut guest, &who, 38, &[6_001, 140], &[140]).unwrap();
    // Given a moment ago, and not in the state yet.
    assert_eq!(number(&mut leases, &who, MORNING), 1);
    assert_eq!(number(&mut leases, &who, MORNING), 2);
    let refused = set(&mut leases, &who, 2, &[], &[]).unwrap_err();
    assert!(matches!(refused, StartError::Issued { issued: 2, .. }), "{refused}");
    set(&mut leases, &who, 100, &[], &[]).unwrap();
    assert_eq!(number(&mut leases, &who, MORNING), 100);
    assert_eq!(number(&mut leases, &who, MORNING), 201);
    set(&mut leases, &who, 100, &[], &[]).unwrap();
    let again = set(&mut leases, &who, 300, &[], &[]).unwrap_err();
    assert!(matches!(again, StartError::Already(Start { number: 100, .. })));
    let blind = Issuer { blind: true, ..who };
    let blind = set(&mut Leases::default(), &blind, 38, &[], &[]);
    assert_eq!(blind, Err(StartError::Blind));
}

#[test]
fn a_start_in_a_block_whose_last_number_it_is_leaves_that_one() {
    let (mut leases, who) = (Leases::default(), issuer(1, 0, 1));
    set(&mut leases, &who, 200, &[], &[]).unwrap();
    assert_eq!(number(&mut leases, &who, MORNING), 200);
    assert_eq!(number(&mut leases, &who, MORNING), 201);
}

#[test]
fn the_next_day_begins_at_one_and_a_clock_set_back_is_refused() {
    let mut leases = Leases::default();
    leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
    let tomorrow = leases.issue(&issuer(1, 0, 1), MORNING + 86_400_000, FLOOR).unwrap();
    assert!(tomorrow.code.ends_with("-0001"));
    let refused = leases.issue(&issuer(1, 0, 1), 0, FLOOR).unwrap_err();
    assert!(matches!(refused, LeaseError::Clock { .. }));
}

#[test]
fn a_days_numbers_end_with_a_clear_refusal() {
    let mut leases = Leases::default();
    let mut codes = BTreeSet::new();
    let refused = loop {
        match leases.issue(&issuer(1, 1, 3), MORNING, FLOOR) {
            Ok(issued) => assert!(codes.insert(issued.code)),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, LeaseError::Exhausted { .. }));
    assert_eq!(codes.len(), 1_700);
}

#[test]
fn a_new_machine_that_cannot_see_other_codes_keeps_clear_of_those_of_its_predecessor() {
    let mut before = Leases::default();
    let predecessor = Issuer { machine: [9; 16], ..issuer(9, 0, 1) };
    let mut printed: BTreeSet<String> = BTreeSet::new();
    for _ in 0..250 {
        printed.insert(before.issue(&predecessor, MORNING, FLOOR).unwrap().code);
    }
    let mut leases = Leases::default();
    let blind = Issuer { blind: true, ..issuer(1, 0, 1) };
    let mut lease = None;
    for _ in 0..250 {
        let issued = leases.issue(&blind, MORNING, FLOOR).unwrap();
        lease = lease.or(issued.lease);
        assert!(printed.insert(issued.code.clone()), "{} twice", issued.code);
    }
    assert_eq!(lease.unwrap().first, SEEN_BLOCKS * BLOCK + 1);
    // Once it sees them it goes on where it would have begun, and the next day as ever.
    let mut again = Leases::default();
    again.replay(leases.newest.unwrap());
    assert!(again.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap().code.ends_with("-0001"));
    let tomorrow = MORNING + 86_400_000;
    assert!(again.issue(&blind, tomorrow, FLOOR).unwrap().code.ends_with("-0001"));
}

#[test]
fn a_copy_that_works_on_elsewhere_never_meets_the_original() {
    let mut original = Leases::default();
    let mut codes = BTreeSet::new();
    let home = issuer(1, 0, 1);
    assert!(codes.insert(original.issue(&home, MORNING, FLOOR).unwrap().code));
    let mut copy = original.clone();
    copy.next = None;
    let abroad = Issuer { machine: [2; 16], ..home.clone() };
    let mut give = |leases: &mut Leases, who: &Issuer, now| {
        let mut count = 0;
        while let Ok(issued) = leases.issue(who, now, FLOOR) {
            assert!(codes.insert(issued.code.clone()), "{} twice", issued.code);
            count += 1;
        }
        count
    };
    for day in 0..2 {
        let now = MORNING + day * 86_400_000;
        assert!(give(&mut copy, &abroad, now) >= 2_900);
        assert!(give(&mut original, &home, now) >= 4_900);
    }
}

#[test]
fn a_machine_in_the_place_of_a_lost_one_repeats_none_of_its_numbers_of_that_day() {
    let mut codes = BTreeSet::new();
    let (mut lost, mut new) = (Leases::default(), Leases::default());
    let old = issuer(1, 0, 1);
    while let Ok(issued) = lost.issue(&old, MORNING, FLOOR) {
        assert!(codes.insert(issued.code));
    }
    let replaces = Issuer { machine: [2; 16], replaces: true, ..issuer(2, 0, 1) };
    for number in 0..500 {
        if number == 250 {
            // A restart changes nothing.
            let kept = new.newest.clone().unwrap();
            new.replay(kept);
        }
        let issued = new.issue(&replaces, MORNING, FLOOR).unwrap();
        assert!(codes.insert(issued.code.clone()), "{} twice", issued.code);
    }
    let next = new.issue(&replaces, MORNING + 86_400_000, FLOOR).unwrap();
    assert!(next.code.ends_with("-0001"), "the next day is its own: {}", next.code);
}

/// A machine in the property below.
#[derive(Clone)]
struct Machine {
    journal: Vec<Lease>,
    memory: Leases,
    log: u8,
    machine: u8,
    slot: u32,
}

impl Machine {
    fn restart(&mut self) {
        self.memory = Leases::default();
        for lease in &self.journal {
            self.memory.replay(lease.clone());
        }
    }
}

proptest! {
    /// Crashes, several nodes, and for each either backups restored on the machine (it learns
    /// so and begins a new log, once a day) or a copy that works on beside it for good: no
    /// code twice.
    #[test]
    fn no_code_is_ever_given_twice(
        steps in proptest::collection::vec((0u8..10, 0usize..6), 1..250)
    ) {
        let fresh = |slot: u32| Machine {
            journal: Vec::new(),
            memory: Leases::default(),
            log: slot as u8 + 1,
            machine: slot as u8 + 1,
            slot,
        };
        let mut machines: Vec<Machine> = (0..3).map(fresh).collect();
        let mut backups: Vec<Vec<Lease>> = vec![Vec::new(); 3];
        let (mut day, mut next_log) = (0i64, 10u8);
        let mut set_back: BTreeSet<usize> = BTreeSet::new();
        let mut given = BTreeSet::new();
        for (mut what, which) in steps {
            let at = which % machines.len();
            match what {
                0 => machines[at].restart(),
                1 if at < 3 => backups[at] = machines[at].journal.clone(),
                2 if at < 3
                    && at.is_multiple_of(2)
                    && !backups[at].is_empty()
                    && set_back.insert(at) =>
                {
                    machines[at].journal = backups[at].clone();
                    machines[at].log = next_log;
                    next_log = next_log.wrapping_add(1).max(10);
                    machines[at].restart();
                    // The counter goes on.
                    what = 8;
                }
                // The disk, or its backup, goes on in another machine beside this one.
                3 if at == 1 && machines.len() == 3 => {
                    let mut copy = machines[at].clone();
                    if !copy.journal.is_empty() {
                        copy.machine += 100;
                        copy.restart();
                        machines.push(copy);
                    }
                }
                4 => {
                    day += 1;
                    set_back.clear();
                }
                _ => {}
            }
            if what > 4 {
                let one = &mut machines[at];
                let who = Issuer {
                    machine: [one.machine; 16],
                    // Now and then its state is being made again.
                    blind: what == 9,
                    ..issuer(one.log, one.slot, 3)
                };
                if let Ok(issued) =
                    one.memory.issue(&who, MORNING + day * 86_400_000, FLOOR)
                {
                    one.journal.extend(issued.lease);
                    prop_assert!(given.insert(issued.code.clone()), "{} twice", issued.code);
                }
            }
        }
    }
}

fn receipt(leases: &mut Leases, who: &Issuer, now: i64) -> (u32, Option<Lease>) {
    let (number, lease) = leases.receipt(who, now, FLOOR).unwrap();
    lease.iter().for_each(|lease| leases.saved(lease));
    (number, lease)
}

#[test]
fn receipts_run_through_the_year_and_begin_at_one_with_the_next() {
    let (mut leases, who) = (Leases::new(Shape::RECEIPTS), issuer(1, 0, 1));
    let (first, lease) = receipt(&mut leases, &who, MORNING);
    let lease = lease.unwrap();
    assert_eq!((first, lease.day), (1, (2_026, 1, 1)));
    assert_eq!(Lease::decode_receipts(&lease.encode_receipts()), Some(lease.clone()));
    assert_eq!(Lease::decode(&lease.encode_receipts()), None, "no lease of codes");
    assert_eq!(Lease::decode_receipts(&lease.encode()), None);
    let tomorrow = MORNING + 86_400_000;
    assert_eq!(receipt(&mut leases, &who, tomorrow), (2, None), "a new day burns nothing");
    let day = Day { year: 2_026, month: 1, day: 1 };
    assert_eq!(leases.ranges("H29.30.05", day), [(1, 100)]);
    assert_eq!(leases.open("H29.30.05", day), Some((3, 100)));
    assert_eq!(receipt(&mut leases, &who, MORNING + 366 * 86_400_000).0, 1);
    assert_eq!(leases.open("H29.30.05", day), None);
    // After a restart nobody knows what was printed of the range.
    let mut again = Leases::new(Shape::RECEIPTS);
    again.replay(lease);
    assert_eq!((again.open("H29.30.05", day), receipt(&mut again, &who, MORNING).0), (None, 101));
}

proptest! {
    /// The machines of an office, a copy of one that goes on elsewhere, the original that goes on as well,
    /// and one that stands where another was lost.
    #[test]
    fn no_receipt_is_numbered_twice_by_whoever_goes_on(
        steps in proptest::collection::vec((0..5usize, any::<bool>()), 1..120),
    ) {
        let who = [
            issuer(1, 0, 2),
            issuer(2, 1, 2),
            Issuer { machine: [7; 16], ..issuer(1, 0, 2) },
            Issuer { machine: [8; 16], log: LogId([3; 16]), ..issuer(1, 0, 2) },
            Issuer { machine: [9; 16], log: LogId([4; 16]), replaces: true, ..issuer(4, 0, 2) },
        ];
        // What each has on its disk: the copies were made when the original had these leases.
        let mut first = Leases::new(Shape::RECEIPTS);
        let (number, lease) = receipt(&mut first, &who[0], MORNING);
        let mut given = BTreeSet::from([number]);
        let begun = vec![lease.unwrap()];
        let mut disks = [begun.clone(), vec![], begun.clone(), begun, vec![]];
        let mut running = [first, Leases::new(Shape::RECEIPTS), Leases::new(Shape::RECEIPTS),
            Leases::new(Shape::RECEIPTS), Leases::new(Shape::RECEIPTS)];
        for at in [2, 3] {
            disks[at].iter().for_each(|lease| running[at].replay(lease.clone()));
        }
        for (at, restart) in steps {
            if restart {
                running[at] = Leases::new(Shape::RECEIPTS);
                disks[at].iter().for_each(|lease| running[at].replay(lease.clone()));
            }
            let (number, lease) = receipt(&mut running[at], &who[at], MORNING);
            disks[at].extend(lease);
            prop_assert!(given.insert(number), "{} was given twice", number);
        }
    }
}
