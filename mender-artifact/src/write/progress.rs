//! Tells the caller how far writing has come, and asks whether to go on.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Defect, Entry, Error};

/// Called with the payload bytes read so far, and how many there will be, where that is known.
pub type OnProgress<'a> = &'a dyn Fn(u64, Option<u64>);

pub(super) struct Progress<'a> {
    on_progress: Option<OnProgress<'a>>,
    cancel: Option<&'a AtomicBool>,
    done: u64,
    total: Option<u64>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(
        on_progress: Option<OnProgress<'a>>,
        cancel: Option<&'a AtomicBool>,
        total: Option<u64>,
    ) -> Self {
        Self { on_progress, cancel, done: 0, total }
    }

    /// More payload bytes have been read.
    pub(super) fn add(&mut self, len: u64) {
        self.done = self.done.saturating_add(len);
        if let Some(on_progress) = self.on_progress {
            on_progress(self.done, self.total);
        }
    }

    /// Fails with [`Defect::Cancelled`] when the caller wants to stop.
    pub(super) fn check(&self, entry: Entry) -> Result<(), Error> {
        match self.cancel {
            Some(cancel) if cancel.load(Ordering::Relaxed) => Err(Error::new(Defect::Cancelled, entry)),
            _ => Ok(()),
        }
    }
}
