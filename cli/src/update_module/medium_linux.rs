//! Reading a partition on Linux: what is on the medium, not what the page cache believes.
//!
//! A journalled ext4 that is mounted read-only differs in the page cache from the medium by a few bytes of its
//! superblock, and data that was just written is in the page cache whether or not the medium took it. So both
//! are read with `O_DIRECT`. Where that cannot be had — plain files on some file systems, UBI volumes, which have no
//! page cache — the cache is dropped instead.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, OFlags, fadvise};
use rustix::io::Errno;

use super::block_io::ReadBlocks;
use super::error::Error;

/// A partition that is only read, past the page cache.
#[derive(Debug)]
pub(crate) struct Medium {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    cached: bool,
}

impl Medium {
    /// Opens read-only.
    ///
    /// # Errors
    ///
    /// The partition cannot be opened or has no size.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = || {
            let flag = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
            let (file, cached) = match OpenOptions::new().read(true).custom_flags(flag).open(path) {
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                    let file = File::open(path)?;
                    let cached = !file.metadata()?.file_type().is_char_device();
                    (file, cached)
                }
                result => (result?, false),
            };
            let size_bytes = (&file).seek(SeekFrom::End(0))?;
            Ok((file, size_bytes, cached))
        };
        let (file, size_bytes, cached) = open().map_err(|error| Error::io("open", path, error))?;
        let medium = Self { file, path: path.to_owned(), size_bytes, cached };
        medium.forget_cached().map_err(|error| Error::io("open", path, error))?;
        Ok(medium)
    }

    /// The next read comes from the medium.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn forget_cached(&self) -> io::Result<()> {
        if self.cached {
            fadvise(&self.file, 0, None, Advice::DontNeed)?;
        }
        Ok(())
    }

    /// Returns when what others have written is on the medium, and will be read from there.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.forget_cached()
    }
}

impl ReadBlocks for Medium {
    fn path(&self) -> &Path {
        &self.path
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}
