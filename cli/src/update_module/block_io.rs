//! What is asked of a partition: the seam between what the module does and how the operating system does it. Tests put
//! a device under it that loses power.

use std::io;
use std::path::Path;

use super::aligned_buffer::ALIGNMENT_BYTES;

/// A partition that can be read: what the medium holds, not what a cache believes.
pub(crate) trait ReadBlocks {
    /// For messages.
    fn path(&self) -> &Path;

    fn size_bytes(&self) -> u64;

    /// Reads into `buffer`, whose address and length are aligned, from an aligned offset; less at the end of the
    /// partition, and nothing behind it.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl<T: ReadBlocks + ?Sized> ReadBlocks for &T {
    fn path(&self) -> &Path {
        (**self).path()
    }

    fn size_bytes(&self) -> u64 {
        (**self).size_bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }
}

/// A partition that can be written, too.
pub(crate) trait WriteBlocks: ReadBlocks {
    /// Writes all of `bytes`. They may be lost until the next flush.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when everything that was written is on the medium, and will be read from there.
    ///
    /// # Errors
    ///
    /// The operating system's; what was written since the last flush may be lost then.
    fn flush(&self) -> io::Result<()>;
}

/// Fills `buffer` from an aligned offset, less at the end of the partition.
///
/// # Errors
///
/// The operating system's.
pub(crate) fn read_full(
    from: &(impl ReadBlocks + ?Sized),
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled % ALIGNMENT_BYTES != 0 {
            // Only the end of the partition is not aligned, and a direct read cannot go on from there.
            break;
        }
    }
    Ok(filled)
}
