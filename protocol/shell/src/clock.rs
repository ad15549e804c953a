//! Clocks, read here and nowhere else.

use motcua_core::time::{Instant, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall and monotonic time.
pub trait Clock: Send {
    /// Unix time in milliseconds, as this machine believes.
    fn wall(&self) -> Timestamp;
    /// Milliseconds since some moment before; never goes back.
    fn monotonic(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads clocks")]
        let start = std::time::Instant::now();
        Self { start }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads clocks")]
        let now = SystemTime::now();
        // Before 1970 only if the clock is badly wrong; a negative number says so.
        let millis = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Timestamp(millis)
    }

    fn monotonic(&self) -> Instant {
        Instant(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}
