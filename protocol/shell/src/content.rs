//! What the payloads of entries mean: dossiers, folded by `motcua-dossier` into a summary and the
//! index rows that lists and searches read.

use crate::documents::{Documents, Found, Held};
use motcua_core::{
    id::DossierId,
    ledger::{Content, ContentFault, Folded},
    replica::Painter,
    scan::{Reference, reference_row},
    state::{Key, history::Stored},
};
use motcua_dossier::{
    attachment::attachments,
    document::{Document, facts_of},
    fact::Fact,
    image,
    search::fold,
    state::State,
    view::{Summary, View, view},
};
use std::sync::Arc;

/// Folds dossiers.
#[derive(Debug, Default, Clone)]
pub struct DossierContent {
    /// Documents in memory, shared with whoever writes.
    pub documents: Arc<Documents>,
}

/// Tables of the content's own index, second byte of the key.
#[derive(Debug, Clone, Copy)]
enum Index {
    /// By newest act, newest first: inverted time, dossier.
    Recent,
    /// By printed code.
    Code,
    /// By word of the applicant's name.
    Name,
}

impl Index {
    fn key(self, rest: &[u8], dossier: DossierId) -> Vec<u8> {
        let table = match self {
            Self::Recent => b'r',
            Self::Code => b'c',
            Self::Name => b'n',
        };
        [&[Key::CONTENT, table], rest, &[0], &dossier.0].concat()
    }
}

/// First key of the list by newest act after a position; see [`recent_range`].
pub fn recent_range(after: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let from = match after {
        None => vec![Key::CONTENT, b'r'],
        Some(key) => [key, &[0]].concat(),
    };
    (from, vec![Key::CONTENT, b'r' + 1])
}

/// Keys of names with a word that begins so; the word is folded already.
pub fn name_range(word: &str) -> (Vec<u8>, Vec<u8>) {
    prefix_range(b'n', word.as_bytes())
}

/// Keys of codes that begin so.
pub fn code_range(code: &str) -> (Vec<u8>, Vec<u8>) {
    prefix_range(b'c', code.as_bytes())
}

fn prefix_range(table: u8, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let from = [&[Key::CONTENT, table], prefix].concat();
    // UTF-8 has no byte 0xff, so this is after every key with the prefix.
    let to = [from.as_slice(), &[0xff]].concat();
    (from, to)
}

/// The dossier that an index key points to.
pub fn dossier_of(key: &[u8]) -> Option<DossierId> {
    DossierId::from_slice(key.get(key.len().checked_sub(DossierId::LEN)?..)?)
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
        let newest = entries.iter().map(|stored| stored.entry.header.claimed_at.0).max();
        Ok(folded(id, &facts, newest.unwrap_or_default()))
    }

    fn show(&mut self, id: DossierId, image: &[u8]) -> Option<Folded> {
        let (updated, facts) = read_image(image)?;
        Some(folded(id, &facts, updated))
    }
}

/// What lists, searches and scans read of a dossier with these facts and a newest entry of that time.
fn folded(id: DossierId, facts: &[Fact], newest: i64) -> Folded {
    let View { summary, .. } = view(facts);
    let updated = summary.updated.max(newest);
    let inverted = (i64::MAX - updated.max(0)).to_be_bytes();
    let mut index = vec![(Index::Recent.key(&inverted, id), Vec::new())];
    if !summary.code.is_empty() {
        index.push((Index::Code.key(summary.code.as_bytes(), id), Vec::new()));
    }
    for word in fold(&summary.applicant).split(' ').filter(|word| !word.is_empty()) {
        index.push((Index::Name.key(word.as_bytes(), id), Vec::new()));
    }
    index.extend(attachments(facts).filter_map(|(_, attachment)| {
        let (hash, size) = attachment.address()?;
        Some(reference_row(hash, id, Reference { size }))
    }));
    index.sort();
    index.dedup_by(|one, other| one.0 == other.0);
    let summary = Summary { updated, ..summary };
    Folded { summary: postcard::to_stdvec(&summary).unwrap_or_default(), index }
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
        let open = State::from_code(summary.state).is_none_or(|state| !state.is_final());
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
