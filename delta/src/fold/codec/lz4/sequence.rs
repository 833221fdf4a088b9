//! Writes sequences of an LZ4 block into a space that they fill as far as it goes.
//!
//! A sequence is a token (four bits of each length), literals with their length past 15, an offset of two bytes, and
//! the length of the match past 4 + 15. The last sequence of a block has literals only: five at least, and no match
//! begins in the last twelve bytes.

use crate::fold::codec::CodecError;

/// The shortest match.
pub(super) const MATCH_MIN: usize = 4;
/// The last bytes that are always literals.
pub(super) const LAST_LITERALS: usize = 5;
/// No match begins in the last bytes of a block.
pub(super) const MATCH_START_MARGIN: usize = 12;
/// The largest offset.
pub(super) const DISTANCE_MAX: usize = 65_535;
/// What the token's four bits can say, of literals and of matches.
pub(super) const NIBBLE: usize = 15;

/// A match: where it begins, its length and its distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) offset: usize,
}

impl Match {
    /// The length as it is written.
    fn code(self) -> Result<usize, CodecError> {
        self.len.checked_sub(MATCH_MIN).ok_or(CodecError::Damaged)
    }
}

/// Takes what is written, piece by piece.
pub(super) type Sink<'o> = &'o mut dyn FnMut(&[u8]) -> Result<(), CodecError>;

/// A block in the making.
pub(super) struct Sequences<'o> {
    out: &'o mut [u8],
    written: usize,
    /// Where `out` goes whenever it is full; without it, a block is as long as fits into `out`.
    sink: Option<Sink<'o>>,
    /// First byte of the source that no sequence covers.
    pub(super) anchor: usize,
}

impl<'o> Sequences<'o> {
    /// Writes into `out`, and not past it.
    pub(super) fn new(out: &'o mut [u8]) -> Self {
        Self { out, written: 0, sink: None, anchor: 0 }
    }

    /// Writes all of the source from `anchor` on to `sink`, by way of `out`.
    pub(super) fn without_end(out: &'o mut [u8], sink: Sink<'o>, anchor: usize) -> Self {
        Self { out, written: 0, sink: Some(sink), anchor }
    }

    /// Hands on what is written.
    pub(super) fn flush(&mut self) -> Result<(), CodecError> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        sink(&self.out[..self.written])?;
        self.written = 0;
        Ok(())
    }

    /// Room but for the last literals.
    fn room(&self) -> usize {
        self.out.len().saturating_sub(LAST_LITERALS)
    }

    /// Bytes that fit behind what is written.
    pub(super) fn left(&self) -> usize {
        if self.sink.is_some() { usize::MAX } else { self.out.len() - self.written }
    }

    /// Adds the literals up to a match, and the match. `false`, and nothing written, when they do not fit.
    pub(super) fn push(&mut self, source: &[u8], found: Match) -> Result<bool, CodecError> {
        if self.sink.is_some() {
            self.put(source, found)?;
            return Ok(true);
        }
        let literals = found.start - self.anchor;
        let before = self.written + 1;
        if before + literals / 255 + literals + 3 + LAST_LITERALS > self.room() {
            return Ok(false);
        }
        let after_offset = before + literal_extra(literals) + literals + 2;
        if after_offset + found.code()? / 255 + 1 + LAST_LITERALS > self.room() {
            return Ok(false);
        }
        self.put(source, found)?;
        Ok(true)
    }

    /// Adds as much of a match that did not fit as fits, or nothing.
    pub(super) fn push_shortened(&mut self, source: &[u8], found: Match) -> Result<(), CodecError> {
        let literals = found.start - self.anchor;
        let start = self.written + 1 + literal_extra(literals) + literals;
        let Some(last) = self.room().checked_sub(3).filter(|last| start <= *last) else { return Ok(()) };
        let longest = MATCH_MIN + (NIBBLE - 1) + (last - start) * 255;
        let len = found.len.min(longest);
        // What is left for literals, with the match, must keep the match out of the last bytes.
        if self.out.len() + len >= start + 2 + 1 + MATCH_START_MARGIN {
            self.put(source, Match { len, ..found })?;
        }
        Ok(())
    }

    /// Adds a sequence whatever it costs.
    pub(super) fn put(&mut self, source: &[u8], found: Match) -> Result<(), CodecError> {
        self.put_front(source, found)?;
        self.put_rest(found.len)
    }

    /// Adds a sequence but for what the length of its match is past what the token says.
    pub(super) fn put_front(&mut self, source: &[u8], found: Match) -> Result<(), CodecError> {
        let literals = source.get(self.anchor..found.start).ok_or(CodecError::Room)?;
        let code = found.code()?;
        self.byte((literals.len().min(NIBBLE) << 4 | code.min(NIBBLE)) as u8)?;
        self.length(literals.len())?;
        self.bytes(literals)?;
        self.bytes(&(found.offset as u16).to_le_bytes())?;
        self.anchor = found.start + found.len;
        Ok(())
    }

    /// Adds the rest of the length of a match.
    pub(super) fn put_rest(&mut self, len: usize) -> Result<(), CodecError> {
        self.length(len.checked_sub(MATCH_MIN).ok_or(CodecError::Damaged)?)
    }

    /// Adds the source's end as literals, or as much of it as fits. Returns the lengths of source used and written.
    pub(super) fn finish(mut self, source: &[u8]) -> Result<(usize, usize), CodecError> {
        let mut literals = source.len().saturating_sub(self.anchor);
        if 1 + literal_extra(literals) + literals > self.left() {
            literals = self.left().checked_sub(1).ok_or(CodecError::Room)?;
            literals -= (literals + 256 - NIBBLE) / 256;
        }
        let last = source.get(self.anchor..self.anchor + literals).ok_or(CodecError::Room)?;
        self.byte((literals.min(NIBBLE) << 4) as u8)?;
        self.length(literals)?;
        self.bytes(last)?;
        self.flush()?;
        Ok((self.anchor + literals, self.written))
    }

    /// The part of a length that the token does not say.
    fn length(&mut self, len: usize) -> Result<(), CodecError> {
        let Some(mut rest) = len.checked_sub(NIBBLE) else { return Ok(()) };
        while rest >= 255 {
            self.byte(255)?;
            rest -= 255;
        }
        self.byte(rest as u8)
    }

    fn byte(&mut self, byte: u8) -> Result<(), CodecError> {
        self.bytes(&[byte])
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let mut bytes = bytes;
        if let Some(sink) = &mut self.sink {
            while bytes.len() > self.out.len() - self.written {
                let (now, rest) = bytes.split_at(self.out.len() - self.written);
                self.out[self.written..].copy_from_slice(now);
                sink(self.out)?;
                self.written = 0;
                bytes = rest;
            }
        }
        let end = self.written + bytes.len();
        self.out.get_mut(self.written..end).ok_or(CodecError::Room)?.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }
}

/// Bytes that a length of literals takes besides the token.
pub(super) fn literal_extra(literals: usize) -> usize {
    if literals < NIBBLE { 0 } else { 1 + (literals - NIBBLE) / 255 }
}
