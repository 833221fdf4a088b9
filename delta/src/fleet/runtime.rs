//! A small runtime for the asynchronous libraries below stores and queues, so that callers need none.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that run what is asynchronous. It belongs to one store or queue and ends with it.
#[derive(Debug)]
pub(crate) struct Driver(Option<Runtime>);

/// The runtime ended, or what it ran panicked.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Threads for calls that block, such as those to the file system.
const BLOCKING_THREADS: usize = 4;

impl Driver {
    /// # Errors
    /// When the system has no threads left.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `work` to its end and waits for it. May be called from anywhere, also from within another runtime.
    ///
    /// # Errors
    /// When the runtime ends before.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stopped> {
        let (done, wait) = mpsc::sync_channel(1);
        self.handle().ok_or(Stopped)?.spawn(async move {
            // Nobody waits any more.
            let _ = done.send(work.await);
        });
        wait.recv().map_err(|_| Stopped)
    }

    /// For what runs beside the caller.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its threads is forbidden inside of other runtimes.
            runtime.shutdown_background();
        }
    }
}
