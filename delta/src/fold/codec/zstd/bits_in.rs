//! Reads streams of bits from their end: the last byte's highest bit marks where they begin.

/// A stream that is read backwards. Before its first bit there are zeros.
pub(super) struct BitsIn<'b> {
    bytes: &'b [u8],
    /// Bits that are left; below zero when more have been read.
    left: i64,
}

impl<'b> BitsIn<'b> {
    /// `None` when the mark is missing.
    pub(super) fn new(bytes: &'b [u8]) -> Option<Self> {
        let last = *bytes.last().filter(|last| **last > 0)?;
        Some(Self { bytes, left: bytes.len() as i64 * 8 - 8 + i64::from(last.ilog2()) })
    }

    /// The next bits, 32 at most, which stay.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let start = self.left - i64::from(count);
        let (from, missing) = if start < 0 { (0, (-start) as u32) } else { (start as usize, 0) };
        if missing >= count {
            return 0;
        }
        let rest = self.bytes.get(from / 8..).unwrap_or_default();
        let mut word = [0; 8];
        let len = rest.len().min(8);
        word[..len].copy_from_slice(&rest[..len]);
        let bits = u64::from_le_bytes(word) >> (from % 8);
        ((bits & ((1 << (count - missing)) - 1)) << missing) as u32
    }

    pub(super) fn skip(&mut self, count: u32) {
        self.left -= i64::from(count);
    }

    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// Whether more has been read than there was.
    pub(super) fn is_over(&self) -> bool {
        self.left < 0
    }

    /// Whether all has been read, and no more.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }
}
