//! Starting, as the shell does it: the journal is opened, the state is opened or made from base and
//! journal, brought up to the journal's end, and what was not decided is decided.

use super::{BASES, Books, Clock, JOURNAL, Life, Machine, trust};
use crate::{
    content::Notes,
    dice::{Dice, Throw},
    papers::DOMAIN,
    sabotage::Sabotage,
    shape::office_id,
    state::StateStore,
};
use motcua_core::{
    id::{EpochId, LogId},
    ledger::{Ledger, Me, STATE_LAYOUT},
    record::{Record, Shelf},
    replica::{Bounds, Config, Quota, Replica, parent_of},
    state::{Key, StoreError, rows::Meta},
    trust::{Binding, NodeKind, Signed, TrustView},
};
use motcua_journal::{Base, Journal, JournalError, Lane, Options, Recovery};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Why a process did not come up.
#[derive(Debug, Clone)]
pub enum BootError {
    /// The disk refused; it is tried again.
    Disk(String),
    /// What is on the disk does not do: no number of tries helps.
    Unusable(String),
}

impl From<JournalError> for BootError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Io { .. } => Self::Disk(error.to_string()),
            other => Self::Unusable(other.to_string()),
        }
    }
}

impl From<StoreError> for BootError {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<std::io::Error> for BootError {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

/// Where a record stands.
pub fn lane_of(record: &Record) -> Lane {
    match record.shelf() {
        Shelf::Own => Lane::Own,
        Shelf::Others => Lane::Others,
    }
}

impl Machine {
    /// Starts the process. `enrolled` are the documents that a machine is given that has none.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn boot(&mut self, clock: Clock, enrolled: &TrustView) -> Result<Recovery, BootError> {
        self.boots += 1;
        let fs = self.disk.fs.clone();
        let (node, office) = (self.node(), office_id(self.seat.office));
        let me = Me { node, office };
        if trust::load(&fs).is_none() {
            trust::save(&fs, enrolled)?;
        }
        let documents = trust::load(&fs).ok_or(BootError::Unusable("no documents".into()))?;
        let seed = self.dice.next_u64();
        let mut options = Options::seeded(node.0, seed);
        // Small, so that segments are begun, sealed and rewritten within a run.
        options.segment_size = 16 << 10;
        let (mut journal, recovery) =
            Journal::open(Arc::new(fs.clone()), Path::new(JOURNAL), options)?;
        if self.sabotage == Some(Sabotage::StopsAtDamage) && !recovery.holes.is_empty() {
            return Err(BootError::Unusable("the journal has holes".into()));
        }
        if recovery.last == 0 {
            if trust::marked(&fs) {
                return Err(BootError::Unusable("the journal is gone".into()));
            }
            self.begin(&mut journal, me, &documents)?;
            trust::mark(&fs)?;
        }
        let last = journal.point().lsn;
        let state = std::mem::take(&mut self.disk.state);
        let mut books = Books { state, journal: journal.view() };
        let meta = books.meta();
        if meta.applied > last || (meta.layout != STATE_LAYOUT && meta.applied > 0) {
            books.state = StateStore::default();
        }
        if books.state.is_empty() {
            load_base(&mut books, &fs, last, node.0)?;
        }
        let by_arrival =
            self.sabotage == Some(Sabotage::FoldsByArrival) && self.seat.kind == NodeKind::Hub;
        let content = Notes { by_arrival };
        let mut ledger = Ledger::new(me, documents.clone(), content);
        if self.dice.one_in(3) {
            ledger = ledger.folding_at_once(self.dice.below(3) as usize);
        }
        let known = self.catch_up(&mut books, &mut ledger)?;
        let documents = ledger.trust().clone();
        let replica = Replica::new(self.config(me, &documents), documents, &books)?;
        let mut life = Life::new(self, fs, books, journal, ledger, replica);
        life.settle_undecided(known, clock);
        life.rescue(clock)?;
        self.life = Some(life);
        Ok(recovery)
    }

    /// First records of a new machine.
    fn begin(&mut self, journal: &mut Journal, me: Me, trust: &TrustView) -> Result<(), BootError> {
        let (log, epoch) = (LogId(self.dice.bytes()), EpochId(self.dice.bytes()));
        let epoch = (self.seat.kind == NodeKind::Hub).then_some(Record::Epoch(epoch));
        let records = [
            Some(Record::Trust(trust.to_bytes())),
            epoch,
            Some(Record::LogStarted { log, continues: None }),
            Some(Record::Author { log, binding: self.binding.clone(), origin: me.node }),
        ];
        for record in records.into_iter().flatten() {
            journal.append(lane_of(&record), record.kind(), &record.encode())?;
        }
        journal.commit()?;
        Ok(())
    }

    fn config(&self, me: Me, trust: &TrustView) -> Config {
        let bound = Signed::decode::<Binding>(&self.binding).and_then(|signed| signed.open());
        Config {
            me,
            domain: DOMAIN,
            binding: self.binding.clone(),
            parent: bound.ok().and_then(|binding: Binding| parent_of(trust, &binding)),
            seed: self.boots,
            software: "sim".into(),
            keep: Bounds::default(),
            quota: Quota::default(),
            key: self.key.clone(),
        }
    }

    /// Brings the state up to the journal's end, cut as chance has it; gives up to where decisions
    /// are recorded.
    fn catch_up(
        &mut self,
        books: &mut Books,
        ledger: &mut Ledger<Notes>,
    ) -> Result<u64, BootError> {
        let applied = books.meta().applied;
        let mut decided = 0;
        let mut records = Vec::new();
        for raw in books.journal.iter_from(applied + 1) {
            let raw = match raw {
                Err(JournalError::Damaged { .. }) => continue,
                other => other?,
            };
            let record = Record::decode(raw.kind, &raw.payload);
            let record = record.map_err(|error| BootError::Unusable(error.to_string()))?;
            if let Record::Decided { upto, .. } = record {
                decided = decided.max(upto);
            }
            records.push((raw.lsn, record));
        }
        if self.sabotage == Some(Sabotage::DropsRecordOnRecovery) {
            let own = |(_, record): &(u64, Record)| matches!(record, Record::Own { .. });
            if let Some(at) = records.iter().rposition(own) {
                records.remove(at);
            }
        }
        if self.sabotage == Some(Sabotage::SkipsReplay) {
            return Ok(decided);
        }
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let size = cut(&mut self.dice);
            let batch: Vec<_> = records.by_ref().take(size).collect();
            let done = ledger.apply(&*books, batch)?;
            books.state.write(done.writes)?;
        }
        Ok(decided)
    }
}

/// Records in one batch.
fn cut(dice: &mut Dice) -> usize {
    if dice.one_in(2) { 1_000 } else { dice.between(1, 9) as usize }
}

/// A lost state comes back from the newest base that the journal bears out.
fn load_base(
    books: &mut Books,
    fs: &motcua_journal::mem::MemFs,
    last: u64,
    owner: [u8; 16],
) -> Result<(), BootError> {
    let found = Base::newest(fs, Path::new(BASES), &owner)?;
    let Some(base) = found.base.filter(|base| base.lsn() <= last) else { return Ok(()) };
    let mut batch = BTreeMap::new();
    for pair in base.iter() {
        let (key, value) = pair?;
        batch.insert(key, Some(value));
    }
    let meta = batch.get(&Key::Meta.bytes()).cloned().flatten();
    let layout = meta.and_then(|row| postcard::from_bytes::<Meta>(&row).ok()).map(|row| row.layout);
    if layout == Some(STATE_LAYOUT) {
        books.state.write(batch)?;
    }
    Ok(())
}
