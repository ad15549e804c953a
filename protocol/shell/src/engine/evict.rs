//! Who leaves a node, and when: closed dossiers in which nothing has happened for long, and scans
//! that only they name, while a hub is linked that has all of it (design/eviction.md). Once an hour,
//! page by page, a few at a time: nobody waits for it.

use super::{Books, Engine};
use crate::{clock::Clock, content::read_summary};
use motcua_core::{
    id::{DossierId, Hash},
    ledger::{is_away, may_leave},
    record::Record,
    replica::UpstreamPhase,
    scan::scan_of,
    state::{
        Key, StoreError,
        history::Stored,
        rows::{Author, Dossier, Meta, Summary},
    },
    time::Instant,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Weak,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// When closed dossiers leave a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eviction {
    /// Since their newest act.
    pub after: Duration,
    /// Between two looks at all dossiers.
    pub every: Duration,
}

/// Before the first look: a machine that starts has better things to do.
const FIRST: Duration = Duration::from_secs(300);
/// Dossiers looked at at once, and so the most that leave in one go.
const PAGE: usize = 200;
/// Between two pages: a ward's 20,000 dossiers in ten seconds, and a disk that is free for others.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one that came back stays in any case: whoever opened it may open it again.
const STAYS: u64 = 24 * 3_600 * 1_000;

/// What the thread works by.
pub(super) struct Evictor {
    pub(super) engine: Weak<Engine>,
    pub(super) when: Eviction,
    /// Waits for what the engine does on async threads.
    pub(super) runtime: Handle,
    /// Those that left since this process started, and since when they are seen to be back.
    pub(super) left: HashMap<DossierId, Option<Instant>>,
}

/// The machine is stopping.
struct Stopped;

impl Evictor {
    /// Runs until the sender is gone.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        let mut wait = self.when.every.min(FIRST);
        loop {
            if is_stopped(stop, wait) {
                return;
            }
            wait = self.when.every;
            match self.pass(stop) {
                Ok(Ok(())) => {}
                Ok(Err(Stopped)) => return,
                Err(error) => tracing::warn!(%error, "closed dossiers were not looked through"),
            }
        }
    }

    /// A look at every dossier, as long as the hub is linked.
    fn pass(&mut self, stop: &Receiver<()>) -> Result<Result<(), Stopped>, StoreError> {
        let (mut after, mut count, mut scans) = (None, 0, 0);
        loop {
            let Some(engine) = self.engine.upgrade() else { return Ok(Err(Stopped)) };
            let meta = engine.meta()?;
            if engine.snapshot().upstream != UpstreamPhase::Live || meta.imaged > 0 {
                break;
            }
            let page = engine.books().dossiers(after, PAGE)?;
            let mut records = Vec::new();
            for (id, row) in &page {
                if self.goes(&engine, *id, row, &meta)? {
                    self.left.insert(*id, None);
                    records.push(Record::Evicted { dossier: *id, entries: row.entries });
                }
            }
            count += records.len();
            if !records.is_empty() {
                engine.write_and_apply(&self.runtime, records).map_err(StoreError::Backend)?;
            }
            for (id, _) in &page {
                scans += self.let_scans_go(&engine, *id)?;
            }
            after = page.last().map(|(id, _)| *id);
            if page.len() < PAGE {
                engine.eviction_looks.fetch_add(1, Ordering::Relaxed);
                break;
            }
            drop(engine);
            if is_stopped(stop, PAUSE) {
                return Ok(Err(Stopped));
            }
        }
        if count + scans > 0 {
            tracing::info!(count, scans, "closed dossiers and their scans are at the hub only");
        }
        Ok(Ok(()))
    }

    fn goes(
        &mut self,
        engine: &Engine,
        id: DossierId,
        row: &Dossier,
        meta: &Meta,
    ) -> Result<bool, StoreError> {
        let books = engine.books();
        let summary: Option<Summary> = if row.away { None } else { books.row(Key::Summary(id))? };
        let Some(summary) = summary.and_then(|summary| read_summary(&summary.bytes)) else {
            return Ok(false);
        };
        let after = i64::try_from(self.when.after.as_millis()).unwrap_or(i64::MAX);
        let now = engine.clock().wall().0;
        if !summary.is_closed() || summary.updated.saturating_add(after) > now {
            return Ok(false);
        }
        if let Some(seen) = self.left.get_mut(&id) {
            let now = engine.clock().monotonic();
            if now.0 < seen.get_or_insert(now).0 + STAYS {
                return Ok(false);
            }
        }
        match may_leave(books, id, meta)? {
            // More than the page had: the next look will see.
            Some((newer, _)) if newer.entries != row.entries => Ok(false),
            Some((_, history)) => own_work_is_at_the_root(engine, &history),
            None => Ok(false),
        }
    }

    /// Scans of a dossier that is away; gives how many went.
    fn let_scans_go(&self, engine: &Engine, id: DossierId) -> Result<usize, StoreError> {
        if !is_away(engine.books(), id)? {
            return Ok(0);
        }
        let mut count = 0;
        for hash in scans_of(engine.books(), id)? {
            match self.runtime.block_on(engine.scans().let_go(engine.pen(), hash)) {
                Ok(went) => count += usize::from(went),
                Err(error) => tracing::warn!(%error, "a scan that the hub has did not go"),
            }
        }
        Ok(count)
    }
}

/// Scans that a dossier's facts name.
fn scans_of(books: &Books, id: DossierId) -> Result<BTreeSet<Hash>, StoreError> {
    let summary: Option<Summary> = books.row(Key::Summary(id))?;
    let index = summary.map(|summary| summary.index).unwrap_or_default();
    Ok(index.iter().filter_map(|key| scan_of(key)).collect())
}

/// Whether everything of it that this machine wrote is at the root hub, as far as was told. Of an
/// earlier own log nobody tells.
fn own_work_is_at_the_root(engine: &Engine, history: &[Stored]) -> Result<bool, StoreError> {
    let (log, root) = (engine.own().log(), root_has(engine));
    for stored in history {
        let author: Option<Author> = engine.books().row(Key::Author(stored.log))?;
        let own = author.is_some_and(|author| author.key == engine.own().key());
        if own && (stored.log != log || stored.sequence > root) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Entries of the own log at the root hub: what the parent has, where that is the root.
fn root_has(engine: &Engine) -> u64 {
    let trust = engine.trust();
    let hub = trust.hub_for(engine.me.office);
    match hub.is_some_and(|hub| trust.hub_above(hub.office).is_none()) {
        true => engine.received(),
        false => engine.root_received(),
    }
}

fn is_stopped(stop: &Receiver<()>, wait: Duration) -> bool {
    !matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}
