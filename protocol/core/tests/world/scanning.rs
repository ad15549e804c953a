//! What tests of scans do in the city.

use super::{Place, Wire, World, disk};
use motcua_core::{
    id::{DossierId, Hash},
    replica::{Channel, Input, ScanMessage},
    state::rows,
};

/// Bytes of an invented PDF.
pub fn scan(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.extend((9..size).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    bytes
}

/// What the tests of scans do in the city.
pub trait Scanning {
    fn attach(&mut self, place: Place, dossier: DossierId, bytes: &[u8]) -> Hash;
    fn here(&self, place: Place, hash: Hash) -> bool;
    fn row(&self, place: Place, hash: Hash) -> rows::Scan;
    fn fault(&self, place: Place, kind: &str) -> u64;
    fn ask_for(&mut self, place: Place, hash: Hash);
    fn say(&mut self, from: Place, to: Place, message: &ScanMessage);
}

impl Scanning for World {
    fn attach(&mut self, place: Place, dossier: DossierId, bytes: &[u8]) -> Hash {
        let now = self.now;
        self.site(place).attach(now, dossier, bytes)
    }

    fn here(&self, place: Place, hash: Hash) -> bool {
        let whole =
            |file: &disk::File| file.whole && *blake3::hash(&file.data).as_bytes() == hash.0;
        let site = &self.sites[&place];
        let row = site.scan_row(hash).here;
        let file = site.disk.files.get(&hash).is_some_and(whole);
        assert!(!row || file, "{place:?}: the books say here, the bytes are not");
        row
    }

    fn row(&self, place: Place, hash: Hash) -> rows::Scan {
        self.sites[&place].scan_row(hash)
    }

    fn fault(&self, place: Place, kind: &str) -> u64 {
        let report = self.sites[&place].replica.scan_report();
        report.faults.get(kind).copied().unwrap_or_default()
    }

    fn ask_for(&mut self, place: Place, hash: Hash) {
        self.input(place, Input::WantScan(hash));
    }

    /// Says something on the channel of scans in a place's name.
    fn say(&mut self, from: Place, to: Place, message: &ScanMessage) {
        let found =
            self.links.iter().find(|(_, ends)| **ends == (from, to) || **ends == (to, from));
        let link = *found.unwrap().0;
        let bytes = postcard::to_stdvec(message).unwrap();
        self.wires.push_back(Wire { link, from, to, channel: Channel::Scan, bytes });
    }
}
