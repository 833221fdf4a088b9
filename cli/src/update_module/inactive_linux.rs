//! Writing the inactive partition on Linux: alone, front to back, and down to the medium.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use mender_delta::apply::{CallerError, Target};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::{Error, SlotProblem};
use super::slots::Slot;

/// How much is collected for one write.
const WRITE_BYTES: usize = 256 << 10;
/// How much written data may wait in memory.
const UNSYNCED_LIMIT_BYTES: u64 = 16 << 20;

/// The partition that is written, front to back.
#[derive(Debug)]
pub(crate) struct InactivePartition {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    pending: Vec<u8>,
    unsynced_bytes: u64,
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
            let file = OpenOptions::new().write(true).custom_flags(exclusive).open(&slot.path)?;
            let size_bytes = (&file).seek(SeekFrom::End(0))?;
            (&file).seek(SeekFrom::Start(0))?;
            Ok((file, size_bytes))
        };
        let (file, size_bytes) = open().map_err(|error: io::Error| {
            if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) {
                Error::Slots(SlotProblem::InactiveInUse { path: slot.path.clone() })
            } else {
                Error::io("open", &slot.path, error)
            }
        })?;
        let pending = Vec::with_capacity(WRITE_BYTES);
        Ok(Self { file, path: slot.path.clone(), size_bytes, pending, unsynced_bytes: 0 })
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Writes what is left, and waits until the medium has everything.
    ///
    /// # Errors
    ///
    /// A write or the flush fails.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.write_pending()
            .and_then(|()| self.file.sync_all())
            .map_err(|e| Error::io("write", &self.path, e))
    }

    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(WRITE_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == WRITE_BYTES {
                self.write_pending()?;
            }
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.unsynced_bytes += self.pending.len() as u64;
        self.pending.clear();
        if self.unsynced_bytes >= UNSYNCED_LIMIT_BYTES {
            self.file.sync_data()?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }
}

impl Target for InactivePartition {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.append(bytes).map_err(|error| CallerError::from_io("write", &error))
    }
}
