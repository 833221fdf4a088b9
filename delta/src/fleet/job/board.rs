//! Who waits for what: jobs, the work that they share, and whose turn it is. Everything here happens under one lock and
//! takes no time.

use super::failure::{Failure, Side};
use super::flight::{Flight, Member, Product, Source, Spooled, Stage, Task};
use super::gauge::Gauge;
use super::id::JobId;
use super::key::JobKey;
use super::options::Quota;
use super::remembered::Remembered;
use super::report::Origin;
use super::spec::JobSpec;
use super::state::State;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::plan::policy::Queue;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use mender_artifact::sign::Signer;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

/// A piece of an Artifact on its way, or its end.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// An Artifact that arrives.
pub(super) enum Arrival {
    /// It is a file, which waits.
    Path(PathBuf),
    /// It is pushed, or read by a thread; the sender is gone when its end was told.
    Coming(Option<SyncSender<Piece>>),
    /// It is there.
    There(Box<Spooled>),
}

/// How a job ended.
pub(super) struct End {
    pub(super) state: State,
    pub(super) failure: Option<Failure>,
    pub(super) product: Option<Product>,
    /// How long it was in which state.
    pub(super) spans: Vec<(State, u64)>,
}

/// A job.
pub(super) struct Job {
    pub(super) tenant: TenantId,
    pub(super) spec: Arc<JobSpec>,
    pub(super) key: Option<JobKey>,
    pub(super) digests: [Option<Sha256Sum>; 2],
    pub(super) origin: Option<Origin>,
    /// Its own, or that of the work that it waits for.
    pub(super) gauge: Arc<Gauge>,
    pub(super) flight: Option<u64>,
    /// While it arrives.
    pub(super) arrivals: Option<[Arrival; 2]>,
    pub(super) deadline: Instant,
    /// Whether it counts against the quota.
    pub(super) is_counted: bool,
    pub(super) end: Option<End>,
    /// Handles that look at it.
    pub(super) handles: usize,
    /// Where reading the output goes on.
    pub(super) read_at: u64,
}

#[derive(Default)]
struct Tenant {
    waiting: VecDeque<u64>,
    running: usize,
    /// Jobs that count against the quota.
    counted: usize,
    quota: Option<Quota>,
    signers: BTreeMap<String, Arc<dyn Signer + Send + Sync>>,
}

/// What a worker takes up.
pub(super) struct Picked {
    pub(super) flight: u64,
    pub(super) tenant: TenantId,
    pub(super) spec: Arc<JobSpec>,
    pub(super) key: Option<JobKey>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) task: Task,
    pub(super) signer: Option<Arc<dyn Signer + Send + Sync>>,
}

/// The state of an engine.
pub(super) struct Board {
    tenants: BTreeMap<TenantId, Tenant>,
    /// Tenants in the order in which they get a worker.
    turns: VecDeque<TenantId>,
    pub(super) flights: HashMap<u64, Flight>,
    pub(super) by_key: HashMap<(TenantId, JobKey), u64>,
    pub(super) jobs: HashMap<JobId, Job>,
    pub(super) deadlines: BTreeSet<(Instant, JobId)>,
    pub(super) remembered: Remembered,
    pub(super) is_closing: bool,
    counted: usize,
    most_counted: usize,
    quota: Quota,
    next_flight: u64,
    /// Jobs that have just ended and whose entry in the journal can go.
    pub(super) over: Vec<(TenantId, JobId)>,
}

impl Board {
    pub(super) fn new(remembered: Remembered, most_counted: usize, quota: Quota) -> Self {
        Self {
            tenants: BTreeMap::new(),
            turns: VecDeque::new(),
            flights: HashMap::new(),
            by_key: HashMap::new(),
            jobs: HashMap::new(),
            deadlines: BTreeSet::new(),
            remembered,
            is_closing: false,
            counted: 0,
            most_counted,
            quota,
            next_flight: 0,
            over: Vec::new(),
        }
    }

    fn tenant(&mut self, tenant: &TenantId) -> &mut Tenant {
        if !self.tenants.contains_key(tenant) {
            self.turns.push_back(tenant.clone());
        }
        self.tenants.entry(tenant.clone()).or_default()
    }

    pub(super) fn set_quota(&mut self, tenant: &TenantId, quota: Quota) {
        self.tenant(tenant).quota = Some(quota);
    }

    pub(super) fn set_signer(
        &mut self,
        tenant: &TenantId,
        name: &str,
        signer: Arc<dyn Signer + Send + Sync>,
    ) {
        self.tenant(tenant).signers.insert(name.to_owned(), signer);
    }

    pub(super) fn signer(&self, tenant: &TenantId, name: &str) -> Option<Arc<dyn Signer + Send + Sync>> {
        self.tenants.get(tenant)?.signers.get(name).cloned()
    }

    /// Whether one more job of this tenant may wait.
    pub(super) fn check_quota(&self, tenant: &TenantId) -> Result<(), Failure> {
        let of_tenant = self.tenants.get(tenant);
        let quota = of_tenant.and_then(|tenant| tenant.quota).unwrap_or(self.quota);
        let most = quota.queue_length.saturating_add(quota.jobs_in_parallel);
        if of_tenant.is_some_and(|tenant| tenant.counted >= most) {
            return Err(Failure::new(Reason::LimitQuota));
        }
        if self.counted >= self.most_counted {
            return Err(Failure::new(Reason::LimitQueue));
        }
        Ok(())
    }

    /// The fuller one of the two queues that a job of this tenant goes into.
    pub(super) fn queue(&self, tenant: &TenantId) -> Queue {
        let of_tenant = self.tenants.get(tenant);
        let quota = of_tenant.and_then(|tenant| tenant.quota).unwrap_or(self.quota);
        let queue = |waiting: usize, most: usize| Queue {
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
            most: u64::try_from(most).unwrap_or(u64::MAX),
        };
        let own = queue(
            of_tenant.map_or(0, |tenant| tenant.counted),
            quota.queue_length.saturating_add(quota.jobs_in_parallel),
        );
        let all = queue(self.counted, self.most_counted);
        let left = |queue: Queue| queue.most.saturating_sub(queue.waiting);
        if left(own) <= left(all) { own } else { all }
    }

    /// Takes a job in. Counts it, if it brings work of its own.
    pub(super) fn add(&mut self, id: &JobId, job: Job) {
        if job.is_counted {
            self.counted += 1;
            self.tenant(&job.tenant).counted += 1;
        }
        if job.end.is_none() {
            self.deadlines.insert((job.deadline, id.clone()));
        }
        self.jobs.insert(id.clone(), job);
    }

    fn uncount(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        if std::mem::take(&mut job.is_counted) {
            let tenant = job.tenant.clone();
            self.counted -= 1;
            self.tenant(&tenant).counted -= 1;
        }
    }

    /// The work under way for a key, if there is some.
    pub(super) fn under_way(&self, tenant: &TenantId, key: JobKey) -> Option<u64> {
        self.by_key.get(&(tenant.clone(), key)).copied()
    }

    /// Lets a job wait for work that is under way.
    pub(super) fn join(&mut self, id: &JobId, flight: u64, inputs: Option<[PathBuf; 2]>) {
        let (Some(job), Some(work)) = (self.jobs.get_mut(id), self.flights.get_mut(&flight)) else { return };
        work.members.push(Member { job: id.clone(), spec: Arc::clone(&job.spec), inputs });
        job.flight = Some(flight);
        job.gauge = Arc::clone(&work.gauge);
        job.arrivals = None;
        job.origin = Some(Origin::Joined);
        self.uncount(id);
    }

    /// Puts a job in the queue, as work of its own.
    pub(super) fn enqueue(&mut self, id: &JobId, key: Option<JobKey>, sources: [Source; 2]) {
        let number = self.next_flight;
        let Some(job) = self.jobs.get_mut(id) else { return };
        let inputs = match &sources {
            [Source::Path(from), Source::Path(to)] => Some([from.clone(), to.clone()]),
            _ => None,
        };
        self.next_flight += 1;
        job.gauge.enter(State::Queued);
        (job.flight, job.arrivals, job.origin) = (Some(number), None, Some(Origin::Made));
        let (tenant, gauge) = (job.tenant.clone(), Arc::clone(&job.gauge));
        let member = Member { job: id.clone(), spec: Arc::clone(&job.spec), inputs };
        if let Some(key) = key {
            self.by_key.insert((tenant.clone(), key), number);
        }
        let stage = Stage::Waiting(Task::Make(sources));
        self.tenant(&tenant).waiting.push_back(number);
        self.flights.insert(number, Flight { tenant, key, members: vec![member], stage, gauge });
    }

    /// Puts work that was interrupted to the front of its tenant's queue.
    pub(super) fn enqueue_again(&mut self, number: u64, task: Task) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        flight.stage = Stage::Waiting(task);
        flight.gauge.enter(State::Queued);
        let tenant = flight.tenant.clone();
        self.tenant(&tenant).waiting.push_front(number);
    }

    /// The next work: tenants take turns.
    pub(super) fn pick(&mut self) -> Option<Picked> {
        let quota = self.quota;
        for nth in 0..self.turns.len() {
            let name = self.turns.get(nth)?.clone();
            let tenant = self.tenants.get_mut(&name)?;
            let most = tenant.quota.unwrap_or(quota).jobs_in_parallel;
            if tenant.running >= most {
                continue;
            }
            let Some(number) = tenant.waiting.pop_front() else { continue };
            let Some(flight) = self.flights.get_mut(&number) else { continue };
            let Stage::Waiting(task) = std::mem::replace(&mut flight.stage, Stage::Running) else { continue };
            tenant.running += 1;
            let spec = Arc::clone(&flight.members.first()?.spec);
            let signer = match &spec.sign {
                super::spec::SignMode::Signer { name } => tenant.signers.get(name).cloned(),
                _ => None,
            };
            let (key, gauge) = (flight.key, Arc::clone(&flight.gauge));
            if let Some(turn) = self.turns.remove(nth) {
                self.turns.push_back(turn);
            }
            return Some(Picked { flight: number, tenant: name, spec, key, gauge, task, signer });
        }
        None
    }

    /// A worker has done its part.
    pub(super) fn put_back(&mut self, tenant: &TenantId) {
        self.tenant(tenant).running -= 1;
    }

    /// Ends a job, wherever it stands. Work that nobody waits for any more is given up.
    pub(super) fn finish(
        &mut self,
        id: &JobId,
        state: State,
        failure: Option<Failure>,
        product: Option<Product>,
    ) {
        self.uncount(id);
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.end.is_none()) else { return };
        self.deadlines.remove(&(job.deadline, id.clone()));
        job.end = Some(End { state, failure, product, spans: job.gauge.spans() });
        if job.flight.is_none() {
            job.gauge.cancel.store(true, Ordering::Relaxed);
        }
        job.arrivals = None;
        let (flight, is_seen, tenant) = (job.flight.take(), job.handles > 0, job.tenant.clone());
        if !is_seen {
            self.jobs.remove(id);
        }
        self.over.push((tenant, id.clone()));
        if let Some(number) = flight {
            self.leave(number, id);
        }
    }

    fn leave(&mut self, number: u64, id: &JobId) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        flight.members.retain(|member| member.job != *id);
        if flight.members.is_empty() {
            flight.gauge.cancel.store(true, Ordering::Relaxed);
            self.remove_flight(number);
        }
    }

    /// Takes work off the board; whoever is at it finds that nobody waits for it.
    pub(super) fn remove_flight(&mut self, number: u64) -> Option<Flight> {
        let flight = self.flights.remove(&number)?;
        if let Some(key) = flight.key {
            let of = (flight.tenant.clone(), key);
            if self.by_key.get(&of) == Some(&number) {
                self.by_key.remove(&of);
            }
        }
        self.tenant(&flight.tenant).waiting.retain(|&waiting| waiting != number);
        Some(flight)
    }

    /// Both digests of some work are known now, and so is its key.
    pub(super) fn identify(&mut self, number: u64, key: JobKey, digests: [Sha256Sum; 2]) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        flight.key = Some(key);
        let tenant = flight.tenant.clone();
        for member in &flight.members {
            if let Some(job) = self.jobs.get_mut(&member.job) {
                (job.key, job.digests) = (Some(key), digests.map(Some));
            }
        }
        self.by_key.entry((tenant, key)).or_insert(number);
    }

    /// The digests of the Artifacts of some work.
    pub(super) fn digests(&self, number: u64) -> Option<[Sha256Sum; 2]> {
        let first = self.flights.get(&number)?.members.first()?;
        let [from, to] = self.jobs.get(&first.job)?.digests;
        Some([from?, to?])
    }

    /// Lets everybody who waits for one work wait for another.
    pub(super) fn move_members(&mut self, from: u64, to: u64) {
        let Some(flight) = self.remove_flight(from) else { return };
        for member in flight.members {
            self.join(&member.job, to, member.inputs);
        }
    }

    /// The arrival of one side of a job.
    pub(super) fn arrival(&mut self, id: &JobId, side: Side) -> Option<&mut Arrival> {
        let arrivals = self.jobs.get_mut(id)?.arrivals.as_mut()?;
        Some(match side {
            Side::From => &mut arrivals[0],
            Side::To => &mut arrivals[1],
        })
    }

    /// Everything of a job that has arrived, if that is all.
    pub(super) fn take_arrived(&mut self, id: &JobId) -> Option<[Source; 2]> {
        let job = self.jobs.get_mut(id)?;
        if job.arrivals.as_ref()?.iter().any(|arrival| matches!(arrival, Arrival::Coming(_))) {
            return None;
        }
        let source = |arrival| match arrival {
            Arrival::Path(path) => Some(Source::Path(path)),
            Arrival::There(spooled) => Some(Source::Spooled(spooled)),
            Arrival::Coming(_) => None,
        };
        let [from, to] = job.arrivals.take()?;
        Some([source(from)?, source(to)?])
    }
}
