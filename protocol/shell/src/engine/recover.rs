//! Starting, in two parts. [`open`] opens journal and state and reads the own records that the state
//! lacks: from then on the counter can write. [`bring_up`] brings the state up to the journal, from base
//! and records where it is lost; it may take minutes, and breaks off and goes on at any point.

use super::{
    Changed, Pen, StartError,
    applier::{Applier, Progress},
    bases::Bases,
    books::{Books, decode},
    load::{load_base, newest_base},
    own_pass::OwnRecords,
    queue::{BATCH_BYTES, BATCH_RECORDS, Queue, size},
    random,
};
use crate::{
    clock::{Clock, SystemClock},
    identity::Identity,
    scans,
    startup::{Startup, Step, hold, records_at_once, sabotage},
    store::{Opened, SledStore, Why, end_rebuild, mark_failed, note_rebuild, noted_rebuild},
};
use motcua_core::{
    id::{EpochId, LogId},
    ledger::{Content, Decisions, Ledger, Me},
    record::{Record, Shelf},
    state::{Key, StoreError, rows::Meta},
    trust::NodeKind,
};
use motcua_journal::{GroupCommit, Journal, JournalError, JournalView, Lane, RealFs};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Beside the identity once the machine has begun to work; see [`StartError::DataMissing`].
const WORKED_BEFORE: &str = "identity/worked-before";
/// How often what was brought into the state is put on the disk, in milliseconds: whoever ends the
/// process costs no more than this, and a disk sync is a small part of it.
const KEPT_EVERY: u64 = 3_000;
/// Records looked through for the newest decision at first; it stands at the end of nearly all journals.
const DECIDED_NEAR: u64 = 4_096;
/// How often a start that waits for space looks for it.
const SPACE_POLL: Duration = Duration::from_millis(500);
/// Free bytes below which a state that fails is not given up: the next one would fail as well.
const ROOM: u64 = 64 * 1024 * 1024;

pub(super) struct Inputs<'a, C> {
    pub(super) data_dir: &'a Path,
    pub(super) me: Me,
    pub(super) kind: NodeKind,
    pub(super) identity: &'a Identity,
    pub(super) content: C,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) changed: Changed,
    pub(super) segment_bytes: Option<u64>,
    pub(super) startup: &'a Startup,
}

pub(super) struct Recovered<C> {
    pub(super) applier: Applier<C>,
    pub(super) commit: GroupCommit,
    pub(super) books: Books,
    pub(super) opened: Opened,
    pub(super) own: OwnRecords,
}

/// Opens journal and state. The state may reflect less than the journal, or nothing.
pub(super) fn open<C: Content>(inputs: Inputs<'_, C>) -> Result<Recovered<C>, StartError> {
    let Inputs { data_dir, me, kind, identity, content, progress, changed, .. } = inputs;
    let startup = inputs.startup;
    startup.begin(Step::Journal, 0, 0);
    hold(startup, Step::Journal);
    let journal_dir = data_dir.join("journal");
    let mut options = motcua_journal::Options::new(me.node.0, random);
    options.segment_size = inputs.segment_bytes.unwrap_or(options.segment_size);
    sabotage(&mut options);
    let marker = data_dir.join(WORKED_BEFORE);
    let worked = marker.exists() || has_worked(data_dir);
    let bare = std::fs::read_dir(&journal_dir).map_or(true, |mut files| files.next().is_none());
    if bare && worked {
        // Before anything is written there: whoever puts the files back finds the place as it was.
        return Err(StartError::DataMissing { dir: journal_dir });
    }
    let opened = Journal::open(Arc::new(RealFs::new()), &journal_dir, options);
    let (mut journal, recovery) = opened.map_err(|error| match error {
        JournalError::Foreign { .. } => StartError::Foreign(error),
        error => error.into(),
    })?;
    for hole in &recovery.holes {
        tracing::error!(?hole, "records of the journal are damaged; what follows them is kept");
    }
    if recovery.last == 0 {
        if worked {
            return Err(StartError::DataMissing { dir: journal_dir });
        }
        begin(&mut journal, me, kind, identity)?;
    }
    // Also beside a journal that has records: it may be older than the marker.
    if !marker.exists()
        && let Err(error) = crate::identity::replace_file(&marker, b"")
    {
        // Where the disk is full the next start writes it; a journal that has records is no first one.
        if recovery.last == 0 || scans::free_bytes(data_dir).is_none_or(|free| free >= ROOM) {
            return Err(StartError::Io {
                what: format!("{} not written", marker.display()),
                source: std::io::Error::other(error.to_string()),
            });
        }
        tracing::error!(%error, "the disk is full: that this machine has worked is noted later");
    }
    let view = journal.view();
    let dir = data_dir.join("state");
    let (books, opened, own) = match open_state(data_dir, &me, &view, startup) {
        // Rows that cannot be read: the state is given up here and now, and made again.
        Err(StartError::State(error)) => {
            give_up(&dir, &error);
            open_state(data_dir, &me, &view, startup)?
        }
        opened => opened?,
    };
    let ledger = Ledger::new(me, identity.trust.clone(), content);
    let newest = books.row::<Meta>(Key::Meta)?.unwrap_or_default().applied;
    let applier = Applier {
        ledger,
        books: books.clone(),
        known: Decisions::default(),
        progress,
        changed,
        undecided: Vec::new(),
        stale: 0,
        bases: Bases::new(data_dir.join("bases"), me.node.0, newest),
        startup: startup.clone(),
        fault_elsewhere: false,
    };
    let commit = GroupCommit::start(journal)?;
    Ok(Recovered { applier, commit, books, opened, own })
}

/// Whether there is anything in the data folder that only a machine at work leaves there.
fn has_worked(data_dir: &Path) -> bool {
    let holds = |name: &str| {
        let folder = std::fs::read_dir(data_dir.join(name));
        folder.is_ok_and(|mut entries| entries.next().is_some())
    };
    ["state", "bases", "attachments"].into_iter().any(holds)
}

type State = (Books, Opened, OwnRecords);

fn open_state(
    data_dir: &Path,
    me: &Me,
    view: &JournalView,
    startup: &Startup,
) -> Result<State, StartError> {
    startup.begin(Step::State, 0, 0);
    hold(startup, Step::State);
    let Some((state, mut opened)) = open_store(data_dir, me, view, startup)? else {
        return Err(StartError::Stopped);
    };
    let first_start = opened == Opened::Empty && view.durable() <= FIRST_RECORDS;
    let dir = data_dir.join("state");
    let noted = noted_rebuild(&dir);
    let lost = match &opened {
        Opened::SetAside { to, why } => Some((Some(why.clone()), Some(to.clone()))),
        Opened::NoSpace => Some((Some(Why::NoSpace), None)),
        // Begun by a start before this one, or not there at all.
        Opened::At(_) | Opened::HalfLoaded(_) | Opened::Empty if noted.is_some() => None,
        Opened::Empty | Opened::HalfLoaded(_) if !first_start => Some((None, None)),
        Opened::At(_) | Opened::Empty | Opened::HalfLoaded(_) => None,
    };
    match (lost, noted) {
        (Some((why, aside)), _) => note_rebuild(&dir, &startup.lost(why, aside)),
        (None, Some(rebuild)) => startup.goes_on(rebuild),
        (None, None) => {}
    }
    let books = Books::new(state, view.clone());
    // Own records that were trimmed stand in the base alone, and nothing is written without them.
    if !matches!(opened, Opened::At(_)) && view.durable() > 0 && view.read(1)?.is_none() {
        let place = (&*data_dir.join("bases"), &me.node.0);
        if !load_base(place, &books, &opened, startup)? {
            return Err(StartError::Stopped);
        }
        let applied = books.row::<Meta>(Key::Meta)?.unwrap_or_default().applied;
        check_beginning(view, applied, &data_dir.join("journal"))?;
        opened = Opened::At(applied);
    }
    let own = OwnRecords::read(&books, startup)?.ok_or(StartError::Stopped)?;
    Ok((books, opened, own))
}

/// Opens the state store. One for which there is no space is made again in memory; where that needs what
/// only its files have, it waits for space. None if the process is to end.
fn open_store(
    data_dir: &Path,
    me: &Me,
    view: &JournalView,
    startup: &Startup,
) -> Result<Option<(SledStore, Opened)>, StartError> {
    loop {
        let found = SledStore::open(&data_dir.join("state"), view.durable())?;
        let whole = || Ok::<_, StartError>(view.durable() == 0 || view.read(1)?.is_some());
        let place = (&*data_dir.join("bases"), &me.node.0);
        if found.1 != Opened::NoSpace || whole()? || newest_base(place, view.durable())?.is_some() {
            startup.waits_for_space(false);
            return Ok(Some(found));
        }
        if !pause_for_space(startup) {
            return Ok(None);
        }
    }
}

/// A moment, in which somebody may free the disk; false if the process is to end.
fn pause_for_space(startup: &Startup) -> bool {
    startup.waits_for_space(true);
    std::thread::sleep(SPACE_POLL);
    !startup.is_stopping()
}

/// Before more is written to a state that is held in memory for want of space: waits until it takes
/// more; false if the process is to end.
pub(super) fn wait_for_space(state: &SledStore, startup: &Startup) -> bool {
    while state.is_held_up() {
        if !pause_for_space(startup) {
            return false;
        }
    }
    startup.waits_for_space(false);
    true
}

/// Records that [`begin`] writes at most: a journal with no more than these has no state to lose.
const FIRST_RECORDS: u64 = 4;

/// The state is not to be trusted any more; the next opening moves it aside. Where the disk is full the
/// fault is not the state's.
pub(super) fn give_up(dir: &Path, error: &StoreError) {
    let free = dir.parent().and_then(scans::free_bytes);
    if free.is_some_and(|free| free < ROOM) {
        tracing::error!(%error, "the disk is full; the state is kept as it is");
        return;
    }
    mark_failed(dir, &error.to_string());
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

/// Brings the state up to the journal, whatever it reflects now, while others append; false if the
/// process is to end, with what was done kept.
pub(super) fn bring_up<C: Content>(
    applier: &mut Applier<C>,
    opened: &Opened,
    queue: &Queue,
) -> Result<bool, StartError> {
    let startup = applier.startup.clone();
    if !matches!(opened, Opened::At(_))
        && !load_base(applier.bases.place(), &applier.books, opened, &startup)?
    {
        return Ok(false);
    }
    let Meta { applied, stale, .. } = applier.books.row::<Meta>(Key::Meta)?.unwrap_or_default();
    applier.bases.begin_at(applied);
    applier.known = decisions(&applier.books.journal, applied)?;
    applier.stale = stale;
    let last = applier.books.journal.durable();
    if last > applied {
        tracing::info!(from = applied, to = last, "bringing the state up to the journal");
    }
    startup.begin(Step::Records, applied, last);
    applier.progress.send_replace(Progress::At(applied));
    let lost = startup.rebuild().is_some();
    if lost {
        // Each dossier is folded once, behind everything, whatever batches it comes up in.
        applier.ledger.fold_at_once(0);
    }
    let level = match catch_up(applier, applied, queue) {
        // What fails with a state that was made just now is not the state's fault.
        Err(StartError::State(error)) if !lost => {
            give_up(&applier.bases.state_dir(), &error);
            return Err(error.into());
        }
        level => level?,
    };
    if level && applier.stale == 0 && startup.whole() {
        end_rebuild(&applier.bases.state_dir());
    }
    applier.ledger.fold_at_once(motcua_core::ledger::FOLD_AT_ONCE);
    if lost || !level {
        applier.books.state.keep()?;
    }
    Ok(level)
}

/// What the journal holds behind `applied`, batch by batch, and what is appended meanwhile.
fn catch_up<C: Content>(
    applier: &mut Applier<C>,
    applied: u64,
    queue: &Queue,
) -> Result<bool, StartError> {
    let (startup, clock) = (applier.startup.clone(), SystemClock::default());
    let at_once = records_at_once(BATCH_RECORDS);
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut kept = clock.monotonic();
    let mut take = |applier: &mut Applier<C>, batch: &mut Vec<(u64, Record)>| {
        if !wait_for_space(&applier.books.state, &startup) {
            return Ok(false);
        }
        let done = applier.apply(std::mem::take(batch), None)?;
        queue.applied(done.upto, applier.stale);
        (applier.changed)(&done.dossiers);
        startup.reached(done.upto, applier.books.journal.durable());
        if clock.monotonic().since(kept) >= KEPT_EVERY {
            applier.books.state.keep()?;
            kept = clock.monotonic();
        }
        hold(&startup, Step::Records);
        Ok::<bool, StartError>(!startup.is_stopping())
    };
    for raw in applier.books.clone().journal.iter_from(applied + 1) {
        let Some(raw) = unless_damaged(raw)? else { continue };
        let record = decode(raw.kind, &raw.payload)?;
        bytes += size(&record);
        batch.push((raw.lsn, record));
        if bytes >= BATCH_BYTES || batch.len() >= at_once {
            bytes = 0;
            if !take(applier, &mut batch)? {
                return Ok(false);
            }
        }
    }
    Ok(batch.is_empty() || take(applier, &mut batch)?)
}

/// The newest decision behind `applied`: what it covers needs no other. Looked for from the end.
fn decisions(view: &JournalView, applied: u64) -> Result<Decisions, StartError> {
    let (mut span, end) = (DECIDED_NEAR, view.durable());
    loop {
        let from = end.saturating_sub(span).max(applied) + 1;
        let mut known = Decisions::default();
        for raw in view.iter_lane(Lane::Others, from) {
            let Some(raw) = unless_damaged(raw)? else { continue };
            // The kind says it; nothing else is decoded.
            if raw.kind == Record::DECIDED
                && let Record::Decided { upto, .. } = decode(raw.kind, &raw.payload)?
            {
                known.upto = known.upto.max(upto);
            }
        }
        if known.upto > 0 || from <= applied + 1 {
            return Ok(known);
        }
        span = span.saturating_mul(8);
    }
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

/// A state that is made from nothing needs the whole journal; one made from its later part would
/// pass for the truth.
fn check_beginning(view: &JournalView, applied: u64, dir: &Path) -> Result<(), StartError> {
    let missing = applied == 0 && view.durable() > 0 && view.read(1)?.is_none();
    match view.first().filter(|_| missing) {
        Some(first) => Err(StartError::BeginningMissing { dir: dir.to_owned(), first }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
