//! One thread that carries out the replica's requests in order, so that neither the replica nor an
//! async thread ever waits for a scan's bytes.

use super::{Reading, Vault, filling::Filling, has_room};
use crate::driver::{Driver, Signal};
use motcua_core::{
    id::Hash,
    replica::{ScanDone, ScanIo, ScanTrouble, Transfer},
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
};

/// Scans kept open for reading; each holds its leaves, at most 0.4 MB.
const OPEN: usize = 16;

pub(super) enum Request {
    Io(ScanIo),
    Stop,
}

pub(super) fn start(vault: Vault, driver: Driver) -> io::Result<(Sender<Request>, JoinHandle<()>)> {
    let (send, requests) = channel();
    let run = move || Worker::new(vault).run(&requests, &driver);
    let thread = std::thread::Builder::new().name("scans".into()).spawn(run)?;
    Ok((send, thread))
}

/// Files that are open.
pub(super) struct Worker {
    vault: Vault,
    fillings: BTreeMap<Transfer, Filling>,
    /// Least recently used first.
    readings: VecDeque<(Hash, Reading)>,
}

impl Worker {
    pub(super) fn new(vault: Vault) -> Self {
        Self { vault, fillings: BTreeMap::new(), readings: VecDeque::new() }
    }

    fn run(mut self, requests: &Receiver<Request>, driver: &Driver) {
        while let Ok(Request::Io(request)) = requests.recv() {
            if let Some(done) = self.carry_out(request) {
                driver.signal(Signal::Scan(done));
            }
        }
    }

    pub(super) fn carry_out(&mut self, request: ScanIo) -> Option<ScanDone> {
        match request {
            ScanIo::Begin { transfer, hash, size, anew } => {
                let begun = self.begin(transfer, hash, size, anew);
                Some(begun.unwrap_or_else(|error| failed(transfer, &error)))
            }
            ScanIo::Write { transfer, piece, leaf, data } => {
                let filling = self.fillings.get_mut(&transfer)?;
                match filling.write(piece, leaf, &data) {
                    Ok(()) => Some(ScanDone::Written { transfer }),
                    Err(error) => {
                        self.fillings.remove(&transfer);
                        Some(failed(transfer, &error))
                    }
                }
            }
            ScanIo::Finish { transfer } => {
                let filling = self.fillings.remove(&transfer)?;
                match filling.finish(&self.vault) {
                    Ok(whole) => Some(ScanDone::Finished { transfer, whole }),
                    Err(error) => Some(failed(transfer, &error)),
                }
            }
            ScanIo::Leave { transfer } => {
                self.fillings.remove(&transfer);
                None
            }
            ScanIo::Read { link, transfer, hash, size, piece, first } => {
                let result =
                    self.reading(hash, size).and_then(|reading| reading.proved(piece, first));
                if result.is_err() {
                    self.readings.retain(|(open, _)| *open != hash);
                }
                Some(ScanDone::Read { link, transfer, piece, result })
            }
        }
    }

    fn begin(
        &mut self,
        transfer: Transfer,
        hash: Hash,
        size: u64,
        anew: bool,
    ) -> io::Result<ScanDone> {
        // It may have been here all along, without its record having reached the disk.
        if self.vault.is_whole(hash, size)? {
            return Ok(ScanDone::Whole { transfer });
        }
        if !has_room(self.vault.dir()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let (filling, held) = Filling::open(&self.vault, hash, size, anew)?;
        self.fillings.insert(transfer, filling);
        Ok(ScanDone::Begun { transfer, held })
    }

    fn reading(&mut self, hash: Hash, size: u64) -> Result<&Reading, ScanTrouble> {
        let known = self.readings.iter().position(|(open, _)| *open == hash);
        let reading = match known.and_then(|place| self.readings.remove(place)) {
            Some((_, reading)) => reading,
            None => Reading::open(&self.vault, hash, size)?,
        };
        if self.readings.len() >= OPEN {
            self.readings.pop_front();
        }
        self.readings.push_back((hash, reading));
        self.readings.back().map(|(_, reading)| reading).ok_or(ScanTrouble::Disk)
    }
}

fn failed(transfer: Transfer, error: &io::Error) -> ScanDone {
    tracing::error!(%error, "a scan could not be written");
    ScanDone::Failed { transfer }
}
