//! Limits of the console, with their reasons.

use motcua_shell::{http::SessionBounds, rate::Rate};
use std::time::Duration;

/// A session ends after half an hour without a key or a click, since a console is left open in an office that
/// others walk through, and with a working day and its overtime. Operators have rooms, and screens on walls.
pub const SESSIONS: SessionBounds = SessionBounds {
    idle: Duration::from_secs(30 * 60),
    whole: Duration::from_secs(12 * 3_600),
    each: 20,
    all: 100,
};
/// Operators of a hub: more are a mistake, and every log-in reads them all.
pub const OPERATORS: usize = 100;
/// Characters of an operator's name, as of a clerk's.
pub const NAME: usize = 100;
/// Longest body of a log-in: a name in any script and a password many times over.
pub const LOG_IN_BYTES: usize = 4 * 1024;
/// Groups of four digits in a password: 20 digits are 66 bits, which no log-in within [`ATTEMPTS`]
/// and no theft of the file undoes.
pub const PASSWORD_GROUPS: usize = 5;
/// Attempts to log in from one address: somebody who mistypes gets in, a list of passwords does
/// not.
pub const ATTEMPTS: Rate = Rate { burst: 10, per_second: 1.0 / 30.0 };
/// Attempts of all together: each costs [`HASH_KIB`] and a quarter of a second.
pub const ATTEMPTS_OF_ALL: Rate = Rate { burst: 60, per_second: 1.0 };
/// Addresses whose attempts are counted apart.
pub const SOURCES: usize = 1_024;
/// Memory of one Argon2id hash; one is made at a time.
pub const HASH_KIB: u32 = 64 * 1024;
/// Passes over it: about a quarter of a second on the mini-PC.
pub const HASH_PASSES: u32 = 3;
