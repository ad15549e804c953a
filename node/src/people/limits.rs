//! Limits of log-in and accounts, with their reasons.

use motcua_shell::{http::SessionBounds, password::Cost, rate::Rate};
use std::time::Duration;

/// Cost of a password: 19 MiB so that a mini-PC with 2 GB does not feel it beside a node of 64 MiB, and as
/// many passes as stay well under half a second there. One hash is made at a time.
pub(super) const COST: Cost = Cost { kib: 19 * 1024, passes: 4 };
/// A session is locked after ten minutes without a key or a click, since others walk past a counter, and
/// ends with a working day. An account has the counter, the back office and a telephone: more are forgotten
/// ones. All together: an office of hundreds, each everywhere.
pub(super) const SESSIONS: SessionBounds = SessionBounds {
    idle: Duration::from_secs(10 * 60),
    whole: Duration::from_secs(8 * 3_600),
    each: 4,
    all: 1_000,
};
/// Log-ins from one address in a burst, then one in ten seconds: a whole office may stand behind one.
pub(super) const ATTEMPTS: Rate = Rate { burst: 40, per_second: 0.1 };
/// Log-ins of all together: each costs [`COST`].
pub(super) const ATTEMPTS_OF_ALL: Rate = Rate { burst: 60, per_second: 1.0 };
/// Addresses and logins whose failures are remembered.
pub(super) const REMEMBERED: usize = 1_024;
/// Failures that cost no wait: fingers slip.
pub(super) const FREE: u32 = 3;
/// Longest wait: a person waits it out, and a list of passwords does not get anywhere.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Failures are forgotten after this long without another.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(3_600);
/// Longest body of these routes.
pub(super) const BODY_BYTES: usize = 8 * 1024;
/// Characters of a login.
pub(super) const LOGIN: usize = 40;
/// Characters of a name, as of a clerk's before.
pub(super) const NAME: usize = 100;
/// Shortest password that somebody chooses.
pub(super) const PASSWORD_LEAST: usize = 8;
/// Longest one: nobody types more, and each character is hashed.
pub(super) const PASSWORD_MOST: usize = 200;
/// Groups of four digits in a given password: 40 bits behind [`COST`], for the days until it is changed.
pub(super) const GIVEN_GROUPS: usize = 3;
/// Groups of four digits in a set-up code and in a recovery code: 66 bits, which nobody guesses, also not
/// from a hash that is cheap.
pub(super) const CODE_GROUPS: usize = 5;
/// Recovery codes on one sheet.
pub(super) const CODES: usize = 10;
/// Accounts, programs and closed ones included: all are kept in memory.
pub(super) const ACCOUNTS: usize = 2_000;
/// Changes of one account: its document is read whole.
pub(super) const CHANGES: usize = 4_000;
/// Who looks at a dossier again within this time is the same line: a page that is open asks every few seconds.
pub(super) const SAME_VIEW: Duration = Duration::from_secs(10 * 60);
/// Pairs of person and dossier that are remembered for it.
pub(super) const LATELY: usize = 8_192;
/// Lines that wait while the disk refuses: an office's views of a day; the oldest go, and are counted.
pub(super) const WAITING_LINES: usize = 5_000;
/// Lines in one entry.
pub(super) const LINES_AT_ONCE: usize = 100;
/// Lines in one document: each batch folds it whole.
pub(super) const LINES_IN_DOCUMENT: usize = 300;
/// Views within this time are one entry; what a power cut can take.
pub(super) const TOGETHER: Duration = Duration::from_secs(1);
/// The disk is asked again after this long.
pub(super) const AGAIN: Duration = Duration::from_secs(10);
/// Lines that are shown at once.
pub(super) const SHOWN: usize = 200;
/// Absences and loans of one account that are not over: a year of weekly ones.
pub(super) const STEADS: usize = 60;
/// Longest absence or loan, and how long ago it may have begun, in milliseconds: a year. Who is away for longer
/// has no work here.
pub(super) const STEAD_MILLIS: i64 = 366 * 24 * 3_600_000;
/// Characters of a reason.
pub(super) const WHY: usize = 500;
