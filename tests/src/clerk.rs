//! A clerk who never gives up: registers, forwards some and adds remarks, and asks again with the same
//! key after each silence, as a page does.

use crate::{
    census::Expected,
    city::City,
    desk::{Desk, Trouble, application, fresh_key, surely},
    seed::Seed,
};
use anyhow::Context;
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

/// Longest that one answer may take before the clerk asks again.
const ANSWER: Duration = Duration::from_secs(5);

/// Milliseconds between two acts.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At least.
    pub from: u64,
    /// At most.
    pub to: u64,
}

/// What a clerk was promised: the dossier and where it went.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Id of the dossier.
    pub id: String,
    /// Its code, as printed.
    pub code: String,
    /// Codes of the offices.
    pub places: Vec<String>,
    /// Remarks that were saved after the registration.
    pub remarks: u64,
}

impl Promise {
    /// From now on it is missed where it is not.
    pub fn count_on(&self, expected: &mut Expected, city: &City) {
        self.places.iter().for_each(|code| expected.at(city, &self.id, code));
    }
}

/// Promises whose dossier has more or fewer entries at its own office than were answered, in words.
///
/// # Errors
/// If an office does not answer.
pub fn miscounted(city: &City, promises: &[Promise]) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for promise in promises {
        let at = &promise.places[0];
        let site = city.nodes.get(at).with_context(|| format!("no node {at}"))?;
        let found = Desk::new(site.process.client()).detail(&promise.id)?["changes"].as_u64();
        let answered = promise.places.len() as u64 + promise.remarks;
        if found != Some(answered) {
            let code = &promise.code;
            faults.push(format!("{code}: {answered} entries were saved, {found:?} are there"));
        }
    }
    Ok(faults)
}

/// One office's clerk.
#[derive(Debug)]
pub struct Clerk {
    desk: Desk,
    code: String,
    /// All offices: code and id.
    offices: Vec<(String, String)>,
    seed: Seed,
}

impl Clerk {
    /// One for each node of a city.
    pub fn of_all(city: &City, number: u64) -> Vec<Self> {
        let offices: Vec<(String, String)> =
            city.nodes.values().map(|site| (site.code.clone(), site.office.clone())).collect();
        let clerk = |(at, site): (u64, &crate::city::Site)| Self {
            desk: Desk::new(site.process.client().patient(ANSWER)),
            code: site.code.clone(),
            offices: offices.clone(),
            seed: Seed::new(number ^ at.wrapping_mul(0x1234_5678_9abc)),
        };
        (0..).zip(city.nodes.values()).map(clerk).collect()
    }

    /// Works until told to stop.
    ///
    /// # Errors
    /// If there is no answer within `patience`, or a refusal.
    pub fn work(
        mut self,
        pace: Pace,
        patience: Duration,
        stop: &AtomicBool,
    ) -> anyhow::Result<Vec<Promise>> {
        let mut promises: Vec<Promise> = Vec::new();
        while !stop.load(Relaxed) {
            let registered = self.register(patience);
            promises.push(registered.with_context(|| format!("the clerk of {}", self.code))?);
            thread::sleep(self.seed.millis(pace.from, pace.to));
            if self.seed.below(4) == 0 {
                let at = self.seed.below(promises.len());
                let remarked = self.remark(&promises[at].id, patience);
                remarked.with_context(|| format!("the clerk of {}", self.code))?;
                promises[at].remarks += 1;
                thread::sleep(self.seed.millis(pace.from, pace.to));
            }
        }
        Ok(promises)
    }

    fn register(&mut self, patience: Duration) -> Result<Promise, Trouble> {
        let body = application(&mut self.seed);
        let registered = self.desk.register_surely(&fresh_key(), &body, patience)?;
        let mut places = vec![self.code.clone()];
        let (to, office) = self.seed.pick(&self.offices).clone();
        if to != self.code && self.seed.below(3) == 0 {
            let key = fresh_key();
            surely(patience, || self.desk.forward_under(&key, &registered.id, &office))?;
            places.push(to);
        }
        Ok(Promise { id: registered.id, code: registered.code, places, remarks: 0 })
    }

    fn remark(&self, id: &str, patience: Duration) -> Result<(), Trouble> {
        let key = fresh_key();
        surely(patience, || self.desk.note_under(&key, id, "Đã xem lại"))?;
        Ok(())
    }
}
