//! Unpacks a frame.

use super::bits_in::BitsIn;
use super::code::{
    LITERAL_BASE, LITERAL_BITS, LITERAL_MAX, LITERAL_NORMAL, MATCH_BASE, MATCH_BITS, MATCH_MAX, MATCH_NORMAL,
    OFFSET_MAX, OFFSET_NORMAL, Repeats,
};
use super::distribution::Distribution;
use super::literals::{CODED, ONE, RAW, REPEATED};
use super::pack::MAGIC;
use super::unpack_fse::{Reader, read};
use super::unpack_huffman::Decoder;
use crate::fold::codec::CodecError;

/// The longest block, plain.
const BLOCK_MAX: usize = 128 << 10;
/// Words of scratch, for the literals of a block.
pub(super) const WORDS: usize = BLOCK_MAX / 4;

/// Unpacks `packed`, which is one frame without check value and dictionary; returns the length.
pub(super) fn unpack(packed: &[u8], plain: &mut [u8], scratch: &mut [u32]) -> Result<usize, CodecError> {
    let literals = scratch.get_mut(..WORDS).ok_or(CodecError::Scratch)?;
    let (len, blocks) = frame_header(packed).ok_or(CodecError::Damaged)?;
    let mut frame = Frame {
        literals: bytemuck::cast_slice_mut(literals),
        decoder: Decoder::EMPTY,
        readers: [Reader::EMPTY; 3],
        has_readers: [false; 3],
        repeats: Repeats::START,
        plain,
        at: 0,
    };
    frame.blocks(blocks)?;
    if len.is_some_and(|len| len != frame.at as u64) {
        return Err(CodecError::Damaged);
    }
    Ok(frame.at)
}

/// The length that a frame tells, and its blocks.
fn frame_header(packed: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (&descriptor, rest) = packed.strip_prefix(&MAGIC)?.split_first()?;
    // Check value, dictionary and reserved bit.
    if descriptor & 0x0f != 0 {
        return None;
    }
    let is_single = descriptor & 0x20 != 0;
    let rest = if is_single { rest } else { rest.get(1..)? };
    let width = match descriptor >> 6 {
        0 => usize::from(is_single),
        code => 1 << code,
    };
    let (stored, blocks) = rest.split_at_checked(width)?;
    let mut len = [0; 8];
    len[..width].copy_from_slice(stored);
    let len = u64::from_le_bytes(len).checked_add(if width == 2 { 256 } else { 0 })?;
    Some(((width > 0).then_some(len), blocks))
}

/// A frame that is being unpacked.
struct Frame<'p, 's> {
    literals: &'s mut [u8],
    decoder: Decoder,
    /// Tables of lengths of literals, offsets and lengths of matches; some blocks use those of the one before.
    readers: [Reader; 3],
    has_readers: [bool; 3],
    repeats: Repeats,
    plain: &'p mut [u8],
    at: usize,
}

/// The literals of a block: where they end, and what follows them in the block.
struct Section<'b> {
    len: usize,
    rest: &'b [u8],
}

impl Frame<'_, '_> {
    fn blocks(&mut self, mut rest: &[u8]) -> Result<(), CodecError> {
        loop {
            let ([a, b, c], after) = rest.split_first_chunk().ok_or(CodecError::Damaged)?;
            let header = u32::from_le_bytes([*a, *b, *c, 0]);
            let size = (header >> 3) as usize;
            let kind = header >> 1 & 3;
            let stored = if kind == 1 { 1 } else { size };
            let (block, after) = after.split_at_checked(stored).ok_or(CodecError::Damaged)?;
            rest = after;
            if size > BLOCK_MAX {
                return Err(CodecError::Damaged);
            }
            match kind {
                0 => self.room(size)?.copy_from_slice(block),
                1 => self.room(size)?.fill(block[0]),
                2 => self.block(block)?,
                _ => return Err(CodecError::Damaged),
            }
            if header & 1 == 1 {
                return if rest.is_empty() { Ok(()) } else { Err(CodecError::Damaged) };
            }
        }
    }

    /// The next bytes of the plain content.
    fn room(&mut self, len: usize) -> Result<&mut [u8], CodecError> {
        let end = self.at + len;
        let room = self.plain.get_mut(self.at..end).ok_or(CodecError::Room)?;
        self.at = end;
        Ok(room)
    }

    fn block(&mut self, block: &[u8]) -> Result<(), CodecError> {
        let section = self.literals(block).ok_or(CodecError::Damaged)?;
        let start = self.at;
        self.sequences(section)?;
        if self.at - start > BLOCK_MAX { Err(CodecError::Damaged) } else { Ok(()) }
    }

    fn literals<'b>(&mut self, block: &'b [u8]) -> Option<Section<'b>> {
        let mut head = [0; 8];
        let head_len = block.len().min(5);
        head[..head_len].copy_from_slice(&block[..head_len]);
        let head = u64::from_le_bytes(head);
        let (kind, format) = (head as u8 & 3, head >> 2 & 3);
        if kind == RAW || kind == ONE {
            let (shift, width, header) = match format {
                0 | 2 => (3, 5, 1),
                1 => (4, 12, 2),
                _ => (4, 20, 3),
            };
            let len = (head >> shift & ((1 << width) - 1)) as usize;
            let (stored, rest) = block.get(header..)?.split_at_checked(if kind == RAW { len } else { 1 })?;
            let literals = self.literals.get_mut(..len)?;
            if kind == RAW {
                literals.copy_from_slice(stored)
            } else {
                literals.fill(stored[0])
            }
            return Some(Section { len, rest });
        }
        let (width, header) = [(10, 3), (10, 3), (14, 4), (18, 5)][format as usize];
        let mask = (1 << width) - 1;
        let len = (head >> 4 & mask) as usize;
        let packed_len = (head >> (4 + width) & mask) as usize;
        let (mut packed, rest) = block.get(header..)?.split_at_checked(packed_len)?;
        if kind == CODED {
            let (decoder, used) = Decoder::read(packed)?;
            self.decoder = decoder;
            packed = &packed[used..];
        } else if self.decoder.is_empty() {
            return None;
        }
        self.decoder.streams(packed, self.literals.get_mut(..len)?, format != 0)?;
        Some(Section { len, rest })
    }

    fn sequences(&mut self, section: Section<'_>) -> Result<(), CodecError> {
        let (count, rest) = sequence_count(section.rest).ok_or(CodecError::Damaged)?;
        let mut literal_at = 0;
        if count == 0 {
            if !rest.is_empty() {
                return Err(CodecError::Damaged);
            }
        } else {
            let stream = self.tables(rest).ok_or(CodecError::Damaged)?;
            let mut bits = BitsIn::new(stream).ok_or(CodecError::Damaged)?;
            let [literal_reader, offset_reader, match_reader] = self.readers;
            let mut literal_state = literal_reader.start(&mut bits);
            let mut offset_state = offset_reader.start(&mut bits);
            let mut match_state = match_reader.start(&mut bits);
            for left in (0..count).rev() {
                let offset_code = offset_reader.symbol(offset_state) as u32;
                let (match_code, literal_code) =
                    (match_reader.symbol(match_state), literal_reader.symbol(literal_state));
                if offset_code > OFFSET_MAX as u32 || match_code > MATCH_MAX || literal_code > LITERAL_MAX {
                    return Err(CodecError::Damaged);
                }
                let offset = (1u32 << offset_code) | bits.take(offset_code);
                let len = (MATCH_BASE[match_code] + bits.take(MATCH_BITS[match_code].into())) as usize;
                let literals =
                    (LITERAL_BASE[literal_code] + bits.take(LITERAL_BITS[literal_code].into())) as usize;
                if left > 0 {
                    literal_state = literal_reader.next(literal_state, &mut bits);
                    match_state = match_reader.next(match_state, &mut bits);
                    offset_state = offset_reader.next(offset_state, &mut bits);
                }
                if bits.is_over() || literals > section.len - literal_at {
                    return Err(CodecError::Damaged);
                }
                self.put_literals(literal_at, literals)?;
                literal_at += literals;
                let distance = self.repeats.offset(offset, literals == 0) as usize;
                self.repeats = self.repeats.after(offset, literals == 0);
                self.put_match(distance, len)?;
            }
            if !bits.is_done() {
                return Err(CodecError::Damaged);
            }
        }
        self.put_literals(literal_at, section.len - literal_at)
    }

    fn put_literals(&mut self, from: usize, len: usize) -> Result<(), CodecError> {
        let end = self.at + len;
        let room = self.plain.get_mut(self.at..end).ok_or(CodecError::Room)?;
        room.copy_from_slice(self.literals.get(from..from + len).ok_or(CodecError::Damaged)?);
        self.at = end;
        Ok(())
    }

    fn put_match(&mut self, distance: usize, len: usize) -> Result<(), CodecError> {
        if distance == 0 || distance > self.at {
            return Err(CodecError::Damaged);
        }
        let (from, end) = (self.at - distance, self.at + len);
        if end > self.plain.len() {
            return Err(CodecError::Room);
        }
        if distance >= len {
            self.plain.copy_within(from..from + len, self.at);
        } else {
            for index in 0..len {
                self.plain[self.at + index] = self.plain[from + index];
            }
        }
        self.at = end;
        Ok(())
    }

    /// Reads the tables of a block; returns the stream behind them.
    fn tables<'b>(&mut self, rest: &'b [u8]) -> Option<&'b [u8]> {
        let (&choices, mut rest) = rest.split_first()?;
        if choices & 3 != 0 {
            return None;
        }
        let bounds = [(9, LITERAL_MAX), (8, OFFSET_MAX), (9, MATCH_MAX)];
        for (index, (log_max, symbol_max)) in bounds.into_iter().enumerate() {
            let reader = match choices >> (6 - 2 * index) & 3 {
                RAW => Reader::of(&known(index)),
                ONE => {
                    let (&symbol, after) = rest.split_first()?;
                    rest = after;
                    Reader::of_one(symbol)
                }
                REPEATED if self.has_readers[index] => continue,
                CODED => {
                    let (distribution, used) = read(rest, log_max, symbol_max)?;
                    rest = &rest[used..];
                    Reader::of(&distribution)
                }
                _ => return None,
            };
            self.readers[index] = reader;
            self.has_readers[index] = true;
        }
        Some(rest)
    }
}

fn known(index: usize) -> Distribution {
    match index {
        0 => Distribution::known(&LITERAL_NORMAL.0, LITERAL_NORMAL.1),
        1 => Distribution::known(&OFFSET_NORMAL.0, OFFSET_NORMAL.1),
        _ => Distribution::known(&MATCH_NORMAL.0, MATCH_NORMAL.1),
    }
}

/// The number of sequences, and what follows it.
fn sequence_count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=127 => Some((first.into(), rest)),
        255 => {
            let ([low, high], rest) = rest.split_first_chunk()?;
            Some((usize::from(u16::from_le_bytes([*low, *high])) + 0x7f00, rest))
        }
        _ => {
            let (&low, rest) = rest.split_first()?;
            Some(((usize::from(first) - 128) << 8 | usize::from(low), rest))
        }
    }
}
