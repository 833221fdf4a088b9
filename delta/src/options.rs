//! What a caller decides about generating.

use crate::error::Error;
use crate::format::native::writer::Layout;
use crate::progress::{Phase, Progress};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of [`crate::generate::generate`].
#[derive(Clone, Copy)]
pub struct GenerateOptions<'a> {
    /// Threads; 0 takes those of the rayon pool that the caller is in, or one for each processor. The delta does not
    /// depend on it.
    pub threads: usize,
    /// Most memory of the alignment, in bytes. A unit that needs more by itself runs alone.
    pub memory_budget: u64,
    /// What the delta may cost the device.
    pub layout: Layout,
    /// Whether compressed content is unpacked, compared as what it holds, and packed again by the device: squashfs and
    /// EROFS images, gzip files. It takes memory of the device beside the layout's.
    pub unpack: bool,
    /// Folder for temporary files, which have no name there; by default the system's.
    pub spool_directory: Option<&'a Path>,
    /// Most bytes of temporary files, what the caller writes not counted; [`Error::Limit`] for more.
    pub spool_budget: u64,
    /// Called after every some tens of MiB of the images that have been read, from any thread: whoever has them mapped
    /// gives their pages back ([`crate::mapped::MappedImage::release`]), so that memory does not grow with the images.
    pub relieve: Option<&'a (dyn Fn() + Sync)>,
    /// Told how far the work is.
    pub progress: Option<Progress<'a>>,
    /// Ends the work with [`Error::Cancelled`] when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
}

/// Whether somebody wants work to end; asked often, on any thread.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stop<'a>(Option<&'a AtomicBool>);

impl Stop<'_> {
    /// Whether to end. What has been done so far is good for nothing then.
    pub(crate) fn is_wanted(self) -> bool {
        self.0.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// Fails when the work is to end.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.is_wanted() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl Default for GenerateOptions<'_> {
    fn default() -> Self {
        GenerateOptions {
            threads: 0,
            memory_budget: 256 << 20,
            layout: Layout::default(),
            unpack: true,
            spool_directory: None,
            spool_budget: u64::MAX,
            relieve: None,
            progress: None,
            cancel: None,
        }
    }
}

impl<'a> GenerateOptions<'a> {
    /// Whether the work is cancelled.
    pub(crate) fn stop(&self) -> Stop<'a> {
        Stop(self.cancel)
    }

    /// Fails when the work is cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.stop().check()
    }

    /// Reports progress; fails when the work is cancelled.
    pub(crate) fn tick(&self, phase: Phase, done: u64, total: u64) -> Result<(), Error> {
        self.check()?;
        if let Some(progress) = self.progress {
            progress(phase, done, total);
        }
        Ok(())
    }
}
