//! What the payloads of entries mean: dossiers, folded by `motcua-dossier` into a summary and the
//! index rows that lists and searches read.

use crate::{
    documents::{Documents, Found, Held},
    find, lists, money, people,
};
use motcua_core::{
    entry::DocType,
    id::{DossierId, OfficeId},
    ledger::{Content, ContentFault, Folded},
    replica::Painter,
    scan::{Reference, reference_row},
    state::history::Stored,
};
use motcua_dossier::{
    attachment::attachments,
    calendar,
    document::{Document, facts_of},
    fact::{Fact, Kind, Origin},
    image,
    lists::listing,
    state::State,
    twin::Twin,
    view::{Summary, View, view},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Folds dossiers.
#[derive(Debug, Clone)]
pub struct DossierContent {
    /// Documents in memory, shared with whoever writes.
    pub documents: Arc<Documents>,
    /// Counts folds of accounts: whoever keeps them in memory reads them again when it has changed.
    pub accounts: Arc<AtomicU64>,
    listed: Listed,
}

/// Whether anybody lists and searches the dossiers here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// The clerks of an office do.
    ByClerks(OfficeId),
    /// At a hub nobody does: it would pay for rows that nobody reads.
    ByNobody,
}

/// Rebuilds a dossier's document from its accepted entries.
///
/// # Errors
/// [`ContentFault`] naming the first entry that cannot be applied.
pub fn document(entries: &[&Stored]) -> Result<Document, ContentFault> {
    let mut document = Document::new();
    document
        .apply(entries.iter().map(|stored| stored.entry.payload.as_slice()))
        .map_err(|(position, fault)| ContentFault { position, reason: fault.to_string() })?;
    Ok(document)
}

/// Reads a summary as the content wrote it.
pub fn read_summary(bytes: &[u8]) -> Option<Summary> {
    postcard::from_bytes(bytes).ok()
}

impl DossierContent {
    /// What a node of an office folds.
    pub fn of_office(office: OfficeId) -> Self {
        Self::new(Listed::ByClerks(office))
    }

    /// What a hub folds.
    pub fn of_hub() -> Self {
        Self::new(Listed::ByNobody)
    }

    fn new(listed: Listed) -> Self {
        Self { documents: Arc::default(), accounts: Arc::default(), listed }
    }

    /// Facts of the accepted entries, with as little work as what is in memory allows.
    fn facts(&self, id: DossierId, entries: &[&Stored]) -> Result<Arc<Vec<Fact>>, ContentFault> {
        let change = |stored: &&Stored| stored.entry.header.change_hash;
        match self.documents.find(id, entries.iter().map(change)) {
            Found::Level(facts) => return Ok(facts),
            Found::Behind(held, lacking) => {
                let new = entries.iter().filter(|stored| lacking.contains(&change(stored)));
                let mut document = held.document;
                // A fault is named below, where every entry has its position.
                if document.apply(new.map(|stored| stored.entry.payload.as_slice())).is_ok() {
                    return Ok(self.keep(id, document, entries));
                }
            }
            Found::Nothing => {}
        }
        let payloads = entries.iter().map(|stored| stored.entry.payload.as_slice());
        let facts = match facts_of(payloads) {
            Some(facts) => facts,
            None => document(entries)?.facts(),
        };
        Ok(Arc::new(facts))
    }

    /// What is read of a document that is no dossier: it is in no list, and no search finds it.
    fn folded_apart(&self, kind: DocType, id: DossierId, facts: &[Fact], checked: bool) -> Folded {
        if kind == DocType::Account {
            self.accounts.fetch_add(1, Ordering::AcqRel);
        }
        let index = match self.listed {
            Listed::ByClerks(_) => people::rows(kind, id, facts, checked),
            Listed::ByNobody => Vec::new(),
        };
        // Who may log in comes first to a new machine, and what was seen last.
        let due = (kind == DocType::Account).then_some(0);
        let summary = Summary { due, facts: facts.len() as u32, ..Summary::default() };
        Folded { summary: postcard::to_stdvec(&summary).unwrap_or_default(), index }
    }

    /// What lists, searches and scans read of a dossier with these facts and a newest entry of that
    /// time.
    fn folded(&self, id: DossierId, facts: &[Fact], newest: i64) -> Folded {
        let shown = view(facts);
        let View { summary, applicant, .. } = &shown;
        let updated = summary.updated.max(newest);
        let mut index = Vec::new();
        if let Listed::ByClerks(office) = self.listed {
            index = find::rows(id, &summary.code, applicant, updated);
            // Found by each of the values between which somebody must decide.
            for other in shown.other_applicants() {
                index.extend(find::rows(id, &summary.code, &other, updated));
            }
            let listing = listing(&shown, &office.to_string(), calendar::usual());
            index.push(lists::row(id, &listing));
            index.extend(money::rows(id, &shown, &office.to_string()));
            index.extend(find::asked_rows(id, facts));
            index.extend(find::hand_list_rows(id, facts));
            index.extend(Twin::of(&shown).map(|twin| find::twin_row(id, &twin)));
            index.extend(shown.links.iter().flat_map(|link| find::link_rows(id, link.other)));
            let origins = facts.iter().filter(|fact| fact.kind == Kind::Origin);
            let origins = origins.filter_map(Fact::read::<Origin>);
            index.extend(origins.flat_map(|origin| find::origin_rows(id, &origin)));
        }
        index.extend(attachments(facts).filter_map(|(_, attachment)| {
            let (hash, size) = attachment.address()?;
            Some(reference_row(hash, id, Reference { size }))
        }));
        index.sort();
        index.dedup_by(|one, other| one.0 == other.0);
        let summary = Summary { updated, ..shown.summary };
        Folded { summary: postcard::to_stdvec(&summary).unwrap_or_default(), index }
    }

    fn keep(&self, id: DossierId, document: Document, entries: &[&Stored]) -> Arc<Vec<Fact>> {
        let changes = entries.iter().map(|stored| stored.entry.header.change_hash);
        let held = Held::new(document, changes);
        let facts = Arc::clone(&held.facts);
        self.documents.keep(id, held);
        facts
    }
}

impl Content for DossierContent {
    fn schema(&self) -> u16 {
        motcua_dossier::SCHEMA
    }

    fn fold(&mut self, id: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault> {
        let facts = self.facts(id, entries)?;
        let kind = entries.first().map_or(DocType::Dossier, |first| first.entry.header.doc_type);
        if kind != DocType::Dossier {
            return Ok(self.folded_apart(kind, id, &facts, true));
        }
        let newest = entries.iter().map(|stored| stored.entry.header.claimed_at.0).max();
        Ok(self.folded(id, &facts, newest.unwrap_or_default()))
    }

    fn show(&mut self, id: DossierId, image: &[u8]) -> Option<Folded> {
        let (updated, facts) = read_image(image)?;
        let kind = people::kind_of(&facts);
        if kind != DocType::Dossier {
            return Some(self.folded_apart(kind, id, &facts, false));
        }
        Some(self.folded(id, &facts, updated))
    }
}

/// What an image says: when its newest entry was written, and the facts.
pub fn read_image(bytes: &[u8]) -> Option<(i64, Vec<Fact>)> {
    let (newest, facts) = bytes.split_first_chunk()?;
    Some((i64::from_be_bytes(*newest), image::decode(facts)?))
}

/// Makes images, and says which are urgent.
#[derive(Debug, Clone, Copy, Default)]
pub struct DossierPainter;

impl Painter for DossierPainter {
    /// Open dossiers by their promised date, then those without one, then what is done, newest
    /// first.
    fn urgency(&self, summary: &[u8]) -> i64 {
        const NO_DATE: i64 = i64::MAX / 2;
        let Some(summary) = read_summary(summary) else { return NO_DATE };
        let state = State::from_code(summary.state);
        let open = !summary.void && state.is_none_or(|state| !state.is_final());
        match (open, summary.due) {
            (true, Some(due)) => due.min(NO_DATE - 1),
            (true, None) => NO_DATE,
            (false, _) => i64::MAX - summary.updated.clamp(0, NO_DATE - 1),
        }
    }

    fn image(&self, changes: &[&Stored]) -> Option<Vec<u8>> {
        let payloads = changes.iter().map(|stored| stored.entry.payload.as_slice());
        let facts = match facts_of(payloads) {
            Some(facts) => facts,
            None => document(changes).ok()?.facts(),
        };
        let newest = changes.iter().map(|stored| stored.entry.header.claimed_at.0).max()?;
        Some([newest.to_be_bytes().as_slice(), &image::encode(&facts)?].concat())
    }
}
