//! FSE tables to write symbols with.

use super::bits_out::BitsOut;
use super::code::{SYMBOLS, log2};
use super::distribution::Distribution;

/// Places of the largest table of sequences.
pub(super) const PLACES: usize = 1 << 9;

/// A table to write with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    log: u32,
    max: usize,
    /// The next states, sorted by symbol.
    states: [u16; PLACES],
    /// For each symbol: in the upper half the most bits that it takes, less what makes a state take fewer.
    bits: [u32; SYMBOLS],
    /// For each symbol: where its states begin, less its share.
    starts: [i32; SYMBOLS],
}

impl Table {
    pub(super) const EMPTY: Table =
        Table { log: 0, max: 0, states: [0; PLACES], bits: [0; SYMBOLS], starts: [0; SYMBOLS] };

    /// For one symbol alone, which takes no bits.
    pub(super) fn of_one(symbol: usize) -> Self {
        Table { max: symbol, ..Table::EMPTY }
    }

    pub(super) fn of(distribution: &Distribution) -> Self {
        let &Distribution { ref shares, max, log } = distribution;
        let mut table = Table { log, max, ..Table::EMPTY };
        let mut places = [0; PLACES];
        distribution.spread(&mut places);
        let size = 1u32 << log;
        let mut next = [0u16; SYMBOLS];
        let mut total = 0i32;
        for (symbol, &share) in shares[..=max].iter().enumerate() {
            next[symbol] = total as u16;
            match share {
                0 => table.bits[symbol] = ((log + 1) << 16) - size,
                -1 | 1 => {
                    table.bits[symbol] = (log << 16) - size;
                    table.starts[symbol] = total - 1;
                    total += 1;
                }
                share => {
                    let most = log - log2(share as u32 - 1);
                    table.bits[symbol] = (most << 16) - ((share as u32) << most);
                    table.starts[symbol] = total - i32::from(share);
                    total += i32::from(share);
                }
            }
        }
        for (place, symbol) in places[..size as usize].iter().enumerate() {
            let next = &mut next[usize::from(*symbol)];
            if let Some(state) = table.states.get_mut(usize::from(*next)) {
                *state = (size as usize + place) as u16;
            }
            *next += 1;
        }
        table
    }

    /// Bits that symbols with these counts take, about; `None` when the table lacks one of them.
    pub(super) fn cost(&self, counts: &[u32], max: usize) -> Option<u64> {
        if self.max < max {
            return None;
        }
        let mut cost = 0;
        for (symbol, &count) in counts[..=max].iter().enumerate() {
            if count == 0 {
                continue;
            }
            let least = self.bits[symbol] >> 16;
            let from_threshold =
                ((least + 1) << 16).wrapping_sub(self.bits[symbol].wrapping_add(1 << self.log));
            let bits = ((least + 1) << 8).wrapping_sub((from_threshold << 8) >> self.log);
            if bits >= (self.log + 1) << 8 {
                return None;
            }
            cost += u64::from(count) * u64::from(bits);
        }
        Some(cost >> 8)
    }

    fn state(&self, value: u32, bits: u32, symbol: usize) -> u32 {
        let at = (value >> bits) as i32 + self.starts[symbol];
        u32::from(usize::try_from(at).ok().and_then(|at| self.states.get(at)).copied().unwrap_or(0))
    }
}

/// Where a writer is in a table.
pub(super) struct State<'t> {
    table: &'t Table,
    value: u32,
}

impl<'t> State<'t> {
    /// Begins with the symbol that is read last.
    pub(super) fn new(table: &'t Table, symbol: usize) -> Self {
        let bits = table.bits[symbol].wrapping_add(1 << 15) >> 16;
        let value = (bits << 16).wrapping_sub(table.bits[symbol]);
        Self { table, value: table.state(value, bits, symbol) }
    }

    pub(super) fn put(&mut self, symbol: usize, out: &mut BitsOut<'_>) {
        let bits = self.value.wrapping_add(self.table.bits[symbol]) >> 16;
        out.add(self.value, bits.min(16));
        self.value = self.table.state(self.value, bits.min(16), symbol);
    }

    /// Writes where it is, which a reader begins with.
    pub(super) fn finish(self, out: &mut BitsOut<'_>) {
        out.add(self.value, self.table.log);
    }
}

/// Writes symbols with two states in turn; returns the length, `None` when they do not fit or are two at most.
pub(super) fn write_all(symbols: &[u8], table: &Table, out: &mut [u8]) -> Option<usize> {
    if symbols.len() <= 2 {
        return None;
    }
    let mut bits = BitsOut::new(out);
    let mut rest = symbols.iter().rev().map(|symbol| usize::from(*symbol));
    // The states take turns so that the symbol at an even place is the first one's.
    let odd = symbols.len() % 2 == 1;
    let last = State::new(table, rest.next()?);
    let before = State::new(table, rest.next()?);
    let (mut first, mut second) = if odd { (last, before) } else { (before, last) };
    let mut is_first = odd;
    for symbol in rest {
        if is_first {
            first.put(symbol, &mut bits)
        } else {
            second.put(symbol, &mut bits)
        }
        is_first = !is_first;
    }
    second.finish(&mut bits);
    first.finish(&mut bits);
    bits.finish_marked()
}
