//! An image whose changes wait in memory, or in a file, until they are committed, so that an operation that fails has
//! changed nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;

use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::Error;
#[cfg(not(unix))]
use crate::positioned_file_portable::PositionedFile;
#[cfg(unix)]
use crate::positioned_file_unix::PositionedFile;

/// Unit in which changes are kept and written.
const BLOCK_LEN_BYTES: u64 = 4096;
/// Neighbouring blocks are written together, up to about this.
const WRITE_LEN_MAX: usize = 1 << 20;

/// A device with changes that it does not have yet. Reads see them.
#[derive(Debug)]
pub struct Overlay<D> {
    device: D,
    blocks: BTreeMap<u64, Kept>,
    /// Bytes of blocks that are in memory.
    in_memory: u64,
    spill: Option<Spill>,
}

/// A changed block.
#[derive(Debug)]
enum Kept {
    Memory(Vec<u8>),
    /// At this byte of the spill file, of this length.
    Spilled(u64, usize),
}

/// Where blocks wait that memory is too small for.
#[derive(Debug)]
struct Spill {
    file: PositionedFile,
    memory_max_bytes: u64,
    len_bytes: u64,
}

impl<D: BlockDevice> Overlay<D> {
    /// Without changes.
    #[must_use]
    pub fn new(device: D) -> Self {
        Self { device, blocks: BTreeMap::new(), in_memory: 0, spill: None }
    }

    /// Has changes past `memory_max_bytes` wait in `file`, an empty one that is open for reading and writing.
    #[must_use]
    pub fn spilling(self, file: File, memory_max_bytes: u64) -> Self {
        let file = PositionedFile::new(file);
        Self { spill: Some(Spill { file, memory_max_bytes, len_bytes: 0 }), ..self }
    }

    /// The device without the changes.
    #[must_use]
    pub fn into_device(self) -> D {
        self.device
    }

    /// How many bytes a commit writes, at most.
    #[must_use]
    pub fn changed_bytes(&self) -> u64 {
        self.blocks.values().fold(0, |sum, block| match block {
            Kept::Memory(bytes) => sum.saturating_add(len(bytes)),
            Kept::Spilled(_, len) => sum.saturating_add(u64::try_from(*len).unwrap_or(u64::MAX)),
        })
    }

    /// The bytes of a block as they are without changes; fewer at the end of the image.
    fn original(&self, block: u64) -> Result<Vec<u8>, Error> {
        let start = block.saturating_mul(BLOCK_LEN_BYTES);
        let rest = self.device.len_bytes().saturating_sub(start).min(BLOCK_LEN_BYTES);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
        self.device.read_at(start, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of a changed block.
    fn kept<'k>(&self, kept: &'k Kept) -> Result<Cow<'k, [u8]>, Error> {
        match (kept, &self.spill) {
            (Kept::Spilled(at, len), Some(spill)) => {
                let mut bytes = vec![0; *len];
                spill.file.read_exact_at(*at, &mut bytes).map_err(Error::Content)?;
                Ok(Cow::Owned(bytes))
            }
            (Kept::Memory(bytes), _) => Ok(Cow::Borrowed(bytes)),
            // Blocks are only spilled where there is a place for it.
            (Kept::Spilled(..), None) => Ok(Cow::Borrowed(&[])),
        }
    }

    /// Keeps a block in the place of what was kept of it.
    fn keep(&mut self, number: u64, bytes: Vec<u8>) -> Result<(), Error> {
        match (self.blocks.get_mut(&number), &mut self.spill) {
            (Some(Kept::Memory(there)), _) => *there = bytes,
            (Some(Kept::Spilled(at, _)), Some(spill)) => {
                spill.file.write_all_at(*at, &bytes).map_err(Error::Content)?;
            }
            (None, Some(spill)) if self.in_memory >= spill.memory_max_bytes => {
                spill.file.write_all_at(spill.len_bytes, &bytes).map_err(Error::Content)?;
                self.blocks.insert(number, Kept::Spilled(spill.len_bytes, bytes.len()));
                spill.len_bytes += BLOCK_LEN_BYTES;
            }
            _ => {
                self.in_memory += len(&bytes);
                self.blocks.insert(number, Kept::Memory(bytes));
            }
        }
        Ok(())
    }
}

impl<D: BlockDevice> Overlay<&mut Overlay<D>> {
    /// Makes the changes those of the overlay below.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] when the place where changes wait cannot be used.
    pub fn hand_over(mut self) -> Result<(), Error> {
        for (number, kept) in std::mem::take(&mut self.blocks) {
            let bytes = match kept {
                Kept::Memory(bytes) => bytes,
                spilled @ Kept::Spilled(..) => self.kept(&spilled)?.into_owned(),
            };
            self.device.keep(number, bytes)?;
        }
        Ok(())
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
        self.in_memory = 0;
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
        for (number, kept) in &self.blocks {
            let original = self.original(*number)?;
            let block = self.kept(kept)?;
            let follows = start + len(&run) == number * BLOCK_LEN_BYTES;
            if !run.is_empty() && (!follows || *block == *original || run.len() >= WRITE_LEN_MAX) {
                done.push((start, std::mem::take(&mut originals)));
                self.device.write_at(start, &run)?;
                run.clear();
            }
            if *block != *original {
                if run.is_empty() {
                    start = number * BLOCK_LEN_BYTES;
                }
                run.extend_from_slice(&block);
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
        for (number, kept) in self.blocks.range(offset / BLOCK_LEN_BYTES..end.div_ceil(BLOCK_LEN_BYTES)) {
            let start = number * BLOCK_LEN_BYTES;
            let block = self.kept(kept)?;
            let (from, to) = (start.max(offset), (start + len(&block)).min(end));
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
            let mut block = match self.blocks.get_mut(&number) {
                // Changed in its place, below.
                Some(Kept::Memory(block)) => std::mem::take(block),
                Some(Kept::Spilled(at, len)) => {
                    let spilled = Kept::Spilled(*at, *len);
                    self.kept(&spilled)?.into_owned()
                }
                None => self.original(number)?,
            };
            if let (Some(here), Some(there)) = (range(at, to, offset), range(at, to, start)) {
                block[there].copy_from_slice(&bytes[here]);
            }
            self.keep(number, block)?;
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
        for memory in [0, 8192, u64::MAX] {
            check(memory);
        }
    }

    fn check(memory_max_bytes: u64) {
        let before: Vec<u8> = (0..20_000u32).map(|at| at.to_le_bytes()[0]).collect();
        let mut expected = before.clone();
        let mut device = before.clone();
        let spill = || tempfile::tempfile().unwrap();
        let mut overlay = Overlay::new(&mut device).spilling(spill(), memory_max_bytes);
        for (offset, len) in [(0usize, 1usize), (4095, 2), (5000, 9000), (19_990, 10), (7, 0)] {
            overlay.write_at(offset as u64, &vec![0xaa; len]).unwrap();
            expected[offset..offset + len].fill(0xaa);
            assert_eq!(all(&overlay), expected);
        }
        assert!(overlay.write_at(19_995, &[0; 6]).is_err());
        assert!(overlay.write_at(u64::MAX, &[0; 6]).is_err());
        assert_eq!(all(&overlay), expected);
        // Another on top, whose changes become those of this one.
        let mut upper = Overlay::new(&mut overlay).spilling(spill(), memory_max_bytes);
        upper.write_at(4000, &[0xbb; 200]).unwrap();
        upper.write_at(16_000, &[0xbb; 200]).unwrap();
        upper.hand_over().unwrap();
        expected[4000..4200].fill(0xbb);
        expected[16_000..16_200].fill(0xbb);
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
