//! What a caller decides about generating.

use crate::error::Error;
use crate::format::native::writer::Layout;
use crate::progress::{Phase, Progress};
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of [`crate::generate::generate`].
#[derive(Clone, Copy)]
pub struct GenerateOptions<'a> {
    /// Threads; 0 takes one for each processor. The delta does not depend on it.
    pub threads: usize,
    /// Most memory of the alignment, in bytes. A unit that needs more by itself runs alone.
    pub memory_budget: u64,
    /// What the delta may cost the device.
    pub layout: Layout,
    /// Whether compressed content is unpacked, compared as what it holds, and packed again by the device: squashfs and
    /// EROFS images, gzip files. It takes memory of the device beside the layout's.
    pub unpack: bool,
    /// Told how far the work is.
    pub progress: Option<Progress<'a>>,
    /// Ends the work with [`Error::Cancelled`] when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for GenerateOptions<'_> {
    fn default() -> Self {
        GenerateOptions {
            threads: 0,
            memory_budget: 384 << 20,
            layout: Layout::default(),
            unpack: true,
            progress: None,
            cancel: None,
        }
    }
}

impl GenerateOptions<'_> {
    /// Reports progress; fails when the work is cancelled.
    pub(crate) fn tick(&self, phase: Phase, done: u64, total: u64) -> Result<(), Error> {
        if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::Cancelled);
        }
        if let Some(progress) = self.progress {
            progress(phase, done, total);
        }
        Ok(())
    }
}
