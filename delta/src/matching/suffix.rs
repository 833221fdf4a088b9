//! Suffix array of one base, and the longest match in it.

use crate::error::Error;
use libsais::SuffixArrayConstruction;

/// Bytes of memory per byte of base while an index lives: the text itself, the array, and what libsais adds.
pub(crate) const MEMORY_PER_BYTE: u64 = 5;
/// Largest base of one index: positions are 32-bit.
pub(crate) const MAX_BASE: usize = 1 << 30;

/// All suffixes of a text in order, with the first two bytes looked up directly.
pub(crate) struct SuffixIndex<'t> {
    text: &'t [u8],
    order: Vec<i32>,
    /// Where in `order` the suffixes that begin with a byte pair end; empty for short texts.
    pairs: Vec<u32>,
}

/// A match: where in the text, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Match {
    pub at: usize,
    pub len: usize,
}

/// Texts below this are searched without the table of byte pairs.
const PAIRS_FROM: usize = 1 << 15;

impl<'t> SuffixIndex<'t> {
    /// Sorts the suffixes of `text`, at most [`MAX_BASE`] bytes.
    ///
    /// # Errors
    /// `Limit` when the text is too long or libsais cannot get its memory.
    pub(crate) fn new(text: &'t [u8]) -> Result<Self, Error> {
        let too_long =
            Error::Limit { what: "base of one unit", wanted: text.len() as u64, limit: MAX_BASE as u64 };
        if text.len() > MAX_BASE {
            return Err(too_long);
        }
        let order = SuffixArrayConstruction::for_text(text)
            .in_owned_buffer32()
            .single_threaded()
            .run()
            .map_err(|_| too_long)?
            .into_vec();
        let pairs = if text.len() < PAIRS_FROM { Vec::new() } else { pair_ends(text) };
        Ok(SuffixIndex { text, order, pairs })
    }

    /// The longest prefix of `wanted` that stands in the text; of several places the one that sorts last.
    pub(crate) fn longest_match(&self, wanted: &[u8]) -> Match {
        let (mut low, mut high) = (0, self.order.len());
        if let (false, &[first, second, ..]) = (self.pairs.is_empty(), wanted) {
            let pair = usize::from(u16::from_be_bytes([first, second]));
            let start = if pair == 0 { 0 } else { self.pairs[pair - 1] as usize };
            let end = self.pairs[pair] as usize;
            // Outside of a pair's own range a match is at most a byte long: of no use to anyone.
            if start == end {
                return Match::default();
            }
            (low, high) = (start, end);
        }
        if low == high {
            return Match::default();
        }
        // Both ends of the range and what they share with `wanted`: less is compared again at each step.
        high -= 1;
        let (mut low_len, mut high_len) = (self.common(low, wanted, 0), self.common(high, wanted, 0));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let len = self.common(middle, wanted, low_len.min(high_len));
            let suffix = &self.text[self.order[middle] as usize..];
            if suffix.get(len) < wanted.get(len) {
                (low, low_len) = (middle, len);
            } else {
                (high, high_len) = (middle, len);
            }
        }
        if high_len >= low_len {
            Match { at: self.order[high] as usize, len: high_len }
        } else {
            Match { at: self.order[low] as usize, len: low_len }
        }
    }

    fn common(&self, rank: usize, wanted: &[u8], known: usize) -> usize {
        let suffix = &self.text[self.order[rank] as usize..];
        known + common_prefix(&suffix[known.min(suffix.len())..], &wanted[known..])
    }
}

/// Where the suffixes of each byte pair end, in the order of the array.
fn pair_ends(text: &[u8]) -> Vec<u32> {
    let mut ends = vec![0_u32; 1 << 16];
    for pair in text.windows(2) {
        ends[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] += 1;
    }
    // The last suffix is one byte long and sorts before all pairs that begin with that byte.
    if let Some(&last) = text.last() {
        ends[usize::from(last) << 8] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    ends
}

/// How many bytes `a` and `b` have in common from the start.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let words = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    words + a[words..].iter().zip(&b[words..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place, tried: what the index has to equal in length.
    fn naive(text: &[u8], wanted: &[u8]) -> usize {
        (0..text.len()).map(|at| common_prefix(&text[at..], wanted)).max().unwrap_or(0)
    }

    fn noise(len: usize, letters: u8, mut state: u32) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 % letters
        })
        .take(len)
        .collect()
    }

    #[test]
    fn equals_the_naive_search() {
        for (len, letters) in [(0, 2), (1, 2), (500, 2), (3000, 4), (40_000, 3)] {
            let (text, wanted) = (noise(len, letters, 1), noise(300, letters, 2));
            let index = SuffixIndex::new(&text).unwrap();
            for from in 0..if len > 10_000 { 20 } else { wanted.len() } {
                let found = index.longest_match(&wanted[from..]);
                let best = naive(&text, &wanted[from..]);
                if best > 1 || index.pairs.is_empty() {
                    assert_eq!(found.len, best, "{len} {letters} {from}");
                }
                assert_eq!(common_prefix(&text[found.at..], &wanted[from..]).min(found.len), found.len);
            }
        }
    }

    #[test]
    fn common_starts() {
        assert_eq!(common_prefix(b"abcdefghijk", b"abcdefghiJk"), 9);
        assert_eq!(common_prefix(b"abc", b"abcd"), 3);
    }
}
