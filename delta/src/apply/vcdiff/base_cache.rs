//! Small reads of the base, served from a few blocks that are kept: copies are a dozen bytes long, and a device reads
//! whole blocks anyway.

use crate::apply::Base;
use crate::error::Error;

/// Blocks that are kept.
pub(super) const LINES: usize = 8;

/// Blocks of base; each has one place where it can be.
pub(super) struct BaseCache<'m> {
    memory: &'m mut [u8],
    /// Bytes of a block.
    line: usize,
    /// Which block is in each place.
    blocks: [Option<u64>; LINES],
    base_size: u64,
}

impl<'m> BaseCache<'m> {
    /// A cache in `memory`, a multiple of [`LINES`] bytes and not empty.
    pub(super) fn new(memory: &'m mut [u8], base_size: u64) -> Self {
        BaseCache { line: memory.len() / LINES, memory, blocks: [None; LINES], base_size }
    }

    /// Fills `out` from `at` on, which the caller has compared with the base's size.
    pub(super) fn read(&mut self, base: &mut dyn Base, mut at: u64, mut out: &mut [u8]) -> Result<(), Error> {
        if out.len() >= self.line {
            return base.read_at(at, out).map_err(Error::Base);
        }
        while !out.is_empty() {
            let line_len = self.line as u64;
            let (block, offset) = (at / line_len, usize::try_from(at % line_len).unwrap_or_default());
            let line = self.line(base, block)?;
            let there = line.get(offset..).unwrap_or_default();
            let len = there.len().min(out.len());
            if len == 0 {
                return Err(Error::BaseSize { expected: at + 1, found: self.base_size });
            }
            let (now, rest) = core::mem::take(&mut out).split_at_mut(len);
            now.copy_from_slice(&there[..len]);
            (out, at) = (rest, at + len as u64);
        }
        Ok(())
    }

    fn line(&mut self, base: &mut dyn Base, block: u64) -> Result<&[u8], Error> {
        let place = usize::try_from(block % LINES as u64).unwrap_or_default();
        let start = block * self.line as u64;
        let len = self.base_size.saturating_sub(start).min(self.line as u64);
        let line = &mut self.memory[place * self.line..][..usize::try_from(len).unwrap_or_default()];
        if self.blocks[place] != Some(block) {
            // Until it is read, there is nothing in this place.
            self.blocks[place] = None;
            base.read_at(start, line).map_err(Error::Base)?;
            self.blocks[place] = Some(block);
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::vcdiff::memory::CACHE;
    use crate::error::CallerError;

    struct Counted<'b>(&'b [u8], usize);

    impl Base for Counted<'_> {
        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
            self.1 += 1;
            self.0.read_at(offset, buffer)
        }
    }

    #[test]
    fn the_bytes_of_the_base_in_few_reads() {
        let bytes: Vec<u8> = (0..300_001_u32).map(|i| (i.wrapping_mul(i) >> 7).to_le_bytes()[0]).collect();
        let mut base = Counted(&bytes, 0);
        let mut memory = vec![0; CACHE];
        let mut cache = BaseCache::new(&mut memory, bytes.len() as u64);
        let mut at = 0;
        for len in (0..9000).step_by(7).cycle().take(6000) {
            at = (at + 131 * len + 5) % (bytes.len() - len);
            let mut out = vec![0; len];
            cache.read(&mut base, at as u64, &mut out).unwrap();
            assert!(out == bytes[at..at + len], "{len} bytes at {at}");
        }
        base.1 = 0;
        let mut cache = BaseCache::new(&mut memory, bytes.len() as u64);
        for at in 0..200_000 {
            cache.read(&mut base, at, &mut [0; 20]).unwrap();
        }
        assert_eq!(base.1, 200_019_usize.div_ceil(CACHE / LINES));
        let error = cache.read(&mut base, 299_990, &mut [0; 20]).unwrap_err();
        assert!(matches!(error, Error::BaseSize { expected: 300_002, found: 300_001 }), "{error}");
    }
}
