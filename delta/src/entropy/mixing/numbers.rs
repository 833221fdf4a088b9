//! Numbers of operations: how many bits a number has, then the bits, the upper ones predicted.

use super::coder::BitCoder;
use super::logistic::squash;
use super::slots::{predict, update};

/// Bits behind the leading one that are predicted; the rest cost what they cost.
const PREDICTED: u32 = 3;
/// Nodes for the bit count (a tree of 7 bits) and for the predicted bits of each count.
const NODES: usize = 128 + 65 * (1 << PREDICTED);
const LIMIT: u32 = 60;

/// Slots that the numbers of `contexts` contexts take.
pub(super) const fn slots(contexts: usize) -> usize {
    contexts * NODES
}

fn adaptive<C: BitCoder>(coder: &mut C, slot: &mut u32, bit: u32) -> u32 {
    let bit = coder.code(bit, squash(predict(*slot)));
    update(slot, bit, LIMIT);
    bit
}

/// Codes `value` in `context`.
pub(super) fn code<C: BitCoder>(coder: &mut C, slots: &mut [u32], context: usize, value: u64) -> u64 {
    let slots = &mut slots[context * NODES..(context + 1) * NODES];
    let bits = 64 - value.leading_zeros();
    let mut node = 1;
    for shift in (0..7).rev() {
        node = node << 1 | adaptive(coder, &mut slots[node as usize], bits >> shift & 1);
    }
    // A damaged stream may say up to 127.
    let bits = (node - 128).min(64);
    if bits < 2 {
        return bits.into();
    }
    let mut decoded = 1_u64;
    let mut node = 1;
    for (i, shift) in (0..bits - 1).rev().enumerate() {
        let bit = (value >> shift & 1) as u32;
        let bit = if i < PREDICTED as usize {
            let slot = &mut slots[128 + bits as usize * (1 << PREDICTED) + node];
            let bit = adaptive(coder, slot, bit);
            node = node << 1 | bit as usize;
            bit
        } else {
            coder.code(bit, 1 << 15)
        };
        decoded = decoded << 1 | u64::from(bit);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::super::coder::{Decoder, Encoder};
    use super::super::slots::EMPTY;
    use super::*;

    #[test]
    fn numbers_come_back() {
        let values: Vec<u64> = (0..64).flat_map(|i| [0, 1, 5, 1 << i, (1 << i) - 1, u64::MAX >> i]).collect();
        let mut table = vec![EMPTY; slots(2)];
        let mut encoder = Encoder::default();
        for (i, &value) in values.iter().enumerate() {
            code(&mut encoder, &mut table, i & 1, value);
        }
        let bytes = encoder.finish();
        table.fill(EMPTY);
        let mut decoder = Decoder::new(&bytes);
        for (i, &value) in values.iter().enumerate() {
            assert_eq!(code(&mut decoder, &mut table, i & 1, 0), value);
        }
        assert!(decoder.is_at_end());
    }
}
