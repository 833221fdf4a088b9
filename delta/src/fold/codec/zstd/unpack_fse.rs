//! FSE tables to read symbols with, and their descriptions.

use super::bits_in::BitsIn;
use super::code::{SYMBOLS, log2};
use super::distribution::Distribution;
use super::fse::PLACES;

/// Where a state leads.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    symbol: u8,
    bits: u8,
    base: u16,
}

/// A table to read with.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    log: u32,
    places: [Place; PLACES],
}

impl Reader {
    pub(super) const EMPTY: Reader =
        Reader { log: 0, places: [Place { symbol: 0, bits: 0, base: 0 }; PLACES] };

    pub(super) fn of_one(symbol: u8) -> Self {
        let mut reader = Self::EMPTY;
        reader.places[0].symbol = symbol;
        reader
    }

    pub(super) fn of(distribution: &Distribution) -> Self {
        let log = distribution.log;
        let mut symbols = [0; PLACES];
        distribution.spread(&mut symbols);
        let mut next = [0u32; SYMBOLS];
        for (next, share) in next.iter_mut().zip(&distribution.shares[..=distribution.max]) {
            *next = u32::from(share.unsigned_abs());
        }
        let mut reader = Reader { log, ..Self::EMPTY };
        for (place, symbol) in reader.places.iter_mut().zip(symbols).take(1 << log) {
            let state = &mut next[usize::from(symbol)];
            let bits = log - log2(*state);
            *place = Place { symbol, bits: bits as u8, base: ((*state << bits) - (1 << log)) as u16 };
            *state += 1;
        }
        reader
    }

    /// The first state.
    pub(super) fn start(&self, bits: &mut BitsIn<'_>) -> usize {
        bits.take(self.log) as usize
    }

    pub(super) fn symbol(&self, state: usize) -> usize {
        self.places[state % PLACES].symbol.into()
    }

    pub(super) fn next(&self, state: usize, bits: &mut BitsIn<'_>) -> usize {
        let place = self.places[state % PLACES];
        usize::from(place.base) + bits.take(place.bits.into()) as usize
    }
}

/// Reads a description; with its length. `None` when it is damaged or says more than the bounds.
pub(super) fn read(bytes: &[u8], log_max: u32, symbol_max: usize) -> Option<(Distribution, usize)> {
    let mut at = 0usize;
    let peek = |at: usize, count: u32| {
        let mut word = [0; 4];
        let rest = bytes.get(at / 8..).unwrap_or_default();
        let len = rest.len().min(4);
        word[..len].copy_from_slice(&rest[..len]);
        u32::from_le_bytes(word) >> (at % 8) & ((1 << count) - 1)
    };
    let log = peek(at, 4) + 5;
    at += 4;
    if log > log_max {
        return None;
    }
    let mut found = Distribution { shares: [0; SYMBOLS], max: 0, log };
    let (mut left, mut threshold, mut width) = ((1i32 << log) + 1, 1i32 << log, log + 1);
    let mut symbol = 0;
    while left > 1 {
        if symbol > symbol_max {
            return None;
        }
        let most = 2 * threshold - 1 - left;
        let bits = peek(at, width) as i32;
        let low = bits & (threshold - 1);
        let value = if low < most {
            at += width as usize - 1;
            low
        } else {
            at += width as usize;
            if bits >= threshold { bits - most } else { bits }
        };
        let share = value - 1;
        left -= share.abs();
        found.shares[symbol] = share as i16;
        found.max = symbol;
        symbol += 1;
        if share == 0 {
            loop {
                let zeros = peek(at, 2);
                at += 2;
                symbol += zeros as usize;
                if zeros < 3 {
                    break;
                }
                if symbol > symbol_max {
                    return None;
                }
            }
        }
        while left < threshold && threshold > 1 {
            width -= 1;
            threshold >>= 1;
        }
    }
    let used = at.div_ceil(8);
    (left == 1 && used <= bytes.len()).then_some((found, used))
}
