//! The hub's side of a check: answers from the state, and takes in what it lacked.

use super::{Check, Cut, EntryName, OFFICES, ROWS, Report, WANTED};
use crate::{
    entry::Entry,
    id::{DossierId, Hash, LogId, OfficeId},
    limits,
    record::Record,
    replica::{Control, Fault, LinkId, Pending, Replica, Store, child::Child, scope::speaks_for},
    state::{
        Key, StoreError,
        held::{self, Bucket},
        history::{self, Stored},
        rows::{self, Dossier},
    },
    time::Timestamp,
    trust::{Binding, NodeKind, Signed},
    wire::{DownFrame, RowItem},
};
use std::collections::{BTreeMap, BTreeSet};

/// Name of an entry in a check.
pub(super) fn name(entry: &Entry) -> EntryName {
    let mut name = EntryName::default();
    name.copy_from_slice(&entry.leaf().0[..16]);
    name
}

impl Replica {
    pub(in crate::replica) fn answer_check(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        check: Check,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(peer) = self.children.get(&link).and_then(|child| child.binding.clone()) else {
            return Err(Fault::new("order", "a check comes after hello"));
        };
        let answer = match check {
            Check::Roots { after, sums, last } => {
                self.compare_roots(link, &peer, after, &sums, last, store)?
            }
            Check::Open { office, part, after, list } => {
                if !speaks_for(&self.trust, &peer, office) {
                    return Err(Fault::new("scope", "this peer may not check that office"));
                }
                if list {
                    let mut rows = held::dossiers(store, office, part, after, ROWS + 1)?;
                    let more = rows.len() > ROWS;
                    rows.truncate(ROWS);
                    Check::Rows { office, of: part, after, rows, more }
                } else {
                    Check::Sums { office, of: part, parts: held::parts(store, office, part)? }
                }
            }
            Check::Mine { dossier, entries } => {
                self.compare_dossier(link, &peer, dossier, &entries, store)?
            }
            Check::Done(report) => {
                self.note_check(link, report, wall);
                return Ok(());
            }
            Check::Please | Check::Offices { .. } | Check::Sums { .. } => {
                return Err(Fault::new("order", "this part of a check is the hub's"));
            }
            Check::Rows { .. } | Check::Theirs { .. } => {
                return Err(Fault::new("order", "this part of a check is the hub's"));
            }
        };
        self.say(link, &Control::Check(Box::new(answer)));
        Ok(())
    }

    fn compare_roots(
        &self,
        link: LinkId,
        peer: &Binding,
        after: Option<OfficeId>,
        sums: &[(OfficeId, Bucket)],
        last: bool,
        store: &impl Store,
    ) -> Result<Check, Fault> {
        if sums.len() > OFFICES || !sums.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Fault::new("limit", "offices of a check are too many or out of order"));
        }
        let upto = if last { None } else { sums.last().map(|(office, _)| *office) };
        let theirs: BTreeMap<OfficeId, Bucket> = sums.iter().copied().collect();
        let mine = self.sums_for(peer, after, upto, store)?;
        let offices: BTreeSet<OfficeId> = theirs.keys().chain(mine.keys()).copied().collect();
        let mut differing: Vec<OfficeId> = offices
            .into_iter()
            .filter(|office| speaks_for(&self.trust, peer, *office))
            .filter(|office| {
                let of = |side: &BTreeMap<OfficeId, Bucket>| {
                    side.get(office).copied().unwrap_or_default()
                };
                of(&mine) != of(&theirs)
            })
            .collect();
        differing.truncate(OFFICES);
        let first = match differing.first() {
            Some(office) => held::parts(store, *office, held::Part::Root)?,
            None => Vec::new(),
        };
        Ok(Check::Offices { differing, first, cut: self.cut(link, peer, store)? })
    }

    /// Sums of everything held for the offices that a peer speaks for.
    pub(super) fn sums_for(
        &self,
        peer: &Binding,
        after: Option<OfficeId>,
        upto: Option<OfficeId>,
        store: &impl Store,
    ) -> Result<BTreeMap<OfficeId, Bucket>, StoreError> {
        let mut sums = BTreeMap::new();
        if peer.kind == NodeKind::Node {
            let in_range = after.is_none_or(|after| after < peer.office)
                && upto.is_none_or(|upto| peer.office <= upto);
            let sum = held::bucket(store, peer.office, held::Part::Root)?;
            if in_range && sum.count > 0 {
                sums.insert(peer.office, sum);
            }
            return Ok(sums);
        }
        let mut from = after;
        loop {
            let page = held::offices(store, from, 256)?;
            from = page.last().map(|(office, _)| *office);
            let ended = page.len() < 256;
            for (office, sum) in page {
                if upto.is_some_and(|upto| office > upto) {
                    return Ok(sums);
                }
                if speaks_for(&self.trust, peer, office) {
                    sums.insert(office, sum);
                }
            }
            if ended {
                return Ok(sums);
            }
        }
    }

    fn cut(&self, link: LinkId, peer: &Binding, store: &impl Store) -> Result<Cut, Fault> {
        let inbox = self.children.get(&link).map_or(peer.office, |child| child.inbox);
        let tail: Option<rows::Cursor> = crate::replica::read(store, Key::Inbox(inbox))?;
        let mut applied = true;
        for (log, row) in &self.logs {
            if speaks_for(&self.trust, peer, row.author.office) {
                let state: Option<rows::Log> = crate::replica::read(store, Key::Log(*log))?;
                let size = state.map_or(0, |state| state.frontier.size());
                applied &= size == row.received_entries() && size == row.stored_entries();
            }
        }
        Ok(Cut { applied, tail: tail.map_or(0, |tail| tail.number) })
    }

    fn compare_dossier(
        &mut self,
        link: LinkId,
        peer: &Binding,
        dossier: DossierId,
        theirs: &[(EntryName, bool)],
        store: &impl Store,
    ) -> Result<Check, Fault> {
        if theirs.len() > limits::DOSSIER_ENTRIES as usize * 2 {
            return Err(Fault::new("limit", "a dossier with too many entries"));
        }
        let cut = self.cut(link, peer, store)?;
        let nothing = Check::Theirs { dossier, lacking: vec![], coming: 0, verdicts: 0, cut };
        if !cut.applied {
            return Ok(nothing);
        }
        let (row, history) = history::held(store, dossier)?.unwrap_or_default();
        let mine: BTreeMap<EntryName, &Stored> =
            history.iter().map(|stored| (name(&stored.entry), stored)).collect();
        let their: BTreeMap<EntryName, bool> = theirs.iter().copied().collect();
        // What was forgotten here is not asked for: with it came no word of who was taken out, and it
        // would go to them again. If it belongs here once more, it comes from above. Who still has it
        // missed that word, or has it from a log beside, and is to forget it too.
        let forgotten = history.is_empty() && store.get(&Key::Purged(dossier).bytes())?.is_some();
        if forgotten && theirs.is_empty() {
            return Ok(nothing);
        }
        if forgotten {
            self.send_again(link, peer, dossier, vec![], vec![])?;
            return Ok(Check::Theirs { dossier, lacking: vec![], coming: 1, verdicts: 0, cut });
        }
        let Some(child) = self.children.get_mut(&link) else { return Ok(nothing) };
        let mut lacking: Vec<EntryName> =
            their.keys().filter(|name| !mine.contains_key(*name)).copied().collect();
        lacking.truncate(WANTED.saturating_sub(child.wanted.len()));
        child.wanted.extend(lacking.iter().map(|name| (dossier, *name)));
        let offices: Vec<OfficeId> = row
            .audience
            .iter()
            .map(|fact| fact.office)
            .filter(|office| speaks_for(&self.trust, peer, *office))
            .collect();
        if offices.is_empty() && lacking.is_empty() && !history.is_empty() && !theirs.is_empty() {
            // It holds what it has left.
            self.send_again(link, peer, dossier, vec![], vec![])?;
            return Ok(Check::Theirs { dossier, lacking, coming: 1, verdicts: 0, cut });
        }
        let entitled = entitled(&row, &history, &offices);
        let place = |stored: &Stored| (stored.log, stored.sequence);
        let entries: Vec<(LogId, u64)> = entitled
            .iter()
            .filter_map(|at| history.get(*at))
            .filter(|stored| !their.contains_key(&name(&stored.entry)))
            .map(place)
            .collect();
        let decided: Vec<(LogId, u64)> = mine
            .iter()
            .filter(|(name, stored)| {
                their.get(*name) == Some(&true) && !stored.verdict.relays() && !offices.is_empty()
            })
            .map(|(_, stored)| place(stored))
            .collect();
        let (coming, verdicts) = (entries.len() as u32, decided.len() as u32);
        if coming + verdicts > 0 {
            self.send_again(link, peer, dossier, entries, decided)?;
        }
        Ok(Check::Theirs { dossier, lacking, coming, verdicts, cut })
    }

    /// Rows for the inbox of a peer that was found to lack them, as far as it may have any. Of a
    /// dossier in which nobody behind it takes part that is the word to forget it.
    fn send_again(
        &mut self,
        link: LinkId,
        peer: &Binding,
        dossier: DossierId,
        entries: Vec<(LogId, u64)>,
        decided: Vec<(LogId, u64)>,
    ) -> Result<(), Fault> {
        let Some(inbox) = self.children.get(&link).map(|child| child.inbox) else { return Ok(()) };
        let rows = (entries.len() + decided.len()).max(1) as u64;
        if !self.resent.take((peer.node(), peer.kind), rows, self.now) {
            let words = "it lacks more than is sent again at once; a later check finds the rest";
            return Err(Fault::new("limit", words));
        }
        let record = Record::Resend { inbox, dossier, entries, decided };
        self.journal(vec![record], Pending::Nothing);
        Ok(())
    }

    /// Entries that this hub asked for: checked up to the root key, as a reader checks a hub.
    pub(in crate::replica) fn refill(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(child) = self.children.get(&link).filter(|child| child.binding.is_some()) else {
            return Err(Fault::new("order", "entries that were lost come from below only"));
        };
        let frame = DownFrame::decode(&bytes).map_err(|error| Fault::new("frame", error))?;
        for row in &frame.rows {
            let RowItem::Entry { entry, .. } = &row.item else {
                return Err(Fault::new("order", "a refill has entries only"));
            };
            if !child.wanted.contains(&(entry.header.dossier, name(entry))) {
                return Err(Fault::new("order", "an entry that was not asked for"));
            }
        }
        self.check_authors(&frame, store)?;
        frame.verify(self.config.domain).map_err(|error| Fault::new("proof", error))?;
        let from = child_node(child);
        let taken: Vec<(DossierId, EntryName)> = frame
            .rows
            .iter()
            .filter_map(|row| match &row.item {
                RowItem::Entry { entry, .. } => Some((entry.header.dossier, name(entry))),
                _ => None,
            })
            .collect();
        if let Some(child) = self.children.get_mut(&link) {
            taken.iter().for_each(|key| {
                child.wanted.remove(key);
            });
        }
        self.spend(link, taken.len(), bytes.len());
        self.journal(vec![Record::Refill { from, frame: bytes }], Pending::Nothing);
        Ok(())
    }

    fn note_check(&mut self, link: LinkId, report: Report, wall: Timestamp) {
        let node = self.children.get(&link).map(child_node);
        if let Some(known) = node.and_then(|node| self.known.get_mut(&node)) {
            known.check = Some((wall, report));
        }
    }
}

fn child_node(child: &Child) -> crate::id::NodeId {
    child.peer.node_id()
}

/// Places of the entries that offices may have: all that is accepted while one of them takes part;
/// for those that left, what led up to their leaving.
fn entitled(row: &Dossier, history: &[Stored], offices: &[OfficeId]) -> BTreeSet<usize> {
    let applies = |at: &usize| history.get(*at).is_some_and(|stored| stored.verdict.relays());
    if row.members().iter().any(|(office, _)| offices.contains(office)) {
        return (0..history.len()).filter(applies).collect();
    }
    let by_change: BTreeMap<Hash, usize> = history
        .iter()
        .enumerate()
        .map(|(at, stored)| (stored.entry.header.change_hash, at))
        .collect();
    let left = row.audience.iter().filter(|fact| !fact.grant && offices.contains(&fact.office));
    let mut open: Vec<usize> =
        left.filter_map(|fact| by_change.get(&fact.change).copied()).collect();
    let mut past = BTreeSet::new();
    while let Some(at) = open.pop() {
        if past.insert(at) {
            let deps = history.get(at).map(|stored| stored.entry.header.deps.as_slice());
            open.extend(deps.unwrap_or_default().iter().filter_map(|hash| by_change.get(hash)));
        }
    }
    past.retain(applies);
    past
}

/// The reader's own binding, as a peer of its hub sees it.
pub(super) fn own_binding(replica: &Replica) -> Option<Binding> {
    let signed = Signed::decode::<Binding>(&replica.config.binding).ok()?;
    signed.open::<Binding>().ok()
}
