//! Starting: the journal is opened, the state is opened or rebuilt from base and journal, and
//! brought up to the journal's end.

use super::{
    Changed, Pen, StartError,
    applier::{Applier, Bases, Progress},
    books::{Books, decode},
    queue::{BATCH_BYTES, size},
    random,
};
use crate::{
    identity::Identity,
    store::{Opened, SledStore},
};
use motcua_core::{
    id::{EpochId, LogId},
    ledger::{Content, Decisions, Ledger, Me, STATE_LAYOUT},
    record::{Record, Shelf},
    state::{Key, rows::Meta},
    trust::NodeKind,
};
use motcua_journal::{Base, GroupCommit, Journal, JournalError, JournalView, Lane, RealFs};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tokio::sync::watch;

/// Pairs of a base written to the state at once.
const BASE_BATCH: usize = 10_000;
/// Beside the identity once the machine has begun to work; see [`StartError::DataMissing`].
const WORKED_BEFORE: &str = "identity/worked-before";

pub(super) struct Inputs<'a, C> {
    pub(super) data_dir: &'a Path,
    pub(super) me: Me,
    pub(super) kind: NodeKind,
    pub(super) identity: &'a Identity,
    pub(super) content: C,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) changed: Changed,
    pub(super) segment_bytes: Option<u64>,
}

pub(super) struct Recovered<C> {
    pub(super) applier: Applier<C>,
    pub(super) commit: GroupCommit,
    pub(super) books: Books,
    pub(super) opened: Opened,
}

pub(super) fn recover<C: Content>(inputs: Inputs<'_, C>) -> Result<Recovered<C>, StartError> {
    let Inputs { data_dir, me, kind, identity, content, progress, changed, segment_bytes } = inputs;
    let journal_dir = data_dir.join("journal");
    let mut options = motcua_journal::Options::new(me.node.0, random);
    options.segment_size = segment_bytes.unwrap_or(options.segment_size);
    let (mut journal, recovery) = Journal::open(Arc::new(RealFs::new()), &journal_dir, options)?;
    for hole in &recovery.holes {
        tracing::error!(?hole, "records of the journal are damaged; what follows them is kept");
    }
    let marker = data_dir.join(WORKED_BEFORE);
    if recovery.last == 0 {
        if marker.exists() {
            return Err(StartError::DataMissing { dir: journal_dir });
        }
        begin(&mut journal, me, kind, identity)?;
        crate::identity::replace_file(&marker, b"").map_err(|error| StartError::Io {
            what: format!("{} not written", marker.display()),
            source: std::io::Error::other(error.to_string()),
        })?;
    }
    let view = journal.view();
    let last = view.durable();
    let (state, opened) = SledStore::open(&data_dir.join("state"), last)?;
    let dir = data_dir.join("bases");
    let newest = match opened {
        Opened::At(applied) => applied,
        Opened::Empty | Opened::SetAside(_) => load_base(&dir, &state, last, &me.node.0)?,
    };
    check_beginning(&view, newest, &journal_dir)?;
    let books = Books::new(state, view);
    let known = decisions(&books)?;
    let ledger = Ledger::new(me, identity.trust.clone(), content);
    let mut applier = Applier {
        ledger,
        books: books.clone(),
        known,
        progress,
        changed,
        undecided: Vec::new(),
        stale: 0,
        bases: Bases { dir, owner: me.node.0, newest },
    };
    catch_up(&mut applier)?;
    let commit = GroupCommit::start(journal)?;
    Ok(Recovered { applier, commit, books, opened })
}

/// First records of a new machine.
pub(super) fn begin(
    journal: &mut Journal,
    me: Me,
    kind: NodeKind,
    identity: &Identity,
) -> Result<(), StartError> {
    // A hub writes too: its decisions.
    let (log, binding) = (LogId(random()), identity.binding.encode());
    let epoch = (kind == NodeKind::Hub).then(|| Record::Epoch(EpochId(random())));
    let trust = Record::Trust(identity.trust.to_bytes());
    let log = [
        Record::LogStarted { log, continues: None },
        Record::Author { log, binding, origin: me.node },
    ];
    for record in std::iter::once(trust).chain(epoch).chain(log) {
        journal.append(lane_of(&record), record.kind(), &record.encode())?;
    }
    journal.commit()?;
    Ok(())
}

/// Where a record stands.
pub(crate) fn lane_of(record: &Record) -> Lane {
    match record.shelf() {
        Shelf::Own => Lane::Own,
        Shelf::Others => Lane::Others,
    }
}

/// First records of a new node, for a journal that is then filled from a copy.
pub(crate) fn begin_journal(journal: &mut Journal, identity: &Identity) -> Result<(), StartError> {
    let binding = identity.bound()?;
    let me = Me { node: identity.device.public().node_id(), office: binding.office };
    begin(journal, me, binding.kind, identity)
}

/// The file that says that this machine has worked before.
pub(crate) fn worked_before(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(WORKED_BEFORE)
}

/// Decisions recorded after the position that the state reflects.
fn decisions(books: &Books) -> Result<Decisions, StartError> {
    let applied = books.row::<Meta>(Key::Meta)?.unwrap_or_default().applied;
    let mut known = Decisions::default();
    for raw in books.journal.iter_from(applied + 1) {
        let Some(raw) = unless_damaged(raw)? else { continue };
        if let Record::Decided { upto, .. } = decode(raw.kind, &raw.payload)? {
            known.upto = known.upto.max(upto);
        }
    }
    Ok(known)
}

/// A record; none in the place of some that are damaged. What follows them counts all the same: who
/// wrote it is asked for the rest, or it is written again (`OwnWriter::rescue`).
pub(super) fn unless_damaged(
    raw: Result<motcua_journal::Record, JournalError>,
) -> Result<Option<motcua_journal::Record>, JournalError> {
    match raw {
        Err(error @ JournalError::Damaged { .. }) => {
            tracing::error!(%error, "records of the journal are damaged; what follows them is kept");
            Ok(None)
        }
        other => other.map(Some),
    }
}

fn catch_up<C: Content>(applier: &mut Applier<C>) -> Result<(), StartError> {
    let Meta { applied, stale, .. } = applier.books.row::<Meta>(Key::Meta)?.unwrap_or_default();
    applier.stale = stale;
    let last = applier.books.journal.durable();
    if last > applied {
        tracing::info!(from = applied, to = last, "bringing the state up to the journal");
    }
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for raw in applier.books.clone().journal.iter_from(applied + 1) {
        let Some(raw) = unless_damaged(raw)? else { continue };
        let record = decode(raw.kind, &raw.payload)?;
        bytes += size(&record);
        batch.push((raw.lsn, record));
        if bytes >= BATCH_BYTES {
            applier.apply(std::mem::take(&mut batch), None)?;
            bytes = 0;
        }
    }
    if batch.is_empty() {
        applier.progress.send_replace(Progress::At(applied));
    } else {
        applier.apply(batch, None)?;
    }
    Ok(())
}

/// What was applied without a recorded decision is decided now, before any link is up.
pub(super) fn settle_undecided<C: Content>(
    applier: &Applier<C>,
    pen: &Pen,
) -> Result<(), StartError> {
    let upto = applier.books.row::<Meta>(Key::Meta)?.unwrap_or_default().applied;
    if upto > applier.known.upto {
        let exceptions = applier.undecided.clone();
        pen.write(vec![Record::Decided { upto, exceptions }], Box::new(drop));
    }
    // Software that reads more than before: what waited for it is judged again, and the journal
    // says where, so that rebuilt state is the same.
    let noted = applier.books.row::<Meta>(Key::Meta)?.unwrap_or_default().schema;
    let schema = applier.ledger.reads();
    if schema > noted {
        let software = env!("CARGO_PKG_VERSION").into();
        pen.write(vec![Record::Updated { schema, software }], Box::new(drop));
    }
    Ok(())
}

fn load_base(
    dir: &Path,
    state: &SledStore,
    last: u64,
    owner: &[u8; 16],
) -> Result<u64, StartError> {
    let found = Base::newest(&RealFs::new(), dir, owner)?;
    // A base that reflects more than the journal holds belongs to a journal that was set back.
    let Some(base) = found.base.filter(|base| base.lsn() <= last) else { return Ok(0) };
    if !has_this_layout(&base)? {
        tracing::info!(position = base.lsn(), "the newest base is of another layout; not used");
        return Ok(0);
    }
    tracing::info!(position = base.lsn(), pairs = base.pairs(), "loading the newest base");
    let mut batch = BTreeMap::new();
    for pair in base.iter() {
        let (key, value) = pair?;
        batch.insert(key, Some(value));
        if batch.len() == BASE_BATCH {
            state.write(std::mem::take(&mut batch))?;
        }
    }
    state.write(batch)?;
    Ok(base.lsn())
}

/// A state that is made from nothing needs the whole journal; one made from its later part would
/// pass for the truth.
fn check_beginning(view: &JournalView, applied: u64, dir: &Path) -> Result<(), StartError> {
    let missing = applied == 0 && view.durable() > 0 && view.read(1)?.is_none();
    match view.first().filter(|_| missing) {
        Some(first) => Err(StartError::BeginningMissing { dir: dir.to_owned(), first }),
        None => Ok(()),
    }
}

/// Whether a base holds rows as this version writes them.
fn has_this_layout(base: &Base) -> Result<bool, StartError> {
    let meta = Key::Meta.bytes();
    for pair in base.iter() {
        let (key, value) = pair?;
        if key == meta {
            // One that cannot be read is of another layout as well.
            let row = postcard::from_bytes::<Meta>(&value);
            return Ok(row.is_ok_and(|row| row.layout == STATE_LAYOUT));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_core::state::Kv;
    use motcua_journal::BaseWriter;

    #[test]
    fn a_base_of_another_layout_is_not_loaded() {
        let owner = [7; 16];
        let meta = |layout| Meta { layout, applied: 5, ..Meta::default() };
        let rows = [
            (postcard::to_stdvec(&meta(STATE_LAYOUT)).unwrap(), 5),
            (postcard::to_stdvec(&meta(STATE_LAYOUT - 1)).unwrap(), 0),
            (vec![1], 0),
        ];
        for (row, loaded) in rows {
            let dir = tempfile::tempdir().unwrap();
            let (bases, state) = (dir.path().join("bases"), dir.path().join("state"));
            let fs = Arc::new(RealFs::new());
            let mut base = BaseWriter::create(fs, &bases, 5, owner, "test").unwrap();
            base.put(&Key::Meta.bytes(), &row).unwrap();
            base.put(b"x", b"y").unwrap();
            base.finish().unwrap();
            let (state, _) = SledStore::open(&state, 9).unwrap();
            assert_eq!(load_base(&bases, &state, 9, &owner).unwrap(), loaded);
            assert_eq!(state.get(b"x").unwrap().is_some(), loaded > 0);
        }
    }

    #[test]
    fn no_state_is_made_from_a_journal_without_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = motcua_journal::Options::new([7; 16], random);
        options.segment_size = 0;
        let fs = Arc::new(RealFs::new());
        let (mut journal, _) = Journal::open(fs, dir.path(), options).unwrap();
        let view = journal.view();
        check_beginning(&view, 0, dir.path()).unwrap();
        for _ in 0..200 {
            journal.append(Lane::Others, 1, &[0; 60_000]).unwrap();
            journal.commit().unwrap();
        }
        check_beginning(&view, 0, dir.path()).unwrap();
        assert!(journal.trim(Lane::Others, 100).unwrap() > 0);
        let refused = check_beginning(&view, 0, dir.path()).unwrap_err().to_string();
        let first = view.first().unwrap();
        assert!(first > 1 && refused.contains(&format!("begins at record {first}")), "{refused}");
        check_beginning(&view, first, dir.path()).unwrap();
    }
}
