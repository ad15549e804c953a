//! In how many places this machine's own work stands: its disk, a second copy, other machines of
//! the office. Counted from what each of them has said to be on its disk, never from what was sent.

use crate::sync_words::{SyncState, oldest};
use motcua_core::state::StoreError;
use motcua_shell::{
    clock::Clock,
    engine::Engine,
    http::Metrics,
    second::{SecondCopy, SecondSettings, SecondStatus},
    settings::NodeSettings,
};
use serde::Serialize;
use std::sync::Arc;

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `disk`, `second` or `sibling`.
    pub kind: &'static str,
    /// Own changes that stand there.
    pub holds: u64,
    /// Whether that is all of them.
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
    /// [`StoreError`] when the state cannot be read.
    pub fn tell(&self, engine: &Engine, state: &mut SyncState) -> Result<(), StoreError> {
        let head = state.saved_total;
        let second = self.second.as_ref().map(SecondCopy::status);
        state.places = places(head, second.as_ref(), state);
        state.copies = state.places.iter().filter(|place| place.complete).count();
        state.copies_wanted = self.wanted;
        let elsewhere = state.places.iter().skip(1).map(|place| place.holds).max();
        let elsewhere = elsewhere.unwrap_or_default().max(state.hub_received_seq);
        state.only_here_since = match elsewhere < head {
            true => oldest(engine, engine.own().log(), elsewhere + 1)?,
            false => None,
        };
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

fn places(head: u64, second: Option<&SecondStatus>, state: &SyncState) -> Vec<Place> {
    let place = |kind, holds: u64| Place {
        kind,
        holds: holds.min(head),
        complete: holds >= head,
        trouble_vi: None,
        trouble_en: None,
    };
    let mut all = vec![place("disk", head)];
    if let Some(status) = second {
        let (vi, en) = status.trouble.clone().map(|trouble| (trouble.vi, trouble.en)).unzip();
        all.push(Place { trouble_vi: vi, trouble_en: en, ..place("second", status.holds) });
    }
    all.extend(state.siblings.iter().map(|sibling| place("sibling", sibling.holds)));
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
    (". Mới lưu ở 1 nơi".to_owned(), ". Saved in one place only so far".to_owned())
}
