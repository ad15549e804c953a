//! Closed dossiers leave this machine: the history goes out of the state, and what lists, searches
//! and the digests of what is held read of it stays. It comes back as entries that arrive again;
//! until the hub has sent all of it nothing is judged or shown, so that nothing that is said of the
//! dossier ever goes back (design/eviction.md).

use super::{Content, Ledger, Work, dossier::DossierWork, rules};
use crate::{
    id::DossierId,
    state::{
        Key, Kv, StoreError,
        history::{self, Stored},
        read_row,
        rows::{Dossier, Meta},
    },
};

impl<C: Content> Ledger<C> {
    /// The history of a dossier leaves, unless more of it is here than whoever decided so had seen.
    pub(super) fn evicted<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        id: DossierId,
        entries: u32,
    ) -> Result<(), StoreError> {
        self.settle_batch(work)?;
        let (mut dossier, opened) = work.opened(id)?;
        if dossier.row.stale {
            // Whether it was folded yet depends on how records are cut; whether it may go must not.
            dossier.unfolded = true;
            work.dossiers.insert(id, dossier);
            self.fold_all(work)?;
            work.put_away(id)?;
        } else if !opened {
            work.dossiers.insert(id, dossier);
            work.put_away(id)?;
        }
        match may_leave(&work.txn, id, &work.meta)? {
            Some((row, history)) if row.entries == entries => work.send_away(id, row, &history),
            _ => Ok(()),
        }
    }

    /// The hub has sent everything that it has: what has come is judged by the trust documents in
    /// force, as if it had just arrived. Where nothing has come the dossier stays away.
    pub(super) fn returned<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        id: DossierId,
    ) -> Result<(), StoreError> {
        self.settle_batch(work)?;
        work.txn.delete(Key::Returning(id).bytes());
        let (mut dossier, opened) = work.opened(id)?;
        if !dossier.row.away || dossier.is_new() {
            if !opened {
                work.dossiers.insert(id, dossier);
            }
            return Ok(());
        }
        dossier.read(&work.txn, id)?;
        dossier.row.away = false;
        work.meta.away -= 1;
        dossier.join_parts();
        let places = 0..dossier.all.len();
        dossier.row.audience =
            places.flat_map(|place| rules::audience_facts(&dossier, place)).collect();
        dossier.judge_anew();
        work.dossiers.insert(id, dossier);
        self.settle_batch(work)
    }
}

/// Row and history of a dossier of which nothing would be lost if its history left: all of it is
/// plainly accepted, here and at the hub, and nothing is pending. Only where nobody below reads it.
/// Whether its author's entries are at the root, and whether anybody still needs it at hand, is for
/// the caller to say.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn may_leave<K: Kv + ?Sized>(
    kv: &K,
    id: DossierId,
    meta: &Meta,
) -> Result<Option<(Dossier, Vec<Stored>)>, StoreError> {
    let Some((row, history)) = history::held(kv, id)? else { return Ok(None) };
    let plain = !row.away && !row.ruled && row.held == 0 && !row.stale;
    if !plain || history.is_empty() || !row.inboxes.is_empty() || !row.informed.is_empty() {
        return Ok(None);
    }
    let pending = [(meta.imaged, Key::Image(id)), (meta.forgetting, Key::Forgetting(id))];
    for (count, key) in pending {
        if count > 0 && kv.get(&key.bytes())?.is_some() {
            return Ok(None);
        }
    }
    for stored in &history {
        if kv.get(&Key::Told(stored.log, stored.sequence).bytes())?.is_some() {
            return Ok(None);
        }
    }
    Ok(Some((row, history)))
}

/// Whether the history of a dossier has left this machine and is not back.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn is_away(kv: &(impl Kv + ?Sized), id: DossierId) -> Result<bool, StoreError> {
    let row: Option<Dossier> = read_row(kv, Key::Dossier(id))?;
    Ok(row.is_some_and(|row| row.away))
}

impl<K: Kv + ?Sized> Work<'_, K> {
    fn send_away(
        &mut self,
        id: DossierId,
        mut row: Dossier,
        history: &[Stored],
    ) -> Result<(), StoreError> {
        for stored in history {
            self.txn.delete(Key::Wrote(stored.log, id).bytes());
        }
        self.meta.entries = self.meta.entries.saturating_sub(history.len() as u64);
        self.meta.away += 1;
        self.applied.dossiers.insert(id);
        history::remove(&mut self.txn, id, &row)?;
        (row.entries, row.bytes, row.parts, row.away) = (0, 0, 0, true);
        self.txn.put_row(Key::Dossier(id), &row);
        Ok(())
    }

    /// Something of a dossier arrives: if it is away, the rest is asked for.
    pub(super) fn wanted_back(&mut self, id: DossierId) {
        let away = |dossier: &DossierWork| dossier.row.away;
        if self.meta.away > 0 && self.dossiers.get(&id).is_some_and(away) {
            self.txn.put(Key::Returning(id).bytes(), Vec::new());
        }
    }

    /// Dossiers that are away are neither judged nor folded.
    pub(super) fn leave_away(&mut self) {
        if self.meta.away > 0 {
            let away = self.dossiers.values_mut().filter(|dossier| dossier.row.away);
            away.for_each(DossierWork::wait_for_the_rest);
        }
    }
}
