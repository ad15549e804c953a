//! Forgetting, as far as files go. A dossier that the hub says this office no longer takes part in
//! leaves the state at once, and the files within a stated delay: received records of the journal
//! are rewritten without its entries (their leaves stay, so that the proofs of others hold), the
//! state is copied into a fresh store, a fresh base takes the place of the old ones, and scans that
//! nobody else names go. Then the hub is told.
//!
//! The delay gathers what is revoked together: rewriting costs by what is held, not by what goes.

use super::{Books, Engine, pen::Pen};
use crate::driver::Signal;
use motcua_core::{
    id::{DossierId, Hash},
    record::Record,
    scan::scan_of,
    state::{
        Key, Kv, StoreError,
        rows::{Author, Meta, Purged, Summary},
    },
    wire::{DownFrame, ImageFrame},
};
use motcua_journal::{Lane, Replace};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// How often it is looked whether something is to be forgotten.
const EVERY: Duration = Duration::from_secs(1);
/// Dossiers forgotten in one go.
const AT_ONCE: usize = 1_000;

/// What the thread works by.
pub(super) struct Forgetter {
    pub(super) engine: Weak<Engine>,
    /// Between leaving the state and leaving the files.
    pub(super) delay: Duration,
    /// Waits for what the engine does on async threads.
    pub(super) runtime: Handle,
}

impl Forgetter {
    /// Runs until the sender is gone.
    pub(super) fn run(self, stop: &Receiver<()>) {
        let mut waited = Duration::ZERO;
        // What an earlier run left undone is done without waiting again.
        let mut due = true;
        loop {
            match stop.recv_timeout(EVERY.min(self.delay.max(Duration::from_millis(100)))) {
                Err(RecvTimeoutError::Timeout) => waited += EVERY,
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let Some(engine) = self.engine.upgrade() else { return };
            match self.leave_state(&engine) {
                Ok(0) => {}
                Ok(_) if due => {}
                Ok(_) => (due, waited) = (true, Duration::ZERO),
                Err(error) => tracing::warn!(%error, "dossiers to forget could not be read"),
            }
            if due && waited >= self.delay {
                match self.leave_files(&engine) {
                    Ok(()) => due = false,
                    Err(why) => {
                        tracing::error!(%why, "purged dossiers are still in files; tried again");
                        waited = Duration::ZERO;
                    }
                }
            }
        }
    }

    /// Takes out of the state what may go; gives how many that were.
    fn leave_state(&self, engine: &Engine) -> Result<usize, StoreError> {
        let books = engine.books();
        let meta: Meta = books.row(Key::Meta)?.unwrap_or_default();
        if meta.forgetting == 0 {
            return Ok(0);
        }
        let from = Key::Forgetting(DossierId::ZERO).bytes();
        let to = [Key::Forgetting(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let mut records = Vec::new();
        for (key, _) in books.range(&from, &to, AT_ONCE)? {
            let Some(dossier) = DossierId::from_slice(&key[1..]) else { continue };
            if own_work_is_with_the_hub(engine, dossier)? {
                let summary: Option<Summary> = books.row(Key::Summary(dossier))?;
                let index = summary.map(|summary| summary.index).unwrap_or_default();
                let scans = index.iter().filter_map(|key| scan_of(key)).collect();
                records.push(Record::Purged { dossier, scans });
            }
        }
        let count = records.len();
        if count > 0 {
            engine.write_and_apply(&self.runtime, records).map_err(StoreError::Backend)?;
            tracing::info!(count, "dossiers of which this office is no part any more were purged");
        }
        Ok(count)
    }

    /// Takes out of every file what left the state before.
    fn leave_files(&self, engine: &Engine) -> Result<(), String> {
        let gone = undone(engine.books()).map_err(|error| error.to_string())?;
        if gone.is_empty() {
            return Ok(());
        }
        rewrite(engine.pen(), &gone)?;
        engine.queue.renew()?;
        let scans: BTreeSet<Hash> =
            gone.values().flat_map(|row| row.scans.iter().copied()).collect();
        for hash in scans {
            let forgotten = self.runtime.block_on(engine.scans().forget(engine.pen(), hash));
            forgotten.map_err(|error| error.to_string())?;
        }
        let dossiers: Vec<DossierId> = gone.keys().copied().collect();
        tracing::info!(count = dossiers.len(), "purged dossiers are in no file any more");
        let records =
            dossiers.chunks(AT_ONCE).map(|some| Record::PurgeDone { dossiers: some.to_vec() });
        engine.write_and_apply(&self.runtime, records.collect())?;
        engine.driver().signal(Signal::Purged);
        Ok(())
    }
}

impl Engine {
    /// Writes records and waits until the state reflects them. Not on an async thread.
    pub(super) fn write_and_apply(
        &self,
        runtime: &Handle,
        records: Vec<Record>,
    ) -> Result<(), String> {
        let (told, answer) = sync_channel(1);
        self.pen().write(
            records,
            Box::new(move |result| {
                // Nobody waits any more while stopping.
                let _ = told.send(result);
            }),
        );
        let positions = match answer.recv() {
            Ok(result) => result.map_err(|error| error.to_string())?,
            Err(_) => return Err("the journal has stopped".into()),
        };
        let last = positions.last().copied().unwrap_or_default();
        match runtime.block_on(self.applied(last)) {
            true => Ok(()),
            false => Err("the state cannot be written".into()),
        }
    }
}

/// Whether everything this machine wrote into the dossier is acknowledged by its hub.
fn own_work_is_with_the_hub(engine: &Engine, dossier: DossierId) -> Result<bool, StoreError> {
    let books = engine.books();
    let Some((_, history)) = books.dossier(dossier)? else { return Ok(true) };
    let (log, received) = (engine.own().log(), engine.received());
    for stored in history {
        let own = match books.row::<Author>(Key::Author(stored.log))? {
            Some(author) => author.key == engine.own().key(),
            None => false,
        };
        // Of earlier own logs nothing more goes up.
        if own && stored.log == log && stored.sequence > received {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Purged dossiers that files may hold yet.
fn undone(books: &Books) -> Result<BTreeMap<DossierId, Purged>, StoreError> {
    let to = [Key::Purged(DossierId([0xff; 16])).bytes(), vec![0]].concat();
    let mut from = Key::Purged(DossierId::ZERO).bytes();
    let mut found = BTreeMap::new();
    loop {
        let page = books.range(&from, &to, AT_ONCE)?;
        let full = page.len() == AT_ONCE;
        for (key, value) in page {
            let corrupt = || StoreError::Corrupt { what: "purged dossier" };
            let row: Purged = postcard::from_bytes(&value).map_err(|_| corrupt())?;
            let id = DossierId::from_slice(&key[1..]).ok_or_else(corrupt)?;
            if !row.done {
                found.insert(id, row);
            }
            from = [key, vec![0]].concat();
        }
        if !full {
            return Ok(found);
        }
    }
}

/// Rewrites received records without entries of these dossiers that came before their purge.
fn rewrite(pen: &Pen, gone: &BTreeMap<DossierId, Purged>) -> Result<(), String> {
    let gone: BTreeMap<DossierId, u64> = gone.iter().map(|(id, row)| (*id, row.position)).collect();
    let failed = Arc::new(AtomicBool::new(false));
    let replace: Replace = {
        let failed = Arc::clone(&failed);
        Arc::new(move |record| {
            let before = |id, lsn: u64| gone.get(&id).is_some_and(|purge| lsn < *purge);
            let (from, frame, refill) = match Record::decode(record.kind, &record.payload).ok()? {
                Record::Images { from, frame } => {
                    let taken =
                        ImageFrame::decode(&frame).ok()?.without(|id| before(id, record.lsn));
                    let record = Record::Images { from, frame: taken?.encode() };
                    return Some((record.kind(), record.encode()));
                }
                Record::Down { from, frame } => (from, frame, false),
                Record::Refill { from, frame } => (from, frame, true),
                _ => return None,
            };
            let taken = DownFrame::decode(&frame)
                .ok()
                .and_then(|frame| frame.without(|id| before(*id, record.lsn)))?;
            match taken.encode() {
                Ok(frame) => {
                    let record = match refill {
                        true => Record::Refill { from, frame },
                        false => Record::Down { from, frame },
                    };
                    Some((record.kind(), record.encode()))
                }
                Err(error) => {
                    tracing::error!(%error, "a received frame could not be rewritten");
                    failed.store(true, Ordering::Relaxed);
                    None
                }
            }
        })
    };
    let (told, answer) = sync_channel(1);
    pen.purge(Lane::Others, replace, move |result| {
        // Nobody waits any more while stopping.
        let _ = told.send(result);
    })
    .map_err(|error| error.to_string())?;
    match answer.recv() {
        Ok(Ok(())) if failed.load(Ordering::Relaxed) => {
            Err("a frame could not be rewritten".into())
        }
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the journal has stopped".into()),
    }
}
