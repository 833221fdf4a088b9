//! An image in memory, as far as it is touched: a mapped file or block device.

use crate::error::Error;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

/// A read-only mapping of a whole file.
pub struct MappedImage {
    /// Nothing is mapped for an empty file.
    map: Option<Mmap>,
}

impl MappedImage {
    /// Maps the file or block device at `path`.
    ///
    /// # Errors
    /// `Io` when it cannot be opened, sized or mapped, or does not fit the address space.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |action| move |source| Error::Io { action, path: path.into(), source };
        let file = File::open(path).map_err(failed("open"))?;
        Self::of(&file).map_err(failed("map"))
    }

    /// Maps an open file, wherever its cursor is; moves the cursor.
    ///
    /// # Errors
    /// When the file cannot be sized or mapped, or does not fit the address space.
    pub fn of(mut file: &File) -> std::io::Result<Self> {
        let len = file.seek(SeekFrom::End(0))?;
        if len == 0 {
            return Ok(MappedImage { map: None });
        }
        let fits = usize::try_from(len).ok().filter(|&len| len <= isize::MAX as usize);
        let len = fits.ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(MappedImage { map: Some(map(file, len)?) })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

// SAFETY of the one call: the mapping is private to this type, read-only and never longer than the file was. Another
// process may still change or cut the file: changed bytes only make another delta, which its own proof then refuses
// (both images are hashed); a cut file ends the process with SIGBUS, as it does for every program that maps files.
#[allow(unsafe_code, reason = "mapping a file has no safe form")]
fn map(file: &File, len: usize) -> std::io::Result<Mmap> {
    unsafe { MmapOptions::new().len(len).map(file) }
}
