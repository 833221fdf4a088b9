//! LZMA2 decoder that runs in memory given by the caller and stops at any byte of its output.
//!
//! Format: the LZMA2 chunks of the XZ file format (section 5.3.1) over the LZMA coder of Igor Pavlov's
//! "LZMA specification". History runs across chunks and windows. Only what the encoder of this crate writes is
//! needed, but every stream of chunks is taken, hostile ones included: distances, lengths and chunk ends are checked.

use super::spent;

const STATES: usize = 12;
const POS_STATES: usize = 16;
const LITERAL_SIZE: usize = 0x300;

// One table of probabilities; each model is a range of it.
const IS_MATCH: usize = 0;
const IS_REP: usize = IS_MATCH + STATES * POS_STATES;
const IS_REP_G0: usize = IS_REP + STATES;
const IS_REP_G1: usize = IS_REP_G0 + STATES;
const IS_REP_G2: usize = IS_REP_G1 + STATES;
const IS_REP0_LONG: usize = IS_REP_G2 + STATES;
const DIST_SLOT: usize = IS_REP0_LONG + STATES * POS_STATES;
const DIST_SPECIAL: usize = DIST_SLOT + 4 * 64;
const DIST_ALIGN: usize = DIST_SPECIAL + 128;
const MATCH_LEN: usize = DIST_ALIGN + 16;
const LEN_SIZE: usize = 2 + 2 * POS_STATES * 8 + 256;
const REP_LEN: usize = MATCH_LEN + LEN_SIZE;
const LITERAL: usize = REP_LEN + LEN_SIZE;

/// Probabilities that a decoder needs for every stream of LZMA2 chunks, in `u16`s.
pub const PROBABILITIES: usize = probabilities(1 << 4);

/// Probabilities that a decoder needs for streams with so many coders of literals, in `u16`s: 2 to the power of the
/// literal context and position bits together, 1 to 16.
pub const fn probabilities(literal_coders: usize) -> usize {
    LITERAL + literal_coders * LITERAL_SIZE
}

const MATCH_LEN_MIN: u32 = 2;
const PROBABILITY_START: u16 = 1 << 10;

/// The history ring: what matches copy from.
struct History<'m> {
    ring: &'m mut [u8],
    at: usize,
    filled: usize,
}

impl History<'_> {
    fn put(&mut self, byte: u8) {
        self.ring[self.at] = byte;
        self.at += 1;
        if self.at == self.ring.len() {
            self.at = 0;
        }
        if self.filled < self.ring.len() {
            self.filled += 1;
        }
    }

    /// The byte `distance + 1` back; the caller has checked that it is there.
    fn back(&self, distance: usize) -> u8 {
        let at = if distance < self.at {
            self.at - distance - 1
        } else {
            self.ring.len() + self.at - distance - 1
        };
        self.ring[at]
    }

    fn holds(&self, distance: u32) -> bool {
        usize::try_from(distance).is_ok_and(|distance| distance < self.filled)
    }
}

/// The range decoder over the packed bytes of one chunk.
#[derive(Clone, Copy, Default)]
struct Range {
    range: u32,
    code: u32,
}

/// A stretch of packed input, and how far it is read.
struct Input<'i> {
    bytes: &'i [u8],
    at: usize,
}

impl Input<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }
}

impl Range {
    fn normalize(&mut self, input: &mut Input<'_>) -> Option<()> {
        if self.range < 1 << 24 {
            self.range <<= 8;
            self.code = (self.code << 8) | u32::from(input.next()?);
        }
        Some(())
    }

    fn bit(&mut self, input: &mut Input<'_>, probability: &mut u16) -> Option<u32> {
        self.normalize(input)?;
        let bound = (self.range >> 11) * u32::from(*probability);
        if self.code < bound {
            self.range = bound;
            *probability += ((1 << 11) - *probability) >> 5;
            Some(0)
        } else {
            self.range -= bound;
            self.code -= bound;
            *probability -= *probability >> 5;
            Some(1)
        }
    }

    fn tree(&mut self, input: &mut Input<'_>, probabilities: &mut [u16], bits: u32) -> Option<u32> {
        let mut symbol = 1;
        for _ in 0..bits {
            symbol = (symbol << 1) | self.bit(input, &mut probabilities[symbol as usize])?;
        }
        Some(symbol - (1 << bits))
    }

    fn reverse_tree(&mut self, input: &mut Input<'_>, probabilities: &mut [u16], bits: u32) -> Option<u32> {
        let (mut symbol, mut value) = (1, 0);
        for i in 0..bits {
            let bit = self.bit(input, &mut probabilities[symbol as usize])?;
            symbol = (symbol << 1) | bit;
            value |= bit << i;
        }
        Some(value)
    }

    fn direct(&mut self, input: &mut Input<'_>, bits: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..bits {
            self.normalize(input)?;
            self.range >>= 1;
            let bit = u32::from(self.code >= self.range);
            if bit == 1 {
                self.code -= self.range;
            }
            value = (value << 1) | bit;
        }
        Some(value)
    }
}

/// Where a chunk stands.
#[derive(Clone, Copy)]
enum Chunk {
    /// The next byte of input is a control byte.
    Between,
    /// Plain bytes follow in the input.
    Plain { left: usize },
    /// Coded bytes: how many are still to come, and where in the input the chunk ends.
    Coded { left: usize, end: usize },
}

/// Decoder of one stream. Its history and probabilities persist from window to window.
pub struct Lzma2Decoder<'m> {
    history: History<'m>,
    probabilities: &'m mut [u16],
    range: Range,
    chunk: Chunk,
    state: usize,
    reps: [u32; 4],
    /// Bytes of the current match that are still to be copied.
    pending: u32,
    literal_context_bits: u32,
    literal_position_bits: u32,
    position_bits: u32,
    /// Position in the stream, for the position contexts; taken modulo 16 at most.
    position: usize,
    /// What the next coded chunk has to bring first.
    needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    State,
    Properties,
    Dictionary,
}

/// Why decoding stopped, without the place: the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl<'m> Lzma2Decoder<'m> {
    /// A decoder with an empty history. `ring` is as long as the history that the encoder used, or longer;
    /// `probabilities` has as many entries as [`probabilities`] says, [`PROBABILITIES`] for any stream; a stream that
    /// wants more of them is `Damaged`.
    pub fn new(ring: &'m mut [u8], probabilities: &'m mut [u16]) -> Self {
        debug_assert!(probabilities.len() >= self::probabilities(1));
        Lzma2Decoder {
            history: History { ring, at: 0, filled: 0 },
            probabilities,
            range: Range::default(),
            chunk: Chunk::Between,
            state: 0,
            reps: [0; 4],
            pending: 0,
            literal_context_bits: 0,
            literal_position_bits: 0,
            position_bits: 0,
            position: 0,
            needs: Needs::Dictionary,
        }
    }

    /// Fills `out` from `packed`, whose first `*at` bytes have been used; moves `*at`.
    ///
    /// `packed` must be the same bytes until the decoder is between chunks (see [`Lzma2Decoder::is_between_chunks`]).
    ///
    /// # Errors
    /// `Damaged` when the input ends or is not LZMA2.
    pub fn read(&mut self, packed: &[u8], at: &mut usize, out: &mut [u8]) -> Result<(), Damaged> {
        let mut filled = 0;
        while filled < out.len() {
            let room = out.len() - filled;
            match self.chunk {
                Chunk::Between => self.begin_chunk(packed, at).ok_or(Damaged)?,
                Chunk::Plain { left } => {
                    let n = left.min(room);
                    let end = at.checked_add(n).ok_or(Damaged)?;
                    let bytes = packed.get(*at..end).ok_or(Damaged)?;
                    out[filled..filled + n].copy_from_slice(bytes);
                    for &byte in bytes {
                        self.history.put(byte);
                    }
                    self.position = self.position.wrapping_add(n);
                    *at = end;
                    filled += n;
                    self.chunk = if left == n { Chunk::Between } else { Chunk::Plain { left: left - n } };
                }
                Chunk::Coded { left, end } => {
                    let n = left.min(room);
                    let bytes = packed.get(..end).ok_or(Damaged)?;
                    let mut input = Input { bytes, at: *at };
                    self.decode(&mut input, &mut out[filled..filled + n]).ok_or(Damaged)?;
                    *at = input.at;
                    filled += n;
                    if left == n {
                        // The encoder flushes the range coder at the end of a chunk: nothing may be left.
                        self.range.normalize(&mut input).ok_or(Damaged)?;
                        *at = input.at;
                        if input.at != end || self.range.code != 0 || self.pending != 0 {
                            return Err(Damaged);
                        }
                        self.chunk = Chunk::Between;
                    } else {
                        self.chunk = Chunk::Coded { left: left - n, end };
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether every byte of every chunk begun has been taken.
    pub fn is_between_chunks(&self) -> bool {
        matches!(self.chunk, Chunk::Between)
    }

    /// What has been used up of a window's bytes, of which `at` have been read, in the unit of
    /// [`super::spent`]; it never decreases within a window.
    pub fn spent(&self, at: usize) -> u64 {
        let read = spent::of_bytes(at);
        match self.chunk {
            Chunk::Coded { .. } => read.saturating_sub(spent::logarithm(self.range.range)),
            _ => read,
        }
    }

    fn begin_chunk(&mut self, packed: &[u8], at: &mut usize) -> Option<()> {
        let mut input = Input { bytes: packed, at: *at };
        let control = input.next()?;
        let size =
            |input: &mut Input<'_>| Some(usize::from(u16::from_be_bytes([input.next()?, input.next()?])) + 1);
        match control {
            1 | 2 => {
                if control == 1 {
                    self.history.filled = 0;
                    self.needs = Needs::Properties;
                } else if self.needs == Needs::Dictionary {
                    return None;
                } else {
                    // After a plain chunk the coder state is void.
                    self.needs = self.needs.max(Needs::State);
                }
                self.chunk = Chunk::Plain { left: size(&mut input)? };
            }
            0x80.. => {
                let left = (usize::from(control & 0x1f) << 16) + size(&mut input)?;
                let packed_len = size(&mut input)?;
                let reset = (control >> 5) & 3;
                let brings = match reset {
                    0 => Needs::Nothing,
                    1 => Needs::State,
                    2 => Needs::Properties,
                    _ => Needs::Dictionary,
                };
                if self.needs > brings {
                    return None;
                }
                if reset == 3 {
                    self.history.filled = 0;
                }
                if reset >= 2 {
                    self.set_properties(input.next()?)?;
                }
                if reset >= 1 {
                    self.probabilities.fill(PROBABILITY_START);
                    self.state = 0;
                    self.reps = [0; 4];
                }
                self.needs = Needs::Nothing;
                let end = input.at.checked_add(packed_len)?;
                if end > packed.len() || input.next()? != 0 {
                    return None;
                }
                self.range.range = u32::MAX;
                self.range.code =
                    u32::from_be_bytes([input.next()?, input.next()?, input.next()?, input.next()?]);
                if input.at > end {
                    return None;
                }
                self.chunk = Chunk::Coded { left, end };
            }
            _ => return None,
        }
        *at = input.at;
        Some(())
    }

    fn set_properties(&mut self, byte: u8) -> Option<()> {
        let byte = u32::from(byte);
        if byte >= 9 * 5 * 5 {
            return None;
        }
        (self.literal_context_bits, self.literal_position_bits, self.position_bits) =
            (byte % 9, byte / 9 % 5, byte / 45);
        let bits = self.literal_context_bits + self.literal_position_bits;
        (bits <= 4 && probabilities(1 << bits) <= self.probabilities.len()).then_some(())
    }

    fn decode(&mut self, input: &mut Input<'_>, out: &mut [u8]) -> Option<()> {
        let mut filled = 0;
        while filled < out.len() {
            if self.pending > 0 {
                let distance = usize::try_from(self.reps[0]).ok()?;
                while self.pending > 0 && filled < out.len() {
                    let byte = self.history.back(distance);
                    self.history.put(byte);
                    out[filled] = byte;
                    filled += 1;
                    self.pending -= 1;
                    self.position = self.position.wrapping_add(1);
                }
                continue;
            }
            let pos_state = self.position & ((1 << self.position_bits) - 1);
            let is_match = IS_MATCH + self.state * POS_STATES + pos_state;
            if self.range.bit(input, &mut self.probabilities[is_match])? == 0 {
                let byte = self.literal(input)?;
                self.history.put(byte);
                out[filled] = byte;
                filled += 1;
                self.position = self.position.wrapping_add(1);
            } else {
                self.pending = self.match_len(input, pos_state)?;
                if !self.history.holds(self.reps[0]) {
                    return None;
                }
            }
        }
        Some(())
    }

    fn literal(&mut self, input: &mut Input<'_>) -> Option<u8> {
        let previous = if self.history.filled > 0 { u32::from(self.history.back(0)) } else { 0 };
        let low = self.position & ((1 << self.literal_position_bits) - 1);
        let context =
            (low << self.literal_context_bits) + (previous >> (8 - self.literal_context_bits)) as usize;
        let start = LITERAL + LITERAL_SIZE * context;
        let coder = &mut self.probabilities[start..start + LITERAL_SIZE];
        let mut symbol = 1;
        if self.state >= 7 {
            // After a match the byte that the match would have brought next is a context.
            if !self.history.holds(self.reps[0]) {
                return None;
            }
            let mut matched = u32::from(self.history.back(usize::try_from(self.reps[0]).ok()?));
            while symbol < 0x100 {
                let match_bit = (matched >> 7) & 1;
                matched <<= 1;
                let bit = self.range.bit(input, &mut coder[(((1 + match_bit) << 8) + symbol) as usize])?;
                symbol = (symbol << 1) | bit;
                if match_bit != bit {
                    break;
                }
            }
        }
        while symbol < 0x100 {
            symbol = (symbol << 1) | self.range.bit(input, &mut coder[symbol as usize])?;
        }
        self.state = match self.state {
            0..=3 => 0,
            4..=9 => self.state - 3,
            _ => self.state - 6,
        };
        Some(symbol.to_le_bytes()[0])
    }

    /// Decodes the length of a match and puts its distance first among the repeated ones.
    fn match_len(&mut self, input: &mut Input<'_>, pos_state: usize) -> Option<u32> {
        let (state, after) = (self.state, usize::from(self.state >= 7) * 3);
        let probabilities = &mut *self.probabilities;
        if self.range.bit(input, &mut probabilities[IS_REP + state])? == 0 {
            let len = length(&mut self.range, input, &mut probabilities[MATCH_LEN..REP_LEN], pos_state)?;
            self.state = 7 + after;
            let distance = distance(&mut self.range, input, probabilities, len)?;
            self.reps = [distance, self.reps[0], self.reps[1], self.reps[2]];
            return Some(len + MATCH_LEN_MIN);
        }
        if self.range.bit(input, &mut probabilities[IS_REP_G0 + state])? == 0 {
            let long = IS_REP0_LONG + state * POS_STATES + pos_state;
            if self.range.bit(input, &mut probabilities[long])? == 0 {
                self.state = if state < 7 { 9 } else { 11 };
                return Some(1);
            }
        } else if self.range.bit(input, &mut probabilities[IS_REP_G1 + state])? == 0 {
            self.reps.swap(0, 1);
        } else if self.range.bit(input, &mut probabilities[IS_REP_G2 + state])? == 0 {
            self.reps[..3].rotate_right(1);
        } else {
            self.reps.rotate_right(1);
        }
        let len = length(&mut self.range, input, &mut probabilities[REP_LEN..LITERAL], pos_state)?;
        self.state = 8 + after;
        Some(len + MATCH_LEN_MIN)
    }
}

fn length(range: &mut Range, input: &mut Input<'_>, coder: &mut [u16], pos_state: usize) -> Option<u32> {
    const LOW: usize = 2;
    const MIDDLE: usize = LOW + POS_STATES * 8;
    const HIGH: usize = MIDDLE + POS_STATES * 8;
    if range.bit(input, &mut coder[0])? == 0 {
        range.tree(input, &mut coder[LOW + pos_state * 8..][..8], 3)
    } else if range.bit(input, &mut coder[1])? == 0 {
        Some(8 + range.tree(input, &mut coder[MIDDLE + pos_state * 8..][..8], 3)?)
    } else {
        Some(16 + range.tree(input, &mut coder[HIGH..][..256], 8)?)
    }
}

fn distance(range: &mut Range, input: &mut Input<'_>, probabilities: &mut [u16], len: u32) -> Option<u32> {
    let slots = &mut probabilities[DIST_SLOT + 64 * len.min(3) as usize..][..64];
    let slot = range.tree(input, slots, 6)?;
    if slot < 4 {
        return Some(slot);
    }
    let bits = (slot >> 1) - 1;
    let base = (2 | (slot & 1)) << bits;
    if slot < 14 {
        // The coders of the slots lie behind each other; entry 0 of each is not used.
        let start = DIST_SPECIAL + base as usize - slot as usize;
        Some(base + range.reverse_tree(input, &mut probabilities[start..], bits)?)
    } else {
        let middle = range.direct(input, bits - 4)? << 4;
        // The largest distance is the end marker of LZMA, which LZMA2 does not have: `holds` refuses it.
        base.checked_add(middle)?.checked_add(range.reverse_tree(
            input,
            &mut probabilities[DIST_ALIGN..][..16],
            4,
        )?)
    }
}
