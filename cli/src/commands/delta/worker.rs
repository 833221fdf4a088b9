//! `delta worker`: makes deltas for others, one task from standard input or many from NATS JetStream.

mod folder;
mod one;
mod queued;

use super::store_address;
use crate::args::server::{QueueSettings, SignerName, WorkerArgs};
use crate::exit_code::{self, ExitStatus};
use crate::failure::Failure;
use crate::{interrupt, key, report};
use folder::Folder;
use mender_artifact::sign::Signer;
use mender_delta::fleet::clock::SystemClock;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::failure::Failure as JobFailure;
use mender_delta::fleet::job::options::{EngineOptions, Quota};
use mender_delta::fleet::queue::Queue;
use mender_delta::fleet::queue::error::QueueError;
use mender_delta::fleet::queue::options::QueueOptions;
use mender_delta::fleet::worker::event::Event;
use mender_delta::fleet::worker::{Files, Stop, Worker, WorkerOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// For how long failures that would only repeat themselves are remembered.
const FAILURE_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// How long a signal waits for what is under way to be cancelled and told.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &WorkerArgs) -> Result<(), Failure> {
    let work = work_folder(args)?;
    let stop = Stop::default();
    let (ended, wait) = channel::<()>();
    let _guard = cancel_at_signal(stop.clone(), wait);
    let end = work_in(&work, &stop, args);
    // The signal waits for this, and the guard for the signal.
    drop(work);
    drop(ended);
    end
}

fn work_in(work: &Folder, stop: &Stop, args: &WorkerArgs) -> Result<(), Failure> {
    let worker = worker(args, work)?;
    let end = match &args.nats {
        None => one::run(&worker, stop, &args.task),
        Some(url) => queued::run(&worker, stop, &queue(url, &args.queue)?, args),
    };
    if stop.is_asked() {
        // The process ends at once: threads that are at work on what was cancelled are not waited for.
        std::mem::forget(worker);
    }
    end
}

/// A signal cancels what is under way; the process ends when that has been told.
fn cancel_at_signal(stop: Stop, ended: Receiver<()>) -> interrupt::Guard {
    interrupt::undo_with(move || {
        stop.stop();
        // Disconnected when the command has ended.
        let _ = ended.recv_timeout(GRACE);
    })
}

/// A folder of this process alone, below the one that was named.
fn work_folder(args: &WorkerArgs) -> Result<Folder, Failure> {
    let parent = args.work.clone().unwrap_or_else(std::env::temp_dir);
    Folder::make(&parent).map_err(|error| Failure::io(&parent, ExitStatus::System, &error))
}

fn worker(args: &WorkerArgs, work: &Folder) -> Result<Worker, Failure> {
    let jobs = if args.nats.is_some() { usize::from(args.jobs) } else { 1 };
    let quota = Quota { queue_length: jobs, jobs_in_parallel: jobs };
    let engine = Engine::new(EngineOptions {
        workers: jobs,
        threads: args.threads,
        memory_budget: args.memory,
        disk_budget: args.disk,
        quota,
        ..EngineOptions::new(work.path().join("jobs"))
    });
    let store = match &args.store {
        Some(address) => Some(store_address::open(address, &args.store_settings)?),
        None => None,
    };
    let files = match (&args.nats, &args.inputs) {
        (None, _) => Files::All,
        (Some(_), None) => Files::None,
        (Some(_), Some(folder)) => Files::Below(absolute(folder)?),
    };
    let options =
        WorkerOptions { store, files, failure_lifetime: FAILURE_LIFETIME, clock: Arc::new(SystemClock) };
    let engine = engine.map_err(|failure| failed(&failure))?;
    if let Some(key) = key::private(&args.key)? {
        let key: Arc<dyn Signer + Send + Sync> = Arc::new(key);
        for SignerName { tenant, name } in &args.signer {
            engine.set_signer(tenant, name, Arc::clone(&key));
        }
    }
    Ok(Worker::new(Arc::new(engine), options))
}

fn absolute(folder: &PathBuf) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(folder).map_err(|error| Failure::io(folder, ExitStatus::OpenInput, &error))
}

/// The queue that the command line names.
pub(super) fn queue(url: &str, settings: &QueueSettings) -> Result<Queue, Failure> {
    let credentials = match &settings.nats_credentials {
        None => None,
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| Failure::io(path, ExitStatus::OpenInput, &error))?,
        ),
    };
    let options = QueueOptions {
        name: settings.queue.clone(),
        max_deliver: settings.max_deliver,
        ack_wait: settings.ack_wait,
        timeout: settings.nats_timeout,
        retry_delay: settings.retry_delay,
        credentials,
        ..QueueOptions::default()
    };
    Queue::open(url, &options).map_err(|error| queue_failed(&error))
}

pub(super) fn queue_failed(error: &QueueError) -> Failure {
    Failure::plain(exit_code::of_reason(error.reason()), error.to_string())
}

/// A failed task as the failure of the command.
fn failed(failure: &JobFailure) -> Failure {
    Failure::plain(exit_code::of_reason(failure.reason), format!("{}: {failure}", failure.reason.code()))
}

/// One event on a line of standard output.
fn tell(event: &Event) -> Result<(), Failure> {
    report::print(&format!("{}\n", event.to_json()))
}
