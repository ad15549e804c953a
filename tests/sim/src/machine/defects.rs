//! Deliberate defects of one process, see [`Sabotage`].

use super::{Clock, Life, life::Done};
use crate::{sabotage::Sabotage, shape::office_id};
use motcua_core::{
    id::{DossierId, LogId},
    ledger::Applied,
    record::Record,
    state::{
        Key,
        rows::{Author, Dossier},
    },
    trust::{NodeKind, TrustView},
    wire,
};

impl Life {
    /// Whether newer documents are passed over.
    pub(super) fn does_not_hear(&self, view: &TrustView) -> bool {
        match self.sabotage {
            Some(Sabotage::ForgetsBan) => view.denial().is_some(),
            Some(Sabotage::NodesForgetBan) => {
                self.kind == NodeKind::Node && view.denial().is_some()
            }
            _ => false,
        }
    }

    /// Whether the state is not told of a record.
    pub(super) fn passes_over(&self, record: &Record) -> bool {
        let Record::Trust(bytes) = record else { return false };
        let Ok(view) = TrustView::from_bytes(bytes) else { return false };
        let denied = self.trust().denial().into_iter().flat_map(|list| &list.denied);
        self.sabotage == Some(Sabotage::ForgetsPardon)
            && self.office == office_id(0)
            && denied.into_iter().any(|one| view.denied(one.node).is_none())
    }

    /// A node's state names one head for each dossier, whatever there are.
    pub(super) fn keep_one_head(&self, applied: &mut Applied) {
        if self.sabotage != Some(Sabotage::KeepsOneHead) || self.kind != NodeKind::Node {
            return;
        }
        for dossier in &applied.dossiers {
            let written = applied.writes.get_mut(&Key::Dossier(*dossier).bytes());
            let Some(Some(bytes)) = written else { continue };
            let Ok(mut row) = postcard::from_bytes::<Dossier>(bytes) else { continue };
            row.heads.truncate(1);
            *bytes = postcard::to_allocvec(&row).unwrap_or_default();
        }
    }

    /// A node's state gives its own key to the author of every log of another office.
    pub(super) fn mistake_authors(&self, applied: &mut Applied) {
        if self.sabotage != Some(Sabotage::MistakesAuthor) || self.kind != NodeKind::Node {
            return;
        }
        let table = Key::Author(LogId::ZERO).bytes()[0];
        for (_, written) in applied.writes.range_mut(vec![table]..vec![table + 1]) {
            let Some(bytes) = written else { continue };
            let Ok(mut row) = postcard::from_bytes::<Author>(bytes) else { continue };
            if row.office != self.office {
                row.key = self.key.public();
            }
            *bytes = postcard::to_allocvec(&row).unwrap_or_default();
        }
    }

    /// An entry of which neither a clerk nor the model knows.
    pub(super) fn write_unasked(&mut self, dossier: DossierId, clock: Clock) {
        if self.sabotage != Some(Sabotage::WritesUnasked) {
            return;
        }
        let Some(document) = self.document(dossier) else { return };
        let draft = self.change(dossier, document, vec![], None, clock);
        let Ok((sequence, entry)) = self.own.append(draft) else { return };
        let (log, entry) = (self.own.log(), wire::encode_entry(&entry));
        self.hand(vec![Record::Own { log, sequence, request: None, entry }], Done::Nobody, clock);
    }

    /// Every log that a node takes is said to be by the machine that takes it.
    pub(super) fn take_authorship(&self, records: &mut [Record]) {
        if self.sabotage != Some(Sabotage::TakesAuthorship) || self.kind != NodeKind::Node {
            return;
        }
        for record in records {
            if let Record::Author { binding, .. } = record {
                binding.clone_from(&self.binding);
            }
        }
    }
}
