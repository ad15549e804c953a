//! What people do: clerks at the counters of wards, operators at hubs.

use super::{City, Event, Failure, Outcome, Request};
use crate::{
    dice::Throw,
    machine::{Life, Unable, Wish},
    shape::{OfficeAt, office_id},
};
use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::{DossierId, Hash},
    record::RequestKey,
    replica::Input,
    state::history::Verdict,
    trust::NodeKind,
};

impl City {
    /// Somebody does something.
    ///
    /// # Errors
    /// [`Failure`] when something is true that must not be.
    pub fn act(&mut self) -> Outcome {
        let running = |at: &usize| self.machines[*at].life.is_some();
        let nodes: Vec<usize> = (0..self.machines.len())
            .filter(|at| self.machines[*at].seat.kind == NodeKind::Node)
            .filter(running)
            .collect();
        let Some(at) = self.dice.pick(&nodes) else { return Ok(()) };
        let wish = match self.dice.below(100) {
            0..30 => Wish::Create,
            30..35 => {
                self.note(format!("m{at} is asked to verify"));
                return self.input(at, Input::Verify);
            }
            what => {
                let Some(life) = &self.machines[at].life else { return Ok(()) };
                let desk = life.desk();
                let Some(dossier) = self.dice.pick(&desk) else { return Ok(()) };
                let ops = match what {
                    35..65 => vec![],
                    65..88 => self.grant(at),
                    _ => self.revoke(at, dossier),
                };
                Wish::Change(dossier, ops)
            }
        };
        self.tickets += 1;
        let request = self.tickets;
        self.requests.insert(request, Request { wish: wish.clone(), answered: false });
        self.ask(at, request, &wish)
    }

    /// A hub decides on a change that it holds.
    pub(super) fn decide(&mut self) -> Outcome {
        let hub = |at: &usize| {
            let machine = &self.machines[*at];
            let named = |life: &Life| {
                let hub = life.trust().hub(office_id(machine.seat.office));
                hub.is_some_and(|hub| hub.key == machine.key.public())
            };
            machine.seat.kind == NodeKind::Hub && machine.life.as_ref().is_some_and(named)
        };
        let hubs: Vec<usize> = (0..self.machines.len()).filter(hub).collect();
        let Some(at) = self.dice.pick(&hubs) else { return Ok(()) };
        let office = self.machines[at].seat.office;
        let below = self.model.written.values().filter(|written| {
            let author = self.machines[written.machine].seat.office;
            written.attempt.kind.is_change() && self.shape.is_within(author, office)
        });
        let below: Vec<(DossierId, Hash)> =
            below.map(|written| (written.attempt.dossier, written.attempt.change)).collect();
        let Some((dossier, change)) = self.dice.pick(&below) else { return Ok(()) };
        let verdicts = [Verdict::Quarantined, Verdict::Held, Verdict::Flagged, Verdict::Accepted];
        let Some(verdict) = self.dice.pick(&verdicts) else { return Ok(()) };
        let Some(life) = &self.machines[at].life else { return Ok(()) };
        if life.books.dossier(dossier).is_none() {
            return Ok(());
        }
        let number = life.next_decision(dossier, &change);
        self.note(format!("m{at} decides {verdict:?} on {change} of {dossier}"));
        self.tickets += 1;
        let request = self.tickets;
        let wish = Wish::Decide(dossier, change, verdict, number);
        // Operators look, and decide anew if it is not there: no key.
        self.ask(at, request, &wish)
    }

    fn grant(&mut self, at: usize) -> Vec<AudienceOp> {
        let own = self.machines[at].seat.office;
        let others: Vec<OfficeAt> =
            (0..self.shape.offices.len()).filter(|office| *office != own).collect();
        let office = self.dice.pick(&others).map(office_id);
        let add =
            |office| AudienceOp { action: AudienceAction::Add, role: Role::Competent, office };
        office.into_iter().map(add).collect()
    }

    fn revoke(&mut self, at: usize, dossier: DossierId) -> Vec<AudienceOp> {
        let own = office_id(self.machines[at].seat.office);
        let Some(life) = &self.machines[at].life else { return vec![] };
        let row = life.books.dossier(dossier).unwrap_or_default();
        let others = row.members().into_iter().filter(|(office, _)| *office != own);
        let others: Vec<_> = others
            .flat_map(|(office, roles)| roles.into_iter().map(move |role| (office, role)))
            .collect();
        let remove = |(office, role)| AudienceOp { action: AudienceAction::Remove, role, office };
        self.dice.pick(&others).map(remove).into_iter().collect()
    }

    /// A clerk's request, for the first time or again.
    fn ask(&mut self, at: usize, request: u64, wish: &Wish) -> Outcome {
        self.tickets += 1;
        let ticket = self.tickets;
        let clock = self.machines[at].clock(self.now);
        let Some(life) = &mut self.machines[at].life else { return Ok(()) };
        let key = RequestKey { key: blake16(request), body: Hash([1; 32]) };
        let key = (!matches!(wish, Wish::Decide(..))).then_some(key);
        match life.write(ticket, key, wish, clock) {
            Ok(attempt) => {
                self.note(format!(
                    "m{at} ticket {ticket} request {request}: {:?} of {}, {} {}{}",
                    attempt.kind,
                    attempt.dossier,
                    attempt.log,
                    attempt.sequence,
                    audience(&attempt.audience)
                ));
                self.open.insert(ticket, (at, request));
                let office = self.machines[at].seat.office;
                self.model.write(at, request, attempt, office);
                // It may have been answered at once.
                self.after(at)
            }
            Err(Unable::Repeated(dossier)) => self.repeated(at, request, dossier),
            Err(Unable::Journal) => {
                self.plan(5_000, Event::Retry(at, request));
                self.after(at)
            }
            Err(Unable::NotHere) => Ok(()),
            Err(Unable::Limit(why)) => Err(Failure::Safety(format!("a limit of an entry: {why}"))),
        }
    }

    pub(super) fn retry(&mut self, at: usize, request: u64) -> Outcome {
        let Some(asked) = self.requests.get(&request) else { return Ok(()) };
        let under_way = self.open.values().any(|(_, other)| *other == request);
        if asked.answered || under_way || self.machines[at].retired {
            return Ok(());
        }
        let wish = asked.wish.clone();
        if self.machines[at].life.is_none() {
            self.plan(10_000, Event::Retry(at, request));
            return Ok(());
        }
        self.ask(at, request, &wish)
    }

    /// The machine says that it has answered this request before: then the entry is there.
    fn repeated(&mut self, at: usize, request: u64, dossier: DossierId) -> Outcome {
        self.note(format!("m{at} request {request} was answered before: {dossier}"));
        if let Some(asked) = self.requests.get_mut(&request) {
            asked.answered = true;
        }
        let tries = self.model.written.iter().filter(|(_, written)| written.request == request);
        let tries: Vec<Hash> = tries.map(|(leaf, _)| *leaf).collect();
        let held = self.held_at(at);
        let there: Vec<Hash> = tries.into_iter().filter(|leaf| held.contains(leaf)).collect();
        if there.is_empty() && !self.touched.contains(&at) {
            let what = format!("m{at} answers request {request} as saved, and holds nothing of it");
            return Err(Failure::Safety(what));
        }
        if there.len() > 1 {
            let what = format!("m{at} holds {} entries of request {request}", there.len());
            return Err(Failure::Safety(what));
        }
        for leaf in there {
            if let Some(written) = self.model.written.get_mut(&leaf) {
                written.saved = true;
            }
        }
        Ok(())
    }
}

fn blake16(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
    key
}

/// Who joins and who leaves, for the trace.
fn audience(ops: &[AudienceOp]) -> String {
    let one = |op: &AudienceOp| {
        let what = if op.action == AudienceAction::Add { "lets in" } else { "takes out" };
        format!(", {what} office {} as {:?}", op.office.0[0] - 1, op.role)
    };
    ops.iter().map(one).collect()
}
