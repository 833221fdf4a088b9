//! Writes the changes of an overlay to its device; when a write fails, what was there before is put back.

use std::io;
use std::ops::Range;

use super::room::Held;
use super::{BLOCK_LEN_BYTES, Overlay, len};
use crate::block_device::WritableDevice;
use crate::error::Error;

/// Neighbouring blocks are written together, up to about this.
const WRITE_LEN_MAX: usize = 1 << 20;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_device::BlockDevice;

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
}
