//! The rows of the control sheet (Mẫu 06): hand-overs between offices and inside them in one order, each
//! with how the turn ended that began with it.

use crate::{desk::Desk, process::show};
use motcua_dossier::{
    calendar,
    fact::Pass,
    local,
    process::{Leg, Passing, legs},
    view::View,
};
use motcua_forms::model::HandOver;

/// All rows, by when they were given; a name stands for an office's id.
pub(super) fn rows(desk: &Desk, shown: &View, named: &dyn Fn(&str) -> String) -> Vec<HandOver> {
    let passings = &shown.derived.passings;
    let turns = match passings.is_empty() {
        true => Vec::new(),
        false => legs(shown, show::process_of(desk, shown), calendar::usual()),
    };
    let mut all: Vec<(i64, HandOver)> =
        turns.iter().filter_map(|turn| inside(shown, turn, named)).collect();
    all.extend(shown.derived.hand_overs.iter().map(|step| {
        let act = &step.given.act;
        let row = HandOver {
            from: named(&act.office),
            to: named(&step.given.to),
            given: local::of_millis(act.at),
            giver: act.who(),
            taken: step.taken.as_ref().and_then(|taken| local::of_millis(taken.act.at)),
            taker: step.taken.as_ref().map(|taken| taken.act.who()).unwrap_or_default(),
            // Between offices no term of its own is agreed.
            outcome: String::new(),
            note: act.note.clone(),
        };
        (act.at, row)
    }));
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, row)| row).collect()
}

/// A turn inside an office; the first is that of the reception.
fn inside(shown: &View, turn: &Leg, named: &dyn Fn(&str) -> String) -> Option<(i64, HandOver)> {
    let outcome = turn.outcome.map(|outcome| outcome.vi().to_owned()).unwrap_or_default();
    let passings = &shown.derived.passings;
    let Some(passing) = passings.iter().find(|one| one.id == turn.pass) else {
        let first = shown.derived.steps.iter().find(|step| step.fields.after.is_empty())?;
        let (at, act) = (local::of_millis(turn.from), &first.fields.act);
        let row = HandOver {
            from: shown.applicant.name.clone(),
            to: named(&act.office),
            given: at,
            giver: shown.applicant.name.clone(),
            taken: at,
            taker: act.who(),
            outcome,
            note: act.note.clone(),
        };
        return Some((turn.from, row));
    };
    let Pass { act, .. } = &passing.given;
    let before = passings.iter().find(|one| passing.given.after.contains(&one.id));
    let office = named(&act.office);
    let place = |one: &Passing| match one.given.section_name.is_empty() {
        true => one.given.person.clone(),
        false => one.given.section_name.clone(),
    };
    let (taken, refused) = (passing.taken(), passing.refused());
    let why = refused.map(|answer| format!("Không nhận ({}): {}", answer.act.by, answer.act.note));
    let notes = [Some(act.note.clone()), why].into_iter().flatten();
    let notes: Vec<String> = notes.filter(|note| !note.is_empty()).collect();
    let row = HandOver {
        from: before.map_or(office, place),
        to: place(passing),
        given: local::of_millis(act.at),
        giver: act.who(),
        taken: taken.and_then(|answer| local::of_millis(answer.act.at)),
        taker: taken.map(|answer| answer.act.who()).unwrap_or_default(),
        outcome,
        note: notes.join("\n"),
    };
    Some((act.at, row))
}
