//! Content sketch of an image: where pieces like a given one stand, without knowing any file system.
//!
//! Positions are chosen by their content (a rolling hash of 32 bytes with a fixed number of leading zero bits), so
//! that equal content is sampled equally wherever it stands.

use crate::error::Error;
use crate::reading::Reading;
use rayon::prelude::*;

/// Bytes that decide whether a position is sampled, and that its fingerprint covers.
const WIDTH: usize = 32;
/// Bytes that one task samples.
const TASK: usize = 1 << 20;
/// Most entries of a sketch (8 bytes each): larger images are sampled more thinly.
const MAX_ENTRIES: usize = 1 << 22;
/// Fingerprints that stand in more places than this say nothing.
const MAX_PLACES: usize = 8;
/// Granularity of the answer, in bytes.
const BUCKET: usize = 1 << 16;

/// A range of bytes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    /// Offset of the first byte.
    pub at: usize,
    /// Bytes.
    pub len: usize,
}

impl Range {
    /// Offset behind the last byte.
    pub(crate) fn end(&self) -> usize {
        self.at + self.len
    }
}

/// Sampled fingerprints of an image, sorted.
pub(crate) struct Sketch {
    /// Fingerprint, and bucket that it stands in.
    entries: Vec<(u32, u32)>,
    shift: u32,
    image_len: usize,
}

/// Random-looking numbers, one a byte value, by the finalizer of SplitMix64.
const GEAR: [u32; 256] = {
    let mut gear = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut z = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        gear[i] = (z >> 32) as u32;
        i += 1;
    }
    gear
};

/// Calls `found` with the end and the fingerprint of each sampled position of `bytes`.
fn sample(bytes: &[u8], shift: u32, mut found: impl FnMut(usize, u32)) {
    let mut rolling = 0_u32;
    for (i, &byte) in bytes.iter().enumerate() {
        rolling = (rolling << 1).wrapping_add(GEAR[usize::from(byte)]);
        if rolling >> shift == 0 && i + 1 >= WIDTH {
            let window = &bytes[i + 1 - WIDTH..=i];
            let fingerprint = window.chunks_exact(8).fold(0_u64, |h, word| {
                let word = u64::from_le_bytes(std::array::from_fn(|i| word[i]));
                (h.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            });
            found(i + 1, (fingerprint >> 32) as u32);
        }
    }
}

impl Sketch {
    /// Samples `image`, about one position in 64, fewer in images over 256 MiB.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn of(image: &[u8], reading: &Reading<'_>) -> Result<Self, Error> {
        let bits = (image.len() / MAX_ENTRIES).max(64).next_power_of_two().ilog2();
        let shift = 32 - bits;
        let tasks = image.len().div_ceil(TASK);
        let sampled: Vec<Vec<(u32, u32)>> = (0..tasks)
            .into_par_iter()
            .map(|task| {
                let start = (task * TASK).saturating_sub(WIDTH - 1);
                let end = ((task + 1) * TASK).min(image.len());
                let mut entries = Vec::new();
                sample(&image[start..end], shift, |at, fingerprint| {
                    entries.push((fingerprint, ((start + at - 1) / BUCKET) as u32));
                });
                reading.read((end - start) as u64)?;
                Ok(entries)
            })
            .collect::<Result<_, Error>>()?;
        let mut entries = sampled.concat();
        entries.par_sort_unstable();
        entries.dedup();
        Ok(Sketch { entries, shift, image_len: image.len() })
    }

    /// Ranges of the image that have content in common with `piece`, together at most about `budget` bytes; the most
    /// alike are preferred, the answer is in order of offset.
    pub(crate) fn similar(&self, piece: &[u8], budget: usize) -> Vec<Range> {
        let mut votes: Vec<u32> = Vec::new();
        sample(piece, self.shift, |_, fingerprint| {
            let start = self.entries.partition_point(|entry| entry.0 < fingerprint);
            let places = self.entries[start..].iter().take_while(|entry| entry.0 == fingerprint);
            if places.clone().nth(MAX_PLACES).is_none() {
                votes.extend(places.map(|entry| entry.1));
            }
        });
        votes.sort_unstable();
        let mut buckets: Vec<(usize, u32)> =
            votes.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
        buckets.sort_unstable_by_key(|&(votes, bucket)| (std::cmp::Reverse(votes), bucket));
        buckets.truncate(budget / BUCKET);
        let mut chosen: Vec<u32> = buckets.into_iter().map(|(_, bucket)| bucket).collect();
        chosen.sort_unstable();
        let mut ranges: Vec<Range> = Vec::new();
        for bucket in chosen {
            // Half a bucket more on both sides: content does not end where buckets do.
            let at = (bucket as usize * BUCKET).saturating_sub(BUCKET / 2);
            let end = ((bucket as usize + 1) * BUCKET + BUCKET / 2).min(self.image_len);
            match ranges.last_mut() {
                Some(last) if last.end() >= at => last.len = end - last.at,
                _ => ranges.push(Range { at, len: end - at }),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;

    fn sketch(image: &[u8]) -> Sketch {
        Sketch::of(image, &Reading::of(&GenerateOptions::default())).unwrap()
    }

    fn noise(len: usize, mut state: u64) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn finds_a_moved_and_edited_piece() {
        let image = noise(3 << 20, 1);
        let mut piece = image[1_700_123..1_780_123].to_vec();
        for at in (0..piece.len()).step_by(401) {
            piece[at] ^= 1;
        }
        let ranges = sketch(&image).similar(&piece, 1 << 20);
        assert!(ranges.iter().any(|r| r.at <= 1_700_123 && r.end() >= 1_780_123), "{ranges:?}");
        assert!(ranges.iter().map(|r| r.len).sum::<usize>() < 1 << 20);
    }

    #[test]
    fn nothing_is_like_noise() {
        assert!(sketch(&noise(1 << 20, 1)).similar(&noise(1 << 18, 2), 1 << 20).is_empty());
        assert!(sketch(&[]).similar(&noise(1 << 12, 2), 1 << 20).is_empty());
    }

    #[test]
    fn tasks_meet_without_a_gap() {
        let image = noise(TASK * 2 + 777, 5);
        let mut whole = Vec::new();
        sample(&image, 26, |at, fingerprint| whole.push((fingerprint, ((at - 1) / BUCKET) as u32)));
        whole.sort_unstable();
        whole.dedup();
        assert_eq!(sketch(&image).entries, whole);
    }
}
