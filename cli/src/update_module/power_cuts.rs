//! Power cuts: downloads onto a device that forgets what was not flushed, in any order and in parts, cut off at every
//! step of a small image and at random ones of a larger one, and done again.

use std::cell::RefCell;
use std::io::{self, Cursor};
use std::path::Path;
use std::rc::Rc;

use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::options::GenerateOptions;
use sha2::{Digest as _, Sha256};

use super::base_image::BaseImage;
use super::block_io::{ReadBlocks, WriteBlocks};
use super::delta_apply::{Conditions, apply};
use super::delta_stream::DeltaStream;
use super::error::Error;
use super::image_writer::{Counts, ImageWriter, Pace};
use super::memory::Budget;
use super::meta_data::DeltaMetaData;
use super::repaired_base::{RepairedBase, Spare};

/// What a medium writes whole or not at all, if it is lucky.
const SECTOR_BYTES: usize = 512;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| self.roll().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}

/// When the power goes away.
#[derive(Clone, Copy)]
enum Cut {
    Never,
    /// At the step with this number, before it has any effect.
    Before(u64),
    /// At that step, which may have had some effect.
    During(u64),
}

/// A device with a cache.
struct Device {
    /// What is on the medium for good, and what reads see: with all that was written.
    medium: Vec<u8>,
    seen: Vec<u8>,
    /// Written sectors that were not flushed, in their order.
    cached: Vec<(usize, Vec<u8>)>,
    steps: u64,
    cut: Cut,
    off: bool,
    /// The error number that writes behind this offset end with.
    full: Option<(u64, i32)>,
    /// How far the journal said it was, at most.
    journal: u64,
}

/// The partition of it.
#[derive(Clone)]
struct Partition(Rc<RefCell<Device>>);

impl Device {
    fn holding(medium: Vec<u8>) -> Self {
        Self {
            seen: medium.clone(),
            medium,
            cached: Vec::new(),
            steps: 0,
            cut: Cut::Never,
            off: false,
            full: None,
            journal: 0,
        }
    }

    /// Counts one more write or flush. Says whether it has an effect; the power may be off when it has ended.
    fn step(&mut self) -> io::Result<bool> {
        if self.off {
            return Err(io::Error::other("no power"));
        }
        self.steps += 1;
        match self.cut {
            Cut::Before(step) if step == self.steps => {
                self.off = true;
                Ok(false)
            }
            Cut::During(step) if step == self.steps => {
                self.off = true;
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    fn result(&self) -> io::Result<()> {
        if self.off { Err(io::Error::other("no power")) } else { Ok(()) }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) -> io::Result<()> {
        if let Some((_, code)) = self.full.filter(|&(end, _)| (offset + bytes.len()) as u64 > end) {
            return Err(io::Error::from_raw_os_error(code));
        }
        if self.step()? {
            self.seen[offset..offset + bytes.len()].copy_from_slice(bytes);
            let sectors = bytes.chunks(SECTOR_BYTES).zip((offset..).step_by(SECTOR_BYTES));
            self.cached.extend(sectors.map(|(sector, at)| (at, sector.to_vec())));
        }
        self.result()
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush that is cut off may have brought anything or nothing to the medium.
        if self.step()? && !self.off {
            for (at, sector) in self.cached.drain(..) {
                self.medium[at..at + sector.len()].copy_from_slice(&sector);
            }
        }
        self.result()
    }

    /// The power comes back: of what was not flushed some sectors are there, some are not, and one is neither.
    fn restart(&mut self, dice: &mut Dice) {
        let luck = dice.below(5);
        let torn = dice.below(self.cached.len().max(1) as u64);
        for (number, (at, sector)) in std::mem::take(&mut self.cached).into_iter().enumerate() {
            let arrived = match luck {
                0 => false,
                4 => true,
                _ => dice.below(4) < luck,
            };
            let place = &mut self.medium[at..at + sector.len()];
            if luck > 0 && number as u64 == torn {
                place.copy_from_slice(&dice.bytes(sector.len()));
            } else if arrived {
                place.copy_from_slice(&sector);
            }
        }
        self.seen.clone_from(&self.medium);
        (self.cut, self.off, self.steps) = (Cut::Never, false, 0);
    }
}

impl ReadBlocks for Partition {
    fn path(&self) -> &Path {
        Path::new("/dev/test3")
    }

    fn size_bytes(&self) -> u64 {
        self.0.borrow().medium.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let device = self.0.borrow();
        device.result()?;
        let from = &device.seen[usize::try_from(offset).unwrap().min(device.seen.len())..];
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

impl WriteBlocks for Partition {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.borrow_mut().write(bytes, usize::try_from(offset).unwrap())
    }

    fn flush(&self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// A base, which nobody writes.
struct Base(Vec<u8>);

impl ReadBlocks for Base {
    fn path(&self) -> &Path {
        Path::new("/dev/test2")
    }

    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = &self.0[usize::try_from(offset).unwrap().min(self.0.len())..];
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

/// An update, and how it is written.
struct Update {
    old: Vec<u8>,
    new: Vec<u8>,
    delta: Vec<u8>,
    pace: Pace,
}

impl Update {
    fn new(bytes: usize, algorithm: &Algorithm<'_>, pace: Pace) -> Self {
        let mut dice = Dice(bytes as u64);
        let old = dice.bytes(bytes);
        let mut new = old.clone();
        let moved = bytes / 3;
        new.splice(moved..moved, dice.bytes(bytes / 20 + 1));
        (0..bytes).step_by(9_001).for_each(|at| new[at] ^= 0x55);
        let mut delta = Cursor::new(Vec::new());
        generate(&old, &new, &GenerateOptions::default(), algorithm, &mut delta).unwrap();
        Self { old, new, delta: delta.into_inner(), pace }
    }

    /// What the partition may hold beforehand: junk, the old image, or most of the new one.
    fn before(&self, kind: u64) -> Vec<u8> {
        let mut partition = match kind {
            0 => Dice(99).bytes(self.new.len()),
            1 => self.old.clone(),
            _ => {
                let mut image = self.new.clone();
                image.chunks_mut(3 * 4096).for_each(|chunk| chunk[0] ^= 1);
                image
            }
        };
        partition.resize(self.new.len() + 5000, 0xa5);
        partition
    }

    fn run(&self, device: &Rc<RefCell<Device>>) -> Result<Counts, Error> {
        let sha256 = |image: &[u8]| Sha256::digest(image).into();
        let headers = DeltaMetaData {
            rootfs_file_size: self.new.len() as u64,
            base_sha256: vec![sha256(&self.old)],
            target_sha256: Some(sha256(&self.new)),
        };
        let partition = Partition(Rc::clone(device));
        let budget = Budget { limit_bytes: 64 << 20, available_bytes: None };
        let conditions = Conditions { headers, budget, partition_bytes: partition.size_bytes() };
        let mut base = BaseImage::new(RepairedBase::new(Base(self.old.clone()), Spare::None));
        let mut checkpoint = |durable| device.borrow_mut().journal = durable;
        let mut target = ImageWriter::new(partition, self.pace, &mut checkpoint);
        let mut from = &self.delta[..];
        let stream = DeltaStream::new(&mut from, Path::new("delta"));
        let image = apply(&conditions, stream, &mut base, &mut target)?;
        target.finish(image.sha256)
    }

    /// Steps of an attempt that nothing interrupts.
    fn steps(&self, before: u64) -> u64 {
        let device = Rc::new(RefCell::new(Device::holding(self.before(before))));
        self.run(&device).unwrap();
        let device = device.borrow();
        self.assert_complete(&device);
        device.steps
    }

    /// A success is one for good: even if the power goes away now.
    fn assert_complete(&self, device: &Device) {
        assert!(device.medium.starts_with(&self.new), "success, but the image is not on the medium");
        assert!(device.medium[self.new.len()..].iter().all(|&byte| byte == 0xa5), "written behind the image");
    }

    /// Cuts once or more, then lets it be done. Counts into `tally`.
    fn cut_and_recover(&self, before: u64, cuts: &[Cut], dice: &mut Dice, tally: &mut Tally) {
        let device = Rc::new(RefCell::new(Device::holding(self.before(before))));
        let (mut happened, mut durable_bytes) = (0, 0);
        for &cut in cuts {
            device.borrow_mut().cut = cut;
            if self.run(&device).is_ok() {
                // The attempt had fewer steps than that.
                break;
            }
            happened += 1;
            let mut device = device.borrow_mut();
            assert!(device.off, "failed for another reason");
            device.restart(dice);
            let durable = usize::try_from(std::mem::take(&mut device.journal)).unwrap();
            assert!(device.medium[..durable] == self.new[..durable], "the journal says too much");
            durable_bytes = durable as u64;
        }
        tally.cuts += happened;
        match self.run(&device) {
            Ok(counts) if device.borrow().medium.starts_with(&self.new) => {
                tally.recoveries += happened;
                assert!(counts.kept >= durable_bytes / 4096 * 4096, "written again: {counts:?}");
            }
            _ => tally.bad += 1,
        }
        self.assert_complete(&device.borrow());
    }
}

#[derive(Default)]
struct Tally {
    cuts: u64,
    recoveries: u64,
    bad: u64,
}

fn vcdiff() -> Algorithm<'static> {
    Algorithm::Xdelta3(VcdiffOptions { window: 16 << 10, ..VcdiffOptions::default() })
}

#[test]
fn no_cut_leaves_a_wrong_image_that_counts_as_right() {
    let small = Pace { collect: 8 << 10, unflushed: 24 << 10 };
    let larger = Pace { collect: 64 << 10, unflushed: 256 << 10 };
    let mut tally = Tally::default();
    let mut dice = Dice(5);
    for algorithm in [Algorithm::Native, vcdiff()] {
        let update = Update::new(160 << 10, &algorithm, small);
        for before in 0..3 {
            // At every step, before it and during it.
            for step in 1..=update.steps(before) {
                for cut in [Cut::Before(step), Cut::During(step), Cut::During(step), Cut::During(step)] {
                    update.cut_and_recover(before, &[cut], &mut dice, &mut tally);
                }
            }
        }
        // A larger one, at random, again and again.
        let update = Update::new(1 << 20, &algorithm, larger);
        let steps = update.steps(0);
        for round in 0..40 {
            let cuts: Vec<Cut> = (0..=round % 3).map(|_| Cut::During(1 + dice.below(steps))).collect();
            update.cut_and_recover(round % 3, &cuts, &mut dice, &mut tally);
        }
    }
    let Tally { cuts, recoveries, bad } = tally;
    let text = format!("{cuts} cuts, {recoveries} recoveries, {bad} bad images\n");
    io::Write::write_all(&mut io::stdout(), text.as_bytes()).unwrap();
    assert!(cuts >= 500 && recoveries == cuts && bad == 0, "{text}");
}

#[test]
fn a_full_or_broken_partition_is_an_error_and_says_so() {
    let update = Update::new(160 << 10, &Algorithm::Native, Pace { collect: 8 << 10, unflushed: 24 << 10 });
    for (code, message) in [(28, "No space left on device"), (5, "Input/output error")] {
        for end in [0, 1, 50_000, 100_000, update.new.len() as u64 - 1] {
            let mut device = Device::holding(update.before(0));
            device.full = Some((end, code));
            let device = Rc::new(RefCell::new(device));
            let message_found = update.run(&device).unwrap_err().to_string();
            assert!(message_found.contains(message), "{message_found}");
            // Nothing is lost by it.
            device.borrow_mut().full = None;
            update.run(&device).unwrap();
            update.assert_complete(&device.borrow());
        }
    }
}
