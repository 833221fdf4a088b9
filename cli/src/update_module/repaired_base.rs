//! The base with blocks from elsewhere in the place of those that are not what they were: `RepairFrom`.
//!
//! The running partition is never written. A spare copy of its image, which has to have the right digest as a whole,
//! tells which blocks differ, and is read in their place.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::aligned_buffer::{ALIGNMENT_BYTES, AlignedBuffer};
use super::block_io::{ReadBlocks, read_full};
use super::block_names;
use super::error::{Error, PayloadProblem};
use super::log::say;

/// What is compared and replaced as a whole.
const BLOCK_BYTES: usize = ALIGNMENT_BYTES;
/// How much of both is compared at once.
const COMPARE_BYTES: usize = 256 << 10;
/// How many runs of blocks are named in the log.
const NAMED_RUNS: usize = 16;

/// The active partition, and what may mend what is read from it.
#[derive(Debug)]
pub(crate) struct RepairedBase<R> {
    active: R,
    spare: Option<R>,
    /// Numbers of the blocks that are read from the spare.
    replaced: BTreeSet<u64>,
}

impl<R: ReadBlocks> RepairedBase<R> {
    pub(crate) fn new(active: R, spare: Option<R>) -> Self {
        Self { active, spare, replaced: BTreeSet::new() }
    }

    /// How many blocks are read from the spare.
    pub(crate) fn replaced_blocks(&self) -> u64 {
        self.replaced.len() as u64
    }

    /// The length of the base, which `find` looks for: on the active partition, or else in the spare, whose blocks then
    /// take the place of those that differ.
    ///
    /// # Errors
    ///
    /// It is in neither of them.
    pub(crate) fn settle(&mut self, find: impl Fn(&R) -> Result<u64, Error>) -> Result<u64, Error> {
        let wrong = match find(&self.active) {
            Ok(length) => return Ok(length),
            Err(error) => error,
        };
        let Some(spare) = &self.spare else { return Err(wrong) };
        let length = match find(spare) {
            Ok(length) if length <= self.active.size_bytes() => length,
            Ok(_) => return Err(wrong),
            Err(spare) => {
                let (base, spare) = (Box::new(wrong), Box::new(spare));
                return Err(Error::Payload(PayloadProblem::Repair { base, spare }));
            }
        };
        self.replaced = differing(&self.active, spare, length)?;
        say(&told(self.active.path(), spare.path(), &self.replaced));
        Ok(length)
    }
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
        let whole = read_full(active, found.bytes_mut(), offset);
        for (start, wanted) in (0..).step_by(BLOCK_BYTES).zip(right.bytes()[..count].chunks(BLOCK_BYTES)) {
            let at = offset + start as u64;
            let block = &mut found.bytes_mut()[start..start + BLOCK_BYTES];
            // One block that cannot be read must not take its neighbours with it.
            let readable = whole.is_ok() || read_full(active, block, at).is_ok();
            if !readable || &block[..wanted.len()] != wanted {
                blocks.insert(at / BLOCK_BYTES as u64);
            }
        }
        offset += count as u64;
    }
    Ok(blocks)
}

/// For the log.
fn told(active: &Path, spare: &Path, blocks: &BTreeSet<u64>) -> String {
    let runs = runs(blocks);
    let shown = &runs[..runs.len().min(NAMED_RUNS)];
    let offsets: Vec<u64> = shown.iter().map(|run| run.start * BLOCK_BYTES as u64).collect();
    let names = block_names::of(spare, &offsets);
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
        "REPAIRED: {} blocks of {BLOCK_BYTES} bytes on the running {} are not those of its image: {}{more}; {} was read in \
         their place",
        blocks.len(),
        active.display(),
        list.join(", "),
        spare.display()
    )
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
        let (from, end) = match &self.spare {
            Some(spare) if self.replaced.contains(&block) => (spare, Some(block + 1)),
            _ => (&self.active, self.replaced.range(block..).next().copied()),
        };
        // Up to where the other one is to be read.
        let length = end
            .and_then(|end| usize::try_from(end * BLOCK_BYTES as u64 - offset).ok())
            .map_or(buffer.len(), |until| buffer.len().min(until));
        from.read_at(&mut buffer[..length], offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update_module::medium_linux::Medium;

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
        let mut base = RepairedBase::new(active, Some(spare));
        let length = image.len() as u64;
        let is_spare = |medium: &Medium| {
            if medium.size_bytes() == length + 9000 {
                Ok(length)
            } else {
                Err(Error::Payload(PayloadProblem::NoSize))
            }
        };
        assert_eq!(base.settle(is_spare).unwrap(), length);
        assert_eq!(base.replaced_blocks(), 4);
        assert!(base.replaced.iter().copied().eq(bad.map(|block| block as u64)));
        let mut buffer = AlignedBuffer::new(COMPARE_BYTES + 4 * BLOCK_BYTES);
        let mut filled = 0;
        while filled < image.len() {
            filled += base.read_at(&mut buffer.bytes_mut()[filled..], filled as u64).unwrap();
        }
        assert!(buffer.bytes()[..image.len()] == image);
        let text = told(Path::new("/dev/a"), Path::new("/dev/b"), &base.replaced);
        assert!(text.contains("4 blocks of 4096 bytes on the running /dev/a"), "{text}");
        assert!(text.contains("its image: 0-1, 5, 67; /dev/b was read"), "{text}");
    }

    #[test]
    fn without_a_right_spare_the_base_stays_wrong() {
        let never = |_: &Medium| Err(Error::Payload(PayloadProblem::NoSize));
        let mut alone = RepairedBase::new(medium(&[1; 4096]).1, None);
        assert_eq!(alone.settle(never).unwrap_err().to_string(), "meta-data: no rootfs_file_size");
        let mut both = RepairedBase::new(medium(&[1; 4096]).1, Some(medium(&[2; 4096]).1));
        assert!(both.settle(never).unwrap_err().to_string().contains("RepairFrom does not help"));
        assert_eq!(both.replaced_blocks(), 0);
    }
}
