//! What one job may take.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds on one job. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest Artifact that is read, as it arrives. By default 16 GiB.
    pub input: u64,
    /// Memory of its own that the work may need; images are mapped and do not count. By default 4 GiB.
    pub memory: u64,
    /// Room that its temporary files may take at once. By default 64 GiB.
    pub disk: u64,
    /// Largest delta Artifact. By default 8 GiB.
    pub output: u64,
    /// Threads; 0, the default, takes what the engine has for a job. The delta does not depend on it.
    pub threads: u16,
    /// Seconds from the submission to the end, all waiting included. By default 3600.
    pub deadline_seconds: u32,
    /// Memory that devices have for applying; the delta is laid out for it, and refused if that is not enough. By default
    /// 16 MiB to lay it out, 64 MiB for the level `max`, and no refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_memory: Option<u64>,
    /// The delta Artifact is to be smaller than the full one by at least this many thousandths. By default 0: smaller at
    /// all.
    pub min_saving_permille: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input: 16 << 30,
            memory: 4 << 30,
            disk: 64 << 30,
            output: 8 << 30,
            threads: 0,
            deadline_seconds: 3600,
            apply_memory: None,
            min_saving_permille: 0,
        }
    }
}

impl Limits {
    /// The deadline as a span of time.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.into())
    }

    /// Largest delta Artifact that saves enough of a full one of `full_len` bytes.
    #[must_use]
    pub fn largest_worth(&self, full_len: u64) -> u64 {
        let part = u128::from(1000_u16.saturating_sub(self.min_saving_permille));
        let most = u128::from(full_len) * part / 1000;
        u64::try_from(most).unwrap_or(u64::MAX).min(full_len.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_is_strictly_smaller() {
        let limits = |permille| Limits { min_saving_permille: permille, ..Limits::default() };
        assert_eq!(limits(0).largest_worth(1000), 999);
        assert_eq!(limits(200).largest_worth(1000), 800);
        assert_eq!(limits(1000).largest_worth(1000), 0);
        assert_eq!(limits(5000).largest_worth(1000), 0);
        assert_eq!(limits(0).largest_worth(0), 0);
        assert_eq!(limits(0).largest_worth(u64::MAX), u64::MAX - 1);
    }
}
