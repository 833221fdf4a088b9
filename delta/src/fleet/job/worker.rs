//! The threads of an engine: workers, and who watches the deadlines.

use super::arrival::Refused;
use super::board::{Board, Picked};
use super::engine::{Inner, wrong_digest};
use super::failure::{Failure, Side};
use super::flight::{Product, Source, Spooled, Stage, Task, Verdict};
use super::id::JobId;
use super::key::JobKey;
use super::remembered::Remembered;
use super::report::Origin;
use super::shelf::{Found, Shelf};
use super::spec::JobSpec;
use super::spool::work_io;
use super::state::State;
use super::work::Bench;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long nothing happens at most before deadlines are looked at again.
const IDLE: Duration = Duration::from_secs(60);

/// Threads for a job.
pub(super) fn threads(inner: &Inner, spec: &JobSpec) -> usize {
    match usize::from(spec.limits.threads) {
        0 => inner.threads,
        threads => threads.min(inner.threads),
    }
}

/// Calls `work`; a panic goes no further.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    // What it was working on is dropped and never looked at again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        Failure::because(Reason::Panic, format!("{}: {text}", Reason::Panic.text()))
    })
}

/// Does work until the engine closes.
pub(super) fn work(inner: &Inner) {
    let mut board = inner.board();
    loop {
        if board.is_closing {
            return;
        }
        let Some(picked) = board.pick() else {
            board = inner.work.wait(board).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(board);
        let (flight, tenant) = (picked.flight, picked.tenant.clone());
        let done =
            caught(|| carry_out(inner, picked)).unwrap_or_else(|failure| (Verdict::Failed(failure), None));
        conclude(inner, flight, done);
        board = inner.board();
        board.put_back(&tenant);
        // Another worker may have passed over this tenant.
        inner.work.notify_all();
    }
}

/// What became of some work, and the key under which a failure may be remembered.
type Done = (Verdict, Option<JobKey>);

fn carry_out(inner: &Inner, picked: Picked) -> Done {
    let Picked { flight, tenant, spec, key, gauge, task, signer } = picked;
    let failed = |failure| (Verdict::Failed(failure), None);
    let folder = match inner.folder.spool(&tenant) {
        Ok(folder) => folder,
        Err(failure) => return failed(failure),
    };
    let threads = threads(inner, &spec);
    // Of the job's own: on threads that others use it would have to wait for their work.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|nth| format!("delta-{nth}"))
        .build();
    let pool = match pool {
        Ok(pool) => pool,
        Err(error) => return failed(work_io(&std::io::Error::other(error))),
    };
    let bench = Bench {
        spec: &spec,
        folder: &folder,
        admission: &inner.admission,
        gauge: &gauge,
        signer,
        threads,
        memory_budget: inner.memory_budget,
    };
    let shelf = inner.store.as_ref().map(|store| Shelf {
        store,
        tenant: &tenant,
        folder: &folder,
        admission: &inner.admission,
    });
    let (verdict, key) = pool.install(|| match task {
        Task::Sign(parked, signature) => {
            (bench.finish(parked, signature).unwrap_or_else(Verdict::Failed), key)
        }
        Task::Make(sources) => {
            if let Some(found) = key.zip(shelf.as_ref()).and_then(|(key, shelf)| found(inner, shelf, key)) {
                return (found, None);
            }
            let spooled = match bench.spool(sources) {
                Ok(spooled) => spooled,
                Err(Refused { failure, sha256 }) => {
                    // Only what was really read says something about a key.
                    let expected = match failure.side {
                        Some(Side::From) => spec.from_sha256,
                        _ => spec.to_sha256,
                    };
                    return (
                        Verdict::Failed(*failure),
                        key.filter(|_| sha256.is_some() && sha256 == expected),
                    );
                }
            };
            let key = match identify(inner, flight, &spec, &spooled) {
                Identified::As(key) => key,
                Identified::Moved => return (Verdict::Moved, None),
                Identified::Failed(failure) => return failed(failure),
                Identified::Remembered(failure) => return (Verdict::Remembered(failure), None),
            };
            if let Some(found) = shelf.as_ref().and_then(|shelf| found(inner, shelf, key)) {
                return (found, None);
            }
            (bench.make(spooled).unwrap_or_else(Verdict::Failed), Some(key))
        }
    });
    let Some((key, shelf)) = key.zip(shelf) else { return (verdict, key) };
    let now = inner.clock.now();
    match verdict {
        Verdict::Done(product) => {
            let digests = inner.board().digests(flight);
            // Nobody waits for it any more, if they are not there.
            let Some(digests) = digests else { return failed(Failure::new(Reason::Cancelled)) };
            match shelf.publish(key, digests, &product, now) {
                Ok(None) => (Verdict::Done(product), None),
                Ok(Some(other)) => (Verdict::Stored(other), None),
                Err(failure) => failed(failure),
            }
        }
        Verdict::Failed(failure) if Remembered::lasts(failure.reason) => {
            let expires = inner.board().remembered.expiry(now);
            shelf.remember(key, &failure, [now, expires]);
            (Verdict::Failed(failure), Some(key))
        }
        verdict => (verdict, Some(key)),
    }
}

/// What the store has for a key, as the end of some work.
fn found(inner: &Inner, shelf: &Shelf<'_>, key: JobKey) -> Option<Verdict> {
    match shelf.look(key, inner.clock.now()) {
        Ok(Found::Product(product)) => Some(Verdict::Stored(product)),
        Ok(Found::Failure(failure)) => Some(Verdict::Remembered(failure)),
        Ok(Found::Nothing) => None,
        Err(failure) => Some(Verdict::Failed(failure)),
    }
}

/// How a job ends whose outcome is known.
pub(super) type Ended = Result<Box<Product>, Failure>;

/// Asks the store for the outcome of a key. That it does not answer is found out again by who does the work.
pub(super) fn look_up(inner: &Inner, tenant: &TenantId, key: JobKey) -> Option<(Origin, Ended)> {
    let folder = inner.folder.spool(tenant).ok()?;
    let store = inner.store.as_ref()?;
    let shelf = Shelf { store, tenant, folder: &folder, admission: &inner.admission };
    match shelf.look(key, inner.clock.now()) {
        Ok(Found::Product(product)) => Some((Origin::Stored, Ok(product))),
        Ok(Found::Failure(failure)) => Some((Origin::Remembered, Err(failure))),
        Ok(Found::Nothing) | Err(_) => None,
    }
}

/// Ends a job whose outcome was known.
pub(super) fn end_found(board: &mut Board, id: &JobId, origin: Origin, ended: Ended) {
    if let Some(job) = board.jobs.get_mut(id).filter(|job| job.end.is_none()) {
        job.origin = Some(origin);
    }
    match ended {
        Ok(product) => board.finish(id, State::Done, None, Some(*product)),
        Err(failure) => board.finish(id, State::Failed, Some(failure), None),
    }
}

/// What came of looking at what arrived.
enum Identified {
    As(JobKey),
    Moved,
    Failed(Failure),
    Remembered(Failure),
}

/// Both Artifacts are known: finds out whether this work is already under way, or is known to fail.
fn identify(inner: &Inner, flight: u64, spec: &JobSpec, [from, to]: &[Box<Spooled>; 2]) -> Identified {
    let differs = |side, expected: Option<Sha256Sum>, found: Sha256Sum| {
        expected.filter(|expected| *expected != found).map(|expected| wrong_digest(side, expected, found))
    };
    let wrong = differs(Side::From, spec.from_sha256, from.sha256)
        .or_else(|| differs(Side::To, spec.to_sha256, to.sha256));
    if let Some(failure) = wrong {
        return Identified::Failed(failure);
    }
    let key = JobKey::of(spec, &from.sha256, &to.sha256);
    let mut board = inner.board();
    board.identify(flight, key, [from.sha256, to.sha256]);
    if let Some(other) = board.under_way(&spec.tenant, key).filter(|&other| other != flight) {
        board.move_members(flight, other);
        inner.release(board);
        return Identified::Moved;
    }
    match board.remembered.get(&spec.tenant, key, inner.clock.now()) {
        Some(failure) => Identified::Remembered(failure),
        None => Identified::As(key),
    }
}

/// Whether a failure is about what the first job of some work asked for or brought, and not about all of them.
fn is_of_one(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InputIo
            | Reason::InputChanged
            | Reason::Checksum
            | Reason::BadArtifact
            | Reason::TooLarge
            | Reason::LimitMemory
            | Reason::LimitDisk
            | Reason::LimitOutput
    )
}

/// Tells everybody who waits for it what became of some work.
fn conclude(inner: &Inner, number: u64, (verdict, key): Done) {
    let now = inner.clock.now();
    let mut board = inner.board();
    match verdict {
        Verdict::Moved => {}
        Verdict::Parked(parked) => {
            if let Some(flight) = board.flights.get_mut(&number) {
                flight.gauge.enter(State::AwaitingSignature);
                flight.stage = Stage::Parked(parked);
            }
        }
        Verdict::Stored(product) => end_all(&mut board, number, Origin::Stored, &Ok(product)),
        Verdict::Remembered(failure) => end_all(&mut board, number, Origin::Remembered, &Err(failure)),
        Verdict::Done(product) => {
            for member in board.remove_flight(number).into_iter().flat_map(|flight| flight.members) {
                board.finish(&member.job, State::Done, None, Some((*product).clone()));
            }
        }
        Verdict::Failed(failure) => {
            if let (Some(key), Some(flight)) = (key, board.flights.get(&number)) {
                let tenant = flight.tenant.clone();
                board.remembered.put(&tenant, key, &failure, now);
            }
            let next =
                board.flights.get_mut(&number).filter(|_| is_of_one(failure.reason)).and_then(|flight| {
                    let nth = flight.members.iter().skip(1).position(|member| member.inputs.is_some())? + 1;
                    let inputs = flight.members[nth].inputs.clone()?;
                    let first = flight.members[0].job.clone();
                    flight.members.swap(0, nth);
                    Some((first, inputs))
                });
            match next {
                // Others have inputs and limits of their own.
                Some((first, [from, to])) => {
                    board.finish(&first, State::Failed, Some(failure), None);
                    board.enqueue_again(number, Task::Make([Source::Path(from), Source::Path(to)]));
                }
                None => {
                    let flight = board.remove_flight(number);
                    for member in flight.into_iter().flat_map(|flight| flight.members) {
                        board.finish(&member.job, State::Failed, Some(failure.clone()), None);
                    }
                }
            }
        }
    }
    inner.release(board);
}

fn end_all(board: &mut Board, number: u64, origin: Origin, ended: &Ended) {
    for member in board.remove_flight(number).into_iter().flat_map(|flight| flight.members) {
        end_found(board, &member.job, origin, ended.clone());
    }
}

/// Ends jobs whose time is over, until the engine closes.
pub(super) fn watch_deadlines(inner: &Inner) {
    let mut board = inner.board();
    while !board.is_closing {
        let now = Instant::now();
        let next = board.deadlines.first().cloned();
        board = match next {
            Some((deadline, id)) if deadline <= now => {
                board.finish(&id, State::Failed, Some(Failure::new(Reason::LimitTime)), None);
                inner.release(board);
                inner.board()
            }
            next => {
                let wait = next.map_or(IDLE, |(deadline, _)| (deadline - now).min(IDLE));
                inner.timer.wait_timeout(board, wait).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
