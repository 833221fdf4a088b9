//! Exact copies over the whole image: blocks of 4 KiB by their hash, in parallel.

use crate::error::Error;
use crate::reading::Reading;
use rayon::prelude::*;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Granularity of exact matching, in bytes: the block size of nearly every root file system.
pub(crate) const BLOCK: usize = 4096;
/// Blocks that one task compares; the same for any number of threads, so that the result is, too.
const BLOCKS_PER_TASK: usize = 1024;

/// Where a block of the new image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is all zero.
    Zero,
    /// It equals this block of the old image.
    Old(u32),
    /// Neither.
    Unknown,
}

/// Keys are hashes already.
#[derive(Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A fast hash of a block. Equality is always checked on the bytes.
fn hash(block: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [K, K << 1, K << 2, K << 3];
    for stripe in block.chunks_exact(32) {
        for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            let word = u64::from_le_bytes(std::array::from_fn(|i| word[i]));
            *lane = (*lane ^ word).wrapping_mul(K).rotate_left(29);
        }
    }
    let mixed = lanes.iter().fold(0, |h: u64, lane| (h.rotate_left(21) ^ lane).wrapping_mul(K));
    mixed ^ mixed >> 32
}

fn is_zero(block: &[u8]) -> bool {
    block.chunks_exact(16).all(|word| u128::from_ne_bytes(std::array::from_fn(|i| word[i])) == 0)
}

/// Where each whole block of `new` comes from. Runs of neighbours are kept together where blocks repeat.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn sources(old: &[u8], new: &[u8], reading: &Reading<'_>) -> Result<Vec<Source>, Error> {
    let whole = &old[..old.len() / BLOCK * BLOCK];
    let hashes = whole.par_chunks(BLOCKS_PER_TASK * BLOCK).map(|task| {
        reading.read(task.len() as u64)?;
        Ok(task.chunks_exact(BLOCK).map(hash).collect())
    });
    let hashes: Vec<u64> = hashes.collect::<Result<Vec<Vec<u64>>, Error>>()?.concat();
    let mut first: HashMap<u64, u32, BuildHasherDefault<Taken>> = HashMap::default();
    first.reserve(hashes.len());
    for (i, &hash) in hashes.iter().enumerate().take(u32::MAX as usize) {
        first.entry(hash).or_insert(i as u32);
    }
    drop(hashes);
    let block_of = |i: usize| old.get(i * BLOCK..(i + 1) * BLOCK);
    let mut out = vec![Source::Unknown; new.len() / BLOCK];
    out.par_chunks_mut(BLOCKS_PER_TASK).enumerate().try_for_each(|(task, out)| {
        reading.read((2 * out.len() * BLOCK) as u64)?;
        let mut previous: Option<u32> = None;
        for (i, source) in out.iter_mut().enumerate() {
            let at = task * BLOCKS_PER_TASK + i;
            let block = &new[at * BLOCK..(at + 1) * BLOCK];
            if is_zero(block) {
                *source = Source::Zero;
                previous = previous.map(|block| block.saturating_add(1));
                continue;
            }
            // Behind the last match, at the same place, or anywhere.
            let beside = previous.map(|block| block.saturating_add(1)).into_iter().chain(u32::try_from(at));
            let found = beside
                .chain(first.get(&hash(block)).copied())
                .find(|&candidate| block_of(candidate as usize) == Some(block));
            if let Some(found) = found {
                *source = Source::Old(found);
            }
            previous = found.or(previous.map(|block| block.saturating_add(1)));
        }
        Ok(())
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;

    fn sources(old: &[u8], new: &[u8]) -> Vec<Source> {
        super::sources(old, new, &Reading::of(&GenerateOptions::default())).unwrap()
    }

    fn image(ids: &[u8]) -> Vec<u8> {
        ids.iter()
            .flat_map(|&id| (0..BLOCK).map(move |i| if id == 0 { 0 } else { id ^ (i % 251) as u8 }))
            .collect()
    }

    #[test]
    fn moved_zero_and_new_blocks() {
        let (old, new) = (image(&[1, 2, 3, 4]), image(&[3, 4, 0, 9, 1]));
        let expected = [Source::Old(2), Source::Old(3), Source::Zero, Source::Unknown, Source::Old(0)];
        assert_eq!(sources(&old, &new), expected);
    }

    #[test]
    fn repeated_blocks_stay_in_their_run() {
        let old = image(&[7, 1, 7, 2]);
        let new = image(&[5, 7, 2, 7, 1]);
        let expected = [Source::Unknown, Source::Old(0), Source::Old(3), Source::Old(0), Source::Old(1)];
        assert_eq!(sources(&old, &new), expected);
    }

    #[test]
    fn a_partial_block_at_the_end_is_left_out() {
        assert_eq!(sources(b"abc", &image(&[1])[..5]), []);
        assert_eq!(sources(&[], &image(&[1])), [Source::Unknown]);
    }
}
