//! What an engine may take, and what one tenant of it.

use crate::fleet::clock::{Clock, SystemClock};
use crate::fleet::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What one tenant may have going on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Jobs that wait, arrive, or await a signature; those that joined an equal one do not count.
    pub queue_length: usize,
    /// Jobs that are worked on.
    pub jobs_in_parallel: usize,
}

impl Default for Quota {
    /// 64 waiting, 2 at once.
    fn default() -> Self {
        Self { queue_length: 64, jobs_in_parallel: 2 }
    }
}

/// Options of an engine. Sizes are in bytes.
#[derive(Clone)]
pub struct EngineOptions {
    /// Folder for temporary files and the journal, of this engine alone; made if it is not there.
    pub work_folder: PathBuf,
    /// Jobs that are worked on at once. By default 2.
    pub workers: usize,
    /// Threads of each of them; 0, the default, shares the processors among the workers.
    pub threads: usize,
    /// Memory of its own for all jobs together. By default 8 GiB.
    pub memory_budget: u64,
    /// Temporary files of all jobs together. By default 256 GiB.
    pub disk_budget: u64,
    /// Jobs of all tenants that wait. By default 1024.
    pub queue_length: usize,
    /// For tenants that were given no other.
    pub quota: Quota,
    /// Failures that are remembered at most. By default 16384.
    pub failures_kept: usize,
    /// For how long. By default 30 days.
    pub failure_lifetime: Duration,
    /// Where results are published and looked up. By default nowhere: they are kept for as long as a job has a handle.
    pub store: Option<Store>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
}

impl EngineOptions {
    /// Defaults for an engine in this folder.
    #[must_use]
    pub fn new(work_folder: impl Into<PathBuf>) -> Self {
        Self {
            work_folder: work_folder.into(),
            workers: 2,
            threads: 0,
            memory_budget: 8 << 30,
            disk_budget: 256 << 30,
            queue_length: 1024,
            quota: Quota::default(),
            failures_kept: 1 << 14,
            failure_lifetime: Duration::from_secs(30 * 24 * 3600),
            store: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Threads of one worker.
    pub(super) fn threads_of_worker(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        match self.threads {
            0 => (processors / self.workers.max(1)).max(1),
            threads => threads,
        }
    }
}
