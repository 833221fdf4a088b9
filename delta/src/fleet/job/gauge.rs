//! Where work stands, for those who look at it from other threads.

use super::state::State;
use crate::progress::Phase;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Written by who works, read by who asks.
pub(super) struct Gauge {
    /// Ends the work when it becomes true.
    pub(super) cancel: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    /// Bounds of memory and room, once they are known.
    pub(super) memory: AtomicU64,
    pub(super) disk: AtomicU64,
    log: Mutex<Log>,
}

struct Log {
    state: State,
    since: Instant,
    spans: Vec<(State, Duration)>,
}

impl Gauge {
    pub(super) fn new(state: State) -> Self {
        Self {
            cancel: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            disk: AtomicU64::new(0),
            log: Mutex::new(Log { state, since: Instant::now(), spans: Vec::new() }),
        }
    }

    /// The work has come to `state`.
    pub(super) fn enter(&self, state: State) {
        let mut log = self.log();
        if log.state != state {
            let (before, spent) = (log.state, log.since.elapsed());
            log.add(before, spent);
            (log.state, log.since) = (state, Instant::now());
            self.done.store(0, Ordering::Relaxed);
            self.total.store(0, Ordering::Relaxed);
        }
    }

    /// Told by the generator.
    pub(super) fn tell(&self, phase: Phase, done: u64, total: u64) {
        self.enter(match phase {
            Phase::Compare => State::Planning,
            Phase::Match => State::Diffing,
            Phase::Pack => State::Compressing,
            Phase::Prove | Phase::Apply => State::Verifying,
        });
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// State, what is done of it, and how much there is.
    pub(super) fn read(&self) -> (State, u64, u64) {
        (self.log().state, self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// How long the work was in which state, until now.
    pub(super) fn spans(&self) -> Vec<(State, u64)> {
        let log = self.log();
        let mut all = Log { state: log.state, since: log.since, spans: log.spans.clone() };
        drop(log);
        all.add(all.state, all.since.elapsed());
        let milliseconds = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        all.spans.into_iter().map(|(state, span)| (state, milliseconds(span))).collect()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn add(&mut self, state: State, spent: Duration) {
        match self.spans.iter_mut().find(|span| span.0 == state) {
            Some(span) => span.1 += spent,
            None => self.spans.push((state, spent)),
        }
    }
}
