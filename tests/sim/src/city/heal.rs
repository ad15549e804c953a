//! Nothing goes wrong any more: within a stated time everybody agrees.

use super::{City, Failure, Outcome};
use crate::{dice::Throw, machine::Death};
use motcua_core::replica::Input;

/// Simulated time within which a healed city agrees, in milliseconds. What no message tells is found
/// by the digest check, which comes round within 28 hours.
pub const BOUND: u64 = 36 * 3_600_000;
/// Between two looks, in milliseconds.
const LOOK: u64 = 20_000;
/// Bytes that a reconnect may cost when nothing has changed, both ways, with all its messages.
const RECONNECT: u64 = 2_000;

impl City {
    /// Lifts all faults and waits for agreement; gives how long that took, in milliseconds.
    ///
    /// # Errors
    /// [`Failure::Liveness`] when it takes too long, [`Failure::Safety`] as ever.
    pub fn heal(&mut self) -> Result<u64, Failure> {
        self.note("healing begins");
        for at in 0..self.machines.len() {
            self.lines[at] = super::Line::default();
            self.machines[at].disk.fs.heal();
            if let Some(life) = &mut self.machines[at].life {
                life.books.state.refuse_after = None;
            } else if !self.machines[at].retired {
                self.plan_boot(at, 500);
            }
        }
        let began = self.now;
        self.unplug_twins(began)?;
        self.unplug_unnamed()?;
        let mut why = String::new();
        while self.now - began < self.patience {
            let until = self.now + LOOK.max((self.now - began) / 8);
            self.run_until(until)?;
            match self.disagreement()? {
                None => {
                    let took = self.now - began;
                    self.note(format!("agreement after {took} ms"));
                    return Ok(took);
                }
                Some(reason) => {
                    if reason != why {
                        self.note(format!("not yet: {reason}"));
                    }
                    why = reason;
                }
            }
        }
        for line in self.who_holds_what() {
            self.note(line);
        }
        Err(Failure::Liveness(why))
    }

    /// Copies are found by people, once what they wrote is with the hub.
    fn unplug_twins(&mut self, began: u64) -> Outcome {
        for (at, twin) in self.twins.clone() {
            if self.machines[twin].retired {
                continue;
            }
            while !self.is_level(twin) {
                if self.now - began > self.patience {
                    return Err(Failure::Liveness(format!("m{twin}, a copy, is never level")));
                }
                self.run_until(self.now + LOOK)?;
            }
            self.note(format!("m{twin}, a copy, is unplugged"));
            self.die(twin, Death::Kill)?;
            self.machines[twin].retired = true;
            self.input(at, Input::Verify)?;
        }
        Ok(())
    }

    /// Hubs that were retired are switched off.
    fn unplug_unnamed(&mut self) -> Outcome {
        for at in self.unnamed.clone() {
            if self.machines[at].retired {
                continue;
            }
            // Its wards are with the city first.
            self.run_until(self.now + 3_600_000)?;
            if self.machines[at].life.is_some() {
                self.die(at, Death::Kill)?;
            }
            self.machines[at].retired = true;
            self.touched.insert(at);
            self.model.acked.remove(&at);
            self.machines[at].disk.fs = motcua_journal::mem::MemFs::new();
            self.machines[at].disk.state = crate::state::StateStore::default();
            self.count_losses()?;
        }
        Ok(())
    }

    /// Whether the hub has everything that a machine wrote, or nobody will ever take it.
    fn is_level(&self, at: usize) -> bool {
        if self.papers.denied.contains_key(&self.machines[at].node()) {
            return true;
        }
        let Some(life) = &self.machines[at].life else { return false };
        let quiet = !life.has_to_sync() && !life.has_to_apply() && life.broken.is_none();
        quiet && self.links_up(at) > 0 && life.is_with_the_hub()
    }

    /// A machine comes back after a cut in which nothing changed: what that costs is bounded.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn reconnect(&mut self) -> Outcome {
        let nodes: Vec<usize> = (0..self.machines.len())
            .filter(|at| self.links_up(*at) == 1 && !self.machines[*at].retired)
            .collect();
        let Some(at) = self.dice.pick(&nodes) else { return Ok(()) };
        // Let what is periodic pass.
        self.run_until(self.now + 120_000)?;
        let before = self.bytes[at];
        for link in self.links_over(at) {
            self.cut_link(link);
        }
        self.run_until(self.now + 120_000)?;
        let cost = self.bytes[at] - before;
        self.note(format!("m{at} came back for {cost} bytes"));
        if self.links_up(at) != 1 {
            return Err(Failure::Liveness(format!("m{at} does not come back after a cut")));
        }
        if cost > RECONNECT {
            let what = format!("m{at} came back for {cost} bytes with nothing changed");
            return Err(Failure::Safety(what));
        }
        Ok(())
    }
}
