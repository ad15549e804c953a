//! One machine: its disk, its clock, and the process that runs on it or does not. The process is a
//! shell of the simulator's own around production code: journal, ledger, own log, replica. What it
//! does in which order is what `motcua-shell` does with threads.

mod books;
mod boot;
mod defects;
mod forget;
mod life;
mod own;
mod rewrite;
mod trust;

pub use books::{Books, row};
pub use boot::{BootError, lane_of};
pub use life::{Happening, Life};
pub use own::{Attempt, Unable, Wish};

use crate::{dice::Dice, sabotage::Sabotage, shape::Seat, state::StateStore};
use motcua_core::{
    id::NodeId,
    key::SecretKey,
    time::{Instant, Timestamp},
};
use motcua_journal::mem::{Crash, MemFs};
use std::path::Path;

/// Where the journal stands on every machine.
pub const JOURNAL: &str = "/journal";
/// Where bases stand.
pub const BASES: &str = "/bases";

/// Both clocks of a machine at some moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Monotonic, from the beginning of the run.
    pub now: Instant,
    /// What its wall clock shows.
    pub wall: Timestamp,
}

/// What outlives a process.
pub struct Disk {
    /// Journal, bases, trust documents.
    pub fs: MemFs,
    /// The state store as it was left; empty while a process has it.
    pub state: StateStore,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Killed; the page cache stays.
    Kill,
    /// The power goes.
    Power,
}

/// A machine of the city.
pub struct Machine {
    /// Where it stands.
    pub seat: Seat,
    /// Its device key.
    pub key: SecretKey,
    /// Its binding, as signed.
    pub binding: Vec<u8>,
    /// Its disk.
    pub disk: Disk,
    /// What its wall clock is off by, in milliseconds.
    pub skew: i64,
    /// The process, while one runs.
    pub life: Option<Life>,
    /// Processes so far.
    pub boots: u64,
    /// Nobody will start it again.
    pub retired: bool,
    /// A defect that was put in on purpose.
    pub sabotage: Option<Sabotage>,
    /// Chance of its own.
    pub dice: Dice,
}

/// What every wall clock shows at the beginning that is not wrong, in Unix milliseconds.
pub const EPOCH: i64 = 1_750_000_000_000;

impl Machine {
    /// Its node id.
    pub fn node(&self) -> NodeId {
        self.key.public().node_id()
    }

    /// Its clocks.
    pub fn clock(&self, now: u64) -> Clock {
        let wall = EPOCH.saturating_add_unsigned(now).saturating_add(self.skew);
        Clock { now: Instant(now), wall: Timestamp(wall.max(0)) }
    }

    /// The process ends, if one runs; what was in memory is gone.
    pub fn die(&mut self, how: Death) {
        if let Some(life) = self.life.take() {
            self.disk.state = life.books.state.after_crash(&mut self.dice);
        }
        match how {
            Death::Kill => self.disk.fs.kill(),
            Death::Power => {
                self.disk.fs.crash(Crash::Seed(self.dice.next_u64()));
                if !StateStore::opens(&mut self.dice) {
                    self.disk.state = StateStore::default();
                }
            }
        }
    }

    /// A copy of the disk as somebody would take it who cares for nothing.
    pub fn image(&mut self, how: Crash) -> Disk {
        let state = match &self.life {
            Some(life) => life.books.state.copy(&mut self.dice),
            None => self.disk.state.clone(),
        };
        Disk { fs: self.disk.fs.image(how), state }
    }

    /// Flips one bit of a closed or open journal file or base; says where.
    pub fn rot(&mut self) -> Option<String> {
        let fs = &self.disk.fs;
        let ours = |path: &Path| path.starts_with(JOURNAL) || path.starts_with(BASES);
        let files: Vec<_> = fs.paths().into_iter().filter(|path| ours(path)).collect();
        let at = self.dice.below(files.len() as u64) as usize;
        let path = files.get(at)?;
        let len = fs.durable_len(path)?;
        // Most of a young segment is empty: rot where something stands, rather.
        let content = fs.content(path)?;
        let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let offset = self.dice.below(used.min(len) as u64) as usize;
        let mask = 1 << self.dice.below(8);
        fs.flip(path, offset, mask).then(|| format!("{} at {offset}", path.display()))
    }
}
