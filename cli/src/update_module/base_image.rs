//! Reads all over the base, as a delta asks for them, through a small cache of whole blocks.

use std::io;

use mender_delta::apply::{Base, CallerError};

use super::aligned_buffer::AlignedBuffer;
use super::block_io::{ReadBlocks, read_full};

/// One block of the cache.
const BLOCK_BYTES: usize = 64 << 10;
/// So many of them unless someone wants more.
const BLOCKS: usize = 16;

/// The image on a partition that is only read.
#[derive(Debug)]
pub(crate) struct BaseImage<R> {
    pub(crate) medium: R,
    cache: Vec<CachedBlock>,
    most_blocks: usize,
    clock: u64,
}

#[derive(Debug)]
struct CachedBlock {
    buffer: AlignedBuffer,
    offset: u64,
    filled: usize,
    last_used: u64,
}

impl<R: ReadBlocks> BaseImage<R> {
    pub(crate) fn new(medium: R) -> Self {
        Self { medium, cache: Vec::new(), most_blocks: BLOCKS, clock: 0 }
    }

    /// Keeps up to this many bytes, for deltas that read all over the base in small pieces.
    pub(crate) fn keep(&mut self, bytes: usize) {
        self.most_blocks = (bytes / BLOCK_BYTES).max(BLOCKS);
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
        let mut block = match oldest.filter(|_| self.cache.len() >= self.most_blocks) {
            Some(index) => self.cache.swap_remove(index),
            None => CachedBlock { buffer: AlignedBuffer::new(BLOCK_BYTES), offset, filled: 0, last_used: 0 },
        };
        block.filled = read_full(&self.medium, block.buffer.bytes_mut(), offset)?;
        block.offset = offset;
        self.cache.push(block);
        Ok(self.cache.len() - 1)
    }

    /// Reads the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// The operating system's; `UnexpectedEof` behind the end.
    pub(crate) fn fill(&mut self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let within = offset % BLOCK_BYTES as u64;
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

impl<R: ReadBlocks> Base for BaseImage<R> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        self.fill(offset, buffer).map_err(|error| CallerError::from_io("read", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update_module::medium_linux::Medium;

    #[test]
    fn ranges_across_blocks_and_at_an_odd_end_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part2");
        let bytes: Vec<u8> =
            (0..BLOCK_BYTES * (BLOCKS + 3) + 777).map(|at| u8::try_from(at % 251).unwrap()).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut base = BaseImage::new(Medium::open(&path).unwrap());
        assert_eq!(base.medium.size_bytes(), bytes.len() as u64);
        let ranges = [
            (0, 1),
            (BLOCK_BYTES - 3, 7),
            (5, bytes.len() - 5),
            (bytes.len() - 1, 1),
            (BLOCK_BYTES, BLOCK_BYTES),
        ];
        for (offset, length) in ranges {
            let mut buffer = vec![0; length];
            base.read_at(offset as u64, &mut buffer).unwrap();
            assert!(buffer == bytes[offset..offset + length], "{offset}+{length}");
        }
        assert!(base.read_at(bytes.len() as u64, &mut [0]).is_err());
    }
}
