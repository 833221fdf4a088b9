//! The inactive partition on Linux: opened alone, written through the page cache, read past it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::block_io::{ReadBlocks, WriteBlocks};
use super::error::{Error, SlotProblem};
use super::medium_linux::Medium;
use super::slots::Slot;

/// The partition that is written.
#[derive(Debug)]
pub(crate) struct InactivePartition {
    file: File,
    medium: Medium,
}

impl InactivePartition {
    /// Opens for writing and takes the block device for itself, which the kernel refuses while it is mounted
    /// anywhere. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// The partition is in use, read-only or cannot be opened.
    pub(crate) fn open(slot: &Slot) -> Result<Self, Error> {
        let open = || {
            let exclusive = i32::try_from(OFlags::EXCL.bits()).map_err(io::Error::other)?;
            OpenOptions::new().write(true).custom_flags(exclusive).open(&slot.path)
        };
        let file = open().map_err(|error: io::Error| {
            if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) {
                Error::Slots(SlotProblem::InactiveInUse { path: slot.path.clone() })
            } else {
                Error::io("open", &slot.path, error)
            }
        })?;
        Ok(Self { file, medium: Medium::open(&slot.path)? })
    }
}

impl ReadBlocks for InactivePartition {
    fn path(&self) -> &Path {
        self.medium.path()
    }

    fn size_bytes(&self) -> u64 {
        self.medium.size_bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.medium.read_at(buffer, offset)
    }
}

impl WriteBlocks for InactivePartition {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.medium.forget_cached()
    }
}
