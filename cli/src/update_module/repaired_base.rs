//! The base with blocks from elsewhere in the place of those that are not what they were: `RepairFrom`.
//!
//! The running partition is never written. A spare copy of its image, which has to have the right digest as a whole,
//! tells which blocks differ, and is read in their place; or a server has the image, and these blocks are fetched.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::aligned_buffer::AlignedBuffer;
use super::block_io::{ReadBlocks, read_full};
use super::block_names;
use super::differing::{BLOCK_BYTES, each_differing};
use super::error::{Error, PayloadProblem};
use super::log::say;
#[cfg(feature = "repair-url")]
use super::repair::fetched::{Bounds, Fetched, fetch};
#[cfg(feature = "repair-url")]
use super::repair::image_address::ImageAddress;

/// How much of both is compared at once.
const COMPARE_BYTES: usize = 256 << 10;
/// How many runs of blocks are named in the log.
const NAMED_RUNS: usize = 16;

/// What may mend the base.
#[derive(Debug)]
pub(crate) enum Spare<R> {
    /// Nothing is configured, or nothing of use.
    None,
    /// A copy of the image.
    Copy(R),
    /// A server that has the image.
    #[cfg(feature = "repair-url")]
    Address(ImageAddress, Bounds),
}

/// What the base has to be.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "repair-url"), expect(dead_code, reason = "only what asks servers looks at it"))]
pub(crate) struct Wanted<'w> {
    /// SHA-256 of images that may be it; at least one.
    pub(crate) sha256: &'w [[u8; 32]],
    /// Memory that there is for fetched blocks.
    pub(crate) memory_bytes: u64,
}

/// The active partition, and what may mend what is read from it.
#[derive(Debug)]
pub(crate) struct RepairedBase<R> {
    active: R,
    spare: Spare<R>,
    /// Numbers of the blocks that are read from elsewhere.
    replaced: BTreeSet<u64>,
    #[cfg(feature = "repair-url")]
    fetched: Fetched,
}

impl<R: ReadBlocks> RepairedBase<R> {
    pub(crate) fn new(active: R, spare: Spare<R>) -> Self {
        let replaced = BTreeSet::new();
        #[cfg(feature = "repair-url")]
        return Self { active, spare, replaced, fetched: Fetched::default() };
        #[cfg(not(feature = "repair-url"))]
        Self { active, spare, replaced }
    }

    /// How many blocks are read from elsewhere.
    pub(crate) fn replaced_blocks(&self) -> u64 {
        self.replaced.len() as u64
    }

    /// Bytes that came from a server.
    pub(crate) fn fetched_bytes(&self) -> u64 {
        #[cfg(feature = "repair-url")]
        return self.fetched.bytes;
        #[cfg(not(feature = "repair-url"))]
        0
    }

    /// Bytes of memory that blocks take.
    pub(crate) fn kept_bytes(&self) -> u64 {
        #[cfg(feature = "repair-url")]
        return self.fetched.blocks.len() as u64 * BLOCK_BYTES as u64;
        #[cfg(not(feature = "repair-url"))]
        0
    }

    /// The length of the base, which `find` looks for: on the active partition, or else with blocks from elsewhere in
    /// place of those that differ.
    ///
    /// # Errors
    ///
    /// It is not there, and cannot be mended.
    #[cfg_attr(
        not(feature = "repair-url"),
        expect(unused_variables, reason = "only servers are asked by a digest")
    )]
    pub(crate) fn settle(
        &mut self,
        wanted: Wanted<'_>,
        find: impl Fn(&dyn ReadBlocks) -> Result<u64, Error>,
    ) -> Result<u64, Error> {
        let wrong = match find(&self.active) {
            Ok(length) => return Ok(length),
            Err(error) => error,
        };
        match &self.spare {
            Spare::None => Err(wrong),
            Spare::Copy(spare) => match find(spare) {
                Ok(length) if length <= self.active.size_bytes() => {
                    self.replaced = differing(&self.active, spare, length)?;
                    let from = format!("{} was read", spare.path().display());
                    say(&self.told(&from));
                    Ok(length)
                }
                Ok(_) => Err(wrong),
                Err(spare) => Err(no_help(wrong, spare)),
            },
            #[cfg(feature = "repair-url")]
            Spare::Address(address, bounds) => {
                let most_bytes = bounds.most_bytes.min(wanted.memory_bytes);
                let bounds = Bounds { most_bytes, ..*bounds };
                match fetch(&self.active, address, wanted.sha256, bounds) {
                    Ok(fetched) => self.fetched = fetched,
                    Err(problem) => return Err(no_help(wrong, Error::Repair(Box::new(problem)))),
                }
                self.replaced = self.fetched.blocks.keys().copied().collect();
                // Nothing that came from a server is believed before this.
                let length = find(self).map_err(|error| no_help(wrong, error))?;
                let (address, bytes) = (&self.fetched.address, self.fetched.bytes);
                say(&self.told(&format!("{bytes} bytes of {address} and its block list were read")));
                Ok(length)
            }
        }
    }

    /// For the log.
    fn told(&self, from: &str) -> String {
        let runs = runs(&self.replaced);
        let shown = &runs[..runs.len().min(NAMED_RUNS)];
        let offsets: Vec<u64> = shown.iter().map(|run| run.start * BLOCK_BYTES as u64).collect();
        // With what was mended, or the file system may not be readable.
        let names = block_names::of(self, &offsets);
        let list: Vec<String> = shown
            .iter()
            .zip(names)
            .map(|(run, name)| match (run.end - run.start, name) {
                (1, None) => format!("{}", run.start),
                (1, Some(name)) => format!("{} ({name})", run.start),
                (_, None) => format!("{}-{}", run.start, run.end - 1),
                (_, Some(name)) => format!("{}-{} ({name})", run.start, run.end - 1),
            })
            .collect();
        let more = if runs.len() > shown.len() { ", …" } else { "" };
        format!(
            "REPAIRED: {} blocks of {BLOCK_BYTES} bytes on the running {} are not those of its image: {}{more}; {from} in \
             their place",
            self.replaced.len(),
            self.active.path().display(),
            list.join(", "),
        )
    }
}

fn no_help(base: Error, spare: Error) -> Error {
    Error::Payload(PayloadProblem::Repair { base: Box::new(base), spare: Box::new(spare) })
}

/// Blocks among the first `length` bytes that differ, or cannot be read where they are wanted.
fn differing(active: &impl ReadBlocks, spare: &impl ReadBlocks, length: u64) -> Result<BTreeSet<u64>, Error> {
    let (mut found, mut right) = (AlignedBuffer::new(COMPARE_BYTES), AlignedBuffer::new(COMPARE_BYTES));
    let mut blocks = BTreeSet::new();
    let mut offset = 0;
    while offset < length {
        let count = read_full(spare, right.bytes_mut(), offset)
            .and_then(|count| if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) })
            .map_err(|error| Error::io("read", spare.path(), error))?;
        let count = usize::try_from(length - offset).unwrap_or(usize::MAX).min(count);
        each_differing(active, offset, &right.bytes()[..count], &mut found, |number, _| {
            blocks.insert(number);
            Ok::<_, Error>(())
        })?;
        offset += count as u64;
    }
    Ok(blocks)
}

/// Blocks that follow each other, as one.
fn runs(blocks: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for &block in blocks {
        match runs.last_mut() {
            Some(last) if last.end == block => last.end += 1,
            _ => runs.push(block..block + 1),
        }
    }
    runs
}

impl<R: ReadBlocks> ReadBlocks for RepairedBase<R> {
    fn path(&self) -> &Path {
        self.active.path()
    }

    fn size_bytes(&self) -> u64 {
        self.active.size_bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let block = offset / BLOCK_BYTES as u64;
        let is_replaced = self.replaced.contains(&block);
        let end = if is_replaced { Some(block + 1) } else { self.replaced.range(block..).next().copied() };
        // Up to where the other one is to be read.
        let length = end
            .and_then(|end| usize::try_from(end * BLOCK_BYTES as u64 - offset).ok())
            .map_or(buffer.len(), |until| buffer.len().min(until));
        let buffer = &mut buffer[..length];
        match &self.spare {
            Spare::Copy(spare) if is_replaced => spare.read_at(buffer, offset),
            #[cfg(feature = "repair-url")]
            Spare::Address(..) if is_replaced => self.fetched.read_at(buffer, offset),
            _ => self.active.read_at(buffer, offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update_module::medium_linux::Medium;

    const WANTED: Wanted<'static> = Wanted { sha256: &[[0; 32]], memory_bytes: 0 };

    fn medium(bytes: &[u8]) -> (tempfile::NamedTempFile, Medium) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let medium = Medium::open(file.path()).unwrap();
        (file, medium)
    }

    #[test]
    fn differing_blocks_are_read_from_the_spare_and_no_others() {
        let image: Vec<u8> =
            (0..COMPARE_BYTES + 3 * BLOCK_BYTES + 10).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut damaged = image.clone();
        let bad = [0, 1, 5, COMPARE_BYTES / BLOCK_BYTES + 3];
        bad.iter().for_each(|block| damaged[block * BLOCK_BYTES + 3] ^= 1);
        // What follows the image does not matter, in either of them.
        damaged.extend([7; 5000]);
        let ((_a, active), (_b, spare)) = (medium(&damaged), medium(&[&image[..], &[9; 9000]].concat()));
        let mut base = RepairedBase::new(active, Spare::Copy(spare));
        let length = image.len() as u64;
        let is_spare = |medium: &dyn ReadBlocks| {
            if medium.size_bytes() == length + 9000 {
                Ok(length)
            } else {
                Err(Error::Payload(PayloadProblem::NoSize))
            }
        };
        assert_eq!(base.settle(WANTED, is_spare).unwrap(), length);
        assert_eq!(base.replaced_blocks(), 4);
        assert!(base.replaced.iter().copied().eq(bad.map(|block| block as u64)));
        let mut buffer = AlignedBuffer::new(COMPARE_BYTES + 4 * BLOCK_BYTES);
        let mut filled = 0;
        while filled < image.len() {
            filled += base.read_at(&mut buffer.bytes_mut()[filled..], filled as u64).unwrap();
        }
        assert!(buffer.bytes()[..image.len()] == image);
        let text = base.told("/dev/b was read");
        assert!(text.contains("4 blocks of 4096 bytes on the running /"), "{text}");
        assert!(text.contains("its image: 0-1, 5, 67; /dev/b was read"), "{text}");
    }

    #[test]
    fn without_a_right_spare_the_base_stays_wrong() {
        let never = |_: &dyn ReadBlocks| Err(Error::Payload(PayloadProblem::NoSize));
        let mut alone = RepairedBase::new(medium(&[1; 4096]).1, Spare::None);
        assert_eq!(alone.settle(WANTED, never).unwrap_err().to_string(), "meta-data: no rootfs_file_size");
        let mut both = RepairedBase::new(medium(&[1; 4096]).1, Spare::Copy(medium(&[2; 4096]).1));
        assert!(both.settle(WANTED, never).unwrap_err().to_string().contains("RepairFrom does not help"));
        assert_eq!(both.replaced_blocks(), 0);
    }
}
