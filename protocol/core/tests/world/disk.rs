//! Files of scans in memory: what the shell does with a real disk. Requests wait in order and are
//! carried out a few at a time; a crash forgets those that wait.

use automerge::{Automerge, ROOT, ReadDoc};
use motcua_core::{
    id::{DossierId, Hash},
    replica::{ScanDone, ScanIo, ScanTrouble, Transfer},
    scan::{Media, Reference, Tree, leaf, piece_range, reference_row},
};
use std::collections::{BTreeMap, VecDeque};

/// Requests carried out in one turn.
const AT_ONCE: usize = 6;

#[derive(Default)]
pub struct File {
    pub data: Vec<u8>,
    leaves: Vec<Hash>,
    pub whole: bool,
}

#[derive(Default)]
pub struct Disk {
    pub files: BTreeMap<Hash, File>,
    open: BTreeMap<Transfer, (Hash, u64)>,
    waiting: VecDeque<ScanIo>,
    /// Writes nothing any more.
    pub full: bool,
}

/// Scans that a document names.
pub fn references(id: DossierId, document: &Automerge) -> Vec<(Vec<u8>, Vec<u8>)> {
    let named = document.keys(ROOT).filter_map(|key| {
        let hash: Hash = key.strip_prefix("scan/")?.parse().ok()?;
        let (value, _) = document.get(ROOT, &key).ok()??;
        Some(reference_row(hash, id, Reference { size: value.as_u64()? }))
    });
    named.collect()
}

fn leaves(data: &[u8]) -> Vec<Hash> {
    let size = motcua_core::limits::SCAN_PIECE_BYTES;
    (0..).zip(data.chunks(size)).map(|(piece, data)| leaf(piece, data)).collect()
}

impl Disk {
    pub fn put(&mut self, bytes: &[u8]) -> Hash {
        let hash = Hash(*blake3::hash(bytes).as_bytes());
        let file = File { data: bytes.to_vec(), leaves: leaves(bytes), whole: true };
        self.files.insert(hash, file);
        hash
    }

    pub fn ask(&mut self, request: ScanIo) {
        self.waiting.push_back(request);
    }

    pub fn crash(&mut self) {
        self.waiting.clear();
        self.open.clear();
    }

    pub fn work(&mut self) -> Vec<ScanDone> {
        let ready = self.waiting.len().min(AT_ONCE);
        let requests: Vec<ScanIo> = self.waiting.drain(..ready).collect();
        requests.into_iter().filter_map(|request| self.carry_out(request)).collect()
    }

    fn carry_out(&mut self, request: ScanIo) -> Option<ScanDone> {
        match request {
            ScanIo::Begin { transfer, .. } if self.full => Some(ScanDone::Failed { transfer }),
            ScanIo::Begin { transfer, hash, size, anew } => {
                self.open.insert(transfer, (hash, size));
                let file = self.files.entry(hash).or_default();
                if file.whole && *blake3::hash(&file.data).as_bytes() == hash.0 {
                    return Some(ScanDone::Whole { transfer });
                }
                if anew || file.whole {
                    *file = File::default();
                }
                let found = leaves(&file.data);
                let good = found.iter().zip(&file.leaves).take_while(|(found, held)| found == held);
                let held: Vec<Hash> = good.map(|(leaf, _)| *leaf).collect();
                Some(ScanDone::Begun { transfer, held })
            }
            ScanIo::Write { transfer, .. } if self.full => Some(ScanDone::Failed { transfer }),
            ScanIo::Write { transfer, piece, leaf, data } => {
                let (hash, size) = *self.open.get(&transfer)?;
                let file = self.files.get_mut(&hash).unwrap();
                file.data.truncate(piece_range(size, piece).start as usize);
                file.leaves.truncate(piece as usize);
                file.data.extend(data);
                file.leaves.push(leaf);
                Some(ScanDone::Written { transfer })
            }
            ScanIo::Finish { transfer } => {
                let (hash, _) = self.open.remove(&transfer)?;
                let file = self.files.get_mut(&hash).unwrap();
                file.whole = *blake3::hash(&file.data).as_bytes() == hash.0;
                assert!(Media::of(&file.data).is_ok(), "only known types are kept");
                Some(ScanDone::Finished { transfer, whole: file.whole })
            }
            ScanIo::Leave { transfer } => {
                self.open.remove(&transfer);
                None
            }
            ScanIo::Read { link, transfer, hash, size, piece, first } => {
                let result = self.read(hash, size, piece, first).ok_or(ScanTrouble::Damaged);
                Some(ScanDone::Read { link, transfer, piece, result })
            }
        }
    }

    fn read(
        &self,
        hash: Hash,
        size: u64,
        piece: u32,
        first: bool,
    ) -> Option<(Vec<motcua_core::scan::Pair>, Vec<u8>)> {
        let file = self.files.get(&hash)?;
        let tree = Tree::from_leaves(hash, size, file.leaves.clone())?;
        let range = piece_range(size, piece);
        let data = file.data.get(range.start as usize..range.end as usize)?;
        tree.proves(hash, piece, data).then(|| (tree.proof(piece, first), data.to_vec()))
    }
}
