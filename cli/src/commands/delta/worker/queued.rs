//! Tasks from NATS JetStream, until a signal comes or there are none.

use super::{queue_failed, tell};
use crate::args::server::WorkerArgs;
use crate::failure::Failure;
use crate::report;
use mender_delta::fleet::job::failure::Failure as JobFailure;
use mender_delta::fleet::queue::error::QueueError;
use mender_delta::fleet::queue::{Delivery, Queue};
use mender_delta::fleet::reason::{Reason, Remedy};
use mender_delta::fleet::worker::event::{Event, VERSION, What};
use mender_delta::fleet::worker::{Stop, Worker};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long one request for a task waits.
const WAIT: Duration = Duration::from_secs(2);
/// Pause after a request that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// As many threads as tasks are worked on at once; each takes one, ends it, and takes the next.
pub(super) fn run(worker: &Worker, stop: &Stop, queue: &Queue, args: &WorkerArgs) -> Result<(), Failure> {
    let first_failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..args.jobs {
            scope.spawn(|| {
                if let Err(failure) = take_turns(worker, stop, queue, args.until_idle) {
                    stop.stop();
                    let mut first = first_failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    first.get_or_insert(failure);
                }
            });
        }
    });
    match first_failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

fn take_turns(
    worker: &Worker,
    stop: &Stop,
    queue: &Queue,
    until_idle: Option<Duration>,
) -> Result<(), Failure> {
    let mut idle_since = Instant::now();
    let wait = until_idle.map_or(WAIT, |idle| idle.clamp(Duration::from_millis(100), WAIT));
    while !stop.is_asked() {
        match queue.next(wait) {
            Ok(Some(delivery)) => {
                // What NATS does not hear it gives out again.
                if let Err(error) = one(worker, stop, delivery)? {
                    report::warn(&error.to_string());
                }
                idle_since = Instant::now();
            }
            Ok(None) => {
                if until_idle.is_some_and(|idle| idle_since.elapsed() >= idle) {
                    break;
                }
            }
            Err(error) if error.reason().remedy() == Remedy::Later => {
                report::warn(&error.to_string());
                idle_since = Instant::now();
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(queue_failed(&error)),
        }
    }
    Ok(())
}

/// Carries out one task. The outer failure is that of the command, the inner one that of NATS.
fn one(worker: &Worker, stop: &Stop, delivery: Delivery) -> Result<Result<(), QueueError>, Failure> {
    let task = match delivery.task() {
        Ok(task) => task,
        Err(failure) => {
            report::warn(&format!("task {}: {}: {failure}", delivery.sequence(), failure.reason.code()));
            return Ok(delivery.park(&failure));
        }
    };
    let event = |what| Event { v: VERSION, task: task.id(), tenant: task.job.tenant.clone(), what };
    if delivery.is_poison() {
        let (times, back) = (delivery.delivered().saturating_sub(1), delivery.given_back());
        let text = match back {
            0 => format!("given out {times} times, and no worker came to an end with it"),
            _ => format!("given out {times} times since workers that ended gave it back {back} times"),
        };
        let failure = JobFailure::because(Reason::Poison, text);
        tell(&event(What::Failed { failure: failure.clone(), again: false, report: None }))?;
        return Ok(delivery.park(&failure));
    }
    if let Err(failure) = tell(&event(What::Started { delivery: delivery.delivered() })) {
        // Nobody has seen it begin; the next worker does not have to wait until this one is missed.
        if let Err(error) = delivery.give_back(true) {
            report::warn(&error.to_string());
        }
        return Err(failure);
    }
    let end = worker.run(&task, stop, |state, done, total| {
        // That nobody listens shows at the end.
        let _ = tell(&event(What::Progress { state, done, total }));
    });
    let (cancelled, may_pass) = match &end {
        Err(undone) => (undone.failure.reason == Reason::Cancelled, undone.may_pass()),
        Ok(_) => (false, false),
    };
    let again = cancelled || (may_pass && !delivery.is_last());
    let last = Worker::told(&task, &end, again);
    // The answer is kept before it is told, so that whoever reads our output can rely on it.
    let finished = match &end {
        _ if again => delivery.give_back(cancelled),
        Err(undone) if may_pass => delivery.park(&undone.failure),
        _ => delivery.answer(&last),
    };
    tell(&last)?;
    Ok(finished)
}
