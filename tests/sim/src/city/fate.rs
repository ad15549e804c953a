//! What befalls machines, lines and clocks.

use super::{City, Failure, Lift, Outcome};
use crate::{
    dice::{Dice, Throw},
    machine::{Death, Disk, EPOCH},
    model::holdings,
    papers::key,
    state::StateStore,
};
use motcua_core::{
    id::Hash,
    trust::{Denied, DenyAction, NodeKind},
};
use motcua_journal::mem::{Crash, MemFs};
use std::collections::BTreeSet;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed; the page cache stays.
    Kill,
    /// The power goes between two events.
    Power,
    /// The power goes at some operation of the disk, sync included.
    PowerAtOperation,
    /// The line upwards is cut for a while.
    Cut,
    /// The line passes in one direction only, for a while.
    OneWay,
    /// The line is slow for a while.
    Slow,
    /// A link breaks.
    Reset,
    /// A sync fails, and of what it should have made durable some is.
    FailSync,
    /// A write fails half-way.
    FailWrite,
    /// The disk is full for a while.
    Full,
    /// A bit of a file of the journal, or of a base, flips.
    Rot,
    /// The next frame from below that a machine takes is damaged on its disk before it is passed on.
    SpoilFrame,
    /// The state store refuses a batch.
    StateRefuses,
    /// The state store is gone.
    StateGone,
    /// A wall clock is at 1970, at 2099, or off by days.
    Clock,
    /// A copy of a disk is taken, for later.
    Backup,
    /// A machine's disk is what it was at some backup.
    PutBack,
    /// The disk of a node is copied, and the copy runs beside it.
    Clone,
    /// A node is lost whole and another takes its place.
    LoseNode,
    /// The hub of a district is lost whole and another takes its place.
    LoseHub,
    /// The hub of a district is retired; its wards belong to the city.
    Retire,
    /// A machine is banned or suspended, or let in again.
    Deny,
    /// A hub decides on a change.
    Decide,
    /// A base is written.
    Base,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Kill,
        Self::Power,
        Self::PowerAtOperation,
        Self::Cut,
        Self::OneWay,
        Self::Slow,
        Self::Reset,
        Self::FailSync,
        Self::FailWrite,
        Self::Full,
        Self::Rot,
        Self::SpoilFrame,
        Self::StateRefuses,
        Self::StateGone,
        Self::Clock,
        Self::Backup,
        Self::PutBack,
        Self::Clone,
        Self::LoseNode,
        Self::LoseHub,
        Self::Retire,
        Self::Deny,
        Self::Decide,
        Self::Base,
    ];

    /// Of the dear ones a run has few.
    fn most(self) -> u64 {
        match self {
            Self::Clone | Self::LoseHub | Self::Retire => 1,
            Self::LoseNode | Self::PutBack | Self::Rot => 2,
            Self::SpoilFrame => 3,
            Self::Deny | Self::Decide => 4,
            _ => u64::MAX,
        }
    }
}

/// The kinds that are at home in one run: about half, so that some runs have what others hide.
pub(super) fn swarm(dice: &mut Dice) -> Vec<Fault> {
    Fault::ALL.into_iter().filter(|_| dice.one_in(2)).collect()
}

impl City {
    /// Only these kinds happen, and all of them.
    pub fn only(&mut self, faults: &[Fault]) {
        self.enabled = faults.to_vec();
    }

    /// Something goes wrong.
    ///
    /// # Errors
    /// [`Failure`] when something is true that must not be.
    pub fn befall(&mut self) -> Outcome {
        let count = |fault: &Fault| self.faults.get(fault).copied().unwrap_or(0);
        let left: Vec<Fault> =
            self.enabled.iter().filter(|fault| count(fault) < fault.most()).copied().collect();
        let Some(fault) = self.dice.pick(&left) else { return Ok(()) };
        let some = |city: &Self, wanted: &dyn Fn(usize) -> bool| {
            let there = (0..city.machines.len()).filter(|at| !city.machines[*at].retired);
            there.filter(|at| wanted(*at)).collect::<Vec<usize>>()
        };
        let kind = |city: &Self, at: usize| city.machines[at].seat.kind;
        let candidates = match fault {
            Fault::Clone | Fault::LoseNode => {
                some(self, &|at| kind(self, at) == NodeKind::Node && !self.has_twin(at))
            }
            Fault::LoseHub | Fault::Retire | Fault::SpoilFrame => {
                some(self, &|at| kind(self, at) == NodeKind::Hub && !self.is_city_hub(at))
            }
            Fault::Deny => some(self, &|at| kind(self, at) == NodeKind::Node),
            _ => some(self, &|_| true),
        };
        let Some(at) = self.dice.pick(&candidates) else { return Ok(()) };
        *self.faults.entry(fault).or_default() += 1;
        self.note(format!("fault {fault:?} at m{at}"));
        self.strike(fault, at)
    }

    fn strike(&mut self, fault: Fault, at: usize) -> Outcome {
        let running = self.machines[at].life.is_some();
        match fault {
            Fault::Kill if running => return self.die(at, Death::Kill),
            Fault::Power if running => return self.die(at, Death::Power),
            Fault::PowerAtOperation => {
                let fs = &self.machines[at].disk.fs;
                fs.power_off_at(fs.ops() + self.dice.between(1, 40));
            }
            Fault::Cut | Fault::OneWay | Fault::Slow | Fault::Reset => self.line(fault, at),
            Fault::FailSync => {
                let (n, seed) = (self.dice.between(1, 3), self.dice.next_u64());
                self.machines[at].disk.fs.fail_sync(n, seed);
            }
            Fault::FailWrite => {
                let n = self.dice.between(1, 3);
                self.machines[at].disk.fs.fail_write(n);
            }
            Fault::Full => {
                let room = self.dice.below(40_000);
                self.machines[at].disk.fs.disk_full_after(Some(room));
                self.lift_later(Lift::Disk(at));
            }
            Fault::Rot => return self.rot(at),
            Fault::SpoilFrame => {
                if let Some(life) = &mut self.machines[at].life {
                    life.spoil_next = true;
                    self.untrust(at);
                }
            }
            Fault::StateRefuses => {
                let after = self.dice.below(6);
                if let Some(life) = &mut self.machines[at].life {
                    life.books.state.refuse_after = Some(after);
                }
            }
            Fault::StateGone if running => {
                self.die(at, Death::Kill)?;
                self.machines[at].disk.state = StateStore::default();
            }
            Fault::Clock => self.set_clock(at),
            Fault::Backup => {
                let how = Crash::Seed(self.dice.next_u64());
                let disk = self.machines[at].image(how);
                self.backups.push((at, disk));
            }
            Fault::PutBack => return self.put_back(),
            Fault::Clone => self.clone_machine(at),
            Fault::LoseNode | Fault::LoseHub => return self.lose(at),
            Fault::Retire => self.retire(at),
            Fault::Deny => self.deny(at),
            Fault::Decide => return self.decide(),
            Fault::Base => {
                if let Some(life) = &mut self.machines[at].life
                    && life.broken.is_none()
                {
                    // A base that cannot be written is written another time.
                    let _ = life.write_base();
                }
                return self.after(at);
            }
            Fault::Kill | Fault::Power | Fault::StateGone => {}
        }
        Ok(())
    }

    fn line(&mut self, fault: Fault, at: usize) {
        let over = self.links_over(at);
        match fault {
            Fault::Cut => {
                self.lines[at].cut = true;
                over.into_iter().for_each(|link| self.cut_link(link));
                self.lift_later(Lift::Line(at));
            }
            Fault::OneWay => {
                let side = self.dice.below(2) as usize;
                self.lines[at].blocked[side] = self.now + self.dice.between(1_000, 120_000);
                // The transport gives up on a line that answers nothing.
                if self.dice.one_in(2) {
                    over.into_iter().for_each(|link| self.cut_link(link));
                }
            }
            Fault::Slow => {
                self.lines[at].slow = self.dice.between(100, 3_000);
                self.lift_later(Lift::Line(at));
            }
            _ => {
                if let Some(link) = self.dice.pick(&over) {
                    self.cut_link(link);
                }
            }
        }
    }

    fn lift_later(&mut self, lift: Lift) {
        let longest = if self.dice.one_in(4) { 1_800_000 } else { 60_000 };
        let delay = self.dice.between(500, longest);
        self.plan(delay, super::Event::Lift(lift));
    }

    pub(super) fn lift(&mut self, lift: Lift) {
        match lift {
            Lift::Line(at) => self.lines[at] = super::Line::default(),
            Lift::Disk(at) => self.machines[at].disk.fs.disk_full_after(None),
        }
    }

    fn set_clock(&mut self, at: usize) {
        let day = 86_400_000;
        let skew = match self.dice.below(5) {
            0 => -EPOCH - self.now as i64,
            1 => 4_070_908_800_000 - EPOCH,
            2 => 0,
            _ => (self.dice.below(800) as i64 - 400) * day,
        };
        self.machines[at].skew = skew;
    }

    fn rot(&mut self, at: usize) -> Outcome {
        let Some(place) = self.machines[at].rot() else { return Ok(()) };
        self.note(format!("m{at} rots in {place}"));
        self.untrust(at);
        self.count_losses()
    }

    /// What stands on the disk of a machine is not what it said.
    fn untrust(&mut self, at: usize) {
        self.touched.insert(at);
        self.model.acked.remove(&at);
    }

    fn put_back(&mut self) -> Outcome {
        let places: Vec<usize> = (0..self.backups.len()).collect();
        let Some(which) = self.dice.pick(&places) else { return Ok(()) };
        let (at, disk) = self.backups.swap_remove(which);
        if self.machines[at].retired {
            return Ok(());
        }
        self.note(format!("m{at} is put back"));
        if self.machines[at].life.is_some() {
            self.die(at, Death::Kill)?;
        }
        self.machines[at].disk = disk;
        self.touched.insert(at);
        self.model.acked.remove(&at);
        self.plan_boot(at, 1_000);
        self.count_losses()
    }

    fn clone_machine(&mut self, at: usize) {
        let how = Crash::Seed(self.dice.next_u64());
        let disk = self.machines[at].image(how);
        let (seat, key) = (self.machines[at].seat, self.machines[at].key.clone());
        let twin = self.add_machine(seat, key, disk);
        self.twins.insert(at, twin);
        // What its disk holds was promised at the other.
        self.touched.insert(twin);
        self.look_for_siblings_of(twin);
    }

    fn has_twin(&self, at: usize) -> bool {
        self.twins.iter().any(|(one, other)| *one == at || *other == at)
    }

    /// The machine burns down; another is enrolled in its place, with a key of its own.
    fn lose(&mut self, at: usize) -> Outcome {
        if self.machines[at].life.is_some() {
            self.die(at, Death::Power)?;
        }
        self.machines[at].retired = true;
        self.machines[at].disk = Disk { fs: MemFs::new(), state: StateStore::default() };
        self.model.acked.remove(&at);
        self.touched.insert(at);
        self.keys += 1;
        let (seat, key) = (self.machines[at].seat, key(self.keys));
        if seat.kind == NodeKind::Hub {
            self.papers.name_hub(seat.office, Some(key.public()));
        }
        let disk = Disk { fs: MemFs::new(), state: StateStore::default() };
        let new = self.add_machine(seat, key, disk);
        self.note(format!("m{new} takes the place of m{at}"));
        if seat.kind == NodeKind::Node {
            self.look_for_siblings_of(new);
        }
        self.count_losses()
    }

    fn retire(&mut self, at: usize) {
        self.papers.name_hub(self.machines[at].seat.office, None);
        self.unnamed.insert(at);
    }

    /// A ban or suspension that counts what the city's hub has; or it is lifted.
    fn deny(&mut self, at: usize) {
        let node = self.machines[at].node();
        if self.papers.denied.contains_key(&node) {
            self.note(format!("m{at} is let in again"));
            return self.papers.deny(node, None);
        }
        self.model.deny(node);
        let action = if self.dice.one_in(2) { DenyAction::Ban } else { DenyAction::Suspend };
        let Some(life) = self.city_hub().and_then(|hub| self.machines[hub].life.as_ref()) else {
            return;
        };
        let last_good: Vec<_> = life.logs_of(node).into_iter().take(8).collect();
        let last_good = last_good
            .into_iter()
            .map(|(log, head)| (log, head - self.dice.below(head.min(3) + 1)))
            .collect();
        self.note(format!("m{at} is denied: {action:?} beyond {last_good:?}"));
        self.papers.deny(node, Some(Denied { node, action, last_good }));
    }

    /// Leaves of all entries that any disk holds.
    pub(super) fn all_held(&self) -> BTreeSet<Hash> {
        (0..self.machines.len()).flat_map(|at| self.held_at(at)).collect()
    }

    /// Leaves of all entries on the disk of a machine.
    pub(super) fn held_at(&self, at: usize) -> BTreeSet<Hash> {
        let machine = &self.machines[at];
        let state = match &machine.life {
            Some(life) => &life.books.state,
            None => &machine.disk.state,
        };
        let image = machine.disk.fs.image(Crash::LoseAll);
        let mut held = holdings::in_journal(image, machine.node().0).unwrap_or_default();
        held.extend(holdings::in_state(state.rows()));
        held
    }

    /// What nobody holds any more is lost; it must not be what an untouched machine acknowledged.
    pub(super) fn count_losses(&mut self) -> Outcome {
        let held = self.all_held();
        match self.model.after_loss(&held).first() {
            None => Ok(()),
            Some(leaf) => {
                let what = self.describe(leaf);
                Err(Failure::Safety(format!("{what} is nowhere, and a hub has acknowledged it")))
            }
        }
    }
}
