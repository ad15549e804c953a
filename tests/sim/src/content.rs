//! What the payloads of a simulated city mean: automerge documents with one note a change.

use automerge::Automerge;
use motcua_core::{
    id::DossierId,
    ledger::{Content, ContentFault, Folded},
    replica::Painter,
    state::history::Stored,
};

/// Loads each dossier with automerge; an orphan or a bad chunk is a fault of its entry.
#[derive(Default)]
pub(crate) struct Notes {
    /// The newest arrival wins: a defect, see [`crate::Sabotage::FoldsByArrival`].
    pub(crate) by_arrival: bool,
}

impl Content for Notes {
    fn fold(&mut self, _: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault> {
        let mut document = Automerge::new();
        for (position, stored) in entries.iter().enumerate() {
            let fault = |reason: String| ContentFault { position, reason };
            let change = automerge::Change::from_bytes(stored.entry.payload.clone())
                .map_err(|error| fault(error.to_string()))?;
            let newest = change.hash();
            document.apply_changes([change]).map_err(|error| fault(error.to_string()))?;
            if self.by_arrival && position + 1 == entries.len() {
                document = document.fork_at(&[newest]).map_err(|error| fault(error.to_string()))?;
            }
        }
        Ok(Folded { summary: document.save(), index: Vec::new() })
    }

    fn show(&mut self, _: DossierId, image: &[u8]) -> Option<Folded> {
        let document = Automerge::load(image).ok()?;
        Some(Folded { summary: document.save(), index: Vec::new() })
    }
}

impl Painter for Notes {
    fn urgency(&self, summary: &[u8]) -> i64 {
        -(summary.len() as i64)
    }

    fn image(&self, changes: &[&Stored]) -> Option<Vec<u8>> {
        let mut document = Automerge::new();
        for stored in changes {
            let change = automerge::Change::from_bytes(stored.entry.payload.clone()).ok()?;
            document.apply_changes([change]).ok()?;
        }
        Some(document.save())
    }
}
