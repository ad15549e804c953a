#![allow(clippy::unwrap_used)]
use super::*;
use crate::calendar::usual;
use proptest::prelude::*;

/// Wednesday 25 November 2026, 10:00 in Vietnam.
const MORNING: i64 = 1_795_575_600_000;
const DAY: i64 = 86_400_000;
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

fn draw(
    blocks: &mut Blocks,
    leases: &Leases,
    who: &Issuer,
    (number, count, later): (&str, u32, i64),
    (now, seed): (i64, u64),
) -> Result<Block, EmergencyError> {
    let wanted = Wanted { number, count, day: Day::of(now + later * DAY), by: "Lê Thị Mẫu" };
    let moment = Moment { now, floor: FLOOR, seed };
    let block = blocks.draw(leases, (who, usual()), wanted, moment, &BTreeSet::new())?;
    assert_eq!(Block::decode(&block.encode()).as_ref(), Some(&block));
    assert!(crate::lease::Lease::decode(&block.encode()).is_none(), "no lease");
    blocks.replay(block.clone());
    Ok(block)
}

fn apart(one: &Block, other: &Block) -> bool {
    one.day != other.day || one.last < other.first || other.last < one.first
}

#[test]
fn no_ordinary_registration_ever_gives_a_number_of_the_paper_part() {
    for (log, slot, slots) in [(1, 0, 1), (2, 0, 2), (3, 1, 2)] {
        for (replaces, blind) in [(false, false), (true, false), (false, true)] {
            let who = Issuer { replaces, blind, ..issuer(log, slot, slots) };
            let mut leases = Leases::default();
            let mut given = 0;
            while let Ok(issued) = leases.issue(&who, MORNING, FLOOR) {
                let number: u32 = Code::read(&issued.code).unwrap().seq.parse().unwrap();
                assert!(!(PAPER.0..=PAPER.1).contains(&number), "{number}");
                given += 1;
            }
            assert!(given >= 400, "{given}");
        }
    }
}

#[test]
fn a_block_is_of_the_day_and_asking_again_is_the_same_block() {
    let (mut blocks, leases) = (Blocks::default(), Leases::default());
    let who = issuer(1, 0, 1);
    let one = draw(&mut blocks, &leases, &who, ("1", 30, 1), (MORNING, 7)).unwrap();
    assert_eq!(one.count(), 30);
    assert!(one.first >= PAPER.0 && one.last <= PAPER.1);
    assert_eq!(one.code(one.first).unwrap(), format!("H29.30.05-261126-{}", one.first));
    let again = draw(&mut blocks, &leases, &who, ("1", 30, 1), (MORNING + 5, 9)).unwrap();
    assert_eq!(again, one);
    let other = draw(&mut blocks, &leases, &who, ("1", 31, 1), (MORNING, 7));
    assert_eq!(other, Err(EmergencyError::OtherDraw("1".into())));
    // Another one is another one, whatever the dice say.
    for number in 2..=8 {
        let next = draw(&mut blocks, &leases, &who, (&number.to_string(), 50, 1), (MORNING, 7));
        let next = next.unwrap();
        assert!(blocks.all().iter().all(|known| **known == next || apart(known, &next)));
    }
    let more = draw(&mut blocks, &leases, &who, ("9", 1, 1), (MORNING, 7));
    assert_eq!(more, Err(EmergencyError::Exhausted(Day::of(MORNING + DAY))));
}

#[test]
fn a_write_whose_answer_was_lost_is_tried_again_as_the_same_block() {
    let (mut blocks, leases) = (Blocks::default(), Leases::default());
    let who = issuer(1, 0, 1);
    let wanted = Wanted { number: "1", count: 5, day: Day::of(MORNING), by: "a" };
    let moment = |seed| Moment { now: MORNING, floor: FLOOR, seed };
    let used = BTreeSet::new();
    let block = blocks.draw(&leases, (&who, usual()), wanted, moment(3), &used).unwrap();
    blocks.begin(block.clone());
    let again = blocks.draw(&leases, (&who, usual()), wanted, moment(4), &used).unwrap();
    assert_eq!(again, block);
    let other = Wanted { number: "2", ..wanted };
    let other = blocks.draw(&leases, (&who, usual()), other, moment(3), &used).unwrap();
    assert!(apart(&other, &block));
}

#[test]
fn days_are_today_and_the_next_working_ones_and_counts_are_bounded() {
    let (mut blocks, leases) = (Blocks::default(), Leases::default());
    let who = issuer(1, 0, 1);
    let mut asked =
        |count, later| draw(&mut blocks, &leases, &who, ("1", count, later), (MORNING, 0));
    assert_eq!(asked(0, 0), Err(EmergencyError::Count(0)));
    assert_eq!(asked(51, 0), Err(EmergencyError::Count(51)));
    for later in [-1, 3, 8] {
        // Yesterday, a Saturday, and the sixth working day.
        assert!(matches!(asked(1, later), Err(EmergencyError::NotThen(_))), "{later}");
    }
    assert!(asked(50, 7).is_ok());
    assert!(days(usual(), Day::of(MORNING)).len() == AHEAD + 1);
    // Tết 2026: five working days lie within the horizon.
    let eve = Day { year: 2_026, month: 2, day: 13 };
    let all = days(usual(), eve);
    assert_eq!(all.len(), AHEAD + 1);
    assert!(days_between(eve, all[AHEAD]).unwrap() <= HORIZON);
}

#[test]
fn a_restored_machine_does_not_meet_what_the_lost_log_drew_for_days_to_come() {
    let leases = {
        let mut leases = Leases::default();
        leases.issue(&issuer(1, 0, 1), MORNING - 30 * DAY, FLOOR).unwrap();
        leases
    };
    // What the copy does not have: drawn after it was made.
    for seed in 0..40 {
        let mut lost = Blocks::default();
        let one =
            draw(&mut lost, &leases, &issuer(1, 0, 1), ("1", 50, 7), (MORNING, seed)).unwrap();
        for (who, now, later) in [
            (issuer(2, 0, 1), MORNING + DAY, 6),
            (Issuer { machine: [2; 16], ..issuer(2, 0, 1) }, MORNING + DAY, 6),
        ] {
            let mut restored = Blocks::default();
            let other = draw(&mut restored, &leases, &who, ("2", 50, later), (now, seed)).unwrap();
            assert_eq!(one.day, other.day);
            assert!(apart(&one, &other), "{one:?} {other:?}");
        }
    }
    // Long after, the new log is at home.
    let mut leases = leases;
    leases.issue(&issuer(2, 0, 1), MORNING, FLOOR).unwrap();
    let later = MORNING + 28 * DAY;
    let (mut blocks, who) = (Blocks::default(), issuer(2, 0, 1));
    let one = draw(&mut blocks, &leases, &who, ("1", 50, 0), (later, 5)).unwrap();
    assert!(one.first < PAPER.0 + HOME_PLACES * CODES);
}

#[test]
fn a_machine_in_the_place_of_a_lost_one_draws_where_that_one_did_not() {
    let (leases, replaces) = (Leases::default(), Issuer { replaces: true, ..issuer(2, 0, 1) });
    for seed in 0..40 {
        let (mut before, mut after) = (Blocks::default(), Blocks::default());
        let one =
            draw(&mut before, &leases, &issuer(1, 0, 1), ("1", 50, 0), (MORNING, seed)).unwrap();
        let other = draw(&mut after, &leases, &replaces, ("1", 50, 0), (MORNING, seed)).unwrap();
        assert!(apart(&one, &other));
    }
}

#[test]
fn what_is_known_to_be_used_is_left_alone() {
    let (mut blocks, leases) = (Blocks::default(), Leases::default());
    let who = issuer(1, 0, 1);
    let used: BTreeSet<u32> = (0..7).map(|place| PAPER.0 + place * CODES + 3).collect();
    let wanted = Wanted { number: "1", count: 1, day: Day::of(MORNING), by: "a" };
    for seed in 0..20 {
        let moment = Moment { now: MORNING, floor: FLOOR, seed };
        let block = blocks.draw(&leases, (&who, usual()), wanted, moment, &used).unwrap();
        assert_eq!(block.first, PAPER.0 + 7 * CODES);
    }
    blocks.begin(Block::decode(&[]).unwrap_or_else(|| {
        let moment = Moment { now: MORNING, floor: FLOOR, seed: 0 };
        blocks.draw(&leases, (&who, usual()), wanted, moment, &used).unwrap()
    }));
    let moment = Moment { now: MORNING, floor: FLOOR, seed: 0 };
    let next = Wanted { number: "2", ..wanted };
    let none = blocks.draw(&leases, (&who, usual()), next, moment, &used);
    assert_eq!(none, Err(EmergencyError::Exhausted(Day::of(MORNING))));
}

#[test]
fn a_time_on_paper_is_within_the_day_behind_the_draw_and_not_ahead() {
    let drawn = MORNING + 42_000;
    let day = Day::of(MORNING);
    let then = |received, due, now| received_then(day, Some(drawn), received, due, now);
    assert_eq!(then(MORNING, None, MORNING + DAY), Ok(()), "the minute it was drawn in");
    assert_eq!(then(MORNING - 1, None, MORNING + DAY), Err(WrongTime::BeforeDrawn(drawn)));
    assert_eq!(then(MORNING + 2, None, MORNING + 1), Err(WrongTime::Ahead));
    assert_eq!(then(MORNING + DAY, None, MORNING + 2 * DAY), Err(WrongTime::OtherDay(day)));
    assert_eq!(then(MORNING, Some(MORNING - 1), MORNING), Err(WrongTime::DueBefore));
    assert_eq!(
        received_then(day, None, MORNING - 3_600_000, None, MORNING),
        Ok(()),
        "a lost block"
    );
}

#[test]
fn a_code_is_open_until_it_is_entered_or_said_to_be_unused_and_paper_weighs_more() {
    let (mut blocks, leases) = (Blocks::default(), Leases::default());
    let block = draw(&mut blocks, &leases, &issuer(1, 0, 1), ("1", 3, 0), (MORNING, 0)).unwrap();
    assert_eq!(blocks.fate::<u8>(&block, block.first, None), Fate::Open);
    let say = |numbers: &[u32], why: &str| not_used(&block, numbers, why.into(), ("An", MORNING));
    assert!(matches!(say(&[block.first], " "), Err(EmergencyError::Field(_))));
    assert!(matches!(say(&[], "máy chạy lại"), Err(EmergencyError::Field(_))));
    assert!(matches!(say(&[block.last + 1], "máy chạy lại"), Err(EmergencyError::NoSlip(_))));
    let unused = say(&[block.first, block.first], "máy chạy lại").unwrap();
    assert_eq!(unused.numbers, [block.first]);
    assert!(blocks.replay_bytes(&unused.encode()) && !blocks.replay_bytes(&[1, 2]));
    assert_eq!(blocks.fate::<u8>(&block, block.first, None), Fate::Unused(unused.clone()));
    let later = Unused { why: "khác".into(), ..unused.clone() };
    blocks.replay_unused(later);
    assert_eq!(
        blocks.fate::<u8>(&block, block.first, None),
        Fate::Unused(unused),
        "the first holds"
    );
    assert_eq!(blocks.fate(&block, block.first, Some(7)), Fate::Entered(7));
    let code = Code::read(&block.code(block.first).unwrap()).unwrap();
    assert_eq!(blocks.of_code(&code), Some(&block));
    assert!(is_slip(&code, "H29.30.05") && !is_slip(&code, "H29.30.06"));
    let ordinary = Code::read("H29.30.05-261125-0001").unwrap();
    assert!(blocks.of_code(&ordinary).is_none() && !is_slip(&ordinary, "H29.30.05"));
}

proptest! {
    /// Machines of one office, restarts and replays: no two blocks share a code.
    #[test]
    fn machines_of_an_office_never_draw_one_code_twice(
        draws in proptest::collection::vec((0u32..2, 1u32..=50, 0usize..6, any::<u64>(), any::<bool>()), 1..12)
    ) {
        let leases = Leases::default();
        let mut machines = [Blocks::default(), Blocks::default()];
        let mut all: Vec<Block> = Vec::new();
        for (number, (slot, count, day, seed, restart)) in draws.into_iter().enumerate() {
            let at = slot as usize;
            let who = Issuer { machine: [slot as u8; 16], ..issuer(slot as u8, slot, 2) };
            let wanted = Wanted {
                number: &format!("{number}"), count, day: days(usual(), Day::of(MORNING))[day], by: "a",
            };
            let moment = Moment { now: MORNING, floor: FLOOR, seed };
            if restart {
                let mut again = Blocks::default();
                machines[at].all().iter().for_each(|block| {
                    again.replay_bytes(&block.encode());
                });
                machines[at] = again;
            }
            let Ok(block) = machines[at].draw(&leases, (&who, usual()), wanted, moment, &BTreeSet::new())
            else { continue };
            machines[at].replay(block.clone());
            prop_assert!(all.iter().all(|known| apart(known, &block)));
            all.push(block);
        }
        prop_assert!(!all.is_empty());
    }
}
