//! Every check can fail: each deliberate defect around production code is caught within a stated
//! number of seeds, by the check that is there for it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use motcua_sim::{Failure, Fault, Plan, Sabotage, run};

/// The first seed that finds a defect, and what it says.
fn caught(sabotage: Sabotage, only: &[Fault], seeds: u64) -> (u64, Failure) {
    // An honest city of these seeds agrees within a minute of simulated time.
    let patience = Some(1_200_000);
    let plan =
        Plan { sabotage: Some(sabotage), only: Some(only.to_vec()), patience, ..Plan::default() };
    let mut runs = (1..=seeds).map(|seed| run(seed, &plan));
    let found = runs.find_map(|report| Some((report.seed, report.failure?)));
    if let Some((seed, failure)) = &found {
        println!("{sabotage:?}: seed {seed}: {failure:?}");
    }
    found.unwrap_or_else(|| panic!("{sabotage:?} passes {seeds} seeds"))
}

fn safety(sabotage: Sabotage, only: &[Fault], seeds: u64, words: &str) {
    let (seed, failure) = caught(sabotage, only, seeds);
    let Failure::Safety(why) = &failure else { panic!("{sabotage:?} seed {seed}: {failure:?}") };
    assert!(why.contains(words), "{sabotage:?} seed {seed}: {why}");
}

#[test]
fn a_save_that_is_answered_before_the_disk_has_it_is_caught() {
    let words = "was told to be saved";
    safety(Sabotage::AnswersBeforeSync, &[Fault::Power], 3, words);
}

#[test]
fn a_hub_that_acknowledges_before_its_disk_has_it_is_caught() {
    let words = "was acknowledged by it";
    safety(Sabotage::AcknowledgesBeforeSync, &[Fault::Reset], 5, words);
}

#[test]
fn a_start_that_leaves_out_a_received_frame_is_caught() {
    let (seed, failure) = caught(Sabotage::DropsRecordOnRecovery, &[Fault::StateGone], 10);
    assert!(matches!(failure, Failure::Liveness(_) | Failure::Safety(_)), "seed {seed}");
}

#[test]
fn a_state_that_is_not_brought_up_to_the_journal_is_caught() {
    let (seed, failure) = caught(Sabotage::SkipsReplay, &[Fault::Power, Fault::StateGone], 10);
    assert!(matches!(failure, Failure::Liveness(_) | Failure::Safety(_)), "seed {seed}");
}

#[test]
fn a_frame_that_goes_to_a_third_office_is_caught() {
    let words = "of which its office is no part";
    safety(Sabotage::DeliversToThirdOffice, &[Fault::Reset], 5, words);
}

#[test]
fn a_machine_that_forgets_nothing_is_caught() {
    let (seed, failure) = caught(Sabotage::NeverPurges, &[Fault::Reset], 10);
    let Failure::Liveness(why) = &failure else { panic!("seed {seed}: {failure:?}") };
    assert!(why.contains("which it has left"), "seed {seed}: {why}");
}

#[test]
fn a_hub_that_forgets_a_ban_is_caught() {
    let words = "beyond what counts";
    let (seed, failure) = caught(Sabotage::ForgetsBan, &[Fault::Deny], 10);
    let (Failure::Liveness(why) | Failure::Safety(why)) = &failure;
    assert!(why.contains(words), "seed {seed}: {why}");
}

#[test]
fn nodes_that_take_no_denial_list_judge_otherwise_and_are_caught() {
    let (seed, failure) = caught(Sabotage::NodesForgetBan, &[Fault::Deny], 10);
    let Failure::Liveness(why) = &failure else { panic!("seed {seed}: {failure:?}") };
    assert!(why.contains("and the city: "), "seed {seed}: {why}");
}

#[test]
fn machines_that_hear_of_no_pardon_are_caught() {
    // A document that lets one in may deny another: then that one is noticed, in other words.
    let words = "is kept out for no reason";
    let plan = Plan {
        sabotage: Some(Sabotage::ForgetsPardon),
        only: Some(vec![Fault::Deny]),
        patience: Some(1_200_000),
        ..Plan::default()
    };
    let says = |seed: &u64| match run(*seed, &plan).failure {
        Some(Failure::Liveness(why)) => why.contains(words),
        _ => false,
    };
    let found = (1..=10).find(says);
    println!("{:?}: seed {found:?}: {words}", Sabotage::ForgetsPardon);
    assert!(found.is_some(), "it passes 10 seeds");
}

#[test]
fn a_dossier_that_depends_on_the_order_of_arrival_is_caught() {
    safety(Sabotage::FoldsByArrival, &[Fault::Reset], 10, "by the same entries");
}

#[test]
fn a_node_that_names_other_heads_is_caught() {
    safety(Sabotage::KeepsOneHead, &[Fault::Reset], 10, "differ in heads");
}

#[test]
fn a_request_that_is_written_twice_is_caught() {
    safety(Sabotage::AnswersTwice, &[Fault::Kill], 10, "answer one request");
}

#[test]
fn an_entry_that_nobody_asked_for_is_caught() {
    safety(Sabotage::WritesUnasked, &[Fault::Reset], 5, "that nobody wrote");
}

#[test]
fn an_entry_under_another_name_is_caught() {
    safety(Sabotage::MistakesAuthor, &[Fault::Reset], 5, "under another name");
}

#[test]
fn a_state_that_breaks_is_caught() {
    safety(Sabotage::TakesAuthorship, &[Fault::Reset], 5, "broke: ");
}

#[test]
fn two_histories_of_which_nobody_is_told_are_caught() {
    let words = "one place, and nobody noticed";
    safety(Sabotage::TellsNobodyOfFork, &[Fault::Clone, Fault::Cut], 10, words);
}

#[test]
fn a_damaged_frame_that_is_never_given_again_is_caught() {
    let (seed, failure) = caught(Sabotage::NeverGivesAgain, &[Fault::SpoilFrame], 5);
    let Failure::Liveness(why) = &failure else { panic!("seed {seed}: {failure:?}") };
    assert!(why.contains("is not at the city"), "seed {seed}: {why}");
}

#[test]
fn a_machine_that_stops_at_a_damaged_record_is_caught() {
    safety(Sabotage::StopsAtDamage, &[Fault::Rot, Fault::StateGone], 10, "cannot start");
}
