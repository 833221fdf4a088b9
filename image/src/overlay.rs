//! An image whose changes wait in memory, or in a file, until they are committed, so that an operation that fails has
//! changed nothing.

mod commit;
mod room;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;

use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::{Error, Place};
use crate::spill::{MakeFile, Spill};
use room::{Held, Room};

/// Unit in which changes are kept and written.
const BLOCK_LEN_BYTES: u64 = 4096;

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
    use std::io;

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
