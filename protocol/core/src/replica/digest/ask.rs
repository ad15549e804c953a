//! The reader's side of a check.

use super::{
    ASKED, COMPARED, Check, EntryName, LIST, OFFICES, ROUNDS, ROUNDS_IN_PARTS, Report, SUSPECTS,
    answer::{name, own_binding},
    walk::{differing_dossiers, differing_parts},
};
use crate::{
    id::{DossierId, LogId, NodeId, OfficeId},
    replica::{Control, Data, Event, Fault, LinkId, Replica, Store, assemble},
    state::{
        Key,
        held::{self, Bucket, Part},
        history::{self, Stored},
        rows,
    },
    time::Instant,
};
use std::collections::{BTreeSet, VecDeque};

/// After a link is up, or a wish for a check, how long to wait for quiet, in milliseconds. What a
/// check finds is not urgent, and a reconnect should not pay for it.
const SOON: u64 = 2_000;
/// How long what is in flight may take before a difference is looked at again.
const SECOND_LOOK: u64 = 3_000;
/// How often quiet is looked for.
const RETRY: u64 = 1_000;
/// How long an answer may take.
const PATIENCE: u64 = 60_000;
/// Between two checks that nobody asked for: 20 to 28 hours, by the machine's own jitter.
const NIGHTLY: (u64, u64) = (20 * 3_600_000, 8 * 3_600_000);

/// A part, or a page of its dossiers, to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    office: OfficeId,
    part: Part,
    after: Option<DossierId>,
    list: bool,
}

enum Phase {
    /// Nothing to do before this moment.
    Idle { due: Instant },
    /// Offices are being compared: what was sent for last, and whether it was the last page.
    Roots { upto: Option<OfficeId>, last: bool, since: Instant },
    /// Parts are being compared.
    Walking { upto: Option<OfficeId>, last: bool, since: Instant },
    /// Differences were found; what is in flight may settle them.
    Pausing { until: Instant },
    /// Dossiers are being compared entry by entry.
    Settling { since: Instant },
}

pub(in crate::replica) struct Checker {
    phase: Phase,
    jitter: u64,
    queue: VecDeque<Question>,
    asked: BTreeSet<Question>,
    suspects: VecDeque<DossierId>,
    compared: BTreeSet<DossierId>,
    report: Report,
    /// Rounds of this check, and differences found in the one under way.
    rounds: u32,
    found: u64,
    overflow: bool,
}

impl Checker {
    pub(in crate::replica) fn new(seed: u64) -> Self {
        Self {
            // A process that has just started does not know whether its last check was finished.
            phase: Phase::Idle { due: Instant(SOON) },
            jitter: seed % NIGHTLY.1,
            queue: VecDeque::new(),
            asked: BTreeSet::new(),
            suspects: VecDeque::new(),
            compared: BTreeSet::new(),
            report: Report::default(),
            rounds: 0,
            found: 0,
            overflow: false,
        }
    }

    /// A check is wanted: after a move, a restore, or because somebody asked.
    pub(in crate::replica) fn want(&mut self, now: Instant) {
        if let Phase::Idle { due } = &mut self.phase {
            *due = (*due).min(now.after(SOON));
        }
    }

    /// The link is gone, or nothing agrees any more: what was begun begins again.
    pub(in crate::replica) fn interrupted(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Idle { .. }) {
            self.restart(now.after(SOON));
        }
    }

    pub(in crate::replica) fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Idle { due } => due,
            Phase::Pausing { until } => until,
            Phase::Roots { since, .. } | Phase::Walking { since, .. } => since.after(PATIENCE),
            Phase::Settling { since } => since.after(PATIENCE),
        }
    }

    fn restart(&mut self, due: Instant) {
        self.phase = Phase::Idle { due };
        self.queue.clear();
        self.asked.clear();
        self.suspects.clear();
        self.compared.clear();
        self.overflow = false;
    }

    /// Whether another round follows the one that has ended.
    fn goes_on(&self) -> bool {
        let most = if self.overflow { ROUNDS_IN_PARTS } else { ROUNDS };
        (self.found > 0 || self.overflow) && self.rounds < most
    }

    fn suspect(&mut self, dossier: DossierId) {
        if self.suspects.len() >= SUSPECTS {
            self.overflow = true;
        } else if !self.suspects.contains(&dossier) {
            self.suspects.push_back(dossier);
        }
    }
}

impl Replica {
    pub(in crate::replica) fn check_timeout(&mut self, now: Instant, store: &impl Store) {
        let Some(link) = self.upstream.live() else { return };
        if self.checker.deadline() > now {
            return;
        }
        let result = match self.checker.phase {
            Phase::Idle { .. } | Phase::Pausing { .. } => match self.is_quiet(store) {
                Ok(true) if matches!(self.checker.phase, Phase::Idle { .. }) => {
                    if self.checker.rounds == 0 {
                        self.checker.report = Report::default();
                    }
                    self.checker.found = 0;
                    self.report_purges(store);
                    self.ask_roots(now, link, None, store)
                }
                Ok(true) => {
                    self.checker.phase = Phase::Settling { since: now };
                    self.settle_next(now, link, store)
                }
                Ok(false) => {
                    match &mut self.checker.phase {
                        Phase::Idle { due } => *due = now.after(RETRY),
                        Phase::Pausing { until } => *until = now.after(RETRY),
                        Phase::Roots { .. } | Phase::Walking { .. } | Phase::Settling { .. } => {}
                    }
                    Ok(())
                }
                Err(fault) => Err(fault),
            },
            Phase::Roots { .. } | Phase::Walking { .. } | Phase::Settling { .. } => {
                self.checker.restart(now.after(PATIENCE));
                Ok(())
            }
        };
        if let Err(fault) = result {
            self.refuse(link, fault);
        }
    }

    /// Own logs acknowledged, inbox read, and all of it applied here.
    fn is_quiet(&self, store: &impl Store) -> Result<bool, Fault> {
        // What stood in a damaged frame is found by this very check, if nobody has it any more.
        let goes = |log: &LogId| !self.upstream.waits_for_frame(log);
        if !self.upstream.at_tail()
            || self.backlog().any(|(log, head, got)| got < head && goes(&log))
        {
            return Ok(false);
        }
        // What is to be forgotten goes before anything is asked for.
        let meta: rows::Meta = crate::replica::read(store, Key::Meta)?.unwrap_or_default();
        if meta.forgetting > 0 {
            return Ok(false);
        }
        let read: rows::Cursor = crate::replica::read(store, Key::Upstream)?.unwrap_or_default();
        let cursor = self.upstream.cursor();
        // A cursor that a hub has just given is on no disk yet.
        if (read.epoch, read.number) != (cursor.epoch, cursor.number) && !self.upstream.is_given() {
            return Ok(false);
        }
        let own = (self.own.log(), self.own.head());
        let relayed = self.logs.iter().map(|(log, row)| (*log, row.stored_entries()));
        for (log, head) in relayed.chain([own]) {
            let row: Option<rows::Log> = crate::replica::read(store, Key::Log(log))?;
            if row.map_or(0, |row| row.frontier.size()) != head {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn ask_roots(
        &mut self,
        now: Instant,
        link: LinkId,
        after: Option<OfficeId>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(me) = own_binding(self) else { return Ok(()) };
        let mut sums: Vec<(OfficeId, Bucket)> =
            self.sums_for(&me, after, None, store)?.into_iter().collect();
        let last = sums.len() <= OFFICES;
        sums.truncate(OFFICES);
        self.checker.report.checked += match self.checker.rounds {
            0 => sums.iter().map(|(_, sum)| u64::from(sum.count)).sum::<u64>(),
            _ => 0,
        };
        let upto = sums.last().map(|(office, _)| *office);
        self.checker.phase = Phase::Roots { upto, last, since: now };
        self.say(link, &Control::Check(Box::new(Check::Roots { after, sums, last })));
        Ok(())
    }

    /// A message of the check from the hub.
    pub(in crate::replica) fn check_answered(
        &mut self,
        now: Instant,
        link: LinkId,
        check: Check,
        store: &impl Store,
    ) -> Result<(), Fault> {
        match check {
            Check::Please => self.checker.want(now),
            Check::Offices { differing, first, cut } => {
                let Phase::Roots { upto, last, .. } = self.checker.phase else { return Ok(()) };
                if !cut.applied || cut.tail > self.upstream.cursor().number {
                    self.checker.restart(now.after(RETRY));
                    return Ok(());
                }
                let mut offices = differing.into_iter().take(OFFICES);
                if let Some(office) = offices.next() {
                    self.enqueue(office, Part::Root, &first, store)?;
                }
                self.checker.queue.extend(offices.map(|office| Question {
                    office,
                    part: Part::Root,
                    after: None,
                    list: false,
                }));
                self.checker.phase = Phase::Walking { upto, last, since: now };
                self.ask_next(now, link, store)?;
            }
            Check::Sums { office, of, parts } => {
                let question = Question { office, part: of, after: None, list: false };
                if !self.checker.asked.remove(&question) {
                    return Ok(());
                }
                self.enqueue(office, of, &parts, store)?;
                self.ask_next(now, link, store)?;
            }
            Check::Rows { office, of, after, rows, more } => {
                let question = Question { office, part: of, after, list: true };
                if !self.checker.asked.remove(&question) {
                    return Ok(());
                }
                let last = rows.last().map(|(id, _)| *id).filter(|_| more);
                let mine = held_until(store, office, of, after, last)?;
                for dossier in differing_dossiers(&mine, &rows) {
                    self.checker.suspect(dossier);
                }
                if let Some(last) = last {
                    self.checker.queue.push_back(Question { after: Some(last), ..question });
                }
                self.ask_next(now, link, store)?;
            }
            Check::Theirs { dossier, lacking, coming, verdicts, cut } => {
                if !self.checker.compared.remove(&dossier) {
                    return Ok(());
                }
                if !cut.applied {
                    self.checker.restart(now.after(RETRY));
                    return Ok(());
                }
                let report = &mut self.checker.report;
                let differs = coming > 0 || verdicts > 0 || !lacking.is_empty();
                if self.checker.rounds == 0 {
                    report.differing += u64::from(differs);
                    report.from_hub += u64::from(coming > 0);
                    report.to_hub += u64::from(!lacking.is_empty());
                    report.decided += u64::from(verdicts > 0);
                }
                self.checker.found += u64::from(differs);
                self.send_lacking(link, dossier, &lacking, store)?;
                self.settle_next(now, link, store)?;
            }
            Check::Roots { .. } | Check::Open { .. } | Check::Mine { .. } | Check::Done(_) => {
                return Err(Fault::new("order", "this part of a check is the reader's"));
            }
        }
        Ok(())
    }

    fn enqueue(
        &mut self,
        office: OfficeId,
        of: Part,
        theirs: &[(Part, Bucket)],
        store: &impl Store,
    ) -> Result<(), Fault> {
        let mine = held::parts(store, office, of)?;
        for (part, count) in differing_parts(&mine, theirs) {
            let list = matches!(part, Part::Leaf(_)) || count <= LIST;
            self.checker.queue.push_back(Question { office, part, after: None, list });
        }
        Ok(())
    }

    /// Asks for what waits; when nothing does, goes on.
    fn ask_next(&mut self, now: Instant, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        while self.checker.asked.len() < ASKED && !self.checker.overflow {
            let Some(question) = self.checker.queue.pop_front() else { break };
            self.checker.asked.insert(question);
            let Question { office, part, after, list } = question;
            self.say(link, &Control::Check(Box::new(Check::Open { office, part, after, list })));
        }
        let Phase::Walking { upto, last, since } = &mut self.checker.phase else { return Ok(()) };
        *since = now;
        if !self.checker.asked.is_empty() {
            return Ok(());
        }
        if !*last && !self.checker.overflow {
            let upto = *upto;
            return self.ask_roots(now, link, upto, store);
        }
        if self.checker.suspects.is_empty() {
            self.check_ended(now, link);
        } else {
            self.checker.phase = Phase::Pausing { until: now.after(SECOND_LOOK) };
        }
        Ok(())
    }

    /// Shows the hub all entries of the next dossiers in which the two differed.
    fn settle_next(&mut self, now: Instant, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        if !matches!(self.checker.phase, Phase::Settling { .. }) {
            return Ok(());
        }
        self.checker.phase = Phase::Settling { since: now };
        while self.checker.compared.len() < COMPARED {
            let Some(dossier) = self.checker.suspects.pop_front() else { break };
            self.checker.compared.insert(dossier);
            let entries = held_entries(store, dossier)?;
            let entries =
                entries.iter().map(|one| (name(&one.entry), one.verdict.applies())).collect();
            self.say(link, &Control::Check(Box::new(Check::Mine { dossier, entries })));
        }
        if self.checker.compared.is_empty() {
            self.check_ended(now, link);
        }
        Ok(())
    }

    /// A round is over: another one looks whether the repairs helped.
    fn check_ended(&mut self, now: Instant, link: LinkId) {
        self.checker.rounds += 1;
        if self.checker.goes_on() {
            return self.checker.restart(now.after(SECOND_LOOK));
        }
        self.checker.report.unrepaired = self.checker.found;
        let report = self.checker.report;
        self.checker.rounds = 0;
        let pause = NIGHTLY.0 + self.checker.jitter;
        self.checker.restart(now.after(pause));
        self.say(link, &Control::Check(Box::new(Check::Done(report))));
        self.event(Event::Checked(report));
        if std::mem::take(&mut self.regained) {
            // An author that was set back as well lacks its own, which no inbox gives it.
            self.have_children_check();
        }
    }

    /// Every peer below is to compare what it holds with what is here.
    pub(in crate::replica) fn have_children_check(&mut self) {
        self.asked.clear();
        let greeted = self.children.iter().filter(|(_, child)| child.binding.is_some());
        let peers = greeted.map(|(link, child)| (*link, child.peer.node_id()));
        for (link, node) in peers.collect::<Vec<_>>() {
            self.asked.insert(node);
            self.say(link, &Control::Check(Box::new(Check::Please)));
        }
    }

    /// The same for one that was away, or comes for the first time: what this hub was handed from
    /// above before it was stopped, it does not remember to have been.
    pub(in crate::replica) fn have_child_check(&mut self, link: LinkId, node: NodeId) {
        if self.config.parent.is_some() && self.asked.insert(node) {
            self.say(link, &Control::Check(Box::new(Check::Please)));
        }
    }

    /// Entries that the hub lacks go up with their proofs. Own ones go up by the own logs.
    fn send_lacking(
        &mut self,
        link: LinkId,
        dossier: DossierId,
        lacking: &[EntryName],
        store: &impl Store,
    ) -> Result<(), Fault> {
        if lacking.is_empty() {
            return Ok(());
        }
        let wanted: BTreeSet<EntryName> = lacking.iter().copied().collect();
        let mut entries = held_entries(store, dossier)?;
        entries.retain(|one| wanted.contains(&name(&one.entry)));
        for bytes in assemble::refill(store, &self.config, &entries)? {
            self.send(link, &Data::Refill(bytes));
        }
        Ok(())
    }
}

fn held_entries(store: &impl Store, dossier: DossierId) -> Result<Vec<Stored>, Fault> {
    Ok(history::held(store, dossier)?.map(|(_, all)| all).unwrap_or_default())
}

/// Dossiers held here between two, in the order of the tree.
fn held_until(
    store: &impl Store,
    office: OfficeId,
    part: Part,
    after: Option<DossierId>,
    last: Option<DossierId>,
) -> Result<Vec<(DossierId, held::HeldDigest)>, Fault> {
    const PAGE: usize = 1_000;
    let mut found: Vec<(DossierId, held::HeldDigest)> = Vec::new();
    let mut from = after;
    loop {
        let page = held::dossiers(store, office, part, from, PAGE)?;
        let ended = page.len() < PAGE;
        for (id, digest) in page {
            if last.is_some_and(|last| held::order(id) > held::order(last)) {
                return Ok(found);
            }
            from = Some(id);
            found.push((id, digest));
        }
        if ended {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_in_parts_goes_on_until_all_is_repaired_and_one_that_cannot_repair_ends() {
        let after = |rounds, found, overflow| {
            Checker { rounds, found, overflow, ..Checker::new(1) }.goes_on()
        };
        assert!(!after(1, 0, false), "nothing was found");
        assert!(after(1, 7, false) && !after(ROUNDS, 7, false));
        // 17,000 dossiers that differ are more than four rounds can follow up.
        let parts = 17_000 / SUSPECTS as u32;
        assert!(parts >= ROUNDS && after(parts, SUSPECTS as u64, true));
        assert!(!after(ROUNDS_IN_PARTS, 7, true), "not for ever");
    }
}
