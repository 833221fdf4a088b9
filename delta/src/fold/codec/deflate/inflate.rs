//! Unpacks a deflate stream into one buffer, which is also its window.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use super::bits_in::BitsIn;
use super::tables::{
    CODE_LENGTH_ORDER, CODE_LENGTHS, DISTANCES, DISTANCES_OF, END_OF_BLOCK, FIXED_DISTANCE_LENGTHS,
    FIXED_LENGTHS, FIXED_LITERALS_AND_LENGTHS, LENGTHS, LITERALS_AND_LENGTHS, MAX_BITS, WINDOW,
};
use crate::fold::codec::CodecError;

/// Codes up to this length are looked up at once.
const QUICK_BITS: u32 = 10;
/// Entries of the two tables for quick look-up, and the symbols of both codes.
const HALF_WORDS: usize = (2 << QUICK_BITS) + FIXED_LITERALS_AND_LENGTHS + 32;
/// Words of scratch.
pub(super) const SCRATCH: u32 = HALF_WORDS as u32 / 2;

/// What unpacking came to, in bytes.
pub(super) struct Inflated {
    /// Of the stream, the last one perhaps in part.
    pub(super) used: usize,
    /// Of the plain content.
    pub(super) written: usize,
}

/// Unpacks the stream at the front of `packed` into the front of `plain`.
pub(super) fn inflate(packed: &[u8], plain: &mut [u8], scratch: &mut [u32]) -> Result<Inflated, CodecError> {
    let scratch = scratch.get_mut(..SCRATCH as usize).ok_or(CodecError::Scratch)?;
    let (mut codes, mut bits, mut written) = (Codes::new(scratch), BitsIn::new(packed), 0);
    loop {
        let is_last = bits.read(1) == 1;
        match bits.take(2) {
            0 => {
                let lens = bits.bytes(4)?;
                let len = u16::from_le_bytes([lens[0], lens[1]]);
                if len != !u16::from_le_bytes([lens[2], lens[3]]) {
                    return Err(CodecError::Damaged);
                }
                let stored = bits.bytes(len.into())?;
                let out = plain.get_mut(written..written + stored.len()).ok_or(CodecError::Room)?;
                out.copy_from_slice(stored);
                written += stored.len();
            }
            1 => {
                codes.literals.build(&FIXED_LENGTHS)?;
                codes.distances.build(&FIXED_DISTANCE_LENGTHS)?;
                codes.block(&mut bits, plain, &mut written)?;
            }
            2 => {
                codes.read(&mut bits)?;
                codes.block(&mut bits, plain, &mut written)?;
            }
            _ => return Err(CodecError::Damaged),
        }
        bits.check()?;
        if is_last {
            return Ok(Inflated { used: bits.used(), written });
        }
    }
}

/// A prefix code.
struct Code<'s> {
    /// By the next bits: symbol times 16 plus length; 0 where the code is longer.
    quick: &'s mut [u16],
    /// All symbols that have a code, in its order.
    symbols: &'s mut [u16],
    /// For each length: the code behind its last one, as the upper of [`MAX_BITS`] bits.
    limits: [u32; MAX_BITS as usize + 1],
    /// For each length: what to add to a code of that length to get the place of its symbol.
    places: [i32; MAX_BITS as usize + 1],
}

impl<'s> Code<'s> {
    fn new(quick: &'s mut [u16], symbols: &'s mut [u16]) -> Self {
        Code { quick, symbols, limits: [0; 16], places: [0; 16] }
    }

    /// Takes the code with these lengths. It may be incomplete, as that of a single distance is.
    fn build(&mut self, lengths: &[u8]) -> Result<(), CodecError> {
        let mut counts = [0_u16; 16];
        lengths.iter().for_each(|&length| counts[usize::from(length & 15)] += 1);
        let mut next_place = [0_u16; 16];
        let (mut code, mut place) = (0_u32, 0_u16);
        for length in 1..=MAX_BITS as usize {
            code <<= 1;
            next_place[length] = place;
            self.places[length] = i32::from(place) - code as i32;
            code += u32::from(counts[length]);
            place += counts[length];
            if code > 1 << length {
                return Err(CodecError::Damaged);
            }
            self.limits[length] = code << (MAX_BITS as usize - length);
        }
        self.quick.fill(0);
        for (symbol, &length) in (0..).zip(lengths) {
            if length == 0 {
                continue;
            }
            let place = &mut next_place[usize::from(length)];
            self.symbols[usize::from(*place)] = symbol;
            let code = i32::from(*place) - self.places[usize::from(length)];
            *place += 1;
            if u32::from(length) <= QUICK_BITS {
                let first = (code as u32).reverse_bits() >> (32 - u32::from(length));
                for entry in self.quick[first as usize..].iter_mut().step_by(1 << length) {
                    *entry = symbol << 4 | u16::from(length);
                }
            }
        }
        Ok(())
    }

    /// The next symbol of `bits`, of which 15 are ready.
    fn symbol(&self, bits: &mut BitsIn<'_>) -> Result<u16, CodecError> {
        let next = bits.peek();
        let entry = self.quick[next as usize & ((1 << QUICK_BITS) - 1)];
        if entry != 0 {
            bits.drop(u32::from(entry & 15));
            return Ok(entry >> 4);
        }
        let code = next.reverse_bits() >> (32 - MAX_BITS);
        let length = (QUICK_BITS + 1..=MAX_BITS).find(|&length| code < self.limits[length as usize]);
        let length = length.ok_or(CodecError::Damaged)?;
        bits.drop(length);
        let place = self.places[length as usize] + (code >> (MAX_BITS - length)) as i32;
        // Right for every code below the limit; a code below that of a shorter one is none of this length.
        usize::try_from(place)
            .ok()
            .and_then(|place| self.symbols.get(place))
            .copied()
            .ok_or(CodecError::Damaged)
    }
}

/// The two codes of a block.
struct Codes<'s> {
    literals: Code<'s>,
    distances: Code<'s>,
}

impl<'s> Codes<'s> {
    fn new(scratch: &'s mut [u32]) -> Self {
        let half_words: &mut [u16] = bytemuck::cast_slice_mut(scratch);
        let (quick_literals, rest) = half_words.split_at_mut(1 << QUICK_BITS);
        let (quick_distances, rest) = rest.split_at_mut(1 << QUICK_BITS);
        let (literals, distances) = rest.split_at_mut(FIXED_LITERALS_AND_LENGTHS);
        Codes {
            literals: Code::new(quick_literals, literals),
            distances: Code::new(quick_distances, distances),
        }
    }

    /// Reads the codes of a dynamic block.
    fn read(&mut self, bits: &mut BitsIn<'_>) -> Result<(), CodecError> {
        let literals = 257 + bits.read(5) as usize;
        let distances = 1 + bits.take(5) as usize;
        let there = 4 + bits.take(4) as usize;
        if literals > LITERALS_AND_LENGTHS || distances > DISTANCES {
            return Err(CodecError::Damaged);
        }
        let mut lengths = [0; LITERALS_AND_LENGTHS + DISTANCES];
        for &symbol in &CODE_LENGTH_ORDER[..there] {
            lengths[usize::from(symbol)] = bits.read(3) as u8;
        }
        self.literals.build(&lengths[..CODE_LENGTHS])?;
        lengths.fill(0);
        let (lengths, mut at) = (&mut lengths[..literals + distances], 0);
        while at < lengths.len() {
            bits.refill();
            let (value, times) = match self.literals.symbol(bits)? {
                16 if at == 0 => return Err(CodecError::Damaged),
                16 => (lengths[at - 1], 3 + bits.take(2) as usize),
                17 => (0, 3 + bits.take(3) as usize),
                18 => (0, 11 + bits.take(7) as usize),
                length => (length as u8, 1),
            };
            lengths.get_mut(at..at + times).ok_or(CodecError::Damaged)?.fill(value);
            at += times;
        }
        bits.check()?;
        let (literals, distances) = lengths.split_at(literals);
        self.literals.build(literals)?;
        self.distances.build(distances)
    }

    /// Unpacks a block up to its end.
    fn block(&self, bits: &mut BitsIn<'_>, plain: &mut [u8], written: &mut usize) -> Result<(), CodecError> {
        let mut at = *written;
        loop {
            bits.refill();
            let symbol = self.literals.symbol(bits)?;
            if let Ok(literal) = u8::try_from(symbol) {
                *plain.get_mut(at).ok_or(CodecError::Room)? = literal;
                at += 1;
                continue;
            }
            if symbol == END_OF_BLOCK {
                *written = at;
                return Ok(());
            }
            let length = LENGTHS.get(usize::from(symbol - END_OF_BLOCK - 1)).ok_or(CodecError::Damaged)?;
            let length = usize::from(length.least) + bits.take(length.bits.into()) as usize;
            let symbol = self.distances.symbol(bits)?;
            let distance = DISTANCES_OF.get(usize::from(symbol)).ok_or(CodecError::Damaged)?;
            let distance = usize::from(distance.least) + bits.take(distance.bits.into()) as usize;
            if distance > at.min(WINDOW) {
                return Err(CodecError::Damaged);
            }
            if at + length > plain.len() {
                return Err(CodecError::Room);
            }
            if distance >= length {
                plain.copy_within(at - distance..at - distance + length, at);
            } else {
                for to in at..at + length {
                    plain[to] = plain[to - distance];
                }
            }
            at += length;
        }
    }
}
