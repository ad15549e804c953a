//! The verdicts of a dossier, all of them anew: a pure function of its entries, the bindings of
//! their authors, the trust documents in force and what of it the content could not apply. The
//! order of arrival does not come into it.
//!
//! What may be said of an entry is laid in layers, each of which only narrows the one before:
//! 1. the rules: who wrote it, did its office take part in its causal past, is there room;
//! 2. the denial list: is it beyond the last good position of its machine;
//! 3. the decision in force: of the hub nearest the root, and there the highest number. A release
//!    lifts layer 2 and an earlier decision, never layer 1;
//! 4. its causes: what builds on something that is not applied is held;
//! 5. this version: what it cannot read, or its content cannot apply, waits. That is this replica's
//!    own affair: such entries are passed on, and nobody is told, so it does not matter when it is
//!    found out.
//!
//! An office that was taken out while it was writing has written with right: such entries are
//! applied and flagged.

use super::{
    cause::{Cause, Code},
    past::{Grant, Past},
};
use crate::{
    entry::{AudienceAction, Decision, Kind, act_hash, actor_id, dossier_id},
    id::{Hash, LogId, OfficeId},
    limits,
    state::{
        history::{Stored, Verdict},
        rows::Author,
    },
    trust::{Binding, DenyAction, NodeKind, RegistrarAct, Signed, TrustView},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is said of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    pub(super) cause: Cause,
}

impl Ruling {
    pub(super) fn accepted() -> Self {
        Self { verdict: Verdict::Accepted, cause: Cause::bare(Code::None) }
    }

    fn new(verdict: Verdict, cause: Cause) -> Self {
        Self { verdict, cause }
    }
}

/// Entries that the content could not apply, and why.
pub(super) type Faults = BTreeMap<(LogId, u64), String>;

/// What is judged by beside the entries themselves.
pub(super) struct Court<'a> {
    pub(super) trust: &'a TrustView,
    /// Author of every log with an entry here.
    pub(super) authors: &'a BTreeMap<LogId, Option<Author>>,
    /// Highest schema that the content reads.
    pub(super) schema: u16,
}

/// Rules on every entry of a dossier, in the order of `entries`.
pub(super) fn rule(entries: &[Stored], court: &Court<'_>, faults: &Faults) -> Vec<Ruling> {
    let mut session = Session::new(entries, court);
    for place in causal_order(entries, &session.places) {
        session.rulings[place] = session.one(place, faults);
    }
    session.flag();
    session.rulings
}

/// Whether other entries may name this one as their cause.
pub(super) fn names(stored: &Stored) -> bool {
    let header = &stored.entry.header;
    match header.kind {
        Kind::Administrative => header.change_hash == act_hash(header.actor, &stored.entry.payload),
        kind => kind.is_change(),
    }
}

struct Session<'a> {
    entries: &'a [Stored],
    court: &'a Court<'a>,
    places: HashMap<Hash, usize>,
    /// Place of the creation that counts.
    creation: Option<usize>,
    /// Grants of registrars: they hold for everybody, seen or not.
    admitted: BTreeSet<Grant>,
    decisions: HashMap<Hash, Vec<Said<'a>>>,
    shares: HashMap<usize, Share>,
    pasts: Vec<Past>,
    rulings: Vec<Ruling>,
}

/// A decision that may count, with the office of the hub.
struct Said<'a> {
    office: OfficeId,
    /// Offices from the root to the hub's, itself included.
    depth: usize,
    decision: Decision,
    by: &'a Stored,
}

/// How much of a dossier one log wrote up to an entry.
#[derive(Clone, Copy, Default)]
struct Share {
    entries: u32,
    bytes: u64,
}

impl<'a> Session<'a> {
    fn new(entries: &'a [Stored], court: &'a Court<'a>) -> Self {
        // Stands for what is never reached, because it builds on what is not here.
        let unsettled = Ruling::new(Verdict::Held, Cause::bare(Code::Crowded));
        let mut session = Self {
            entries,
            court,
            places: HashMap::with_capacity(entries.len()),
            creation: None,
            admitted: BTreeSet::new(),
            decisions: HashMap::new(),
            shares: shares(entries),
            pasts: vec![Past::default(); entries.len()],
            rulings: vec![unsettled; entries.len()],
        };
        for place in (0..entries.len()).filter(|place| names(&entries[*place])) {
            if session.is_genuine(place) {
                session.name(place);
            }
        }
        // Of several creations, which only the creator itself can make, one counts everywhere.
        let creations = (0..entries.len()).filter(|place| session.is_creation(*place));
        session.creation = creations.min_by_key(|place| {
            let stored = &entries[*place];
            (stored.log, stored.sequence)
        });
        for stored in entries {
            match stored.entry.header.kind {
                Kind::Administrative if session.act(stored).is_some() => {
                    let joins = stored.entry.header.audience.iter();
                    let joins = joins.filter(|op| op.action == AudienceAction::Add);
                    let name = stored.entry.header.change_hash;
                    let grants = joins.map(|op| (op.office, op.role.byte(), name));
                    session.admitted.extend(grants);
                }
                Kind::Decision => {
                    if let Some((target, said)) = session.said(stored) {
                        session.decisions.entry(target).or_default().push(said);
                    }
                }
                _ => {}
            }
        }
        session
    }

    /// A change that its author wrote twice is known by the first.
    fn name(&mut self, place: usize) {
        let entries = self.entries;
        let at = |place: usize| (entries[place].log, entries[place].sequence);
        let known = self.places.entry(entries[place].entry.header.change_hash).or_insert(place);
        if at(place) < at(*known) {
            *known = place;
        }
    }

    /// Nobody can name an entry after another's change: the actor is bound to the author's key.
    fn is_genuine(&self, place: usize) -> bool {
        let stored = &self.entries[place];
        self.author(stored).is_some_and(|author| {
            stored.entry.header.actor == actor_id(&author.key, stored.entry.boot)
        })
    }

    fn one(&mut self, place: usize, faults: &Faults) -> Ruling {
        let stored = &self.entries[place];
        let header = &stored.entry.header;
        let before = self.past_of(place);
        let refused = self.refuse(place, &before).err();
        self.pasts[place] = before.and(place, header);
        if let Some(cause) = refused {
            return Ruling::new(Verdict::Quarantined, cause);
        }
        let doubted = self.doubted(stored);
        let mut ruling = Ruling::accepted();
        match (self.in_force(stored), doubted) {
            (Some(said), doubted) => {
                let words = format!("{} (số {})", said.decision.reason, said.decision.number);
                match said.decision.verdict {
                    Verdict::Accepted => {}
                    Verdict::Flagged => {
                        if let Some(doubted) = doubted {
                            return doubted;
                        }
                        ruling = Ruling::new(Verdict::Flagged, Cause::new(Code::Decided, words));
                    }
                    verdict => return Ruling::new(verdict, Cause::new(Code::Decided, words)),
                }
            }
            (None, Some(doubted)) => return doubted,
            (None, None) => {}
        }
        if header.kind == Kind::Decision {
            return ruling;
        }
        let causes = header.deps.iter().filter_map(|dep| self.places.get(dep));
        let worst = causes
            .map(|cause| self.rulings[*cause].verdict)
            .filter(|verdict| !verdict.applies())
            .max_by_key(|verdict| *verdict != Verdict::Waiting);
        match worst {
            Some(Verdict::Waiting) => {
                return Ruling::new(Verdict::Waiting, Cause::bare(Code::BuildsOnHeld));
            }
            Some(_) => return Ruling::new(Verdict::Held, Cause::bare(Code::BuildsOnHeld)),
            None => {}
        }
        if let Some(fault) = faults.get(&(stored.log, stored.sequence)) {
            return Ruling::new(Verdict::Waiting, Cause::new(Code::Content, fault.clone()));
        }
        match self.unreadable(stored) {
            Some(cause) => Ruling::new(Verdict::Waiting, cause),
            None => ruling,
        }
    }

    /// The rules: what no decision can admit.
    fn refuse(&self, place: usize, before: &Past) -> Result<(), Cause> {
        let stored = &self.entries[place];
        let header = &stored.entry.header;
        let forged = |why: &str| Err(Cause::new(Code::Forged, why));
        let Some(author) = self.author(stored) else { return forged("its author is not known") };
        if !self.is_genuine(place) {
            return forged("actor does not belong to the author's key and log");
        }
        match header.kind {
            Kind::Create => {
                return match creation_fault(author, stored) {
                    Some(why) => forged(why),
                    None if self.creation != Some(place) => forged("dossier has another creation"),
                    None => Ok(()),
                };
            }
            Kind::Decision => {
                return match self.said(stored) {
                    Some(_) => Ok(()),
                    None => Err(Cause::bare(Code::NotAllowed)),
                };
            }
            Kind::Administrative => {
                return match self.act(stored) {
                    Some(_) => Ok(()),
                    None => Err(Cause::bare(Code::NotAllowed)),
                };
            }
            _ => {}
        }
        if header.deps.is_empty() {
            return forged("change does not descend from the creation");
        }
        self.room(place, before)?;
        let admitted = self.admitted.iter().any(|grant| grant.0 == author.office);
        if admitted || before.includes(author.office) {
            Ok(())
        } else {
            Err(Cause::bare(Code::NoRight))
        }
    }

    /// Counted along the causal chain and in the author's own log, so that it does not matter what
    /// else has arrived.
    fn room(&self, place: usize, before: &Past) -> Result<(), Cause> {
        let share = self.shares.get(&place).copied().unwrap_or_default();
        let entries = before.depth.max(share.entries.saturating_sub(1));
        if entries >= limits::DOSSIER_ENTRIES {
            let words = format!("{} entries", limits::DOSSIER_ENTRIES);
            return Err(Cause::new(Code::TooMuch, words));
        }
        if before.bytes.max(share.bytes) > limits::DOSSIER_BYTES {
            return Err(Cause::new(Code::TooMuch, format!("{} bytes", limits::DOSSIER_BYTES)));
        }
        let takes_out = takes_out(&self.entries[place]);
        if takes_out && before.revocations.len() >= limits::DOSSIER_REVOCATIONS {
            let words = format!("{} revocations", limits::DOSSIER_REVOCATIONS);
            return Err(Cause::new(Code::TooMuch, words));
        }
        Ok(())
    }

    fn doubted(&self, stored: &Stored) -> Option<Ruling> {
        let node = self.author(stored)?.key.node_id();
        let denied = self.court.trust.denied(node)?;
        if !denied.doubts(stored.log, stored.sequence) {
            return None;
        }
        let last = denied.last_good(stored.log).unwrap_or(0);
        let detail = format!("{} > {last}", stored.sequence);
        Some(match denied.action {
            DenyAction::Ban => Ruling::new(Verdict::Quarantined, Cause::new(Code::Banned, detail)),
            DenyAction::Suspend => Ruling::new(Verdict::Held, Cause::new(Code::Suspended, detail)),
        })
    }

    /// The decision that counts: of the hub nearest the root, the highest number.
    fn in_force(&self, stored: &Stored) -> Option<&Said<'a>> {
        if !names(stored) {
            return None;
        }
        let office = self.author(stored)?.office;
        let said = self.decisions.get(&stored.entry.header.change_hash)?;
        said.iter().filter(|said| self.court.trust.is_within(office, said.office)).max_by_key(
            |said| {
                let place = (said.by.log, said.by.sequence);
                (std::cmp::Reverse(said.depth), said.decision.number, place)
            },
        )
    }

    /// A decision, if its author is a hub that is believed.
    fn said(&self, stored: &'a Stored) -> Option<(Hash, Said<'a>)> {
        let header = &stored.entry.header;
        let author = self.author(stored)?;
        let binding = Signed::decode::<Binding>(&author.binding).ok()?;
        let binding: Binding = binding.open().ok()?;
        if binding.kind != NodeKind::Hub || self.doubted(stored).is_some() {
            return None;
        }
        let (&[target], []) = (header.deps.as_slice(), header.audience.as_slice()) else {
            return None;
        };
        let depth = self.court.trust.upwards(author.office).count();
        let decision = Decision::decode(&stored.entry.payload).ok()?;
        let known = depth > 0 && header.change_hash.is_zero();
        known.then_some((target, Said { office: author.office, depth, decision, by: stored }))
    }

    /// A registrar's act, if it says what the header says.
    fn act(&self, stored: &Stored) -> Option<RegistrarAct> {
        let header = &stored.entry.header;
        let signed = Signed::decode::<RegistrarAct>(&stored.entry.payload).ok()?;
        let act = self.court.trust.act(&signed).ok()?;
        let fits = act.dossier == header.dossier && act.audience() == header.audience;
        (fits && names(stored)).then_some(act)
    }

    fn unreadable(&self, stored: &Stored) -> Option<Cause> {
        let header = &stored.entry.header;
        match header.kind {
            Kind::Unknown(byte) if header.kind.is_critical() => {
                Some(Cause::new(Code::LaterVersion, format!("kind {byte}")))
            }
            kind if kind.is_change() && header.schema > self.court.schema => {
                Some(Cause::new(Code::LaterVersion, format!("schema {}", header.schema)))
            }
            _ => None,
        }
    }

    fn is_creation(&self, place: usize) -> bool {
        let stored = &self.entries[place];
        let Some(author) = self.author(stored) else { return false };
        stored.entry.header.kind == Kind::Create
            && self.is_genuine(place)
            && creation_fault(author, stored).is_none()
    }

    fn author(&self, stored: &Stored) -> Option<&'a Author> {
        self.court.authors.get(&stored.log)?.as_ref()
    }

    fn past_of(&self, place: usize) -> Past {
        let deps = self.entries[place].entry.header.deps.iter();
        let causes = deps.filter_map(|dep| self.places.get(dep));
        Past::join(causes.map(|cause| &self.pasts[*cause]))
    }

    /// Flags what was written by an office while it was being taken out, unseen on either side.
    fn flag(&mut self) {
        let revoking = (0..self.entries.len()).filter(|place| {
            self.rulings[*place].verdict.relays() && takes_out(&self.entries[*place])
        });
        let revocations: Vec<(usize, BTreeSet<usize>, BTreeSet<Grant>)> = revoking
            .map(|place| (place, self.causes(place), self.pasts[place].revoked_by(place)))
            .collect();
        if revocations.is_empty() {
            return;
        }
        for place in 0..self.entries.len() {
            let stored = &self.entries[place];
            let plain = self.rulings[place].verdict == Verdict::Accepted
                && stored.entry.header.kind.is_change();
            let Some(author) = self.author(stored).filter(|_| plain) else { continue };
            let unseen = revocations.iter().filter(|(revocation, causes, _)| {
                *revocation != place
                    && !causes.contains(&place)
                    && !self.pasts[place].revocations.contains(revocation)
            });
            let gone: BTreeSet<Grant> = unseen.flat_map(|(.., gone)| gone).copied().collect();
            if !gone.is_empty()
                && self.pasts[place].would_lose(author.office, &gone, &self.admitted)
            {
                let cause = Cause::bare(Code::RevokedMeanwhile);
                self.rulings[place] = Ruling::new(Verdict::Flagged, cause);
            }
        }
    }

    /// Places of everything an entry builds on, without itself.
    fn causes(&self, of: usize) -> BTreeSet<usize> {
        let mut causes = BTreeSet::new();
        let mut open = vec![of];
        while let Some(place) = open.pop() {
            let deps = self.entries[place].entry.header.deps.iter();
            let deps = deps.filter_map(|dep| self.places.get(dep));
            open.extend(deps.filter(|cause| causes.insert(**cause)));
        }
        causes
    }
}

/// An order in which causes come first; what builds on something that is not here is left out.
/// Nearly always that of arrival.
fn causal_order(entries: &[Stored], places: &HashMap<Hash, usize>) -> Vec<usize> {
    let waits = |stored: &Stored| stored.entry.header.kind != Kind::Decision;
    let mut done = vec![false; entries.len()];
    let mut order = Vec::with_capacity(entries.len());
    let mut open: Vec<usize> = (0..entries.len()).collect();
    while !open.is_empty() {
        let before = order.len();
        open.retain(|place| {
            let stored = &entries[*place];
            let deps = &stored.entry.header.deps;
            let ready = !waits(stored)
                || deps.iter().all(|dep| places.get(dep).is_some_and(|cause| done[*cause]));
            if ready {
                done[*place] = true;
                order.push(*place);
            }
            !ready
        });
        if order.len() == before {
            break;
        }
    }
    order
}

pub(super) fn takes_out(stored: &Stored) -> bool {
    stored.entry.header.audience.iter().any(|op| op.action == AudienceAction::Remove)
}

/// What is wrong with a creation, whatever else is in the dossier.
pub(super) fn creation_fault(author: &Author, stored: &Stored) -> Option<&'static str> {
    let header = &stored.entry.header;
    let Some(nonce) = header.creation else { return Some("creation has no nonce") };
    if dossier_id(&author.key, nonce, header.claimed_at) != header.dossier {
        return Some("dossier id is not bound to its creator");
    }
    if !header.deps.is_empty() {
        return Some("creation builds on other changes");
    }
    let adds_itself = header
        .audience
        .iter()
        .any(|op| op.action == AudienceAction::Add && op.office == author.office);
    (!adds_itself).then_some("creator does not take part in its own dossier")
}

/// Of each entry, what its log wrote into this dossier up to it.
fn shares(entries: &[Stored]) -> HashMap<usize, Share> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|place| (entries[*place].log, entries[*place].sequence));
    let mut shares = HashMap::with_capacity(entries.len());
    let mut last = (LogId::ZERO, Share::default());
    for place in order {
        let stored = &entries[place];
        if stored.log != last.0 {
            last = (stored.log, Share::default());
        }
        last.1.entries = last.1.entries.saturating_add(1);
        last.1.bytes = last.1.bytes.saturating_add(u64::from(stored.entry.header.payload_len));
        shares.insert(place, last.1);
    }
    shares
}
