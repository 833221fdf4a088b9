//! Huffman tables to read literals with.

use super::bits_in::BitsIn;
use super::code::log2;
use super::unpack_fse::{Reader, read};

/// The longest code of a literal.
const LEN_MAX: u32 = 11;
/// The largest weight of a code, and the logarithm of the table of weights.
const WEIGHT_MAX: usize = 12;
const WEIGHT_LOG: u32 = 6;

/// A table to read with: each entry is a byte, and below it the length of its code.
#[derive(Clone, Copy)]
pub(super) struct Decoder {
    log: u32,
    entries: [u16; 1 << LEN_MAX],
}

impl Decoder {
    pub(super) const EMPTY: Decoder = Decoder { log: 0, entries: [0; 1 << LEN_MAX] };

    pub(super) fn is_empty(&self) -> bool {
        self.log == 0
    }

    /// Reads a description; with its length.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, rest) = bytes.split_first()?;
        let mut weights = [0u8; 256];
        let (count, used) = if first < 128 {
            let described = rest.get(..usize::from(first))?;
            (read_weights(described, &mut weights)?, usize::from(first))
        } else {
            let count = usize::from(first) - 127;
            let packed = rest.get(..count.div_ceil(2))?;
            for (pair, byte) in weights.chunks_exact_mut(2).zip(packed) {
                pair.copy_from_slice(&[byte >> 4, byte & 15]);
            }
            weights[count..].fill(0);
            (count, packed.len())
        };
        Some((Self::of(&mut weights, count)?, used + 1))
    }

    /// The weights of all bytes but the last one that has one.
    fn of(weights: &mut [u8; 256], count: usize) -> Option<Self> {
        let mut sum = 0u32;
        for weight in &weights[..count] {
            if usize::from(*weight) > WEIGHT_MAX {
                return None;
            }
            sum += (1 << weight) >> 1;
        }
        let log = log2(sum) + 1;
        if sum == 0 || log > LEN_MAX {
            return None;
        }
        let left = (1 << log) - sum;
        if !left.is_power_of_two() {
            return None;
        }
        *weights.get_mut(count)? = log2(left) as u8 + 1;
        let mut decoder = Decoder { log, ..Self::EMPTY };
        let mut at = 0;
        for weight in 1..=log + 1 {
            for (symbol, _) in
                weights[..=count].iter().enumerate().filter(|(_, found)| u32::from(**found) == weight)
            {
                let entries = decoder.entries.get_mut(at..at + (1 << (weight - 1)))?;
                entries.fill((symbol as u16) << 8 | (log + 1 - weight) as u16);
                at += entries.len();
            }
        }
        (at == 1 << log).then_some(decoder)
    }

    /// Reads a stream that is as many bytes as `out`.
    fn stream(&self, packed: &[u8], out: &mut [u8]) -> Option<()> {
        let mut bits = BitsIn::new(packed)?;
        for byte in out {
            let entry = self.entries[bits.peek(self.log) as usize];
            let [len, symbol] = entry.to_le_bytes();
            *byte = symbol;
            bits.skip(len.into());
        }
        bits.is_done().then_some(())
    }

    /// Reads one stream or four.
    pub(super) fn streams(&self, packed: &[u8], out: &mut [u8], is_four: bool) -> Option<()> {
        if !is_four {
            return self.stream(packed, out);
        }
        let (jumps, mut rest) = packed.split_at_checked(6)?;
        let part_len = out.len().div_ceil(4);
        if part_len * 3 > out.len() || out.len() < 6 {
            return None;
        }
        let (front, last) = out.split_at_mut(part_len * 3);
        for (jump, part) in jumps.chunks_exact(2).zip(front.chunks_mut(part_len)) {
            let (stream, after) = rest.split_at_checked(u16::from_le_bytes([jump[0], jump[1]]).into())?;
            self.stream(stream, part)?;
            rest = after;
        }
        self.stream(rest, last)
    }
}

/// Reads weights that are coded by FSE with two states in turn; returns how many they are.
fn read_weights(bytes: &[u8], weights: &mut [u8; 256]) -> Option<usize> {
    let (distribution, used) = read(bytes, WEIGHT_LOG, WEIGHT_MAX)?;
    let reader = Reader::of(&distribution);
    let mut bits = BitsIn::new(bytes.get(used..)?)?;
    let mut states = [reader.start(&mut bits), reader.start(&mut bits)];
    let mut count = 0;
    loop {
        let turn = count % 2;
        *weights[..255].get_mut(count)? = reader.symbol(states[turn]) as u8;
        count += 1;
        states[turn] = reader.next(states[turn], &mut bits);
        if bits.is_over() {
            *weights[..255].get_mut(count)? = reader.symbol(states[1 - turn]) as u8;
            return Some(count + 1);
        }
    }
}
