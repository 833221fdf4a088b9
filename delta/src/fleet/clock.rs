//! The time of day, for records and for how long they hold. Deadlines do not use it: they go by [`std::time::Instant`],
//! which no correction of the clock moves.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01 UTC.
    fn now(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or_else(|before| -seconds(before.duration()), seconds)
    }
}
