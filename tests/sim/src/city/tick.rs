//! What is due, done; and what came of it, carried on.

use super::{City, Event, Failure, Outcome};
use crate::{
    dice::Throw,
    machine::{BootError, Death, Happening},
    model::holdings,
    sabotage::Sabotage,
};
use motcua_core::{
    id::{Hash, LogId},
    replica::{Event as Told, Input, Received},
};
use motcua_journal::mem::Crash;

/// Housekeeping after work, and the longest pause between two looks, in milliseconds.
const HOUSE: (u64, u64) = (2_000, 1_200_000);
/// A machine that reaches no hub for so long asks others for documents, in milliseconds.
const LONELY: u64 = 300_000;
/// A machine whose state is broken is started again by its operator after so long.
const REPAIR: u64 = 60_000;

impl City {
    pub(super) fn handle(&mut self, event: Event) -> Outcome {
        match event {
            Event::Boot(at) => self.boot(at),
            Event::Deliver(link, from, channel) => self.deliver(link, from, channel),
            Event::Down(link, end) => self.down(link, end),
            Event::Beside(a, b) => self.beside(a, b),
            Event::Retry(at, request) => self.retry(at, request),
            Event::Sync(at, boots) => {
                self.calendar[at].sync = false;
                self.with(at, boots, "sync", |life, clock| life.sync(clock))
            }
            Event::Apply(at, boots) => {
                self.calendar[at].apply = false;
                self.with(at, boots, "apply", |life, clock| life.apply(clock))
            }
            Event::Timeout(at, boots) => {
                // An earlier one was planned since, and has seen to it.
                if self.calendar[at].timeout != Some(self.now) {
                    return Ok(());
                }
                self.calendar[at].timeout = None;
                self.with(at, boots, "timeout", |life, clock| life.timeout(clock))
            }
            Event::House(at, boots) => self.house(at, boots),
            Event::Dial(at, boots) => self.dial(at, boots),
            Event::Lift(lift) => {
                self.lift(lift);
                Ok(())
            }
        }
    }

    /// Something for the process of a machine, if it is still that one.
    pub(super) fn with(
        &mut self,
        at: usize,
        boots: u64,
        what: &str,
        work: impl FnOnce(&mut crate::machine::Life, crate::machine::Clock),
    ) -> Outcome {
        let machine = &mut self.machines[at];
        let clock = machine.clock(self.now);
        if machine.boots != boots {
            return Ok(());
        }
        let Some(life) = &mut machine.life else { return Ok(()) };
        work(life, clock);
        self.trace.note(self.now, format!("m{at} {what}"));
        self.after(at)
    }

    /// Hands something to the replica of a machine.
    pub(super) fn input(&mut self, at: usize, input: Input) -> Outcome {
        let boots = self.machines[at].boots;
        self.with(at, boots, "input", |life, clock| life.input(clock, input))
    }

    /// What a machine said is carried on, and what it has to do is planned.
    pub(super) fn after(&mut self, at: usize) -> Outcome {
        if self.machines[at].disk.fs.is_off() {
            self.note(format!("m{at} power goes at an operation of the disk"));
            self.listen(at)?;
            return self.die(at, Death::Power);
        }
        self.listen(at)?;
        let machine = &self.machines[at];
        let Some(life) = &machine.life else { return Ok(()) };
        let boots = machine.boots;
        let (sync, apply) = (life.has_to_sync(), life.has_to_apply());
        let deadline = life.replica.poll_timeout().map(|instant| instant.0);
        let busy = sync || apply;
        let calendar = &mut self.calendar[at];
        let plan_sync = sync && !std::mem::replace(&mut calendar.sync, true);
        let plan_apply = apply && !std::mem::replace(&mut calendar.apply, true);
        if busy && calendar.house > HOUSE.0 * 2 {
            self.plan_house(at, boots, HOUSE.0);
        }
        if plan_sync {
            let delay = if self.dice.one_in(12) {
                self.dice.between(50, 800)
            } else {
                self.dice.between(1, 8)
            };
            self.plan(delay, Event::Sync(at, boots));
        }
        if plan_apply {
            let delay = if self.dice.one_in(12) {
                self.dice.between(50, 2_000)
            } else {
                self.dice.between(1, 30)
            };
            self.plan(delay, Event::Apply(at, boots));
        }
        let deadline = deadline.map(|due| due.max(self.now + 1));
        if let Some(due) = deadline
            && self.calendar[at].timeout.is_none_or(|planned| planned > due)
        {
            self.calendar[at].timeout = Some(due);
            self.plan(due - self.now, Event::Timeout(at, boots));
        }
        Ok(())
    }

    fn listen(&mut self, at: usize) -> Outcome {
        loop {
            let Some(life) = &mut self.machines[at].life else { return Ok(()) };
            let happenings = std::mem::take(&mut life.out);
            if happenings.is_empty() {
                return Ok(());
            }
            for happening in happenings {
                self.hear(at, happening)?;
            }
        }
    }

    fn hear(&mut self, at: usize, happening: Happening) -> Outcome {
        match happening {
            Happening::Send { link, channel, bytes } => self.send(at, link, channel, bytes),
            Happening::Close { link, reason } => {
                self.note(format!("m{at} closes {}: {reason}", link.0));
                self.close(link, at);
            }
            Happening::Dial => {
                let boots = self.machines[at].boots;
                let delay = self.dice.between(1, 40);
                self.plan(delay, Event::Dial(at, boots));
            }
            Happening::Saved(ticket) => return self.saved(at, ticket),
            Happening::InDoubt(ticket) => self.in_doubt(at, ticket),
            Happening::Event(event) => return self.told(at, event),
        }
        Ok(())
    }

    fn told(&mut self, at: usize, event: Told) -> Outcome {
        match event {
            Told::Refused { kind, reason, .. } => {
                self.note(format!("m{at} refuses: {kind}: {reason}"));
                *self.refusals.entry(kind).or_default() += 1;
            }
            Told::Received(received) => return self.received(at, received),
            Told::OwnLogDiverged { parent, whole } => {
                self.note(format!("m{at} diverged {} whole {whole}", parent.log));
                self.forked(parent.log);
            }
            Told::TwoAlive { node } => {
                self.note(format!("m{at} sees two of {node}"));
                let twin = |machine: &&crate::machine::Machine| machine.node() == node;
                let lives = self.machines.iter().filter(twin).filter_map(|one| one.life.as_ref());
                let logs: Vec<LogId> = lives.map(|life| life.own_log().0).collect();
                logs.into_iter().for_each(|log| self.forked(log));
            }
            Told::Checked(report) => self.note(format!("m{at} checked {report:?}")),
            Told::FrameLost { log, first, last } => {
                self.note(format!("m{at} cannot read {log} {first} to {last}"));
            }
            Told::FrameMended { log, first, .. } => {
                self.note(format!("m{at} has {log} {first} again"));
                self.mended += 1;
            }
            Told::SetBack => self.note(format!("m{at} was set back")),
            _ => {}
        }
        Ok(())
    }

    /// Somebody is told that there are two histories of a log.
    fn forked(&mut self, log: LogId) {
        if self.sabotage != Some(Sabotage::TellsNobodyOfFork) {
            self.model.diverged.insert(log);
        }
    }

    fn saved(&mut self, at: usize, ticket: u64) -> Outcome {
        let Some((_, request)) = self.open.remove(&ticket) else { return Ok(()) };
        // Now and then the answer does not come to the clerk, who asks again.
        let heard = !self.dice.one_in(16);
        if let Some(request) = self.requests.get_mut(&request) {
            request.answered = heard;
        }
        if !heard {
            let delay = self.dice.between(1, 30_000);
            self.plan(delay, Event::Retry(at, request));
        }
        let Some(leaf) = self.model.saved(ticket) else { return Ok(()) };
        self.note(format!("m{at} saved {ticket}"));
        if self.dice.one_in(3) {
            self.must_hold(at, &[leaf], "was told to be saved")?;
        }
        Ok(())
    }

    /// The hub has said that it has so much of the own log.
    fn received(&mut self, at: usize, Received { log, sequence }: Received) -> Outcome {
        let Some(hub) = self.hub_of(at) else { return Ok(()) };
        let places = &self.model.places;
        let found = places.range((log, 1)..=(log, sequence)).filter(|(_, held)| held.len() == 1);
        let leaves: Vec<Hash> = found.flat_map(|(_, held)| held.iter().copied()).collect();
        let acked = self.model.acked.entry(hub).or_default();
        let fresh: Vec<Hash> = leaves.into_iter().filter(|leaf| acked.insert(*leaf)).collect();
        if !fresh.is_empty() && self.dice.one_in(3) {
            self.must_hold(hub, &fresh, "was acknowledged by it")?;
        }
        Ok(())
    }

    /// What would be on the disk of a machine if its power went now.
    pub(super) fn must_hold(&self, at: usize, leaves: &[Hash], why: &str) -> Outcome {
        if self.touched.contains(&at) {
            return Ok(());
        }
        let machine = &self.machines[at];
        let image = machine.disk.fs.image(Crash::LoseAll);
        let held = holdings::in_journal(image, machine.node().0);
        let Some(held) = held else {
            return Err(Failure::Safety(format!("the journal of m{at} does not open")));
        };
        match leaves.iter().find(|leaf| !held.contains(leaf)) {
            None => Ok(()),
            Some(leaf) => {
                let what = self.describe(leaf);
                Err(Failure::Safety(format!("{what} is not on the disk of m{at} and {why}")))
            }
        }
    }

    /// Everything that a machine promised.
    pub(super) fn must_hold_all(&self, at: usize) -> Outcome {
        let own = self.model.written.iter();
        let own =
            own.filter(|(_, written)| written.machine == at && written.saved && !written.lost);
        let acked = self.model.acked.get(&at).into_iter().flatten();
        let all: Vec<Hash> = own.map(|(leaf, _)| leaf).chain(acked).copied().collect();
        self.must_hold(at, &all, "was promised there")
    }

    pub(super) fn describe(&self, leaf: &Hash) -> String {
        match self.model.written.get(leaf) {
            None => format!("an entry {leaf} that nobody wrote"),
            Some(written) => format!(
                "entry {} ({:?} of {} at m{}, {} {}, saved {})",
                written.attempt.ticket,
                written.attempt.kind,
                written.attempt.dossier,
                written.machine,
                written.attempt.log,
                written.attempt.sequence,
                written.saved
            ),
        }
    }

    fn boot(&mut self, at: usize) -> Outcome {
        self.calendar[at].boot = false;
        if self.machines[at].life.is_some() || self.machines[at].retired {
            return Ok(());
        }
        let enrolled = self.papers.newest.clone();
        let first = self.papers.first.clone();
        let machine = &mut self.machines[at];
        let clock = machine.clock(self.now);
        let papers = if machine.boots == 0 && self.now < 100 { &first } else { &enrolled };
        let booted = machine.boot(clock, papers);
        let boots = machine.boots;
        match booted {
            Ok(recovery) => {
                let holes = recovery.holes.len();
                self.note(format!("m{at} up at {} with {holes} holes", recovery.last));
                self.calendar[at] = super::Calendar::default();
                self.plan_house(at, boots, HOUSE.0);
                self.must_hold_all(at)?;
                self.after(at)
            }
            Err(BootError::Unusable(why)) => {
                Err(Failure::Safety(format!("m{at} cannot start: {why}")))
            }
            Err(BootError::Disk(why)) => {
                self.note(format!("m{at} does not start: {why}"));
                let how =
                    if self.machines[at].disk.fs.is_off() { Death::Power } else { Death::Kill };
                self.machines[at].die(how);
                self.plan_boot(at, 5_000);
                Ok(())
            }
        }
    }

    pub(super) fn plan_boot(&mut self, at: usize, delay: u64) {
        if !std::mem::replace(&mut self.calendar[at].boot, true) {
            self.plan(delay, Event::Boot(at));
        }
    }

    /// The next housekeeping is then, and not when it was to be before.
    fn plan_house(&mut self, at: usize, boots: u64, pause: u64) {
        let calendar = &mut self.calendar[at];
        (calendar.house, calendar.house_at) = (pause, Some(self.now + pause));
        self.plan(pause, Event::House(at, boots));
    }

    fn house(&mut self, at: usize, boots: u64) -> Outcome {
        if self.machines[at].boots != boots || self.machines[at].life.is_none() {
            return Ok(());
        }
        if self.calendar[at].house_at != Some(self.now) {
            return Ok(());
        }
        let pause = (self.calendar[at].house * 2).min(HOUSE.1);
        self.plan_house(at, boots, pause);
        let broken = self.machines[at].life.as_ref().and_then(|life| life.broken.clone());
        if let Some(why) = broken {
            self.note(format!("m{at} state broken: {why}"));
            if !self.expects_broken_state(&why) {
                return Err(Failure::Safety(format!("the state of m{at} broke: {why}")));
            }
            self.die(at, Death::Kill)?;
            self.plan_boot(at, REPAIR);
            return Ok(());
        }
        // Operators publish at the city's hub; who reaches no hub asks for documents.
        let lonely = self.calendar[at].lonely.is_some_and(|since| self.now - since > LONELY);
        if self.is_city_hub(at) {
            let newest = self.papers.newest.clone();
            self.with(at, boots, "publishes", |life, clock| life.adopt(&newest, clock))?;
        } else if lonely && !self.lines[at].cut {
            self.ask_for_documents(at, boots)?;
        }
        self.with(at, boots, "house", |life, clock| life.keep_house(clock))
    }

    /// A state breaks when it is told to, or when a decision did not get to the disk.
    fn expects_broken_state(&self, why: &str) -> bool {
        why.contains("simulated store refuses") || why.contains("decision not written")
    }

    fn ask_for_documents(&mut self, at: usize, boots: u64) -> Outcome {
        let city = self.city_hub();
        let Some(hub) = city.and_then(|hub| self.machines[hub].life.as_ref()) else {
            return Ok(());
        };
        let documents = hub.trust().clone();
        self.with(at, boots, "asks for documents", |life, clock| life.adopt(&documents, clock))
    }

    /// The process of a machine ends. Who waited for an answer asks again, or gives up.
    pub(super) fn die(&mut self, at: usize, how: Death) -> Outcome {
        self.note(format!("m{at} dies: {how:?}"));
        self.machines[at].die(how);
        self.calendar[at] =
            super::Calendar { boot: self.calendar[at].boot, ..super::Calendar::default() };
        self.links_of_dead(at, how);
        let waiting: Vec<u64> =
            self.open.iter().filter(|(_, open)| open.0 == at).map(|(ticket, _)| *ticket).collect();
        for ticket in waiting {
            self.in_doubt(at, ticket);
        }
        self.must_hold_all(at)?;
        let delay = self.dice.between(200, 20_000);
        self.plan_boot(at, delay);
        Ok(())
    }

    fn in_doubt(&mut self, at: usize, ticket: u64) {
        let Some((_, request)) = self.open.remove(&ticket) else { return };
        self.note(format!("m{at} ticket {ticket} in doubt"));
        if !self.dice.one_in(4) {
            let delay = self.dice.between(500, 60_000);
            self.plan(delay, Event::Retry(at, request));
        }
    }
}
