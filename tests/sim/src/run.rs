//! One run: faults first, then healing, then agreement.

use crate::{
    city::{City, Failure, Fault, Outcome},
    dice::{Dice, Throw},
    sabotage::Sabotage,
};
use std::collections::BTreeMap;

/// How a run is made.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// A deliberate defect.
    pub sabotage: Option<Sabotage>,
    /// Only these kinds of fault.
    pub only: Option<Vec<Fault>>,
    /// Simulated milliseconds that a healed city has until it must agree; [`crate::BOUND`] where
    /// nothing is said.
    pub patience: Option<u64>,
    /// Prints every step.
    pub loud: bool,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What went wrong, if anything did.
    pub failure: Option<Failure>,
    /// Hash of everything that happened.
    pub digest: String,
    /// Steps.
    pub steps: u64,
    /// Simulated milliseconds.
    pub millis: u64,
    /// Entries that were written.
    pub entries: usize,
    /// Of these, how many were lost by a fault that may lose them.
    pub lost: usize,
    /// Milliseconds from healing to agreement.
    pub agreed: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Damaged frames that were asked for again, and that came.
    pub again: (u64, u64),
    /// Links that were refused, by kind.
    pub refusals: BTreeMap<&'static str, u64>,
    /// The last steps.
    pub tail: Vec<String>,
}

/// Runs one seed.
pub fn run(seed: u64, plan: &Plan) -> Report {
    let mut city = City::new(seed, plan.sabotage, plan.loud);
    if let Some(only) = &plan.only {
        city.only(only);
    }
    if let Some(patience) = plan.patience {
        city.patience = patience;
    }
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9) ^ 0x7465_7374);
    let mut agreed = 0;
    let outcome = live(&mut city, &mut dice, &mut agreed);
    Report {
        seed,
        failure: outcome.err(),
        digest: city.trace.digest(),
        steps: city.trace.steps(),
        millis: city.now,
        entries: city.model.written.len(),
        lost: city.model.written.values().filter(|written| written.lost).count(),
        agreed,
        faults: city.faults.clone(),
        again: (city.asked_again, city.mended),
        refusals: city.refusals.clone(),
        tail: city.trace.tail(),
    }
}

fn live(city: &mut City, dice: &mut Dice, agreed: &mut u64) -> Outcome {
    city.run_until(dice.between(10, 3_000))?;
    let turns = dice.between(30, 140);
    let wild = dice.between(3, 12);
    for _ in 0..turns {
        if dice.one_in(wild) {
            city.befall()?;
        } else {
            // Several clerks press the key in the same moment, so that one sync is for all.
            let at_once = if dice.one_in(6) { dice.between(2, 9) } else { 1 };
            for _ in 0..at_once {
                city.act()?;
            }
        }
        let pause = match dice.below(100) {
            0..55 => dice.below(200),
            55..88 => dice.below(10_000),
            88..99 => dice.below(600_000),
            _ => dice.below(30 * 3_600_000),
        };
        city.run_until(city.now + pause)?;
    }
    *agreed = city.heal()?;
    city.reconnect()
}
