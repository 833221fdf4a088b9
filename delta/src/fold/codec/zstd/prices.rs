//! What literals and sequences cost, by the statistics of those before. Costs are in 1/256 bit.

use super::code::{
    LITERAL_BITS, LITERAL_MAX, MATCH_BITS, MATCH_MAX, OFFSET_MAX, literal_code, log2, match_code,
};
use super::sequences::Sequence;

/// A bit.
pub(super) const BIT: u32 = 256;
/// Up to this length nothing is known of a source.
const SHORT: usize = 8;
/// The longest block.
const BLOCK_MAX: usize = 128 << 10;

/// Statistics and the costs that follow.
pub(super) struct Prices {
    literals: [u32; 256],
    literal_lens: [u32; LITERAL_MAX + 1],
    match_lens: [u32; MATCH_MAX + 1],
    offsets: [u32; OFFSET_MAX + 1],
    /// Sums of these four, and what they weigh.
    sums: [u32; 4],
    bases: [u32; 4],
    /// Weighs in fractions of bits, not in whole ones.
    is_exact: bool,
    /// Has no statistics.
    is_fixed: bool,
}

/// Halves counts that are too many, each of which stays above zero.
fn scale(counts: &mut [u32], log: u32) -> u32 {
    let sum: u32 = counts.iter().sum();
    let factor = sum >> log;
    if factor <= 1 {
        return sum;
    }
    downscale(counts, log2(factor), |_| 1)
}

fn downscale(counts: &mut [u32], shift: u32, least: impl Fn(u32) -> u32) -> u32 {
    let mut sum = 0;
    for count in counts {
        *count = least(*count) + (*count >> shift);
        sum += *count;
    }
    sum
}

impl Prices {
    /// Before a source.
    pub(super) fn new(is_exact: bool) -> Self {
        Self {
            literals: [0; 256],
            literal_lens: [0; LITERAL_MAX + 1],
            match_lens: [0; MATCH_MAX + 1],
            offsets: [0; OFFSET_MAX + 1],
            sums: [0; 4],
            bases: [0; 4],
            is_exact,
            is_fixed: false,
        }
    }

    /// At the start of a pass over a source.
    pub(super) fn begin(&mut self, source: &[u8]) {
        self.is_fixed = false;
        if self.sums[1] == 0 {
            self.is_fixed = source.len() <= SHORT;
            self.literals = [0; 256];
            for byte in source {
                self.literals[usize::from(*byte)] += 1;
            }
            self.sums[0] = downscale(&mut self.literals, 8, |count| u32::from(count > 0));
            self.literal_lens = [1; LITERAL_MAX + 1];
            self.literal_lens[..2].copy_from_slice(&[4, 2]);
            self.match_lens = [1; MATCH_MAX + 1];
            self.offsets = [1; OFFSET_MAX + 1];
            self.offsets[..11].copy_from_slice(&[6, 2, 1, 1, 2, 3, 4, 4, 4, 3, 2]);
            self.sums[1] = self.literal_lens.iter().sum();
            self.sums[2] = self.match_lens.iter().sum();
            self.sums[3] = self.offsets.iter().sum();
        } else {
            self.sums = [
                scale(&mut self.literals, 12),
                scale(&mut self.literal_lens, 11),
                scale(&mut self.match_lens, 11),
                scale(&mut self.offsets, 11),
            ];
        }
        self.settle();
    }

    /// Makes statistics that have changed count.
    pub(super) fn settle(&mut self) {
        self.bases = self.sums.map(|sum| self.weight(sum));
    }

    fn weight(&self, count: u32) -> u32 {
        let count = count + 1;
        let log = log2(count);
        if self.is_exact { log * BIT + ((count << 8) >> log) } else { log * BIT }
    }

    pub(super) fn literal(&self, byte: u8) -> u32 {
        if self.is_fixed {
            return 6 * BIT;
        }
        let weight = self.weight(self.literals[usize::from(byte)]);
        self.bases[0] - weight.min(self.bases[0].saturating_sub(BIT))
    }

    pub(super) fn literal_len(&self, len: usize) -> u32 {
        if self.is_fixed {
            return self.weight(len as u32);
        }
        if len >= BLOCK_MAX {
            return BIT + self.literal_len(BLOCK_MAX - 1);
        }
        let code = literal_code(len);
        u32::from(LITERAL_BITS[code]) * BIT + self.bases[1] - self.weight(self.literal_lens[code])
    }

    /// An offset and a length, without literals.
    pub(super) fn matched(&self, offset: u32, len: usize) -> u32 {
        let offset_code = log2(offset);
        if self.is_fixed {
            return self.weight(len as u32 - 3) + (16 + offset_code) * BIT;
        }
        let code = match_code(len);
        let mut price = offset_code * BIT + self.bases[3] - self.weight(self.offsets[offset_code as usize]);
        if !self.is_exact && offset_code >= 20 {
            price += (offset_code - 19) * 2 * BIT;
        }
        price + u32::from(MATCH_BITS[code]) * BIT + self.bases[2] - self.weight(self.match_lens[code])
            + BIT / 5
    }

    /// Enters a sequence.
    pub(super) fn learn(&mut self, literals: &[u8], sequence: Sequence) {
        for byte in literals {
            self.literals[usize::from(*byte)] += 2;
        }
        self.literal_lens[literal_code(sequence.literals)] += 1;
        self.match_lens[match_code(sequence.len)] += 1;
        self.offsets[log2(sequence.offset) as usize] += 1;
        self.sums[0] += literals.len() as u32 * 2;
        self.sums[1] += 1;
        self.sums[2] += 1;
        self.sums[3] += 1;
    }
}
