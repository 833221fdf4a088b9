//! An image whose changes wait in memory, or in a file, until they are committed, so that an operation that fails has
//! changed nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::{Error, Place};
use crate::spill::{MakeFile, Spill};

/// Unit in which changes are kept and written.
const BLOCK_LEN_BYTES: u64 = 4096;
/// Neighbouring blocks are written together, up to about this.
const WRITE_LEN_MAX: usize = 1 << 20;

/// A device with changes that it does not have yet. Reads see them.
#[derive(Debug)]
pub struct Overlay<D> {
    device: D,
    blocks: BTreeMap<u64, Kept>,
    room: Room,
    /// How many blocks were kept so far.
    writes: u64,
    /// An operation was kept by a half.
    broken: bool,
}

/// A changed block, and which write was the last to change it.
#[derive(Debug)]
struct Kept {
    write: u64,
    held: Held,
}

/// Bytes that are kept.
#[derive(Debug)]
enum Held {
    /// So many zeros.
    Zeros(usize),
    Memory(Vec<u8>),
    /// At this byte of the spill file, of this length.
    Spilled(u64, usize),
}

/// Where bytes are kept: in memory, and past a bound in a file.
#[derive(Debug)]
struct Room {
    in_memory: u64,
    memory_max_bytes: u64,
    spill: Spill,
    spilled: u64,
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Zeros(len) | Self::Spilled(_, len) => *len,
        }
    }
}

impl Room {
    /// Keeps bytes in a place of their own.
    fn hold(&mut self, bytes: Vec<u8>) -> Result<Held, Error> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Held::Zeros(bytes.len()));
        }
        let in_memory = self.in_memory.saturating_add(len(&bytes));
        if in_memory <= self.memory_max_bytes {
            self.in_memory = in_memory;
            return Ok(Held::Memory(bytes));
        }
        if !self.spill.is_possible() {
            return Err(Error::limit(Place::Image, "length of changes", self.memory_max_bytes, in_memory));
        }
        let at = self.spilled;
        self.spill.write_at(at, &bytes)?;
        self.spilled = at.saturating_add(len(&bytes));
        Ok(Held::Spilled(at, bytes.len()))
    }

    /// What is kept.
    fn get<'h>(&self, held: &'h Held) -> Result<Cow<'h, [u8]>, Error> {
        match held {
            Held::Zeros(len) => Ok(Cow::Owned(vec![0; *len])),
            Held::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Held::Spilled(at, len) => {
                let mut bytes = vec![0; *len];
                self.spill.read_at(*at, &mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

impl<D: BlockDevice> Overlay<D> {
    /// Without changes.
    #[must_use]
    pub fn new(device: D) -> Self {
        let room = Room { in_memory: 0, memory_max_bytes: u64::MAX, spill: Spill::default(), spilled: 0 };
        Self { device, blocks: BTreeMap::new(), room, writes: 0, broken: false }
    }

    /// Refuses changes past `memory_max_bytes` with [`Error::Limit`]. Blocks of zeros do not count.
    #[must_use]
    pub fn bounded(mut self, memory_max_bytes: u64) -> Self {
        self.room.memory_max_bytes = memory_max_bytes;
        self
    }

    /// Has changes past `memory_max_bytes` wait in `file`, an empty one that is open for reading and writing.
    #[must_use]
    pub fn spilling(mut self, file: File, memory_max_bytes: u64) -> Self {
        self.room.spill = Spill::of(file);
        self.bounded(memory_max_bytes)
    }

    /// As [`Overlay::spilling`], with a file that is made when the first change goes there.
    #[must_use]
    pub fn spilling_with(mut self, make: MakeFile, memory_max_bytes: u64) -> Self {
        self.room.spill = Spill::made_by(make);
        self.bounded(memory_max_bytes)
    }

    /// The device without the changes.
    #[must_use]
    pub fn into_device(self) -> D {
        self.device
    }

    /// How many bytes a commit writes, at most.
    #[must_use]
    pub fn changed_bytes(&self) -> u64 {
        self.blocks
            .values()
            .fold(0, |sum, block| sum.saturating_add(u64::try_from(block.held.len()).unwrap_or(u64::MAX)))
    }

    /// The bytes of a block as they are without changes; fewer at the end of the image.
    fn original(&self, block: u64) -> Result<Vec<u8>, Error> {
        let start = block.saturating_mul(BLOCK_LEN_BYTES);
        let rest = self.device.len_bytes().saturating_sub(start).min(BLOCK_LEN_BYTES);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
        self.device.read_at(start, &mut bytes)?;
        Ok(bytes)
    }

    /// Keeps a block in the place of what was kept of it.
    fn keep(&mut self, number: u64, bytes: Vec<u8>) -> Result<(), Error> {
        self.writes += 1;
        let write = self.writes;
        match self.blocks.get_mut(&number) {
            Some(Kept { write: last, held: Held::Memory(there) }) => {
                *last = write;
                *there = bytes;
            }
            Some(Kept { write: last, held: Held::Spilled(at, _) }) => {
                *last = write;
                self.room.spill.write_at(*at, &bytes)?;
            }
            _ => {
                let held = self.room.hold(bytes)?;
                self.blocks.insert(number, Kept { write, held });
            }
        }
        Ok(())
    }

    /// The changed blocks, those first that were not written to for the longest time: whoever wrote them may have had
    /// reasons for the order.
    fn in_order(&self) -> Vec<u64> {
        let mut order: Vec<(u64, u64)> =
            self.blocks.iter().map(|(number, kept)| (kept.write, *number)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, number)| number).collect()
    }
}

impl<D: BlockDevice> Overlay<&mut Overlay<D>> {
    /// Makes the changes those of the overlay below.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] when they are too many for it, which then has none of them; [`Error::Temporary`] when the place
    /// where changes wait cannot be used: the overlay below then refuses to commit.
    pub fn hand_over(mut self) -> Result<(), Error> {
        let below = &self.device;
        if !below.room.spill.is_possible() {
            let new = self.blocks.iter().filter(|(number, _)| {
                !matches!(below.blocks.get(number), Some(Kept { held: Held::Memory(_), .. }))
            });
            let needed = new.fold(below.room.in_memory, |sum, (_, kept)| match &kept.held {
                Held::Zeros(_) => sum,
                held => sum.saturating_add(u64::try_from(held.len()).unwrap_or(u64::MAX)),
            });
            let maximum = below.room.memory_max_bytes;
            if needed > maximum {
                return Err(Error::limit(Place::Image, "length of changes", maximum, needed));
            }
        }
        for number in self.in_order() {
            let Some(kept) = self.blocks.remove(&number) else { continue };
            let kept = match kept.held {
                Held::Memory(bytes) => Ok(bytes),
                held => self.room.get(&held).map(Cow::into_owned),
            };
            if let Err(error) = kept.and_then(|bytes| self.device.keep(number, bytes)) {
                self.device.broken = true;
                return Err(error);
            }
        }
        Ok(())
    }
}

/// What a place of the device held before it was written to.
type Before = Vec<(u64, Held)>;

impl<D: WritableDevice> Overlay<D> {
    /// Writes the changes, and nothing else, to the device, in the order in which they were made last, and flushes it.
    /// Returns the ranges that were written, in bytes, sorted and without overlap: whole blocks of 4096 bytes that are
    /// different from before. What was there before waits where changes do, until all is written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the device fails, [`Error::Temporary`] when the place where changes wait does; what was written
    /// so far is then put back as far as the device lets it, and the changes wait as before. [`Error::Temporary`] also
    /// after [`Overlay::hand_over`] has failed half-way; then nothing is written.
    pub fn commit(&mut self) -> Result<Vec<Range<u64>>, Error> {
        if self.broken {
            let message = "an earlier operation could not be kept as a whole";
            return Err(Error::Temporary(io::Error::other(message)));
        }
        let (in_memory, spilled) = (self.room.in_memory, self.room.spilled);
        let mut before = Before::new();
        let written = self.write_all(&mut before);
        if written.is_err() {
            for (offset, original) in before.iter().rev() {
                // The first failure is the one to tell.
                let _ = self.room.get(original).and_then(|bytes| self.device.write_at(*offset, &bytes));
            }
            let _ = self.device.flush();
        }
        (self.room.in_memory, self.room.spilled) = (in_memory, spilled);
        written?;
        self.blocks.clear();
        (self.room.in_memory, self.room.spilled) = (0, 0);
        before.sort_unstable_by_key(|(offset, _)| *offset);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (offset, original) in before {
            let end = offset.saturating_add(u64::try_from(original.len()).unwrap_or(u64::MAX));
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end = end,
                _ => ranges.push(offset..end),
            }
        }
        Ok(ranges)
    }

    /// Writes what is different, neighbouring blocks together; `before` gets what was there.
    fn write_all(&mut self, before: &mut Before) -> Result<(), Error> {
        let (mut run, mut originals): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut start = 0;
        for number in self.in_order() {
            let Some(kept) = self.blocks.get(&number) else { continue };
            let original = self.original(number)?;
            let block = self.room.get(&kept.held)?;
            if *block == *original {
                continue;
            }
            let follows = start + len(&run) == number * BLOCK_LEN_BYTES;
            let block = block.into_owned();
            if !run.is_empty() && (!follows || run.len() >= WRITE_LEN_MAX) {
                self.write_run(start, &mut run, std::mem::take(&mut originals), before)?;
            }
            if run.is_empty() {
                start = number * BLOCK_LEN_BYTES;
            }
            run.extend_from_slice(&block);
            originals.extend(original);
        }
        if !run.is_empty() {
            self.write_run(start, &mut run, originals, before)?;
        }
        self.device.flush()
    }

    /// Writes blocks, and keeps what they replace before.
    fn write_run(
        &mut self,
        start: u64,
        run: &mut Vec<u8>,
        originals: Vec<u8>,
        before: &mut Before,
    ) -> Result<(), Error> {
        let originals = match self.room.spill.is_possible() {
            true => self.room.hold(originals)?,
            // No more than the changes, which are in memory, too.
            false if originals.iter().all(|byte| *byte == 0) => Held::Zeros(originals.len()),
            false => Held::Memory(originals),
        };
        before.push((start, originals));
        self.device.write_at(start, run)?;
        run.clear();
        Ok(())
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
            let block = self.room.get(&kept.held)?;
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
            let mut block = match self.blocks.get_mut(&number).map(|kept| &mut kept.held) {
                // Changed in its place, below.
                Some(Held::Memory(block)) => std::mem::take(block),
                Some(held) => self.room.get(held)?.into_owned(),
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
                return Err(Error::write(offset, bytes.len(), io::ErrorKind::StorageFull.into()));
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

    /// Tells the order of writes.
    struct Told {
        bytes: Vec<u8>,
        offsets: Vec<u64>,
    }

    impl BlockDevice for Told {
        fn len_bytes(&self) -> u64 {
            self.bytes.len_bytes()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
            self.bytes.read_at(offset, buffer)
        }
    }

    impl WritableDevice for Told {
        fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
            self.offsets.push(offset);
            self.bytes.write_at(offset, bytes)
        }

        fn flush(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn what_was_written_last_is_written_last() {
        let mut overlay = Overlay::new(Told { bytes: vec![7; 40_960], offsets: Vec::new() });
        overlay.write_at(0, &[1; 10]).unwrap();
        overlay.write_at(20_480, &[2; 10]).unwrap();
        let mut upper = Overlay::new(&mut overlay);
        upper.write_at(32_768, &[3; 10]).unwrap();
        upper.write_at(12_288, &[4; 10]).unwrap();
        upper.write_at(0, &[5; 10]).unwrap();
        upper.hand_over().unwrap();
        let ranges = overlay.commit().unwrap();
        assert_eq!(overlay.device.offsets, [20_480, 32_768, 12_288, 0]);
        assert_eq!(ranges, [0..4096, 12_288..16_384, 20_480..24_576, 32_768..36_864]);
    }

    #[test]
    fn what_is_replaced_waits_in_the_file_too() {
        for writes_left in [0, 1, 2] {
            let mut device = Failing { bytes: vec![7; 40_960], writes_left };
            device.bytes[..4096].fill(0);
            let mut overlay = Overlay::new(device).spilling(tempfile::tempfile().unwrap(), 0);
            let before = overlay.device.bytes.clone();
            for offset in [0, 8192, 30_000] {
                overlay.write_at(offset, &[1; 10]).unwrap();
            }
            let mut kept = Before::new();
            let failed = overlay.write_all(&mut kept).unwrap_err();
            assert!(matches!(failed, Error::Io(_)));
            assert!(kept.iter().all(|(_, held)| !matches!(held, Held::Memory(_))), "{kept:?}");
            overlay.device = Failing { bytes: before.clone(), writes_left };
            overlay.commit().unwrap_err();
            assert_eq!(overlay.device.bytes, before);
            overlay.commit().unwrap();
            assert_eq!(overlay.device.bytes[30_000..30_010], [1; 10]);
        }
    }

    #[test]
    fn changes_are_bounded_without_a_file() {
        let mut device = vec![7; 40_960];
        let mut overlay = Overlay::new(&mut device).bounded(8192);
        overlay.write_at(0, &[1; 8192]).unwrap();
        overlay.write_at(0, &[2; 8192]).unwrap();
        overlay.write_at(8192, &[0; 8192]).unwrap();
        assert!(matches!(overlay.write_at(16_384, &[1; 1]), Err(Error::Limit(_))));
        // Too many at once: none of them.
        let mut upper = Overlay::new(&mut overlay);
        upper.write_at(0, &[3; 10]).unwrap();
        upper.write_at(20_480, &[3; 10]).unwrap();
        assert!(matches!(upper.hand_over(), Err(Error::Limit(_))));
        overlay.commit().unwrap();
        assert_eq!((device[0], device[20_480]), (2, 7));
    }

    #[test]
    fn what_was_handed_over_by_a_half_is_not_committed() {
        let made = std::sync::atomic::AtomicU32::new(0);
        let make = move || match made.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ => tempfile::tempfile(),
        };
        let mut device = vec![7; 40_960];
        let mut overlay = Overlay::new(&mut device).spilling_with(std::sync::Arc::new(make), 4096);
        let mut upper = Overlay::new(&mut overlay);
        upper.write_at(0, &[3; 10]).unwrap();
        upper.write_at(20_480, &[3; 10]).unwrap();
        assert!(matches!(upper.hand_over(), Err(Error::Temporary(_))));
        assert!(matches!(overlay.commit(), Err(Error::Temporary(_))));
        assert_eq!(device, [7; 40_960]);
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
