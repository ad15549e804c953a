//! What the own records say that the state does not reflect: the own log, leases of dossier numbers, and
//! which requests were answered. It is read from the journal's own lane alone, before the state is made
//! again, so that the counter need not wait for that.

use super::{
    StartError,
    books::{Books, decode},
    recover::unless_damaged,
};
use crate::startup::{Startup, Step, hold};
use motcua_core::{
    id::LogId,
    log::Frontier,
    record::Record,
    state::{
        Key,
        rows::{self, Meta},
    },
    wire,
};
use motcua_journal::Lane;

/// Records between two looks at whether the process is to end.
const STRETCH: u64 = 4_096;

/// The own log where the journal ends, and what else of the own records the state lacks.
#[derive(Debug, Default)]
pub struct OwnRecords {
    pub(super) log: LogId,
    pub(super) frontier: Frontier,
    /// The log has a hole: numbers behind its head were given, so nothing more may stand in it.
    pub(super) log_is_over: bool,
    /// Leases, in order.
    pub leases: Vec<Vec<u8>>,
    /// First halves of the idempotency keys that were answered, sorted. They are hashes: two that are
    /// not the same meet once in 10^13.
    requests: Vec<u64>,
}

impl OwnRecords {
    /// Whether a request was answered in a record that the state may not reflect yet.
    pub fn answered(&self, key: &[u8; 16]) -> bool {
        self.requests.binary_search(&half(key)).is_ok()
    }

    /// Reads on from what the state reflects; none if the process is to end.
    pub(super) fn read(books: &Books, startup: &Startup) -> Result<Option<Self>, StartError> {
        let meta: Meta = books.row(Key::Meta)?.unwrap_or_default();
        let row: Option<rows::Log> = books.row(Key::Log(meta.own_log))?;
        let frontier = row.map(|row| row.frontier).unwrap_or_default();
        let mut own = Self { log: meta.own_log, frontier, ..Self::default() };
        let last = books.journal.durable();
        startup.begin(Step::Own, meta.applied, last);
        hold(startup, Step::Own);
        for raw in books.journal.iter_lane(Lane::Own, meta.applied + 1) {
            let Some(raw) = unless_damaged(raw)? else { continue };
            let record = decode(raw.kind, &raw.payload);
            own.take(record.map_err(|_| damaged("a record that cannot be read"))?)?;
            if raw.lsn % STRETCH == 0 {
                startup.reached(raw.lsn, last);
                if startup.is_stopping() {
                    return Ok(None);
                }
            }
        }
        own.requests.sort_unstable();
        Ok(Some(own))
    }

    /// The ledger does the same with these records, see its `record`.
    fn take(&mut self, record: Record) -> Result<(), StartError> {
        match record {
            Record::Own { log, sequence, request, entry } => {
                self.requests.extend(request.map(|request| half(&request.key)));
                // An entry of a log that ended may come behind the beginning of the next.
                if log != self.log || sequence <= self.frontier.size() {
                    return Ok(());
                }
                self.log_is_over |= sequence != self.frontier.size() + 1;
                if self.log_is_over {
                    // Written again once the state is there (`OwnWriter::rescue`).
                    return Ok(());
                }
                let entry = wire::decode_entry(&entry);
                let entry = entry.map_err(|_| damaged("an entry that cannot be read"))?;
                self.frontier.push(entry.leaf());
            }
            Record::LogStarted { log, .. } => {
                self.log = log;
                self.frontier = Frontier::default();
                self.log_is_over = false;
            }
            Record::Lease(bytes) => self.leases.push(bytes),
            _ => {}
        }
        Ok(())
    }
}

/// The journal's fault: a state that was made from it anew would have it as well.
fn damaged(what: &'static str) -> StartError {
    StartError::OwnRecords { what }
}

fn half(key: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
