//! Taking jobs: what is known of them already, what is under way, and how their Artifacts arrive.

use super::arrival::{PIECES, Pushed, Refused, Spooling};
use super::board::{Arrival, Job};
use super::engine::Engine;
use super::failure::{Failure, Side};
use super::flight::Source;
use super::gauge::Gauge;
use super::handle::JobHandle;
use super::id::JobId;
use super::input::{Input, Inputs};
use super::journal::{self, Unfinished};
use super::key::JobKey;
use super::report::Origin;
use super::spec::{JobSpec, SignMode};
use super::spool::work_io;
use super::state::State;
use super::worker;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use mender_artifact::sign::public_key::PublicKey;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

impl Engine {
    /// Takes a job. It is written down when this returns. Inputs that are pushed are taken from then on, whether the job
    /// has a worker or not.
    ///
    /// # Errors
    /// `bad_request`, `unknown_signer`, `limit_quota`, `limit_queue`, and what the work folder says. Everything else is told
    /// by the job.
    pub fn submit(&self, spec: JobSpec, inputs: Inputs) -> Result<JobHandle, Failure> {
        self.submit_as(JobId::new(), spec, inputs)
    }

    pub(super) fn submit_as(&self, id: JobId, spec: JobSpec, inputs: Inputs) -> Result<JobHandle, Failure> {
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
}
