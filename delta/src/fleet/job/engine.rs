//! The engine: has workers do jobs.

use super::admission::Admission;
use super::arrival::Refused;
use super::board::{Arrival, Board};
use super::bound::{Bound, Folding, Sizes};
use super::failure::{Failure, Side};
use super::flight::{Product, Spooled};
use super::handle::JobHandle;
use super::id::JobId;
use super::journal::{self, Unfinished};
use super::key::JobKey;
use super::options::{EngineOptions, Quota};
use super::remembered::Remembered;
use super::spec::JobSpec;
use super::spool::{WorkFolder, work_io};
use super::state::State;
use super::worker;
use crate::fleet::clock::Clock;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::store::Store;
use crate::fleet::tenant::TenantId;
use mender_artifact::sign::Signer;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Makes delta Artifacts for the tenants of one server. Dropping it ends all jobs as `interrupted` and waits for its
/// threads; what the journal has can be taken up again by the next engine in the same folder.
pub struct Engine {
    pub(super) inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    pub(super) unfinished: Mutex<Vec<Unfinished>>,
    /// Held while one of them is taken up or forgotten.
    pub(super) taking: Mutex<()>,
}

/// What handles and threads share.
pub(super) struct Inner {
    board: Mutex<Board>,
    /// There may be something to do for a worker.
    pub(super) work: Condvar,
    /// A job has come to where somebody may wait for it.
    pub(super) changed: Condvar,
    /// There is another deadline.
    pub(super) timer: Condvar,
    pub(super) folder: WorkFolder,
    pub(super) admission: Arc<Admission>,
    pub(super) store: Option<Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) threads: usize,
    pub(super) memory_budget: u64,
}

impl Inner {
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the board; what is over leaves the journal, unless it is to be taken up again.
    pub(super) fn release(&self, mut board: MutexGuard<'_, Board>) {
        let over = std::mem::take(&mut board.over);
        let keeps_journal = board.is_closing;
        drop(board);
        self.changed.notify_all();
        if !keeps_journal {
            over.iter().for_each(|(tenant, id)| journal::remove(&self.folder, tenant, id));
        }
    }

    /// Ends a job.
    pub(super) fn finish(
        &self,
        id: &JobId,
        state: State,
        failure: Option<Failure>,
        product: Option<Product>,
    ) {
        let mut board = self.board();
        board.finish(id, state, failure, product);
        self.release(board);
    }

    /// One side of a job has arrived, or has not.
    pub(super) fn arrived(&self, id: &JobId, side: Side, result: Result<Spooled, Refused>) {
        let mut board = self.board();
        let spooled = match result {
            Ok(spooled) => spooled,
            Err(refused) => {
                board.finish(id, State::Failed, Some(*refused.failure), None);
                return self.release(board);
            }
        };
        let sha256 = spooled.sha256;
        let Some(arrival) = board.arrival(id, side) else { return };
        *arrival = Arrival::There(Box::new(spooled));
        let Some(job) = board.jobs.get_mut(id) else { return };
        let slot = &mut job.digests[usize::from(side == Side::To)];
        if let Some(expected) = slot.replace(sha256).filter(|expected| *expected != sha256) {
            board.finish(id, State::Failed, Some(wrong_digest(side, expected, sha256)), None);
            return self.release(board);
        }
        let key = match (job.digests, &job.spec) {
            ([Some(from), Some(to)], spec) => Some(JobKey::of(spec, &from, &to)),
            _ => None,
        };
        job.key = key;
        let tenant = job.tenant.clone();
        let Some(sources) = board.take_arrived(id) else { return };
        let under_way = key.and_then(|key| board.under_way(&tenant, key));
        match under_way {
            Some(flight) => board.join(id, flight, None),
            None => board.enqueue(id, key, sources),
        }
        self.release(board);
        self.work.notify_one();
    }
}

/// The failure for an Artifact that is another one than was said.
pub(super) fn wrong_digest(side: Side, expected: Sha256Sum, found: Sha256Sum) -> Failure {
    Failure::because(Reason::Checksum, format!("Artifact: expected SHA-256 {expected}, found {found}"))
        .of(side)
}

impl Engine {
    /// Starts an engine with its threads.
    ///
    /// # Errors
    /// `work_busy` when another engine has the folder, `work_io` and `disk_full` when it cannot be used.
    pub fn new(options: EngineOptions) -> Result<Self, Failure> {
        let folder = WorkFolder::open(&options.work_folder)?;
        let unfinished = journal::read(&folder)?;
        let workers = options.workers.max(1);
        let threads = options.threads_of_worker();
        let remembered = Remembered::new(options.failures_kept, options.failure_lifetime);
        let counted = options.queue_length.saturating_add(workers);
        let inner = Arc::new(Inner {
            board: Mutex::new(Board::new(remembered, counted, options.quota)),
            work: Condvar::new(),
            changed: Condvar::new(),
            timer: Condvar::new(),
            folder,
            admission: Admission::new(options.memory_budget, options.disk_budget),
            store: options.store,
            clock: options.clock,
            threads,
            memory_budget: options.memory_budget,
        });
        let mut engine =
            Self { inner, threads: Vec::new(), unfinished: Mutex::new(unfinished), taking: Mutex::new(()) };
        // Dropping it ends those that have been started when another cannot be.
        for _ in 0..workers {
            engine.start("delta-worker", worker::work)?;
        }
        engine.start("delta-deadlines", worker::watch_deadlines)?;
        Ok(engine)
    }

    fn start(&mut self, name: &str, work: fn(&Inner)) -> Result<(), Failure> {
        let inner = Arc::clone(&self.inner);
        let thread = thread::Builder::new().name(name.into()).spawn(move || work(&inner));
        self.threads.push(thread.map_err(|error| work_io(&error))?);
        Ok(())
    }

    /// Gives a tenant a quota of its own.
    pub fn set_quota(&self, tenant: &TenantId, quota: Quota) {
        self.inner.board().set_quota(tenant, quota);
        self.inner.work.notify_all();
    }

    /// Lets a tenant's jobs name a signer, such as one of the back ends in [`mender_artifact::sign`]. No other tenant's can.
    pub fn set_signer(&self, tenant: &TenantId, name: &str, signer: Arc<dyn Signer + Send + Sync>) {
        self.inner.board().set_signer(tenant, name, signer);
    }

    /// The most memory and room that a job takes between images of these sizes, whatever they are; with what is known
    /// when they are there it may be less.
    #[must_use]
    pub fn estimate(&self, sizes: Sizes, spec: &JobSpec) -> Bound {
        Bound::of(sizes, Folding::Everything, spec, self.threads_of(spec))
    }

    fn threads_of(&self, spec: &JobSpec) -> u64 {
        u64::try_from(worker::threads(&self.inner, spec)).unwrap_or(u64::MAX)
    }

    /// Memory and temporary files that are granted at the moment, in bytes.
    #[must_use]
    pub fn in_use(&self) -> (u64, u64) {
        self.inner.admission.in_use()
    }

    /// A handle of a job of this tenant that is not over, or that somebody else has a handle of.
    ///
    /// # Errors
    /// `unknown_job`, also for jobs of other tenants.
    pub fn job(&self, tenant: &TenantId, id: &JobId) -> Result<JobHandle, Failure> {
        let mut board = self.inner.board();
        match board.jobs.get_mut(id).filter(|job| job.tenant == *tenant) {
            Some(job) => {
                job.handles += 1;
                Ok(JobHandle::of(Arc::clone(&self.inner), id.clone(), tenant.clone()))
            }
            None => Err(Failure::new(Reason::UnknownJob)),
        }
    }

    /// All jobs of a tenant that [`Engine::job`] would find.
    #[must_use]
    pub fn jobs(&self, tenant: &TenantId) -> Vec<JobId> {
        let board = self.inner.board();
        let of_tenant = board.jobs.iter().filter(|(_, job)| job.tenant == *tenant);
        let mut ids: Vec<JobId> = of_tenant.map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }
}

impl Engine {
    /// Ends all jobs as `interrupted` and takes no more: for a server that stops in an orderly way while others still hold
    /// handles. What was not over stays in the journal, for the next engine in the folder to take up.
    pub fn interrupt(&self) {
        let mut board = self.inner.board();
        board.is_closing = true;
        let open: Vec<JobId> =
            board.jobs.iter().filter(|(_, job)| job.end.is_none()).map(|(id, _)| id.clone()).collect();
        for id in open {
            board.finish(&id, State::Failed, Some(Failure::new(Reason::Interrupted)), None);
        }
        self.inner.release(board);
        self.inner.work.notify_all();
        self.inner.timer.notify_all();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.interrupt();
        for thread in self.threads.drain(..) {
            // Panics have been caught inside.
            let _ = thread.join();
        }
        self.inner.folder.release();
    }
}
