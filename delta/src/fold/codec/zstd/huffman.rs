//! Huffman tables for literals: their choice, description and use, as libzstd does it.

use super::bits_out::BitsOut;
use super::code::log2;
use super::distribution::{Distribution, table_log};
use super::fse::{Table, write_all};
use super::huffman_tree::{LEN_MAX, lengths};

/// The longest code of literals.
const LITERAL_LEN_MAX: usize = 11;
/// Logarithm of the table for the lengths of codes.
const WEIGHT_LOG: u32 = 6;
/// Descriptions are shorter than this.
pub(super) const DESCRIPTION_MAX: usize = 136;

/// Codes of bytes; those of length 0 have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes {
    lens: [u8; 256],
    values: [u16; 256],
    longest: usize,
}

/// Counts of bytes, and the largest byte.
pub(super) struct Counts {
    pub(super) counts: [u32; 256],
    pub(super) max: usize,
    pub(super) most: u32,
}

impl Counts {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut counts = [0; 256];
        for byte in bytes {
            counts[usize::from(*byte)] += 1;
        }
        let max = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let most = counts.iter().copied().max().unwrap_or(0);
        Self { counts, max, most }
    }
}

impl Codes {
    pub(super) const EMPTY: Codes = Codes { lens: [0; 256], values: [0; 256], longest: 0 };

    fn of(counts: &Counts, longest: usize) -> Self {
        let (lens, longest) = lengths(&counts.counts, counts.max, longest);
        let mut codes = Codes { lens, values: [0; 256], longest };
        let mut ranks = [0u16; LEN_MAX + 1];
        for len in lens {
            ranks[usize::from(len)] += 1;
        }
        let mut next = [0u16; LEN_MAX + 1];
        let mut least = 0;
        for len in (1..=longest).rev() {
            next[len] = least;
            least = (least + ranks[len]) >> 1;
        }
        for (value, len) in codes.values.iter_mut().zip(lens) {
            *value = next[usize::from(len)];
            next[usize::from(len)] += 1;
        }
        codes
    }

    /// The best codes for literals; with `thorough` by trying lengths.
    pub(super) fn best(counts: &Counts, total: usize, thorough: bool) -> Self {
        if !thorough {
            return Self::of(counts, table_log(LITERAL_LEN_MAX as u32, total, counts.max, 1) as usize);
        }
        let present = counts.counts.iter().filter(|count| **count > 0).count();
        let least = log2(present as u32) as usize + 1;
        let (mut best_size, mut best) = (usize::MAX - 1, LITERAL_LEN_MAX);
        for longest in least..=LITERAL_LEN_MAX {
            let codes = Self::of(counts, longest);
            if codes.longest < longest && longest > least {
                break;
            }
            let Some(len) = codes.write(counts.max, &mut [0; DESCRIPTION_MAX]) else { continue };
            let size = codes.estimate(counts) + len;
            if size > best_size + 1 {
                break;
            }
            if size < best_size {
                (best_size, best) = (size, longest);
            }
        }
        Self::of(counts, best)
    }

    /// Bytes that bytes with these counts take.
    pub(super) fn estimate(&self, counts: &Counts) -> usize {
        let bits =
            self.lens.iter().zip(&counts.counts).map(|(len, count)| usize::from(*len) * *count as usize);
        bits.take(counts.max + 1).sum::<usize>() >> 3
    }

    /// Whether each byte that occurs has a code.
    pub(super) fn has_all(&self, counts: &Counts) -> bool {
        self.lens.iter().zip(&counts.counts).all(|(len, count)| *count == 0 || *len > 0)
    }

    /// Writes the description; `None` when there is no form for it.
    pub(super) fn write(&self, max: usize, out: &mut [u8]) -> Option<usize> {
        let mut weights = [0u8; 256];
        for (weight, len) in weights.iter_mut().zip(&self.lens[..max]) {
            *weight = if *len == 0 { 0 } else { (self.longest + 1) as u8 - *len };
        }
        let (first, rest) = out.split_first_mut()?;
        if let Some(len) = write_weights(&weights[..max], rest).filter(|len| *len > 1 && *len < max / 2) {
            *first = len as u8;
            return Some(len + 1);
        }
        if max > 128 {
            return None;
        }
        *first = (127 + max) as u8;
        let len = max.div_ceil(2);
        for (byte, pair) in rest.get_mut(..len)?.iter_mut().zip(weights.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Some(len + 1)
    }

    /// Writes bytes as one stream.
    pub(super) fn put(&self, bytes: &[u8], out: &mut [u8]) -> Option<usize> {
        let mut bits = BitsOut::new(out);
        for byte in bytes.iter().rev() {
            let byte = usize::from(*byte);
            bits.add(self.values[byte].into(), self.lens[byte].into());
        }
        bits.finish_marked()
    }

    /// Writes bytes as four streams with a table of their lengths.
    pub(super) fn put_four(&self, bytes: &[u8], out: &mut [u8]) -> Option<usize> {
        if bytes.len() < 12 {
            return None;
        }
        let (jumps, rest) = out.split_at_mut_checked(6)?;
        let mut at = 0;
        for (index, part) in bytes.chunks(bytes.len().div_ceil(4)).enumerate() {
            let len = self.put(part, rest.get_mut(at..)?)?;
            let stored = u16::try_from(len).ok()?;
            if let Some(jump) = jumps.chunks_exact_mut(2).nth(index) {
                jump.copy_from_slice(&stored.to_le_bytes());
            }
            at += len;
        }
        Some(6 + at)
    }
}

/// Writes the weights of all but the last byte with FSE; `None` when that does not pay.
fn write_weights(weights: &[u8], out: &mut [u8]) -> Option<usize> {
    if weights.len() <= 1 {
        return None;
    }
    let counts = Counts::of(weights);
    if counts.most as usize == weights.len() || counts.most == 1 {
        return None;
    }
    let log = table_log(WEIGHT_LOG, weights.len(), counts.max, 2);
    let distribution = Distribution::of(&counts.counts, weights.len(), counts.max, log, false)?;
    let described = distribution.write(out)?;
    let written = write_all(weights, &Table::of(&distribution), out.get_mut(described..)?)?;
    Some(described + written)
}
