//! Writing an image into the inactive partition, front to back: what is there already is not written again, and what
//! is written goes to the medium at short intervals.
//!
//! The comparison spares the flash. It also makes an interrupted attempt go on: whatever had reached the medium is
//! found there, wherever the power went away, whatever order the medium wrote in.

use std::io;
use std::ops::Range;

use mender_delta::apply::{CallerError, Target};

use super::aligned_buffer::{ALIGNMENT_BYTES, AlignedBuffer};
use super::block_io::{WriteBlocks, read_full};
use super::error::{Error, PayloadProblem};
use super::image_digest;

/// What is compared and written as a whole: pages of all file systems and most flash.
const BLOCK_BYTES: usize = ALIGNMENT_BYTES;
/// A flush at the latest after this many times the bytes of [`Pace::unflushed`] that were there already.
const KEPT_FACTOR: u64 = 4;

/// In what steps an image is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Bytes that are collected, compared and written at once; whole blocks.
    pub(crate) collect: usize,
    /// Written bytes that may wait in memory, and so are lost at most when the power goes away.
    pub(crate) unflushed: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { collect: 256 << 10, unflushed: 16 << 20 }
    }
}

/// Told how much of the image is on the medium for good.
pub(crate) type Checkpoint<'c> = dyn FnMut(u64) + 'c;

/// An image that is being written.
pub(crate) struct ImageWriter<'c, W> {
    partition: W,
    pace: Pace,
    /// The image's next bytes, and what the partition has in their place.
    pending: AlignedBuffer,
    present: AlignedBuffer,
    filled: usize,
    /// Where `pending` belongs.
    offset: u64,
    unflushed_bytes: u64,
    since_checkpoint_bytes: u64,
    checkpoint: &'c mut Checkpoint<'c>,
    counts: Counts,
}

/// What became of the image's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Bytes that were written.
    pub(crate) written: u64,
    /// Bytes that were there already.
    pub(crate) kept: u64,
}

impl<'c, W: WriteBlocks> ImageWriter<'c, W> {
    /// Nothing is written yet.
    pub(crate) fn new(partition: W, pace: Pace, checkpoint: &'c mut Checkpoint<'c>) -> Self {
        Self {
            partition,
            pace,
            pending: AlignedBuffer::new(pace.collect),
            present: AlignedBuffer::new(pace.collect),
            filled: 0,
            offset: 0,
            unflushed_bytes: 0,
            since_checkpoint_bytes: 0,
            checkpoint,
            counts: Counts::default(),
        }
    }

    /// Writes what is left, waits until the medium has everything, and reads the image back from there.
    ///
    /// # Errors
    ///
    /// A write or the flush fails, or the medium does not hold an image with this digest.
    pub(crate) fn finish(mut self, sha256: [u8; 32]) -> Result<Counts, Error> {
        let path = self.partition.path().to_owned();
        let written = self.write_pending().and_then(|()| self.partition.flush());
        written.map_err(|error| Error::io("write", &path, error))?;
        let found = image_digest::sha256(&self.partition, self.offset)?;
        if found == sha256 {
            return Ok(self.counts);
        }
        let source = mender_delta::error::Error::TargetDigest { expected: sha256, found };
        Err(Error::Payload(PayloadProblem::Medium { path, source }))
    }

    fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.pace.collect - self.filled));
            self.pending.bytes_mut()[self.filled..][..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == self.pace.collect {
                self.write_pending()?;
            }
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        // What cannot be read is not right; writing it may even mend it.
        let present = read_full(&self.partition, self.present.bytes_mut(), self.offset).unwrap_or(0);
        let wanted = &self.pending.bytes()[..self.filled];
        let present = &self.present.bytes()[..present.min(self.filled)];
        let mut differing = 0;
        for run in differing_runs(wanted, present) {
            differing += run.len() as u64;
            self.partition.write_at(&wanted[run.clone()], self.offset + run.start as u64)?;
        }
        self.counts.written += differing;
        self.counts.kept += self.filled as u64 - differing;
        self.unflushed_bytes += differing;
        self.since_checkpoint_bytes += self.filled as u64;
        self.offset += self.filled as u64;
        self.filled = 0;
        if self.unflushed_bytes >= self.pace.unflushed
            || self.since_checkpoint_bytes >= KEPT_FACTOR * self.pace.unflushed
        {
            self.partition.flush()?;
            (self.unflushed_bytes, self.since_checkpoint_bytes) = (0, 0);
            (self.checkpoint)(self.offset);
        }
        Ok(())
    }
}

impl<W: WriteBlocks> Target for ImageWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.append(bytes).map_err(|error| CallerError::from_io("write", &error))
    }
}

/// Where `present` has to be written over to become `wanted`, in whole blocks; blocks that follow each other as one.
fn differing_runs<'b>(wanted: &'b [u8], present: &'b [u8]) -> impl Iterator<Item = Range<usize>> + 'b {
    let blocks = wanted.len().div_ceil(BLOCK_BYTES);
    let range = |block: usize| block * BLOCK_BYTES..wanted.len().min((block + 1) * BLOCK_BYTES);
    let differs = move |block: usize| present.get(range(block)) != Some(&wanted[range(block)]);
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = (next..blocks).find(|&block| differs(block))?;
        next = (first..blocks).find(|&block| !differs(block)).unwrap_or(blocks);
        Some(range(first).start..range(next - 1).end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written_in_whole_blocks() {
        let present: Vec<u8> = vec![1; 5 * BLOCK_BYTES + 100];
        let runs = |wanted: &[u8], present: &[u8]| {
            differing_runs(wanted, present).map(|run| (run.start, run.end)).collect::<Vec<_>>()
        };
        assert_eq!(runs(&present, &present), []);
        let mut wanted = present.clone();
        wanted[0] = 2;
        wanted[2 * BLOCK_BYTES - 1] = 2;
        wanted[3 * BLOCK_BYTES] = 2;
        wanted[5 * BLOCK_BYTES + 99] = 2;
        let expected = [
            (0, 2 * BLOCK_BYTES),
            (3 * BLOCK_BYTES, 4 * BLOCK_BYTES),
            (5 * BLOCK_BYTES, 5 * BLOCK_BYTES + 100),
        ];
        assert_eq!(runs(&wanted, &present), expected);
        // Nothing, or less, could be read.
        assert_eq!(runs(&present, &[]), [(0, present.len())]);
        let short = &present[..4 * BLOCK_BYTES + 7];
        assert_eq!(runs(&present, short), [(4 * BLOCK_BYTES, present.len())]);
    }
}
