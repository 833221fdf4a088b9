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

    /// Gives the pages of memory back that reading has brought in; they come in again from the file when they are read
    /// again. Does nothing where the system has no such call.
    pub fn release(&self) {
        #[cfg(unix)]
        if let Some(map) = &self.map {
            release(map);
        }
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

// SAFETY of the one call: the mapping is of a file, shared and only read, so that a page that is thrown out comes back from
// the file with the same bytes, for threads that are reading it now, too. A failure leaves the page where it is.
#[cfg(unix)]
#[allow(unsafe_code, reason = "giving back pages of a mapping has no safe form")]
fn release(map: &Mmap) {
    let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn released_pages_come_back() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        file.write_all(&bytes).unwrap();
        let image = MappedImage::of(&file).unwrap();
        for _ in 0..3 {
            assert!(image.bytes() == bytes);
            image.release();
        }
        let empty = MappedImage::of(&tempfile::tempfile().unwrap()).unwrap();
        empty.release();
        assert!(empty.bytes().is_empty());
    }
}
