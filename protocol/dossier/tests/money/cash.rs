//! The day's cash: every machine's movements, and counts that stay as they were counted.

use super::*;
use motcua_dossier::{
    fact::Kind,
    money::{
        Movement,
        cash::{Count, Counting, Day, count},
    },
};

fn counting(counted: u64) -> Counting {
    Counting {
        day: "2026-03-03".into(),
        float: 500_000,
        counted: Some(counted),
        ..Counting::default()
    }
}

fn evening(note: &str) -> Act {
    Act { at: at("2026-03-03T17:00"), ..act("Thu", note) }
}

/// What two machines took, as one of them that has both dossiers sees it.
fn movements() -> Vec<Movement> {
    let mut one = Dossier::registered(Some(50_000));
    one.pay("B", None).unwrap();
    let mut other = Dossier::registered(Some(80_000));
    let receipt = other.pay("C", None).unwrap();
    other.refund("D", &receipt, Some(30_000)).unwrap();
    [one.money().movements, other.money().movements].concat()
}

fn fact(id: &str, draft: motcua_dossier::action::Draft) -> (String, Count) {
    let fact = draft.with_id(id.into());
    assert_eq!(fact.kind, Kind::Cash);
    Count::all(&[fact]).next().unwrap()
}

#[test]
fn what_ought_to_be_there_is_what_all_machines_took_less_what_went_out() {
    let all = movements();
    let day = Day::of(&all, vec![]);
    assert_eq!(day.expected(), 100_000);
    let sums = day.ways[&Way::Cash];
    assert_eq!((sums.taken, sums.given), (130_000, 30_000));
    let draft = count(&day, &all, counting(600_000), evening("")).unwrap();
    let (_, one) = fact("K", draft);
    assert_eq!((one.difference(), one.known.len()), (0, 3));
}

#[test]
fn a_difference_needs_its_reason_and_the_pieces_must_add_up() {
    let all = movements();
    let day = Day::of(&all, vec![]);
    let short = count(&day, &all, counting(590_000), evening(" "));
    assert_eq!(short, Err(ActionError::Missing { field: "note" }));
    let (_, one) = fact("K", count(&day, &all, counting(590_000), evening("thiếu")).unwrap());
    assert_eq!(one.difference(), -10_000);
    let notes = |pieces| [("500000".to_owned(), 1), ("50000".to_owned(), pieces)].into();
    let by_pieces = Counting { counted: None, notes: notes(2), ..counting(0) };
    let (_, one) = fact("K", count(&day, &all, by_pieces.clone(), evening("")).unwrap());
    assert_eq!((one.counted, one.difference()), (600_000, 0));
    let wrong = Counting { counted: Some(600_000), notes: notes(3), ..by_pieces.clone() };
    assert!(matches!(
        count(&day, &all, wrong, evening("")),
        Err(ActionError::Invalid { field: "counted", .. })
    ));
    let unknown = Counting { notes: [("3000".to_owned(), 1)].into(), ..by_pieces.clone() };
    assert!(count(&day, &all, unknown, evening("")).is_err());
    let to_come = Counting { day: "2026-03-04".into(), ..by_pieces };
    assert!(matches!(
        count(&day, &all, to_come, evening("")),
        Err(ActionError::Invalid { field: "day", .. })
    ));
}

#[test]
fn what_comes_after_the_count_is_shown_as_such_and_changes_no_count() {
    let all = movements();
    let counted = count(&Day::of(&all, vec![]), &all, counting(600_000), evening("")).unwrap();
    let one = fact("K", counted);
    let mut offline = Dossier::registered(Some(7_000));
    offline.pay("E", None).unwrap();
    let later = [all, offline.money().movements].concat();
    let day = Day::of(&later, vec![one.clone()]);
    assert_eq!(day.late.iter().collect::<Vec<_>>(), ["E0"]);
    assert_eq!((day.expected(), day.counts[0].1.expected), (107_000, 100_000));
    assert_eq!(
        count(&day, &later, counting(607_000), evening("lại")),
        Err(MoneyError::Counted.into())
    );
    // Counted again by who has seen it, with the reason.
    let again = Counting { seen: vec!["K".into()], ..counting(607_000) };
    assert_eq!(
        count(&day, &later, again.clone(), evening("")),
        Err(ActionError::Missing { field: "note" })
    );
    let next = fact("L", count(&day, &later, again, evening("máy quầy 2 có mạng lại")).unwrap());
    let day = Day::of(&later, vec![next, one]);
    assert!(day.late.is_empty() && !day.is_contested());
    assert_eq!((day.counts[0].0.as_str(), day.before[0].0.as_str()), ("L", "K"));
}

#[test]
fn a_day_counted_at_two_machines_apart_is_put_to_a_person() {
    let all = movements();
    let day = Day::of(&all, vec![]);
    let one = fact("K", count(&day, &all, counting(600_000), evening("")).unwrap());
    let other = fact("L", count(&day, &all, counting(599_000), evening("thiếu")).unwrap());
    let day = Day::of(&all, vec![one, other]);
    assert!(day.is_contested());
    let both = Counting { seen: vec!["K".into(), "L".into()], ..counting(600_000) };
    let third = fact("M", count(&day, &all, both, evening("đếm lại cùng nhau")).unwrap());
    let counts = [day.counts, vec![third]].concat();
    assert!(!Day::of(&all, counts).is_contested());
}
