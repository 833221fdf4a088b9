//! Symbols of a block, collected, then written in the cheapest of the three forms that a block can have.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use super::bits_out::BitsOut;
use super::code::Code;
use super::tables::{
    CODE_LENGTH_ORDER, CODE_LENGTHS, DISTANCES, END_OF_BLOCK, FIXED_DISTANCE_LENGTHS, FIXED_LENGTHS,
    LITERALS_AND_LENGTHS, MAX_BITS, Split, split_distance, split_length,
};

/// Longest code of the code for code lengths.
const MAX_CODE_LENGTH_BITS: u32 = 7;

/// The symbols of one block. A literal is its byte; a match is its distance above its length, less the shortest one.
pub(super) struct Block<'s> {
    symbols: &'s mut [u32],
    pub(super) len: usize,
    /// Matches among the symbols.
    pub(super) matches: usize,
    literals: [u32; LITERALS_AND_LENGTHS],
    pub(super) distances: [u32; DISTANCES],
}

impl<'s> Block<'s> {
    /// A block of at most as many symbols.
    pub(super) fn new(symbols: &'s mut [u32]) -> Self {
        let mut block = Block {
            symbols,
            len: 0,
            matches: 0,
            literals: [0; LITERALS_AND_LENGTHS],
            distances: [0; DISTANCES],
        };
        block.clear();
        block
    }

    fn clear(&mut self) {
        (self.len, self.matches) = (0, 0);
        self.literals.fill(0);
        self.distances.fill(0);
        self.literals[usize::from(END_OF_BLOCK)] = 1;
    }

    /// Whether no symbol may follow.
    pub(super) fn is_full(&self) -> bool {
        self.len == self.symbols.len()
    }

    pub(super) fn literal(&mut self, byte: u8) {
        self.push(byte.into());
        self.literals[usize::from(byte)] += 1;
    }

    /// A match of 3 to 258 bytes, 1 to 32,768 bytes back.
    pub(super) fn copy(&mut self, distance: usize, len: usize) {
        let above_min = (len - 3) as u8;
        self.push((distance as u32) << 8 | u32::from(above_min));
        self.matches += 1;
        self.literals[usize::from(END_OF_BLOCK + 1 + split_length(above_min).symbol)] += 1;
        self.distances[usize::from(split_distance((distance - 1) as u16).symbol)] += 1;
    }

    fn push(&mut self, symbol: u32) {
        self.symbols[self.len] = symbol;
        self.len += 1;
    }

    /// Writes the block and is empty then. `stored` is its content, if the encoder still had all of it.
    pub(super) fn write(
        &mut self,
        stored: Option<&[u8]>,
        stored_len: usize,
        is_last: bool,
        out: &mut BitsOut<'_>,
    ) {
        let literals = Code::of(&self.literals, MAX_BITS);
        let distances = Code::of(&self.distances, MAX_BITS);
        let lengths = Lengths::of(&literals, &distances);
        let fixed = self.cost(&FIXED_LENGTHS, &FIXED_DISTANCE_LENGTHS);
        let dynamic = self.cost(&literals.lengths, &distances.lengths) + lengths.cost();
        // Whole bytes, with the three bits of the block's kind.
        let bytes = |bits: u64| (bits + 3).div_ceil(8);
        let best = bytes(dynamic).min(bytes(fixed));
        let kind = |kind: u32| kind << 1 | u32::from(is_last);
        match stored {
            Some(content) if stored_len as u64 + 4 <= best => {
                out.put(kind(0), 3);
                let len = content.len() as u16;
                out.bytes(&[]);
                out.bytes(&len.to_le_bytes());
                out.bytes(&(!len).to_le_bytes());
                out.bytes(content);
            }
            _ if bytes(fixed) == best => {
                out.put(kind(1), 3);
                let literals = Code::with_lengths(&FIXED_LENGTHS);
                self.write_symbols(&literals, &Code::with_lengths(&FIXED_DISTANCE_LENGTHS), out);
            }
            _ => {
                out.put(kind(2), 3);
                lengths.write(&literals, &distances, out);
                self.write_symbols(&literals, &distances, out);
            }
        }
        self.clear();
    }

    /// Bits of all symbols with codes of these lengths.
    fn cost(&self, literals: &[u8], distances: &[u8]) -> u64 {
        let bits = |frequencies: &[u32], lengths: &[u8]| -> u64 {
            frequencies.iter().zip(lengths).map(|(&n, &length)| u64::from(n) * u64::from(length)).sum()
        };
        let extra: u64 = self.symbols[..self.len]
            .iter()
            .filter_map(|&symbol| Copy::of(symbol))
            .map(|copy| u64::from(copy.length.bits + copy.distance.bits))
            .sum();
        bits(&self.literals, literals) + bits(&self.distances, distances) + extra
    }

    fn write_symbols(&self, literals: &Code, distances: &Code, out: &mut BitsOut<'_>) {
        let put = |out: &mut BitsOut<'_>, (code, bits)| out.put(code, bits);
        for &symbol in &self.symbols[..self.len] {
            match Copy::of(symbol) {
                None => put(out, literals.code((symbol & 0xff) as u16)),
                Some(Copy { length, distance }) => {
                    put(out, literals.code(END_OF_BLOCK + 1 + length.symbol));
                    out.put(length.extra, length.bits);
                    put(out, distances.code(distance.symbol));
                    out.put(distance.extra, distance.bits);
                }
            }
        }
        put(out, literals.code(END_OF_BLOCK));
    }
}

/// A match as it is written.
struct Copy {
    length: Split,
    distance: Split,
}

impl Copy {
    /// `None` for a literal.
    fn of(symbol: u32) -> Option<Copy> {
        let distance = ((symbol >> 8) as u16).checked_sub(1)?;
        Some(Copy { length: split_length((symbol & 0xff) as u8), distance: split_distance(distance) })
    }
}

/// The code lengths of both codes, run-length coded, and the code for that.
struct Lengths {
    /// Symbol, and what its extra bits say.
    runs: [(u8, u8); LITERALS_AND_LENGTHS + DISTANCES],
    len: usize,
    code: Code,
    /// How many lengths of the code itself are written.
    written: usize,
}

impl Lengths {
    fn of(literals: &Code, distances: &Code) -> Self {
        let (mut runs, mut len) = ([(0, 0); LITERALS_AND_LENGTHS + DISTANCES], 0);
        // A run never goes on from one code into the other.
        for code in [literals, distances] {
            for run in code.lengths[..code.used].chunk_by(|a, b| a == b) {
                len = push_run(run[0], run.len(), &mut runs, len);
            }
        }
        let mut frequencies = [0; CODE_LENGTHS];
        runs[..len].iter().for_each(|&(symbol, _)| frequencies[usize::from(symbol)] += 1);
        let code = Code::of(&frequencies, MAX_CODE_LENGTH_BITS);
        let last = CODE_LENGTH_ORDER.iter().rposition(|&symbol| code.lengths[usize::from(symbol)] > 0);
        Lengths { runs, len, code, written: last.map_or(4, |last| last + 1).max(4) }
    }

    fn cost(&self) -> u64 {
        let runs = self.runs[..self.len].iter();
        let bits: u32 = runs.map(|&(symbol, _)| self.code.code(symbol.into()).1 + extra_bits(symbol)).sum();
        u64::from(bits) + 5 + 5 + 4 + 3 * self.written as u64
    }

    fn write(&self, literals: &Code, distances: &Code, out: &mut BitsOut<'_>) {
        out.put((literals.used - 257) as u32, 5);
        out.put((distances.used - 1) as u32, 5);
        out.put((self.written - 4) as u32, 4);
        for &symbol in &CODE_LENGTH_ORDER[..self.written] {
            out.put(self.code.lengths[usize::from(symbol)].into(), 3);
        }
        for &(symbol, extra) in &self.runs[..self.len] {
            let (code, bits) = self.code.code(symbol.into());
            out.put(code, bits);
            out.put(extra.into(), extra_bits(symbol));
        }
    }
}

/// Extra bits of a symbol of the code for code lengths.
fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// Appends `times` equal code lengths: as few symbols as the greedy way needs.
fn push_run(value: u8, times: usize, runs: &mut [(u8, u8)], mut len: usize) -> usize {
    let mut push = |symbol, extra: usize| {
        runs[len] = (symbol, extra as u8);
        len += 1;
    };
    let mut left = times;
    if value > 0 {
        // Only what stands before it can be repeated.
        push(value, 0);
        left -= 1;
    }
    while left > 0 {
        let now = match (value, left) {
            (_, 1..3) => {
                push(value, 0);
                1
            }
            (0, 3..=10) => {
                push(17, left - 3);
                left
            }
            (0, _) => {
                let now = left.min(138);
                push(18, now - 11);
                now
            }
            _ => {
                let now = left.min(6);
                push(16, now - 3);
                now
            }
        };
        left -= now;
    }
    len
}
