//! Adaptive probabilities in tables: a slot is 22 bits of probability and 10 bits of how often it was used.

use super::logistic::stretch;

const COUNT: u32 = (1 << 10) - 1;

/// 65536 / (n + 1.5): how far a slot that was used n times moves.
static RATES: [u32; 1024] = {
    let mut rates = [0; 1024];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = 131_072 / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

/// A slot that was never used: one half, no count.
pub(super) const EMPTY: u32 = 1 << 31;

/// The logarithm of odds that a slot predicts; nothing when it was never used.
pub(super) fn predict(slot: u32) -> i32 {
    stretch(slot >> 20)
}

/// The same prediction in plain probability, the stronger the more often the slot was used.
pub(super) fn confide(slot: u32) -> i32 {
    let count = (slot & COUNT).min(8) as i32;
    // At most 2^11 times 12.
    ((slot >> 20) as i32).wrapping_sub(2048).wrapping_mul(count.wrapping_add(4)) >> 4
}

/// Moves a slot towards `bit`; from `limit` uses on it moves by a constant part.
pub(super) fn update(slot: &mut u32, bit: u32, limit: u32) {
    let (probability, count) = (*slot >> 10, *slot & COUNT);
    // What is left between here and `bit`: upwards everything is turned round, so that there is no branch.
    let turn = 0_u32.wrapping_sub(bit) >> 10;
    let left = probability ^ turn;
    // Below 2^22 times below 2^16.
    let moved =
        left.wrapping_sub((u64::from(left).wrapping_mul(RATES[count as usize].into()) >> 16) as u32) ^ turn;
    *slot = moved << 10 | count.wrapping_add(u32::from(count < limit));
}

/// Slots in a line: a check value and the fifteen nodes of a tree of four bits.
pub(super) const LINE: usize = 16;

/// The line of `lines` for the context `hash`; it is cleared when another context had it.
pub(super) fn line(lines: &mut [u32], hash: u32) -> usize {
    let count = (lines.len() / LINE) as u32;
    // The upper bits choose the line, the lower ones are the check value.
    let at = ((u64::from(hash) * u64::from(count)) >> 32) as usize * LINE;
    let check = (hash & 0xffff) | 1 << 16;
    if lines[at] != check {
        lines[at..at + LINE].fill(EMPTY);
        lines[at] = check;
    }
    at
}

/// Mixes two numbers into a hash whose upper bits are good.
pub(super) fn hash(a: u32, b: u32) -> u32 {
    let mixed = (a ^ b.rotate_left(15).wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0xc2b2_ae35)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_learn_fast_first() {
        let mut slot = EMPTY;
        assert!(predict(slot).abs() < 8);
        update(&mut slot, 1, 255);
        assert!(predict(slot) > 250);
        for _ in 0..2000 {
            update(&mut slot, 0, 255);
        }
        assert!(predict(slot) < -1500 && slot & COUNT == 255);
        for _ in 0..100_000 {
            update(&mut slot, 1, 1023);
        }
        assert!(predict(slot) > 1900);
    }

    #[test]
    fn a_line_belongs_to_one_context() {
        let mut lines = vec![EMPTY; 64 * LINE];
        let at = line(&mut lines, 0xabcd_1234);
        lines[at + 5] = 7;
        assert_eq!((line(&mut lines, 0xabcd_1234), lines[at + 5]), (at, 7));
        assert_eq!((line(&mut lines, 0xabcd_1235), lines[at + 5]), (at, EMPTY));
    }
}
