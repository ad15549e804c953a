//! What is promised to who comes now: the date by the term of the procedure and the working time.

use motcua_core::time::Timestamp;
use motcua_dossier::{
    calendar,
    due::{DueError, due},
    local,
    procedure::Procedure,
};
use serde::Serialize;

/// A date that would be promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// Unix milliseconds; none where nothing is promised.
    pub at: Option<i64>,
    /// The holidays of a year on the way are not decided yet.
    pub provisional: bool,
}

/// The date for somebody who is received at `now`.
///
/// # Errors
/// [`DueError`] when no date follows; none is made up then.
pub fn promise(procedure: &Procedure, now: Timestamp) -> Result<Promise, DueError> {
    // Beyond the years of any calendar nothing is worked.
    let received = local::of_millis(now.0).ok_or(DueError::NoWorkingTime)?;
    let found = due(calendar::usual(), procedure.term()?, received, &[])?;
    Ok(Promise { at: found.at.and_then(local::to_millis), provisional: found.provisional })
}
