//! What of a dossier is not plainly accepted, as a row of its own: so that the few dossiers that a
//! person should look at are found without reading all the others.

use super::{Work, dossier::DossierWork};
use crate::{
    entry::Kind,
    id::{DossierId, Hash, LogId, OfficeId},
    state::{Key, Kv, history::Verdict},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Entries listed of one dossier; the counts are of all.
const LISTED: usize = 40;

/// The odd entries of one dossier.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ruled {
    /// How many are flagged.
    pub flagged: u32,
    /// How many are held.
    pub held: u32,
    /// How many are quarantined.
    pub quarantined: u32,
    /// How many wait for an update.
    pub waiting: u32,
    /// The first of them, in order of arrival.
    pub entries: Vec<RuledEntry>,
}

/// An entry that is not plainly accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuledEntry {
    /// Author's log.
    pub log: LogId,
    /// Sequence in it.
    pub sequence: u64,
    /// Its change, by which decisions name it.
    pub change: Hash,
    /// Author's office.
    pub office: Option<OfficeId>,
    /// What is said of it.
    pub verdict: Verdict,
    /// Why, see [`super::Cause`].
    pub reason: String,
    /// When it was written, by its author's clock.
    pub claimed_at: Timestamp,
}

impl<K: Kv + ?Sized> Work<'_, K> {
    /// Writes the row of a dossier that was judged as a whole, or removes it.
    pub(super) fn list(&mut self, id: DossierId, dossier: &DossierWork) {
        let mut ruled = Ruled::default();
        let mut decided = false;
        for stored in &dossier.all {
            let header = &stored.entry.header;
            decided |= matches!(header.kind, Kind::Decision | Kind::Administrative);
            let count = match stored.verdict {
                Verdict::Accepted => continue,
                Verdict::Flagged => &mut ruled.flagged,
                Verdict::Held => &mut ruled.held,
                Verdict::Quarantined => &mut ruled.quarantined,
                Verdict::Waiting => &mut ruled.waiting,
            };
            *count += 1;
            if ruled.entries.len() < LISTED {
                ruled.entries.push(RuledEntry {
                    log: stored.log,
                    sequence: stored.sequence,
                    change: header.change_hash,
                    office: self.authors.get(&stored.log).and_then(|a| Some(a.as_ref()?.office)),
                    verdict: stored.verdict,
                    reason: stored.reason.chars().take(100).collect(),
                    claimed_at: header.claimed_at,
                });
            }
        }
        let key = Key::Ruled(id);
        if decided || !ruled.entries.is_empty() {
            self.txn.put_row(key, &ruled);
        } else {
            self.txn.delete(key.bytes());
        }
    }
}
