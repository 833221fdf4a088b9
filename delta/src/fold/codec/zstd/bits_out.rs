//! Bits, the first ones lowest.

/// Writes bits into a space; what does not fit is counted and lost.
pub(super) struct BitsOut<'o> {
    out: &'o mut [u8],
    written: usize,
    bits: u64,
    count: u32,
}

impl<'o> BitsOut<'o> {
    pub(super) fn new(out: &'o mut [u8]) -> Self {
        Self { out, written: 0, bits: 0, count: 0 }
    }

    /// Adds the lowest `count` bits of a value; 32 at most.
    pub(super) fn add(&mut self, value: u32, count: u32) {
        self.bits |= (u64::from(value) & ((1 << count) - 1)) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.byte();
        }
    }

    fn byte(&mut self) {
        if let Some(byte) = self.out.get_mut(self.written) {
            *byte = self.bits as u8;
        }
        self.written += 1;
        self.bits >>= 8;
        self.count = self.count.saturating_sub(8);
    }

    /// Ends with zeros up to a whole byte; returns the length, `None` when it did not fit.
    pub(super) fn finish(mut self) -> Option<usize> {
        if self.count > 0 {
            self.byte();
        }
        (self.written <= self.out.len()).then_some(self.written)
    }

    /// Ends with a mark, for reading from the end.
    pub(super) fn finish_marked(mut self) -> Option<usize> {
        self.add(1, 1);
        self.finish()
    }
}
