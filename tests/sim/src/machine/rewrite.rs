//! The hub holds an own log otherwise than this machine: work goes on in a new log, and the old
//! one's entries are written into it again.

use super::{Clock, Life, life::Done};
use motcua_core::{
    id::LogId,
    record::Record,
    replica::{own_entries_after, stranded},
    state::{Key, Kv, StoreError},
    wire,
};

/// How far the writing again of one log is.
pub(super) enum Rewriting {
    /// Something is on its way to the disk.
    Writing { after: u64 },
    /// The state has yet to reflect the journal up to `upto`.
    Applying { after: u64, upto: u64 },
    /// It stands in the new log.
    Done,
}

impl Life {
    pub(super) fn diverged(&mut self, ended: LogId, whole: bool, clock: Clock) {
        let rewritten = self.books.get(&Key::Rewritten(ended).bytes());
        if !matches!(rewritten, Ok(None)) || self.rewriting.contains_key(&ended) {
            return;
        }
        let current = self.own.log() == ended;
        let after = if current && !whole { self.books.meta().acknowledged } else { 0 };
        self.rewriting.insert(ended, Rewriting::Writing { after });
        if current {
            self.begin_log(ended, clock);
        }
        // Answered behind everything that was handed in before.
        self.hand(Vec::new(), Done::Rewrite(ended), clock);
    }

    /// What stands in the journal behind a hole in the own log is written into a new one.
    pub(super) fn rescue(&mut self, clock: Clock) -> Result<(), StoreError> {
        let found = stranded(&self.books)?;
        if found.log_is_over {
            let ended = self.own.log();
            self.begin_log(ended, clock);
        }
        let log = self.own.log();
        let records = found.entries.iter().map(|entry| {
            let sequence = self.own.append_again(entry);
            Record::Own { log, sequence, request: None, entry: wire::encode_entry(entry) }
        });
        let records: Vec<Record> = records.collect();
        if !records.is_empty() {
            self.hand(records, Done::NewLog, clock);
        }
        Ok(())
    }

    pub(super) fn rewrite_on_disk(&mut self, ended: LogId, upto: u64) {
        if let Some(Rewriting::Writing { after }) = self.rewriting.get(&ended) {
            let after = *after;
            self.rewriting.insert(ended, Rewriting::Applying { after, upto });
        }
    }

    pub(super) fn is_rewriting(&self) -> bool {
        self.rewriting.values().any(|state| !matches!(state, Rewriting::Done))
    }

    /// The next entries of each ended log, once the state shows what came before.
    pub fn rewrite_on(&mut self, clock: Clock) {
        let applied = self.books.meta().applied;
        let ready: Vec<(LogId, u64)> = self
            .rewriting
            .iter()
            .filter_map(|(log, state)| match state {
                Rewriting::Applying { after, upto } if *upto <= applied => Some((*log, *after)),
                _ => None,
            })
            .collect();
        for (ended, after) in ready {
            if self.own_failed {
                return;
            }
            let Ok(entries) = own_entries_after(&self.books, ended, after) else {
                self.rewriting.remove(&ended);
                continue;
            };
            if entries.is_empty() {
                self.rewriting.insert(ended, Rewriting::Writing { after });
                self.hand(vec![Record::Rewritten(ended)], Done::Rewritten(ended), clock);
                continue;
            }
            let after = after + entries.len() as u64;
            self.rewriting.insert(ended, Rewriting::Writing { after });
            let log = self.own.log();
            let records = entries.iter().map(|entry| {
                let sequence = self.own.append_again(entry);
                Record::Own { log, sequence, request: None, entry: wire::encode_entry(entry) }
            });
            let records = records.collect();
            self.hand(records, Done::Rewrite(ended), clock);
        }
    }
}
