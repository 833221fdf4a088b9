//! What a worker does: it takes a task, makes the delta Artifact, publishes it, and tells what happens. docs/worker.md is
//! the guide.

pub mod event;
mod result;
pub mod run;
mod sources;
pub mod task;

use crate::fleet::clock::Clock;
use crate::fleet::job::engine::Engine;
use crate::fleet::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Which files a task may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// None: inputs come from the store, results go there.
    None,
    /// Inputs in this folder, by paths without `..`; links are followed. No outputs. For tasks that others write.
    Below(PathBuf),
    /// All that the process may read and write: for whoever starts the worker.
    All,
}

/// How a worker works.
#[derive(Clone)]
pub struct WorkerOptions {
    /// Where inputs can come from and where results are published; without it a task must name an output.
    pub store: Option<Store>,
    /// Which files a task may name.
    pub files: Files,
    /// For how long a failure that would only repeat itself is remembered in the store.
    pub failure_lifetime: Duration,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
}

/// Carries out tasks with one engine.
#[derive(Clone)]
pub struct Worker {
    engine: Arc<Engine>,
    options: WorkerOptions,
}

/// Asks a worker to stop; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on what is under way is cancelled, and nothing is begun.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// A worker over an engine, which others may use at the same time.
    #[must_use]
    pub fn new(engine: Arc<Engine>, options: WorkerOptions) -> Self {
        Self { engine, options }
    }
}
