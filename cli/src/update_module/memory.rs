//! How much memory there is for a delta, told before anything is written.

use std::fs;

use super::error::{Error, PayloadProblem};
use super::sysroot::Sysroot;

/// What the module takes besides the delta's own memory: buffers, and itself.
const OVERHEAD_BYTES: u64 = 4 << 20;

/// Bounds for the memory of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// `ApplyMemoryLimitBytes`.
    pub(crate) limit_bytes: u64,
    /// What the kernel could give at the beginning (`MemAvailable`); None where it does not say.
    pub(crate) available_bytes: Option<u64>,
}

impl Budget {
    pub(crate) fn of(limit_bytes: u64, sysroot: &Sysroot) -> Self {
        let text = fs::read_to_string(sysroot.path("proc/meminfo")).unwrap_or_default();
        Self { limit_bytes, available_bytes: available(&text) }
    }

    /// Zeroed memory, which costs nothing before it is used.
    ///
    /// # Errors
    ///
    /// More than configured, more than there is.
    pub(crate) fn take(&self, wanted: u64) -> Result<Vec<u8>, Error> {
        if wanted > self.limit_bytes {
            let (what, limit) = ("memory to apply the delta", self.limit_bytes);
            return Err(mender_delta::error::Error::Limit { what, wanted, limit }.into());
        }
        let no_memory = |available| Error::Payload(PayloadProblem::NoMemory { wanted, available });
        if self.available_bytes.is_some_and(|available| wanted.saturating_add(OVERHEAD_BYTES) > available) {
            return Err(no_memory(self.available_bytes));
        }
        let length = usize::try_from(wanted).map_err(|_| no_memory(None))?;
        // Tried first, because to be refused is no reason to abort.
        let mut probe = Vec::<u8>::new();
        probe.try_reserve_exact(length).map_err(|_| no_memory(None))?;
        drop(probe);
        Ok(vec![0; length])
    }

    /// What the kernel could give besides `wanted` bytes; without a bound where it does not say.
    pub(crate) fn available_besides(&self, wanted: u64) -> u64 {
        let taken = wanted.saturating_add(OVERHEAD_BYTES);
        self.available_bytes.map_or(u64::MAX, |bytes| bytes.saturating_sub(taken))
    }

    /// What is left of it when a delta takes `wanted` bytes.
    pub(crate) fn left(&self, wanted: u64) -> u64 {
        let available = self.available_bytes.map_or(u64::MAX, |bytes| bytes.saturating_sub(OVERHEAD_BYTES));
        self.limit_bytes.min(available).saturating_sub(wanted)
    }
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood_or_nothing() {
        let text = "MemTotal:  100 kB\nMemAvailable:    4096 kB\nBuffers: 1 kB\n";
        assert_eq!(available(text), Some(4 << 20));
        for other in ["", "MemAvailable: 4096", "MemAvailable: x kB", "MemAvailable: 18446744073709551615 kB"]
        {
            assert_eq!(available(other), None, "{other}");
        }
    }

    #[test]
    fn more_than_there_is_is_refused() {
        let budget = Budget { limit_bytes: 9 << 20, available_bytes: Some(8 << 20) };
        assert_eq!(budget.take(4 << 20).unwrap().len(), 4 << 20);
        assert!(budget.take((4 << 20) + 1).unwrap_err().to_string().contains("8388608 bytes available"));
        assert_eq!((budget.left(1 << 20), budget.left(5 << 20)), (3 << 20, 0));
        let unknown = Budget { available_bytes: None, ..budget };
        assert_eq!(unknown.left(1 << 20), 8 << 20);
        assert!(budget.take(10 << 20).unwrap_err().to_string().contains("over the limit of 9437184"));
    }
}
