//! Admission: what all jobs of an engine take together stays within its budgets.

use super::failure::Failure;
use crate::fleet::reason::Reason;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often who waits for room looks whether it still wants it.
const LOOK: Duration = Duration::from_millis(20);

/// Memory and room that may be in use at once.
pub(super) struct Admission {
    memory_budget: u64,
    disk_budget: u64,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Default)]
struct Used {
    memory: u64,
    disk: u64,
    /// Shares of those who have all that they need: they come to an end and give back.
    complete: usize,
}

/// What somebody was granted; given back when dropped.
pub(super) struct Share {
    admission: Arc<Admission>,
    memory: u64,
    disk: u64,
    is_complete: bool,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) memory: u64,
    pub(super) disk: u64,
    /// Whether the holder needs nothing more to come to its end.
    pub(super) is_complete: bool,
}

impl Admission {
    pub(super) fn new(memory_budget: u64, disk_budget: u64) -> Arc<Self> {
        Arc::new(Self { memory_budget, disk_budget, used: Mutex::default(), freed: Condvar::new() })
    }

    /// Grants what is wanted as soon as it fits. Waits only while somebody is at work who will give back by itself: those
    /// who wait hold something, too, and would wait for each other for ever.
    ///
    /// # Errors
    /// `limit_memory` and `limit_disk` for what can never fit, `busy` for what does not fit now, `cancelled`.
    pub(super) fn grant(self: &Arc<Self>, wanted: Wanted, cancel: &AtomicBool) -> Result<Share, Failure> {
        let Wanted { memory, disk, is_complete } = wanted;
        if memory > self.memory_budget {
            let what = "memory of the engine";
            return Err(Failure::limit(Reason::LimitMemory, what, memory, self.memory_budget));
        }
        if disk > self.disk_budget {
            let what = "temporary files of the engine";
            return Err(Failure::limit(Reason::LimitDisk, what, disk, self.disk_budget));
        }
        let mut used = self.lock();
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Failure::new(Reason::Cancelled));
            }
            let fits = used.memory.saturating_add(memory) <= self.memory_budget
                && used.disk.saturating_add(disk) <= self.disk_budget;
            if fits {
                used.memory += memory;
                used.disk += disk;
                used.complete += usize::from(is_complete);
                return Ok(Share { admission: Arc::clone(self), memory, disk, is_complete });
            }
            if used.complete == 0 {
                return Err(Failure::new(Reason::Busy));
            }
            used = self.freed.wait_timeout(used, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Memory and temporary files in use, in bytes.
    pub(super) fn in_use(&self) -> (u64, u64) {
        let used = self.lock();
        (used.memory, used.disk)
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Gives back everything but room of at most `disk` bytes, which what stays takes.
    pub(super) fn shrunk(mut self, disk: u64) -> Self {
        let mut used = self.admission.lock();
        used.memory -= std::mem::take(&mut self.memory);
        let disk = disk.min(self.disk);
        used.disk -= std::mem::replace(&mut self.disk, disk) - disk;
        used.complete -= usize::from(std::mem::take(&mut self.is_complete));
        drop(used);
        self.admission.freed.notify_all();
        self
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut used = self.admission.lock();
        used.memory -= self.memory;
        used.disk -= self.disk;
        used.complete -= usize::from(self.is_complete);
        drop(used);
        self.admission.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn wanted(memory: u64, disk: u64, is_complete: bool) -> Wanted {
        Wanted { memory, disk, is_complete }
    }

    #[test]
    fn what_never_fits_is_told_from_what_does_not_fit_now() {
        let admission = Admission::new(100, 1000);
        let reason = |wanted| admission.grant(wanted, &GO_ON).err().map(|failure| failure.reason);
        assert_eq!(reason(wanted(101, 0, true)), Some(Reason::LimitMemory));
        assert_eq!(reason(wanted(0, 1001, true)), Some(Reason::LimitDisk));
        let spool = admission.grant(wanted(0, 600, false), &GO_ON).unwrap();
        // Who holds it may be waiting itself.
        assert_eq!(reason(wanted(0, 500, true)), Some(Reason::Busy));
        let spool = spool.shrunk(100);
        assert_eq!(admission.in_use(), (0, 100));
        drop(spool);
        assert_eq!(reason(wanted(0, 500, true)), None);
        assert_eq!(admission.in_use(), (0, 0));
    }

    #[test]
    fn who_does_not_fit_waits_for_who_is_at_work() {
        let admission = Admission::new(100, 100);
        let first = admission.grant(wanted(60, 0, true), &GO_ON).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| admission.grant(wanted(60, 0, true), &GO_ON).map(drop));
            let cancelled =
                scope.spawn(|| admission.grant(wanted(60, 0, true), &AtomicBool::new(true)).map(drop));
            assert_eq!(cancelled.join().unwrap().unwrap_err().reason, Reason::Cancelled);
            std::thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(()));
        });
    }
}
