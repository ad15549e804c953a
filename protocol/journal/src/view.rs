//! Reading: by LSN, or from an LSN on in order, while others append.

use crate::{
    Lane, Lsn,
    catalog::{Part, Shared},
    error::{JournalError, Result},
    record::Record,
};
use std::sync::Arc;

/// A reader of everything durable. Cheap to clone, usable from any thread, and valid as long as it is
/// kept, whatever is appended, sealed or trimmed meanwhile.
#[derive(Clone)]
pub struct JournalView {
    shared: Arc<Shared>,
}

impl JournalView {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The last LSN that is on the disk; 0 in an empty journal.
    pub fn durable(&self) -> Lsn {
        self.shared.durable()
    }

    /// The lowest LSN still held, over both lanes.
    pub fn first(&self) -> Option<Lsn> {
        let firsts = Lane::ALL.into_iter().filter_map(|lane| {
            let segments = self.shared.segments(lane);
            segments.iter().find_map(|segment| segment.range()).map(|(first, _)| first)
        });
        firsts.min()
    }

    /// One record, or `None` if it is not durable yet, was trimmed, or fell into a reported hole.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if its bytes have gone bad since the journal was opened.
    pub fn read(&self, lsn: Lsn) -> Result<Option<Record>> {
        for lane in Lane::ALL {
            let Some((part, _)) = self.shared.part(lane, lsn)? else { continue };
            for item in part {
                match item {
                    Ok(record) if record.lsn == lsn => return Ok(Some(record)),
                    Ok(record) if record.lsn > lsn => break,
                    Ok(_) => {}
                    Err(JournalError::Damaged { from, .. }) if from > lsn => break,
                    // In a mixed journal the number may be the other lane's.
                    Err(error) if !self.elsewhere(lane, lsn)? => return Err(error),
                    Err(_) => break,
                }
            }
        }
        Ok(None)
    }

    /// All records from `from` (0 or 1 = the beginning) in LSN order over both lanes, up to what is
    /// durable when the iterator gets there. Holes reported at opening are passed over; damage found
    /// now comes as one error in its place, and what follows it comes after.
    pub fn iter_from(&self, from: Lsn) -> Records {
        self.records(&Lane::ALL, from)
    }

    /// As [`Self::iter_from`], one lane only.
    pub fn iter_lane(&self, lane: Lane, from: Lsn) -> Records {
        self.records(&[lane], from)
    }

    fn records(&self, lanes: &[Lane], from: Lsn) -> Records {
        let heads = lanes.iter().map(|lane| Head::new(*lane, from)).collect();
        Records { shared: self.shared.clone(), heads, limit: self.durable() }
    }

    fn elsewhere(&self, lane: Lane, lsn: Lsn) -> Result<bool> {
        let part = self.shared.part(lane.other(), lsn)?;
        let holds = |item: &Result<Record>| matches!(item, Ok(record) if record.lsn == lsn);
        Ok(part.is_some_and(|(part, _)| part.iter().any(holds)))
    }
}

/// Iterator of [`JournalView::iter_from`].
pub struct Records {
    shared: Arc<Shared>,
    heads: Vec<Head>,
    /// Both lanes are read up to the same durable LSN, so that the merge cannot pass one by.
    limit: Lsn,
}

/// Where one lane stands.
struct Head {
    lane: Lane,
    next: Lsn,
    waiting: std::iter::Peekable<std::vec::IntoIter<Result<Record>>>,
}

impl Head {
    fn new(lane: Lane, from: Lsn) -> Self {
        Self { lane, next: from, waiting: Part::new().into_iter().peekable() }
    }

    /// LSN of the next item at or below `limit`.
    fn peek(&mut self, shared: &Shared, limit: Lsn) -> Option<Lsn> {
        while self.waiting.peek().is_none() {
            if self.next > limit {
                return None;
            }
            let part = match shared.part(self.lane, self.next) {
                Ok(Some((mut part, last))) => {
                    part.retain(|item| !matches!(item, Ok(record) if record.lsn > limit));
                    self.next = last.min(limit) + 1;
                    part
                }
                Ok(None) => return None,
                Err(error) => {
                    // Nothing more can be read from this lane now; said once.
                    self.next = Lsn::MAX;
                    vec![Err(error)]
                }
            };
            self.waiting = part.into_iter().peekable();
        }
        self.waiting.peek().map(|item| match item {
            Ok(record) => record.lsn,
            Err(JournalError::Damaged { from, .. }) => *from,
            Err(_) => 0,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let nearest = |records: &mut Self| {
            let (shared, limit) = (&records.shared, records.limit);
            let lsns = records.heads.iter_mut().enumerate();
            lsns.filter_map(|(at, head)| Some((head.peek(shared, limit)?, at))).min()
        };
        let mut found = nearest(self);
        if found.is_none() && self.shared.durable() > self.limit {
            self.limit = self.shared.durable();
            found = nearest(self);
        }
        let (_, at) = found?;
        self.heads[at].waiting.next()
    }
}
