//! Whether everybody agrees, and whether what they agree on is what the model says.

use super::{City, Failure};
use crate::{
    machine::{Life, Machine},
    model::holdings,
    shape::office_id,
};
use automerge::Automerge;
use motcua_core::{
    entry::Kind,
    id::{DossierId, Hash, LogId, OfficeId},
    state::{
        Key, Kv,
        history::{Stored, Verdict},
        rows::Summary,
    },
    trust::NodeKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of a dossier by leaf, with what is made of them.
type Opinions = BTreeMap<Hash, Verdict>;

impl City {
    /// Why not everybody agrees; none if everybody does.
    ///
    /// # Errors
    /// [`Failure::Safety`] when something is held that must not be.
    pub(super) fn disagreement(&self) -> Result<Option<String>, Failure> {
        let Some(city) = self.city_hub() else { return Ok(Some("no city hub".into())) };
        for (at, machine) in self.machines.iter().enumerate().filter(|(_, one)| !one.retired) {
            let Some(life) = &machine.life else { return Ok(Some(format!("m{at} is down"))) };
            if life.has_to_sync() || life.has_to_apply() || life.broken.is_some() {
                return Ok(Some(format!("m{at} is at work")));
            }
        }
        let Some(hub) = &self.machines[city].life else { return Ok(None) };
        let all = holdings::histories(hub.books.state.rows());
        for (at, machine) in self.machines.iter().enumerate().filter(|(_, one)| !one.retired) {
            if let Some(life) = &machine.life {
                self.nothing_forged(at, life)?;
            }
        }
        if let Some(missing) = self.missing_at_city(&all) {
            return Ok(Some(missing));
        }
        if let Some(why) = all.iter().find_map(|(id, entries)| self.misjudged(*id, entries)) {
            return Ok(Some(why));
        }
        for (at, machine) in self.machines.iter().enumerate() {
            let denied = self.papers.denied.contains_key(&machine.node());
            if machine.retired || denied || at == city {
                continue;
            }
            let Some(life) = &machine.life else { continue };
            for (dossier, entries) in &all {
                if let Some(why) = self.compare(at, life, hub, *dossier, entries)? {
                    return Ok(Some(why));
                }
            }
        }
        let twice = self.nothing_twice().or_else(|| self.unnoticed_at_city(&all));
        match twice.or_else(|| self.answered_twice(&all)) {
            Some(twice) => Err(Failure::Safety(twice)),
            None => Ok(None),
        }
    }

    /// What every machine holds of the dossiers on which they differ, for who looks into a failure.
    pub(super) fn who_holds_what(&self) -> Vec<String> {
        let Some(city) = self.city_hub().and_then(|at| self.machines[at].life.as_ref()) else {
            return Vec::new();
        };
        let all = holdings::histories(city.books.state.rows());
        let differs = |(id, entries): &(&DossierId, &Vec<Stored>)| {
            let mut lives = self.machines.iter().enumerate();
            lives.any(|(at, machine)| {
                let denied = self.papers.denied.contains_key(&machine.node());
                let life = machine.life.as_ref().filter(|_| !machine.retired && !denied);
                life.is_some_and(|life| {
                    !matches!(self.compare(at, life, city, **id, entries), Ok(None))
                })
            })
        };
        let mut lines = Vec::new();
        for (id, _) in all.iter().filter(differs) {
            for (at, machine) in self.machines.iter().enumerate() {
                let Some(life) = &machine.life else { continue };
                let row = life.books.dossier(*id).unwrap_or_default();
                let named = |offices: Vec<OfficeId>| -> Vec<u8> {
                    offices.into_iter().map(|office| office.0[0] - 1).collect()
                };
                let members = named(row.members().into_iter().map(|(office, _)| office).collect());
                lines.push(format!(
                    "{id} at m{at}, {:?} of office {}: {} entries, {} held; members {members:?}, \
                     inboxes {:?}, informed {:?}",
                    machine.seat.kind,
                    machine.seat.office,
                    row.entries,
                    row.held,
                    named(row.inboxes.clone()),
                    named(row.informed.clone()),
                ));
                let all = holdings::histories(life.books.state.rows()).remove(id);
                for stored in all.into_iter().flatten().filter(|one| !one.verdict.applies()) {
                    let (leaf, numbers) = (stored.entry.leaf(), life.trust().numbers());
                    let (what, verdict) = (self.describe(&leaf), stored.verdict);
                    let why = &stored.reason;
                    lines.push(format!("  {verdict:?} there, {why}, by {numbers:?}: {what}"));
                }
            }
        }
        lines
    }

    /// Where no hub decided: what a denied machine wrote beyond its last good position does not
    /// count, and where no machine is denied everything does.
    fn misjudged(&self, dossier: DossierId, entries: &[Stored]) -> Option<String> {
        if self.model.decided.contains(&dossier) {
            return None;
        }
        let denial = |stored: &Stored| {
            let node = self.model.written.get(&stored.entry.leaf())?.attempt.node;
            self.papers.denied.get(&node)
        };
        let all_good = !entries.iter().any(|stored| denial(stored).is_some());
        entries.iter().find_map(|stored| {
            let beyond = denial(stored).is_some_and(|denied| {
                denied.last_good(stored.log).is_none_or(|last| stored.sequence > last)
            });
            let what = || self.describe(&stored.entry.leaf());
            match stored.verdict.applies() {
                true if beyond => Some(format!("{} counts beyond what counts", what())),
                false if all_good => Some(format!("{} is kept out for no reason", what())),
                _ => None,
            }
        })
    }

    fn missing_at_city(&self, all: &BTreeMap<DossierId, Vec<Stored>>) -> Option<String> {
        let held: BTreeSet<Hash> = all.values().flatten().map(|one| one.entry.leaf()).collect();
        let missing = self.model.owed().into_iter().find(|leaf| {
            let written = &self.model.written[leaf];
            // What a denied machine has not sent stays with it.
            let denied = self.papers.denied.contains_key(&self.machines[written.machine].node());
            !held.contains(leaf) && !denied
        })?;
        Some(format!("{} is not at the city", self.describe(&missing)))
    }

    /// Every place in a log was given once, or somebody noticed. A denied machine that was put back
    /// meets nobody who could.
    fn nothing_twice(&self) -> Option<String> {
        let mut places: BTreeMap<(LogId, u64), Hash> = BTreeMap::new();
        let meets = |machine: &&Machine| !self.papers.denied.contains_key(&machine.node());
        let lives = self.machines.iter().filter(meets).filter_map(|machine| machine.life.as_ref());
        for life in lives {
            let all = holdings::histories(life.books.state.rows());
            for stored in all.into_values().flatten() {
                let (place, leaf) = ((stored.log, stored.sequence), stored.entry.leaf());
                let before = *places.entry(place).or_insert(leaf);
                if before != leaf && !self.model.diverged.contains(&stored.log) {
                    let (one, two) = (self.describe(&before), self.describe(&leaf));
                    return Some(format!("{one} and {two} have one place, and nobody noticed"));
                }
            }
        }
        None
    }

    /// The same of entries that stand elsewhere now, because their log was ended for it.
    fn unnoticed_at_city(&self, all: &BTreeMap<DossierId, Vec<Stored>>) -> Option<String> {
        let held: BTreeSet<Hash> = all.values().flatten().map(|one| one.entry.leaf()).collect();
        let meets = |leaf: &&Hash| {
            let node = self.model.written[*leaf].attempt.node;
            held.contains(*leaf) && !self.papers.denied.contains_key(&node)
        };
        self.model.places.iter().find_map(|((log, _), leaves)| {
            let there: Vec<&Hash> = leaves.iter().filter(meets).collect();
            let [one, two, ..] = there[..] else { return None };
            let (one, two) = (self.describe(one), self.describe(two));
            let what = || format!("{one} and {two} had one place, and nobody noticed");
            (!self.model.diverged.contains(log)).then(what)
        })
    }

    /// A request that was repeated is one entry, unless a fault took the first from the machine.
    fn answered_twice(&self, all: &BTreeMap<DossierId, Vec<Stored>>) -> Option<String> {
        let mut first: BTreeMap<u64, Hash> = BTreeMap::new();
        for stored in all.values().flatten() {
            let leaf = stored.entry.leaf();
            let Some(written) = self.model.written.get(&leaf) else { continue };
            let before = *first.entry(written.request).or_insert(leaf);
            if before != leaf && !self.touched.contains(&written.machine) {
                let (one, two) = (self.describe(&before), self.describe(&leaf));
                return Some(format!("{one} and {two} answer one request"));
            }
        }
        None
    }

    /// Every entry that is held was written by its author.
    fn nothing_forged(&self, at: usize, life: &Life) -> Result<(), Failure> {
        for (dossier, entries) in holdings::histories(life.books.state.rows()) {
            for stored in entries {
                let leaf = stored.entry.leaf();
                let Some(written) = self.model.written.get(&leaf) else {
                    let what = format!("m{at} holds an entry of {dossier} that nobody wrote");
                    return Err(Failure::Safety(what));
                };
                let author: Option<motcua_core::state::rows::Author> =
                    life.books.row(Key::Author(stored.log));
                if author.is_none_or(|author| author.key.node_id() != written.attempt.node) {
                    let what = self.describe(&leaf);
                    return Err(Failure::Safety(format!("m{at} holds {what} under another name")));
                }
            }
        }
        Ok(())
    }

    /// What a machine holds of a dossier against what the city does.
    fn compare(
        &self,
        at: usize,
        life: &Life,
        hub: &Life,
        dossier: DossierId,
        entries: &[Stored],
    ) -> Result<Option<String>, Failure> {
        let machine = &self.machines[at];
        let row = hub.books.dossier(dossier).unwrap_or_default();
        let members: BTreeSet<OfficeId> = row.members().into_iter().map(|(one, _)| one).collect();
        let mine = |office: usize| members.contains(&office_id(office));
        let below = (0..self.shape.offices.len())
            .filter(|office| self.shape.is_within(*office, machine.seat.office));
        let takes_part = match machine.seat.kind {
            NodeKind::Node => mine(machine.seat.office),
            NodeKind::Hub => below.clone().any(mine),
        };
        let here = life.books.dossier(dossier);
        if !takes_part {
            let left = here.filter(|_| machine.seat.kind == NodeKind::Node);
            let shown = left.filter(|row| row.entries > 0 && !self.model.ruled.contains(&dossier));
            return Ok(shown.map(|here| {
                let told = life.books.get(&Key::Forgetting(dossier).bytes());
                let told = matches!(told, Ok(Some(_)));
                let there: Vec<_> = here.members().into_iter().map(|(office, _)| office).collect();
                format!(
                    "m{at} still holds {} entries of {dossier}, which it has left; told {told}, \
                     takes part by its own view {}; the city has {}",
                    here.entries,
                    there.contains(&office_id(machine.seat.office)),
                    entries.len()
                )
            }));
        }
        let Some(here) = here else {
            return Ok(Some(format!("m{at} has nothing of {dossier}")));
        };
        let theirs = opinions(entries);
        let ours = holdings::histories(life.books.state.rows()).remove(&dossier);
        let ours = opinions(&ours.unwrap_or_default());
        // What is not applied is not passed on: it may be missing here, but not be something else.
        let lacks = |leaf: &Hash, verdict: &Verdict| match ours.get(leaf) {
            Some(here) => here != verdict,
            None => verdict.applies(),
        };
        let odd = theirs.iter().find(|(leaf, verdict)| lacks(leaf, verdict));
        let odd = odd.or_else(|| ours.iter().find(|(leaf, _)| !theirs.contains_key(leaf)));
        if odd.is_some() {
            let what = odd.map(|(leaf, verdict)| {
                let here = ours.get(leaf);
                format!("{} is {verdict:?} there and {here:?} here", self.describe(leaf))
            });
            return Ok(Some(format!("m{at} and the city: {}", what.unwrap_or_default())));
        }
        // The same entries give the same dossier.
        if here.heads != row.heads {
            let what = format!("m{at} and the city hold the same of {dossier} and differ in heads");
            return Err(Failure::Safety(what));
        }
        if !here.stale && !row.stale && shown(life, dossier) != shown(hub, dossier) {
            let what = format!("m{at} and the city show another {dossier} by the same entries");
            return Err(Failure::Safety(what));
        }
        Ok(None)
    }
}

/// What is applied, or not, without what only a hub has to know.
fn opinions(entries: &[Stored]) -> Opinions {
    let told = entries.iter().filter(|stored| stored.entry.header.kind != Kind::Decision);
    told.map(|stored| (stored.entry.leaf(), stored.verdict)).collect()
}

fn shown(life: &Life, dossier: DossierId) -> Option<Vec<Hash>> {
    let summary: Summary = life.books.row(Key::Summary(dossier))?;
    let document = Automerge::load(&summary.bytes).ok()?;
    let mut heads: Vec<Hash> = document.get_heads().iter().map(|head| Hash(head.0)).collect();
    heads.sort();
    Some(heads)
}
