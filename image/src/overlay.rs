//! An image whose changes wait in memory until they are committed, so that an operation that fails has changed nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::Error;

/// Unit in which changes are kept and written.
const BLOCK_LEN_BYTES: u64 = 4096;
/// Neighbouring blocks are written together, up to about this.
const WRITE_LEN_MAX: usize = 1 << 20;

/// A device with changes that it does not have yet. Reads see them.
#[derive(Debug)]
pub struct Overlay<D> {
    device: D,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl<D: BlockDevice> Overlay<D> {
    /// Without changes.
    #[must_use]
    pub fn new(device: D) -> Self {
        Self { device, blocks: BTreeMap::new() }
    }

    /// The device without the changes.
    #[must_use]
    pub fn into_device(self) -> D {
        self.device
    }

    /// How many bytes a commit writes.
    #[must_use]
    pub fn changed_bytes(&self) -> u64 {
        self.blocks.values().fold(0, |sum, block| sum.saturating_add(len(block)))
    }

    /// The bytes of a block as they are without changes; fewer at the end of the image.
    fn original(&self, block: u64) -> Result<Vec<u8>, Error> {
        let start = block.saturating_mul(BLOCK_LEN_BYTES);
        let rest = self.device.len_bytes().saturating_sub(start).min(BLOCK_LEN_BYTES);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
        self.device.read_at(start, &mut bytes)?;
        Ok(bytes)
    }
}

impl<D: WritableDevice> Overlay<D> {
    /// Writes the changes, and nothing else, to the device, and flushes it. Returns the ranges that were written, in
    /// bytes, sorted and without overlap: whole blocks of 4096 bytes that are different from before.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the device fails; what was written so far is then put back as far as the device lets it, and
    /// the changes wait as before.
    pub fn commit(&mut self) -> Result<Vec<Range<u64>>, Error> {
        let mut done: Vec<(u64, Vec<u8>)> = Vec::new();
        if let Err(error) = self.write_all(&mut done) {
            for (offset, original) in done.iter().rev() {
                // The first failure is the one to tell.
                let _ = self.device.write_at(*offset, original);
            }
            let _ = self.device.flush();
            return Err(error);
        }
        self.blocks.clear();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (offset, original) in done {
            let end = offset + len(&original);
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end = end,
                _ => ranges.push(offset..end),
            }
        }
        Ok(ranges)
    }

    /// Writes what is different, neighbouring blocks together; `done` gets what was there before.
    fn write_all(&mut self, done: &mut Vec<(u64, Vec<u8>)>) -> Result<(), Error> {
        let (mut run, mut originals): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut start = 0;
        for (number, block) in &self.blocks {
            let original = self.original(*number)?;
            let follows = start + len(&run) == number * BLOCK_LEN_BYTES;
            if !run.is_empty() && (!follows || *block == original || run.len() >= WRITE_LEN_MAX) {
                done.push((start, std::mem::take(&mut originals)));
                self.device.write_at(start, &run)?;
                run.clear();
            }
            if *block != original {
                if run.is_empty() {
                    start = number * BLOCK_LEN_BYTES;
                }
                run.extend_from_slice(block);
                originals.extend(original);
            }
        }
        if !run.is_empty() {
            done.push((start, originals));
            self.device.write_at(start, &run)?;
        }
        self.device.flush()
    }
}

impl<D: BlockDevice> BlockDevice for Overlay<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.device.read_at(offset, buffer)?;
        if self.blocks.is_empty() {
            return Ok(());
        }
        // The range lies in the image, or reading it would have failed.
        let end = offset + len(buffer);
        for (number, block) in self.blocks.range(offset / BLOCK_LEN_BYTES..end.div_ceil(BLOCK_LEN_BYTES)) {
            let start = number * BLOCK_LEN_BYTES;
            let (from, to) = (start.max(offset), (start + len(block)).min(end));
            if let (Some(here), Some(there)) = (range(from, to, offset), range(from, to, start)) {
                buffer[here].copy_from_slice(&block[there]);
            }
        }
        Ok(())
    }
}

impl<D: BlockDevice> WritableDevice for Overlay<D> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        // Fails as a read there would.
        self.device.read_at(offset, &mut [])?;
        let end = offset.saturating_add(len(bytes));
        if end > self.len_bytes() {
            return self.device.read_at(end, &mut [0]);
        }
        let mut at = offset;
        while at < end {
            let number = at / BLOCK_LEN_BYTES;
            let start = number * BLOCK_LEN_BYTES;
            let to = (start + BLOCK_LEN_BYTES).min(end);
            if !self.blocks.contains_key(&number) {
                let original = self.original(number)?;
                self.blocks.insert(number, original);
            }
            let block = self.blocks.get_mut(&number);
            let ranges = (range(at, to, offset), range(at, to, start));
            if let (Some(block), (Some(here), Some(there))) = (block, ranges) {
                block[there].copy_from_slice(&bytes[here]);
            }
            at = to;
        }
        Ok(())
    }

    /// Does nothing: a commit flushes.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// `from..to` counted from `base`.
fn range(from: u64, to: u64, base: u64) -> Option<Range<usize>> {
    Some(usize::try_from(from.checked_sub(base)?).ok()?..usize::try_from(to.checked_sub(base)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at the second write, as a full disk under a sparse image does.
    struct Failing {
        bytes: Vec<u8>,
        writes_left: u32,
    }

    impl BlockDevice for Failing {
        fn len_bytes(&self) -> u64 {
            self.bytes.len_bytes()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
            self.bytes.read_at(offset, buffer)
        }
    }

    impl WritableDevice for Failing {
        fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
            if self.writes_left == 0 {
                self.writes_left = 100;
                return Err(Error::write(offset, bytes.len(), std::io::ErrorKind::StorageFull.into()));
            }
            self.writes_left -= 1;
            self.bytes.write_at(offset, bytes)
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn a_commit_that_fails_is_taken_back() {
        let mut overlay = Overlay::new(Failing { bytes: vec![7; 40_000], writes_left: 1 });
        overlay.write_at(10, &[1; 10]).unwrap();
        overlay.write_at(30_000, &[2; 10]).unwrap();
        assert!(overlay.commit().is_err());
        assert_eq!(overlay.device.bytes, [7; 40_000]);
        overlay.commit().unwrap();
        assert_eq!(overlay.device.bytes[30_000..30_010], [2; 10]);
    }

    fn all(device: &dyn BlockDevice) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(device.len_bytes()).unwrap()];
        device.read_at(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn changes_are_seen_at_once_and_written_at_the_end() {
        let before: Vec<u8> = (0..20_000u32).map(|at| at.to_le_bytes()[0]).collect();
        let mut expected = before.clone();
        let mut device = before.clone();
        let mut overlay = Overlay::new(&mut device);
        for (offset, len) in [(0usize, 1usize), (4095, 2), (5000, 9000), (19_990, 10), (7, 0)] {
            overlay.write_at(offset as u64, &vec![0xaa; len]).unwrap();
            expected[offset..offset + len].fill(0xaa);
            assert_eq!(all(&overlay), expected);
        }
        assert!(overlay.write_at(19_995, &[0; 6]).is_err());
        assert!(overlay.write_at(u64::MAX, &[0; 6]).is_err());
        assert_eq!(all(&overlay), expected);
        // What was changed back is not written.
        overlay.write_at(8192, &before[8192..12_288]).unwrap();
        expected[8192..12_288].copy_from_slice(&before[8192..12_288]);
        let (first, last) = (0..8192, 12_288..20_000);
        assert_eq!(overlay.commit().unwrap(), [first, last]);
        assert_eq!(overlay.changed_bytes(), 0);
        assert_eq!(device, expected);
        let mut dropped = Overlay::new(&mut device);
        dropped.write_at(0, &[1; 100]).unwrap();
        drop(dropped);
        assert_eq!(device, expected);
    }
}
