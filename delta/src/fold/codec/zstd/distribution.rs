//! Distributions of symbols for FSE: counts scaled to a table, and their description in bytes, as libzstd does both.

use super::bits_out::BitsOut;
use super::code::{SYMBOLS, log2};

/// Logarithms of the smallest and largest tables.
const LOG_MIN: u32 = 5;
const LOG_MAX: u32 = 12;
/// The symbol has not got its share yet.
const OPEN: i16 = -2;

/// Counts of symbols in a table; -1 is a symbol that is rarer than one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distribution {
    pub(super) shares: [i16; SYMBOLS],
    pub(super) max: usize,
    pub(super) log: u32,
}

/// Logarithm of the table for `total` symbols up to `max`: about one place for four symbols (`minus` 2) or two (1).
pub(super) fn table_log(most: u32, total: usize, max: usize, minus: u32) -> u32 {
    // With four symbols at most this is below zero, which libzstd takes for more than enough.
    let by_total = log2(total as u32 - 1).wrapping_sub(minus);
    let least = (log2(total as u32) + 1).min(log2(max as u32) + 2);
    most.min(by_total).max(least).clamp(LOG_MIN, LOG_MAX)
}

impl Distribution {
    /// One that both sides know.
    pub(super) fn known(shares: &[i16], log: u32) -> Self {
        let mut known = Distribution { shares: [0; SYMBOLS], max: shares.len() - 1, log };
        known.shares[..shares.len()].copy_from_slice(shares);
        known
    }

    /// Scales counts, whose sum is `total` and of which at least two are not zero.
    pub(super) fn of(counts: &[u32], total: usize, max: usize, log: u32, has_rare: bool) -> Option<Self> {
        const BEATS: [u64; 8] = [0, 473_195, 504_333, 520_860, 550_000, 700_000, 750_000, 830_000];
        let total = total as u64;
        let rare = if has_rare { -1 } else { 1 };
        let scale = 62 - log;
        let step = (1 << 62) / total;
        let threshold = total >> log;
        let mut scaled = Distribution { shares: [0; SYMBOLS], max, log };
        let mut left = 1i32 << log;
        let (mut largest, mut largest_share) = (0, 0);
        for (symbol, &count) in counts[..=max].iter().enumerate() {
            let count = u64::from(count);
            if count == total {
                return None;
            }
            if count == 0 {
                continue;
            }
            if count <= threshold {
                scaled.shares[symbol] = rare;
                left -= 1;
                continue;
            }
            let mut share = (count * step) >> scale;
            if share < 8 && count * step - (share << scale) > BEATS[share as usize] << (scale - 20) {
                share += 1;
            }
            let share = share as i16;
            if share > largest_share {
                (largest, largest_share) = (symbol, share);
            }
            scaled.shares[symbol] = share;
            left -= i32::from(share);
        }
        if -left >= i32::from(scaled.shares[largest] >> 1) {
            scaled.share_out(counts, total, rare)?;
        } else {
            scaled.shares[largest] += left as i16;
        }
        Some(scaled)
    }

    /// Scales counts where the simple way takes too much from the largest.
    fn share_out(&mut self, counts: &[u32], mut total: u64, rare: i16) -> Option<()> {
        let (max, log) = (self.max, self.log);
        let threshold = total >> log;
        let mut one = (total * 3) >> (log + 1);
        let mut given = 0;
        for (share, &count) in self.shares[..=max].iter_mut().zip(counts) {
            let count = u64::from(count);
            *share = match count {
                0 => 0,
                _ if count <= threshold => rare,
                _ if count <= one => 1,
                _ => OPEN,
            };
            if *share != OPEN && *share != 0 {
                given += 1;
                total -= count;
            }
        }
        let mut left = (1u64 << log) - given;
        if left == 0 {
            return Some(());
        }
        if total / left > one {
            one = total * 3 / (left * 2);
            for (share, &count) in self.shares[..=max].iter_mut().zip(counts) {
                if *share == OPEN && u64::from(count) <= one {
                    *share = 1;
                    given += 1;
                    total -= u64::from(count);
                }
            }
            left = (1 << log) - given;
        }
        if given == max as u64 + 1 {
            let most = counts[..=max].iter().max()?;
            let at = counts.iter().position(|count| count == most)?;
            self.shares[at] += left as i16;
            return Some(());
        }
        if total == 0 {
            let mut symbol = 0;
            self.shares[..=max].iter().find(|share| **share > 0)?;
            while left > 0 {
                if self.shares[symbol] > 0 {
                    self.shares[symbol] += 1;
                    left -= 1;
                }
                symbol = (symbol + 1) % (max + 1);
            }
            return Some(());
        }
        let scale = 62 - log;
        let middle = (1u64 << (scale - 1)) - 1;
        let step = ((left << scale) + middle) / total;
        let mut reached = middle;
        for (share, &count) in self.shares[..=max].iter_mut().zip(counts) {
            if *share == OPEN {
                let end = reached + u64::from(count) * step;
                let weight = (end >> scale) - (reached >> scale);
                if weight < 1 {
                    return None;
                }
                *share = weight as i16;
                reached = end;
            }
        }
        Some(())
    }

    /// Writes the description; returns its length, `None` when it does not fit.
    pub(super) fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut bits = BitsOut::new(out);
        bits.add(self.log - LOG_MIN, 4);
        let mut left = (1i32 << self.log) + 1;
        let mut threshold = 1i32 << self.log;
        let mut width = self.log + 1;
        let mut symbol = 0;
        let mut after_zero = false;
        while symbol <= self.max && left > 1 {
            if after_zero {
                let start = symbol;
                while symbol <= self.max && self.shares[symbol] == 0 {
                    symbol += 1;
                }
                if symbol > self.max {
                    break;
                }
                let mut zeros = symbol - start;
                while zeros >= 3 {
                    bits.add(3, 2);
                    zeros -= 3;
                }
                bits.add(zeros as u32, 2);
            }
            let share = i32::from(self.shares[symbol]);
            symbol += 1;
            let most = 2 * threshold - 1 - left;
            left -= share.abs();
            let value = share + 1;
            after_zero = value == 1;
            let written = if value >= threshold { value + most } else { value };
            bits.add(written as u32, width - u32::from(written < most));
            if left < 1 {
                return None;
            }
            while left < threshold {
                width -= 1;
                threshold >>= 1;
            }
        }
        if left != 1 {
            return None;
        }
        bits.finish()
    }

    /// Bits that symbols with these counts take, about.
    pub(super) fn cross_entropy(&self, counts: &[u32], max: usize) -> u64 {
        let cost = |symbol: usize| {
            let share = self.shares[symbol].unsigned_abs();
            u64::from(counts[symbol]) * u64::from(INVERSE_LOG[(usize::from(share) << (8 - self.log)) & 255])
        };
        (0..=max).map(cost).sum::<u64>() >> 8
    }

    /// Which symbol each place of the table has.
    pub(super) fn spread(&self, places: &mut [u8]) {
        let size = 1usize << self.log;
        let mut high = size;
        for (symbol, share) in self.shares[..=self.max].iter().enumerate() {
            if *share == -1 {
                high -= 1;
                places[high] = symbol as u8;
            }
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut at = 0;
        for (symbol, share) in self.shares[..=self.max].iter().enumerate() {
            for _ in 0..(*share).max(0) {
                places[at] = symbol as u8;
                loop {
                    at = (at + step) & (size - 1);
                    if at < high {
                        break;
                    }
                }
            }
        }
    }
}

/// Bits that symbols with these counts take at least, about.
pub(super) fn entropy(counts: &[u32], max: usize, total: usize) -> u64 {
    let cost = |&count: &u32| {
        let share = (u64::from(count) * 256 / total as u64).max(u64::from(count > 0));
        u64::from(count) * u64::from(INVERSE_LOG[(share & 255) as usize])
    };
    counts[..=max].iter().map(cost).sum::<u64>() >> 8
}

/// `256 log2(256 / n)`, rounded down.
const INVERSE_LOG: [u16; 256] = inverse_log();

const fn inverse_log() -> [u16; 256] {
    let mut table = [0; 256];
    let mut n = 1u64;
    while n < 256 {
        let whole = n.ilog2();
        // The fraction of the logarithm, bit by bit: squaring doubles it.
        let mut mantissa = n << (32 - whole);
        let (mut fraction, mut bit) = (0, 0);
        while bit < 8 {
            mantissa = ((mantissa as u128 * mantissa as u128) >> 32) as u64;
            fraction <<= 1;
            if mantissa >= 1 << 33 {
                mantissa >>= 1;
                fraction |= 1;
            }
            bit += 1;
        }
        let log = whole as u64 * 256 + fraction;
        table[n as usize] = (2048 - log - if n.is_power_of_two() { 0 } else { 1 }) as u16;
        n += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_rounded_down() {
        for (n, log) in [
            (1, 2048),
            (2, 1792),
            (3, 1642),
            (5, 1453),
            (7, 1329),
            (100, 347),
            (128, 256),
            (200, 91),
            (255, 1),
        ] {
            assert_eq!(INVERSE_LOG[n], log, "{n}");
        }
    }
}
