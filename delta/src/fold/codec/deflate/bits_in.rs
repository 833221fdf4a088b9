//! Bits of a deflate stream, the lowest of each byte first.

use crate::fold::codec::CodecError;

/// Reads bits; behind the end there are zeros, which [`BitsIn::check`] finds.
pub(super) struct BitsIn<'p> {
    packed: &'p [u8],
    /// Bytes taken into `bits`, those behind the end included.
    taken: usize,
    bits: u64,
    count: u32,
}

impl<'p> BitsIn<'p> {
    pub(super) fn new(packed: &'p [u8]) -> Self {
        BitsIn { packed, taken: 0, bits: 0, count: 0 }
    }

    /// Has at least 56 bits ready.
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.packed.get(self.taken..).and_then(|rest| rest.first_chunk::<8>()) {
            self.bits |= u64::from_le_bytes(*bytes) << self.count;
            let whole = (63 - self.count) / 8;
            self.taken += whole as usize;
            self.count += whole * 8;
            return;
        }
        while self.count <= 56 {
            let byte = self.packed.get(self.taken).copied().unwrap_or_default();
            self.bits |= u64::from(byte) << self.count;
            self.taken += 1;
            self.count += 8;
        }
    }

    /// The next bits; at least 32 of them are right after [`BitsIn::refill`].
    pub(super) fn peek(&self) -> u32 {
        (self.bits & 0xffff_ffff) as u32
    }

    /// Drops bits that were ready.
    pub(super) fn drop(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    /// Takes up to 16 bits that were ready.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = self.peek() & ((1 << count) - 1);
        self.drop(count);
        value
    }

    /// Takes up to 16 bits.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        self.refill();
        self.take(count)
    }

    /// Bytes of which at least one bit was used.
    pub(super) fn used(&self) -> usize {
        self.taken - (self.count / 8) as usize
    }

    /// # Errors
    /// `Damaged` when more was used than there is.
    pub(super) fn check(&self) -> Result<(), CodecError> {
        if self.used() > self.packed.len() { Err(CodecError::Damaged) } else { Ok(()) }
    }

    /// Drops what is left of the byte and takes `len` whole bytes.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'p [u8], CodecError> {
        let start = self.used();
        let bytes = self.packed.get(start..).and_then(|rest| rest.get(..len)).ok_or(CodecError::Damaged)?;
        (self.taken, self.bits, self.count) = (start + len, 0, 0);
        Ok(bytes)
    }
}
