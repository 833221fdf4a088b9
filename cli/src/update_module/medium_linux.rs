//! Reading a partition on Linux: what is on the medium, not what the page cache believes.
//!
//! A journalled ext4 that is mounted read-only differs in the page cache from the medium by a few bytes of its
//! superblock, and data that was just written is in the page cache whether or not the medium took it. So both
//! are read with `O_DIRECT`. Where a file system under a plain file does not know that, the cache is dropped instead.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mender_delta::apply::{Base, CallerError};
use rustix::fs::{Advice, OFlags, fadvise};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::Error;

/// Offsets, lengths and addresses of direct reads are multiples of this; no block device wants more.
const ALIGNMENT_BYTES: usize = 4096;
/// One read while an image is hashed from front to back.
const HASH_READ_BYTES: usize = 1 << 20;
/// One block of the cache for reads all over the base.
const CACHE_BLOCK_BYTES: usize = 64 << 10;
const CACHE_BLOCKS: usize = 16;

/// A partition that is only read, past the page cache.
#[derive(Debug)]
pub(crate) struct Medium {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    cache: Vec<CachedBlock>,
    clock: u64,
}

#[derive(Debug)]
struct CachedBlock {
    buffer: AlignedBuffer,
    offset: u64,
    filled: usize,
    last_used: u64,
}

impl Medium {
    /// Opens read-only.
    ///
    /// # Errors
    ///
    /// The partition cannot be opened or has no size.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = || {
            let direct = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
            let file = match OpenOptions::new().read(true).custom_flags(direct).open(path) {
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                    let file = File::open(path)?;
                    fadvise(&file, 0, None, Advice::DontNeed)?;
                    file
                }
                result => result?,
            };
            let size_bytes = (&file).seek(SeekFrom::End(0))?;
            Ok((file, size_bytes))
        };
        let (file, size_bytes) = open().map_err(|error| Error::io("open", path, error))?;
        Ok(Self { file, path: path.to_owned(), size_bytes, cache: Vec::new(), clock: 0 })
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// SHA-256 of the first `length` bytes.
    ///
    /// # Errors
    ///
    /// A read fails, or the partition is shorter.
    pub(crate) fn sha256(&self, length: u64) -> Result<[u8; 32], Error> {
        let mut buffer = AlignedBuffer::new(HASH_READ_BYTES);
        let mut digest = Sha256::new();
        let mut offset = 0;
        while offset < length {
            let count = self
                .read_aligned(buffer.bytes(), offset)
                .and_then(
                    |count| if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) },
                )
                .map_err(|error| Error::io("read", &self.path, error))?;
            // The last read may go beyond `length`.
            let wanted = usize::try_from(length - offset).unwrap_or(usize::MAX).min(count);
            digest.update(&buffer.bytes()[..wanted]);
            offset += wanted as u64;
        }
        Ok(digest.finalize().into())
    }

    /// Fills `buffer` from an aligned offset, less at the end of the partition.
    fn read_aligned(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
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

    /// The cached block at `offset`, read if it is not there, in place of the one that was not used for longest.
    fn block(&mut self, offset: u64) -> io::Result<&[u8]> {
        self.clock += 1;
        let found = self.cache.iter().position(|block| block.offset == offset);
        let index = match found {
            Some(index) => index,
            None => self.load(offset)?,
        };
        let block = &mut self.cache[index];
        block.last_used = self.clock;
        Ok(&block.buffer.bytes()[..block.filled])
    }

    fn load(&mut self, offset: u64) -> io::Result<usize> {
        let oldest = (0..self.cache.len()).min_by_key(|&index| self.cache[index].last_used);
        let mut block = match oldest.filter(|_| self.cache.len() >= CACHE_BLOCKS) {
            Some(index) => self.cache.swap_remove(index),
            None => {
                CachedBlock { buffer: AlignedBuffer::new(CACHE_BLOCK_BYTES), offset, filled: 0, last_used: 0 }
            }
        };
        block.filled = self.read_aligned(block.buffer.bytes(), offset)?;
        block.offset = offset;
        self.cache.push(block);
        Ok(self.cache.len() - 1)
    }

    fn fill(&mut self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let within = offset % CACHE_BLOCK_BYTES as u64;
            let block = self.block(offset - within)?;
            // Less than a block, so it fits.
            let rest = block.get(usize::try_from(within).unwrap_or(usize::MAX)..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (now, later) = buffer.split_at_mut(count);
            now.copy_from_slice(&rest[..count]);
            buffer = later;
            offset += count as u64;
        }
        Ok(())
    }
}

impl Base for Medium {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        self.fill(offset, buffer).map_err(|error| CallerError::from_io("read", &error))
    }
}

/// Memory whose address is a multiple of [`ALIGNMENT_BYTES`].
#[derive(Debug)]
struct AlignedBuffer {
    storage: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    fn new(length: usize) -> Self {
        let storage = vec![0; length + ALIGNMENT_BYTES];
        let start = storage.as_ptr().align_offset(ALIGNMENT_BYTES).min(ALIGNMENT_BYTES);
        Self { storage, start, length }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_across_blocks_and_at_an_odd_end_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part2");
        let bytes: Vec<u8> = (0..CACHE_BLOCK_BYTES * (CACHE_BLOCKS + 3) + 777)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut medium = Medium::open(&path).unwrap();
        assert_eq!(medium.size_bytes(), bytes.len() as u64);
        let ranges = [
            (0, 1),
            (CACHE_BLOCK_BYTES - 3, 7),
            (5, bytes.len() - 5),
            (bytes.len() - 1, 1),
            (CACHE_BLOCK_BYTES, CACHE_BLOCK_BYTES),
        ];
        for (offset, length) in ranges {
            let mut buffer = vec![0; length];
            medium.read_at(offset as u64, &mut buffer).unwrap();
            assert!(buffer == bytes[offset..offset + length], "{offset}+{length}");
        }
        assert!(medium.read_at(bytes.len() as u64, &mut [0]).is_err());
        for length in [0, 1, 4096, HASH_READ_BYTES + 5, bytes.len()] {
            let expected: [u8; 32] = Sha256::digest(&bytes[..length]).into();
            assert_eq!(medium.sha256(length as u64).unwrap(), expected, "{length}");
        }
        assert!(medium.sha256(bytes.len() as u64 + 1).is_err());
    }
}
