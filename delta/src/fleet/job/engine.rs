//! The engine: takes jobs, and has workers do them.

use super::admission::Admission;
use super::arrival::{PIECES, Pushed, Refused, Spooling};
use super::board::{Arrival, Board, Job};
use super::bound::{Bound, Folding, Sizes};
use super::failure::{Failure, Side};
use super::flight::{Product, Source, Spooled};
use super::gauge::Gauge;
use super::handle::JobHandle;
use super::id::JobId;
use super::input::{Input, Inputs};
use super::journal::{self, Unfinished};
use super::key::JobKey;
use super::options::{EngineOptions, Quota};
use super::remembered::Remembered;
use super::report::Origin;
use super::spec::{JobSpec, SignMode};
use super::spool::{WorkFolder, work_io};
use super::state::State;
use super::worker;
use crate::fleet::clock::Clock;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::store::Store;
use crate::fleet::tenant::TenantId;
use mender_artifact::sign::Signer;
use mender_artifact::sign::public_key::PublicKey;
use std::io::Read;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Makes delta Artifacts for the tenants of one server. Dropping it ends all jobs as `interrupted` and waits for its
/// threads; what the journal has can be taken up again by the next engine in the same folder.
pub struct Engine {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    unfinished: Mutex<Vec<Unfinished>>,
    /// Held while one of them is taken up or forgotten.
    taking: Mutex<()>,
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
    fn arrived(&self, id: &JobId, side: Side, result: Result<Spooled, Refused>) {
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

    /// Takes a job. It is written down when this returns. Inputs that are pushed are taken from then on, whether the job
    /// has a worker or not.
    ///
    /// # Errors
    /// `bad_request`, `unknown_signer`, `limit_quota`, `limit_queue`, and what the work folder says. Everything else is told
    /// by the job.
    pub fn submit(&self, spec: JobSpec, inputs: Inputs) -> Result<JobHandle, Failure> {
        self.submit_as(JobId::new(), spec, inputs)
    }

    fn submit_as(&self, id: JobId, spec: JobSpec, inputs: Inputs) -> Result<JobHandle, Failure> {
        let inner = &self.inner;
        spec.check()?;
        self.check_keys(&spec)?;
        let tenant = spec.tenant.clone();
        let key = match (&spec.from_sha256, &spec.to_sha256) {
            (Some(from), Some(to)) => Some(JobKey::of(&spec, from, to)),
            _ => None,
        };
        let now = inner.clock.now();
        let remembered = key.and_then(|key| inner.board().remembered.get(&tenant, key, now));
        let spool = inner.folder.spool(&tenant)?;
        if remembered.is_none() {
            // Refused before it is written down, if it has to be.
            let board = inner.board();
            let joins = key.is_some_and(|key| board.under_way(&tenant, key).is_some());
            if !joins {
                board.check_quota(&tenant)?;
            }
            drop(board);
            Unfinished::new(id.clone(), spec.clone(), &inputs, now).write(&inner.folder)?;
        }
        let spec = Arc::new(spec);
        let gauge = Arc::new(Gauge::new(State::Queued));
        let mut board = inner.board();
        let refuse = |failure| {
            // What is taken up again stays in the journal.
            if !self.is_unfinished(&id) {
                journal::remove(&inner.folder, &tenant, &id);
            }
            Err(failure)
        };
        if board.is_closing {
            drop(board);
            return refuse(Failure::new(Reason::Interrupted));
        }
        let under_way = key.and_then(|key| board.under_way(&tenant, key));
        let has_work = remembered.is_none() && under_way.is_none();
        if has_work && let Err(failure) = board.check_quota(&tenant) {
            drop(board);
            return refuse(failure);
        }
        let job = Job {
            tenant: tenant.clone(),
            spec: Arc::clone(&spec),
            key,
            digests: [spec.from_sha256, spec.to_sha256],
            origin: None,
            gauge: Arc::clone(&gauge),
            flight: None,
            arrivals: None,
            deadline: Instant::now() + spec.limits.deadline(),
            is_counted: has_work,
            end: None,
            handles: 1,
            read_at: 0,
        };
        board.add(&id, job);
        let handle = JobHandle::of(Arc::clone(inner), id.clone(), tenant);
        if let Some(failure) = remembered {
            if let Some(job) = board.jobs.get_mut(&id) {
                job.origin = Some(Origin::Remembered);
            }
            board.finish(&id, State::Failed, Some(failure), None);
            inner.release(board);
            return Ok(handle);
        }
        let readers = match (under_way, inputs) {
            (Some(flight), inputs) => {
                let paths = match inputs {
                    Inputs { from: Input::Path(from), to: Input::Path(to) } => Some([from, to]),
                    _ => None,
                };
                board.join(&id, flight, paths);
                Vec::new()
            }
            (None, Inputs { from: Input::Path(from), to: Input::Path(to) }) => {
                board.enqueue(&id, key, [Source::Path(from), Source::Path(to)]);
                Vec::new()
            }
            (None, Inputs { from, to }) => {
                gauge.enter(State::Spooling);
                let mut readers = Vec::new();
                let mut arrival = |side, input| match input {
                    Input::Path(path) => Arrival::Path(path),
                    Input::Pushed => {
                        let (push, pieces) = sync_channel(PIECES);
                        readers.push((side, Box::new(Pushed::new(pieces)) as Box<dyn Read + Send>));
                        Arrival::Coming(Some(push))
                    }
                    Input::Reader(reader) => {
                        readers.push((side, reader));
                        Arrival::Coming(None)
                    }
                };
                let arrivals = [arrival(Side::From, from), arrival(Side::To, to)];
                if let Some(job) = board.jobs.get_mut(&id) {
                    job.arrivals = Some(arrivals);
                }
                readers
            }
        };
        inner.release(board);
        inner.work.notify_one();
        inner.timer.notify_one();
        if let (Some(key), false, true) = (key, readers.is_empty(), inner.store.is_some()) {
            self.look_up(&id, handle.tenant(), key);
        }
        for (side, reader) in readers {
            let (inner, id, spec, gauge) =
                (Arc::clone(inner), id.clone(), Arc::clone(&spec), Arc::clone(&gauge));
            let spool = spool.clone();
            let arrive = move || {
                let spooling = Spooling {
                    side,
                    spec: &spec,
                    folder: &spool,
                    admission: &inner.admission,
                    gauge: &gauge,
                    drains: false,
                };
                let result = worker::caught(|| spooling.spool(reader))
                    .unwrap_or_else(|failure| Err(Refused { failure: Box::new(failure), sha256: None }));
                inner.arrived(&id, side, result);
            };
            if let Err(error) = thread::Builder::new().name("delta-arrival".into()).spawn(arrive) {
                self.inner.finish(handle.id(), State::Failed, Some(work_io(&error)), None);
            }
        }
        Ok(handle)
    }

    /// Ends a job whose outcome the store knows, on a thread beside those that its Artifacts arrive on.
    fn look_up(&self, id: &JobId, tenant: &TenantId, key: JobKey) {
        let (inner, id, tenant) = (Arc::clone(&self.inner), id.clone(), tenant.clone());
        let look = move || {
            if let Ok(Some((origin, ended))) = worker::caught(|| worker::look_up(&inner, &tenant, key)) {
                let mut board = inner.board();
                worker::end_found(&mut board, &id, origin, ended);
                inner.release(board);
            }
        };
        // Without that thread the work is done again, and found to be done when it is published.
        drop(thread::Builder::new().name("delta-lookup".into()).spawn(look));
    }

    fn check_keys(&self, spec: &JobSpec) -> Result<(), Failure> {
        let check =
            |name: &str, pem: Option<&String>| match pem.map(|pem| PublicKey::from_pem(pem.as_bytes())) {
                Some(Err(error)) => Err(Failure::because(Reason::BadRequest, format!("{name}: {error}"))),
                _ => Ok(()),
            };
        check("verify_key", spec.verify_key.as_ref())?;
        match &spec.sign {
            SignMode::External { public_key, .. } => check("public_key", public_key.as_ref()),
            SignMode::Signer { name } if self.inner.board().signer(&spec.tenant, name).is_none() => {
                Err(Failure::because(Reason::UnknownSigner, format!("no such signer: {name:?}")))
            }
            _ => Ok(()),
        }
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

    /// Jobs of a tenant that an earlier engine in the same folder had accepted and not brought to an end, oldest first.
    #[must_use]
    pub fn unfinished(&self, tenant: &TenantId) -> Vec<Unfinished> {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|unfinished| unfinished.spec.tenant == *tenant).cloned().collect()
    }

    /// The tenants that have unfinished jobs.
    #[must_use]
    pub fn tenants_with_unfinished(&self) -> Vec<TenantId> {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tenants: Vec<TenantId> =
            all.iter().map(|unfinished| unfinished.spec.tenant.clone()).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }

    /// Takes an unfinished job up again, under its old name and with its deadline counted from now. Jobs whose Artifacts
    /// were pushed need new `inputs`; others may have them.
    ///
    /// # Errors
    /// `unknown_job`, `bad_request` when there are no inputs, and as [`Engine::submit`].
    pub fn take_up(
        &self,
        tenant: &TenantId,
        id: &JobId,
        inputs: Option<Inputs>,
    ) -> Result<JobHandle, Failure> {
        // Whoever comes second finds it taken.
        let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let unfinished = self.unfinished(tenant).into_iter().find(|unfinished| unfinished.id == *id);
        let unfinished = unfinished.ok_or_else(|| Failure::new(Reason::UnknownJob))?;
        let of_journal = || unfinished.paths.clone().map(|[from, to]| Inputs::paths(from, to));
        let inputs = inputs.or_else(of_journal).ok_or_else(|| {
            Failure::because(
                Reason::BadRequest,
                "the Artifacts of this job were pushed, and have to be again",
            )
        })?;
        let handle = self.submit_as(id.clone(), unfinished.spec, inputs)?;
        self.no_longer_unfinished(id);
        Ok(handle)
    }

    /// Removes an unfinished job from the journal.
    ///
    /// # Errors
    /// `unknown_job`.
    pub fn forget(&self, tenant: &TenantId, id: &JobId) -> Result<(), Failure> {
        let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.unfinished(tenant).iter().any(|unfinished| unfinished.id == *id) {
            return Err(Failure::new(Reason::UnknownJob));
        }
        journal::remove(&self.inner.folder, tenant, id);
        self.no_longer_unfinished(id);
        Ok(())
    }

    fn is_unfinished(&self, id: &JobId) -> bool {
        let all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|unfinished| unfinished.id == *id)
    }

    fn no_longer_unfinished(&self, id: &JobId) {
        let mut all = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|unfinished| unfinished.id != *id);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
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
        for thread in self.threads.drain(..) {
            // Panics have been caught inside.
            let _ = thread.join();
        }
        self.inner.folder.release();
    }
}
