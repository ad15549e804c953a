//! In how many places this machine's own work stands: its disk, a second copy, other machines of
//! the office. Counted from what each of them has said to be on its disk, never from what was sent.
//! A place that lacks a scan which the hub lacks too does not hold everything.

use crate::{
    desk::Desk,
    error::DeskError,
    sync_words::{SyncState, oldest},
};
use motcua_core::{
    id::Hash,
    scan,
    state::{
        Key, Kv, ScanTable, StoreError,
        rows::{Log, ScanCounts},
    },
};
use motcua_dossier::attachment::attachments;
use motcua_shell::{
    clock::Clock,
    engine::Engine,
    http::Metrics,
    second::{SecondCopy, SecondSettings, SecondStatus},
    settings::NodeSettings,
};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `disk`, `second` or `sibling`.
    pub kind: &'static str,
    /// Own changes that stand there.
    pub holds: u64,
    /// Scans that the hub lacks and that do not stand there.
    pub scans_missing: u64,
    /// Whether all changes stand there, and every scan that the hub lacks.
    pub complete: bool,
    /// Why it is not being written.
    pub trouble_vi: Option<String>,
    /// Why it is not being written.
    pub trouble_en: Option<String>,
}

/// The places of one machine.
pub struct Places {
    second: Option<SecondCopy>,
    wanted: usize,
    alone_millis: i64,
}

const HOUR: i64 = 3_600_000;
/// Scans that the hub lacks and that are looked up one by one; of more, none counts as elsewhere.
const SCANS: usize = 20_000;
/// Scans on this machine alone whose age is looked up; each costs a dossier, at every look at the
/// page.
const AGED: usize = 32;

impl Places {
    /// As the settings want them.
    ///
    /// # Errors
    /// What the system says about the thread that keeps the second copy.
    pub fn start(engine: &Arc<Engine>, settings: &NodeSettings) -> std::io::Result<Self> {
        let second = match &settings.second_copy {
            None => None,
            Some(dir) => {
                let same_disk = settings.second_copy_same_disk;
                let second = SecondSettings { dir: dir.clone(), same_disk };
                Some(SecondCopy::start(Arc::clone(engine), second)?)
            }
        };
        let wanted = usize::from(settings.copies).max(if second.is_some() { 2 } else { 1 });
        let hours = i64::from(settings.only_copy_hours);
        Ok(Self { second, wanted, alone_millis: hours * HOUR })
    }

    /// Ends the second copy's thread. Blocks.
    pub fn stop(&self) {
        if let Some(second) = &self.second {
            second.stop();
        }
    }

    /// Adds the places to the state of exchange, and to its words what is true of them.
    ///
    /// # Errors
    /// [`DeskError`] when the state cannot be read.
    pub fn tell(&self, desk: &Desk, state: &mut SyncState) -> Result<(), DeskError> {
        let engine = desk.engine();
        let head = state.saved_total;
        let second = self.second.as_ref().map(SecondCopy::status);
        let unsent = Unsent::read(engine, head)?;
        let siblings = engine.snapshot().siblings;
        let stored = siblings.iter().map(|sibling| (sibling.node.to_string(), &sibling.scans));
        let held: Vec<(String, &Arc<BTreeSet<Hash>>)> = stored.collect();
        state.places = places(head, second.as_ref(), state, &held, &unsent);
        state.copies = state.places.iter().filter(|place| place.complete).count();
        state.copies_wanted = self.wanted;
        let elsewhere = state.places.iter().skip(1).map(|place| place.holds).max();
        let elsewhere = elsewhere.unwrap_or_default().max(state.hub_received_seq);
        let changes = match elsewhere < head {
            true => oldest(engine, engine.own().log(), elsewhere + 1)?,
            false => None,
        };
        let sets = held.iter().map(|(_, set)| *set).chain(second.iter().map(|one| &one.scans));
        let sets: Vec<&Arc<BTreeSet<Hash>>> = sets.collect();
        let alone = unsent.alone(&sets);
        state.scans_only_here = alone.len() as u64 + unsent.beyond;
        // Without another place what a scan's own change says of its age is enough.
        let scanned = if state.places.len() > 1 { scanned_at(desk, &alone)? } else { None };
        state.only_here_since = changes.into_iter().chain(scanned).min();
        let now = engine.clock().wall().0;
        let alone = state.only_here_since.map(|since| now.saturating_sub(since));
        state.only_here_alarm = alone.is_some_and(|alone| alone >= self.alone_millis);
        let (vi, en) = words(state, self.wanted, alone);
        state.words_vi.push_str(&vi);
        state.words_en.push_str(&en);
        Ok(())
    }

    /// For the metric.
    pub fn metrics(&self, state: &SyncState, out: &mut Metrics) {
        let name = "motcua_places";
        out.family(name, "gauge", "Places where all own changes stand, this disk included.");
        out.sample(name, &[], state.copies as f64);
        let name = "motcua_scans_only_here";
        out.family(name, "gauge", "Scans that stand on this machine alone, not at the hub either.");
        out.sample(name, &[], state.scans_only_here as f64);
        let Some(second) = &self.second else { return };
        let status = second.status();
        let name = "motcua_second_copy_changes";
        out.family(name, "gauge", "Own changes that are synced on the second copy.");
        out.sample(name, &[], status.holds as f64);
        let name = "motcua_second_copy_faults_total";
        out.family(name, "counter", "Times the second copy could not be written, by kind.");
        for (kind, count) in status.faults {
            out.sample(name, &[("kind", kind)], count as f64);
        }
    }
}

/// Scans here that the hub lacks.
struct Unsent {
    hashes: Vec<Hash>,
    /// How many more there are.
    beyond: u64,
    /// Whether the state reflects all own changes, and so knows what they name.
    level: bool,
}

impl Unsent {
    fn read(engine: &Engine, head: u64) -> Result<Self, StoreError> {
        let books = engine.books();
        // Before the scans: what it reflects they know.
        let row: Option<Log> = books.row(Key::Log(engine.own().log()))?;
        let level = row.map_or(0, |row| row.frontier.size()) >= head;
        let from = Key::Scan(ScanTable::ToGo, Hash::ZERO).bytes();
        let to = Key::Scan(ScanTable::Damaged, Hash::ZERO).bytes();
        let rows = books.range(&from, &to, SCANS)?;
        let hashes: Vec<Hash> =
            rows.iter().filter_map(|(key, _)| key.get(2..).and_then(Hash::from_slice)).collect();
        let counts: ScanCounts = engine.scans().counts()?;
        let beyond = match hashes.len() == SCANS {
            true => counts.to_go.saturating_sub(SCANS as u64),
            false => 0,
        };
        Ok(Self { hashes, beyond, level })
    }

    fn missing_in(&self, set: &BTreeSet<Hash>) -> u64 {
        let missing = self.hashes.iter().filter(|hash| !set.contains(hash)).count();
        missing as u64 + self.beyond
    }

    fn alone(&self, sets: &[&Arc<BTreeSet<Hash>>]) -> Vec<Hash> {
        let elsewhere = |hash: &&Hash| sets.iter().any(|set| set.contains(*hash));
        self.hashes.iter().filter(|hash| !elsewhere(hash)).copied().collect()
    }
}

/// When the oldest of these scans was attached.
fn scanned_at(desk: &Desk, scans: &[Hash]) -> Result<Option<i64>, DeskError> {
    let mut oldest = None;
    for hash in scans.iter().take(AGED) {
        let text = hash.to_string();
        for (dossier, _) in scan::dossiers_of(desk.engine().books(), *hash)? {
            // It may have been purged a moment ago.
            let Ok(facts) = desk.facts(dossier) else { continue };
            let at = attachments(&facts).filter(|(_, scan)| scan.hash == text);
            oldest = oldest.into_iter().chain(at.map(|(_, scan)| scan.act.at)).min();
        }
    }
    Ok(oldest)
}

fn places(
    head: u64,
    second: Option<&SecondStatus>,
    state: &SyncState,
    stored: &[(String, &Arc<BTreeSet<Hash>>)],
    unsent: &Unsent,
) -> Vec<Place> {
    let place = |kind, holds: u64, scans_missing: u64| Place {
        kind,
        holds: holds.min(head),
        scans_missing,
        complete: holds >= head && scans_missing == 0 && (unsent.level || kind == "disk"),
        trouble_vi: None,
        trouble_en: None,
    };
    let mut all = vec![place("disk", head, 0)];
    if let Some(status) = second {
        let (vi, en) = status.trouble.clone().map(|trouble| (trouble.vi, trouble.en)).unzip();
        let missing = unsent.missing_in(&status.scans);
        all.push(Place {
            trouble_vi: vi,
            trouble_en: en,
            ..place("second", status.holds, missing)
        });
    }
    for sibling in &state.siblings {
        let set = stored.iter().find(|(node, _)| *node == sibling.node);
        let missing = set
            .map_or_else(|| unsent.missing_in(&BTreeSet::new()), |(_, set)| unsent.missing_in(set));
        all.push(place("sibling", sibling.holds, missing));
    }
    all
}

fn words(state: &SyncState, wanted: usize, alone: Option<i64>) -> (String, String) {
    if state.saved_total == 0 {
        return Default::default();
    }
    let copies = state.copies;
    if let (true, Some(alone)) = (state.only_here_alarm, alone) {
        let hours = alone / HOUR;
        return (
            format!(". CHÚ Ý: có dữ liệu chỉ nằm trên máy này đã {hours} giờ"),
            format!(". WARNING: some work has stood on this machine alone for {hours} hours"),
        );
    }
    if copies >= 2 {
        return (format!(". Đã lưu ở {copies} nơi"), format!(". Saved in {copies} places"));
    }
    if wanted < 2 {
        return Default::default();
    }
    match state.scans_only_here {
        0 => (". Mới lưu ở 1 nơi".to_owned(), ". Saved in one place only so far".to_owned()),
        scans => (
            format!(". Mới lưu ở 1 nơi ({scans} bản quét chỉ nằm trên máy này)"),
            format!(". Saved in one place only so far ({scans} scans stand on this machine alone)"),
        ),
    }
}
