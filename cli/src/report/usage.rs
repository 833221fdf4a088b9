//! What the command itself took: time and peak memory.

use std::time::Instant;

/// Runs since the command began.
pub(crate) struct Stopwatch(Instant);

/// What a command took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Wall-clock time.
    pub(crate) seconds: f64,
    /// Largest resident set, mapped files included; `None` where the system does not tell.
    pub(crate) peak_bytes: Option<u64>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn stop(&self) -> Usage {
        Usage { seconds: self.0.elapsed().as_secs_f64(), peak_bytes: peak_bytes() }
    }
}

/// Linux keeps it as `VmHWM:     1234 kB`.
fn peak_bytes() -> Option<u64> {
    high_water_mark(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_in_kibibytes() {
        assert_eq!(
            high_water_mark("VmPeak:\t 9 kB\nVmHWM:\t     1234 kB\nVmRSS:\t 7 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(high_water_mark("VmHWM:\t1234\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_high_water_mark() {
        assert!(peak_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
