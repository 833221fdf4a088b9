//! Whole bytes out of costs in small parts of a bit, so that the sum stays what it is.

use crate::entropy::spent::PER_BYTE;

/// Whole bytes.
pub(super) struct Shares {
    /// Of each cost.
    pub(super) of: Vec<u64>,
    /// Of what no cost stands for.
    pub(super) rest: u64,
}

/// Divides `total` bytes: each cost gets its whole bytes, and what is left of them goes one byte each to those of the
/// largest remainders, of equal ones the first.
pub(super) fn in_bytes(total: u64, costs: impl Iterator<Item = u64>) -> Shares {
    let costs: Vec<u64> = costs.collect();
    let known = costs.iter().fold(0, |sum: u64, cost| sum.saturating_add(*cost));
    let rest = total.saturating_mul(PER_BYTE).saturating_sub(known);
    // The rest stands first, so that it wins among equals.
    let all: Vec<u64> = std::iter::once(rest).chain(costs).collect();
    let mut bytes: Vec<u64> = all.iter().map(|cost| cost / PER_BYTE).collect();
    let given: u64 = bytes.iter().sum();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(all[index] % PER_BYTE));
    let left = usize::try_from(total.saturating_sub(given)).unwrap_or(usize::MAX);
    for &index in order.iter().take(left) {
        bytes[index] += 1;
    }
    let rest = bytes.remove(0);
    Shares { of: bytes, rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_is_added() {
        let costs = [0, 1, PER_BYTE, 3 * PER_BYTE + PER_BYTE / 2, PER_BYTE - 1, 7];
        for total in [6, 7, 100, 1 << 40] {
            let shares = in_bytes(total, costs.into_iter());
            assert_eq!(shares.of.iter().sum::<u64>() + shares.rest, total);
            assert!(shares.of.iter().zip(costs).all(|(bytes, cost)| bytes.abs_diff(cost / PER_BYTE) <= 1));
        }
        assert_eq!(in_bytes(132, std::iter::empty()).rest, 132);
    }
}
