//! Writes what waits to the device: contents, then metadata, then the superblock. When a write fails, what was there
//! before is put back.

use std::ops::Range;

use super::overlay::{Change, Overlay};
use crate::block_device::{BlockDevice as _, WritableDevice};
use crate::error::Error;
use crate::ext4::superblock::SUPERBLOCK_OFFSET;

/// Length of one write at most.
const PIECE_LEN_MAX: usize = 1 << 20;

/// Bytes of the device as they were; none stands for zeros.
struct Before {
    offset: u64,
    len: usize,
    bytes: Option<Vec<u8>>,
}

struct Commit<'d> {
    device: &'d mut dyn WritableDevice,
    block_len: u64,
    /// How much of the contents' places is kept to be put back.
    memory_max_bytes: u64,
    before: Vec<Before>,
    written: Vec<Range<u64>>,
}

impl<'d> Overlay<'d> {
    /// Writes all changes, and returns where.
    pub(super) fn commit(self, memory_max_bytes: u64) -> Result<Vec<Range<u64>>, Error> {
        let Overlay { device, block_len, accepted, scratch, .. } = self;
        let superblock = SUPERBLOCK_OFFSET / block_len;
        let mut contents = Vec::new();
        let mut metadata = Vec::new();
        let mut last = Vec::new();
        for (block, change) in accepted {
            match change.is_content {
                true => contents.push((block, change)),
                false if block == superblock => last.push((block, change)),
                false => metadata.push((block, change)),
            }
        }
        let mut commit =
            Commit { device, block_len, memory_max_bytes, before: Vec::new(), written: Vec::new() };
        let write_all = || {
            for changes in [contents, metadata, last] {
                commit.write(&changes, |change, buffer| scratch.read(&change.held, 0, buffer))?;
            }
            if commit.written.is_empty() { Ok(()) } else { commit.device.flush() }
        };
        match write_all() {
            Ok(()) => Ok(joined(commit.written)),
            Err(error) => {
                commit.put_back();
                Err(error)
            }
        }
    }
}

impl Commit<'_> {
    /// Writes changes, sorted by block, in long pieces.
    fn write(
        &mut self,
        changes: &[(u64, Change)],
        read: impl Fn(&Change, &mut [u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let block_len = usize::try_from(self.block_len).unwrap_or(65536);
        let blocks_max = PIECE_LEN_MAX / block_len;
        let mut rest = changes;
        while let Some((first, change)) = rest.first() {
            let following = (*first..).zip(rest).take_while(|(expected, (block, _))| expected == block);
            let (piece, after) = rest.split_at(following.take(blocks_max).count());
            let mut new = vec![0; block_len * piece.len()];
            for ((_, change), block) in piece.iter().zip(new.chunks_exact_mut(block_len)) {
                read(change, block)?;
            }
            self.write_piece(first * self.block_len, &new, block_len, change.is_content)?;
            rest = after;
        }
        Ok(())
    }

    /// Writes those blocks of a piece that differ from what is there.
    fn write_piece(&mut self, offset: u64, new: &[u8], block_len: usize, content: bool) -> Result<(), Error> {
        let mut old = vec![0; new.len()];
        self.device.read_at(offset, &mut old)?;
        let mut at = 0;
        while at < new.len() {
            let differs = |at: usize| new[at..at + block_len] != old[at..at + block_len];
            let mut end = at;
            while end < new.len() && differs(end) {
                end += block_len;
            }
            if end > at {
                let place = offset + as_u64(at);
                self.keep(place, &old[at..end], content);
                self.device.write_at(place, &new[at..end])?;
                self.written.push(place..offset + as_u64(end));
            }
            at = end + block_len;
        }
        Ok(())
    }

    /// Keeps what will be written over. Of contents' places, which are free, only what the memory has room for.
    fn keep(&mut self, offset: u64, old: &[u8], content: bool) {
        let bytes = old.iter().any(|byte| *byte != 0).then(|| old.to_vec());
        if bytes.is_some() && content {
            let len = as_u64(old.len());
            if len > self.memory_max_bytes {
                return;
            }
            self.memory_max_bytes -= len;
        }
        self.before.push(Before { offset, len: old.len(), bytes });
    }

    fn put_back(&mut self) {
        while let Some(before) = self.before.pop() {
            let bytes = before.bytes.unwrap_or_else(|| vec![0; before.len]);
            // The device has failed once; what it does not take now is lost.
            let _ = self.device.write_at(before.offset, &bytes);
        }
        let _ = self.device.flush();
    }
}

/// The same ranges sorted, those that touch as one.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut all: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => all.push(range),
        }
    }
    all
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
