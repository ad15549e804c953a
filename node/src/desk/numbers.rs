//! Numbers of receipts, given while an act is written: with the lease that must be on the disk before the number is
//! used, in the same write.

use super::{Desk, FLOOR};
use crate::error::DeskError;
use motcua_core::{id::LogId, record::Record, time::Timestamp};
use motcua_dossier::{
    code::Day,
    lease::{Issuer, Lease},
    money::{cash::day_of, series::Series},
};
use motcua_shell::money;

/// What gives numbers to one act.
pub(crate) struct Numbers<'a> {
    desk: &'a Desk,
    log: LogId,
    now: Timestamp,
    /// The lease of the number that was given, unless it is known to be on the disk.
    pub(super) lease: Option<Lease>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(desk: &'a Desk, log: LogId, now: Timestamp) -> Self {
        Self { desk, log, now, lease: None }
    }

    /// What must be on the disk before the number is used.
    pub(super) fn records(&self) -> Option<Record> {
        Some(Record::Lease(self.lease.as_ref()?.encode_receipts()))
    }

    /// The next number of a receipt. One that a receipt here has already, which came from a copy or another
    /// machine, is passed over.
    ///
    /// # Errors
    /// [`DeskError::Lease`] when there is none.
    pub(crate) fn receipt(&mut self) -> Result<String, DeskError> {
        let series = series(self.now.0)?;
        let issuer = issuer(self.desk, self.log, &series);
        loop {
            let (number, lease) = self.desk.receipts().receipt(&issuer, self.now.0, FLOOR)?;
            let text = series.written(number);
            if !money::is_used(self.desk.engine().books(), &text)? {
                self.lease = lease;
                return Ok(text);
            }
            tracing::warn!("a number of a receipt is in use already; it is passed over");
        }
    }
}

/// The series of a time.
///
/// # Errors
/// [`DeskError::Field`] when no rule holds on that day.
pub(crate) fn series(now: i64) -> Result<Series, DeskError> {
    day_of(now).and_then(Series::of).ok_or_else(|| DeskError::Field {
        field: "number".into(),
        why: "no series of receipts is in force today; ask central IT for the table of series"
            .into(),
    })
}

/// Who numbers receipts of a series: each is a sequence of its own.
pub(crate) fn issuer(desk: &Desk, log: LogId, series: &Series) -> Issuer {
    let issuer = desk.issuer(log);
    Issuer { org: format!("{}/{}", issuer.org, series.symbol), ..issuer }
}

/// The year of a time, as leases of receipts name it.
pub(crate) fn year(now: i64) -> Day {
    Day { month: 1, day: 1, ..Day::of(now) }
}
