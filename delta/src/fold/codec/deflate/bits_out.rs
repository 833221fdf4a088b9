//! Writes bits of a deflate stream, the lowest of each byte first.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use crate::fold::codec::CodecError;

/// A stream that grows at the front of a buffer.
pub(super) struct BitsOut<'p> {
    packed: &'p mut [u8],
    written: usize,
    bits: u64,
    count: u32,
    /// The buffer was too short; found when the stream is finished.
    is_full: bool,
}

impl<'p> BitsOut<'p> {
    pub(super) fn new(packed: &'p mut [u8]) -> Self {
        BitsOut { packed, written: 0, bits: 0, count: 0, is_full: false }
    }

    /// Appends the lowest `count` bits of `value`, at most 16; the others are zero.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.bits |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            let [a, b, c, d, ..] = self.bits.to_le_bytes();
            self.append(&[a, b, c, d]);
            self.bits >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the byte with zeros, then appends whole bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let part = self.bits.to_le_bytes();
        let whole = self.count.div_ceil(8) as usize;
        self.append(&part[..whole]);
        (self.bits, self.count) = (0, 0);
        self.append(bytes);
    }

    fn append(&mut self, bytes: &[u8]) {
        match self.packed.get_mut(self.written..self.written + bytes.len()) {
            Some(out) => {
                out.copy_from_slice(bytes);
                self.written += bytes.len();
            }
            None => self.is_full = true,
        }
    }

    /// Fills the last byte; returns the length of the stream.
    pub(super) fn finish(mut self) -> Result<usize, CodecError> {
        self.bytes(&[]);
        if self.is_full { Err(CodecError::Room) } else { Ok(self.written) }
    }
}
