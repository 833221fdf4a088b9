//! Admission control: units start when their memory fits into the budget, largest first.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that may be in use at once.
pub(crate) struct Budget {
    limit: u64,
    used: Mutex<u64>,
    released: Condvar,
}

/// A share of the budget, given back when dropped.
pub(crate) struct Share<'b> {
    budget: &'b Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Budget { limit, used: Mutex::new(0), released: Condvar::new() }
    }

    /// Waits until `bytes` fit, or nothing else is in use.
    pub(crate) fn take(&self, bytes: u64) -> Share<'_> {
        let mut used = self.lock();
        while *used > 0 && *used + bytes > self.limit {
            used = self.released.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Share { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.lock() -= self.bytes;
        self.budget.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn never_more_than_the_limit_unless_alone() {
        let (budget, now, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for i in 0..8_u64 {
                let (budget, now, most) = (&budget, &now, &most);
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = if i == 0 && round == 0 { 150 } else { 10 + i * 5 };
                        let _share = budget.take(bytes);
                        let used = now.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        if bytes != 150 {
                            most.fetch_max(used, Ordering::SeqCst);
                        } else {
                            assert_eq!(used, 150);
                        }
                        std::thread::yield_now();
                        now.fetch_sub(bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
    }
}
