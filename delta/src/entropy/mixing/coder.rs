//! Binary arithmetic coder with 32-bit bounds and 16-bit probabilities.

use crate::entropy::spent;

/// Codes bits in one direction, so that a model is written once.
pub trait BitCoder {
    /// Codes one bit that is 1 with probability `one` / 65536. An encoder takes `bit` (0 or 1) and returns it; a
    /// decoder ignores `bit` and returns what it decodes.
    fn code(&mut self, bit: u32, one: u16) -> u32;
}

/// The bounds that both directions keep.
#[derive(Clone, Copy)]
struct Bounds {
    low: u32,
    high: u32,
}

impl Bounds {
    const ALL: Bounds = Bounds { low: 0, high: u32::MAX };

    /// The last number that means 1.
    fn middle(&self, one: u16) -> u32 {
        let range = u64::from(self.high - self.low);
        // Below `high`, so that both halves have a number.
        self.low + ((range * u64::from(one.max(1))) >> 16) as u32
    }

    fn narrow(&mut self, bit: u32, middle: u32) {
        if bit == 1 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
    }

    /// Whether the first byte is settled; then it leaves.
    fn settle(&mut self) -> Option<u8> {
        ((self.low ^ self.high) >> 24 == 0).then(|| {
            let byte = (self.low >> 24) as u8;
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            byte
        })
    }
}

/// Encoder into a vector.
#[cfg(feature = "generate")]
pub struct Encoder {
    bounds: Bounds,
    out: Vec<u8>,
}

#[cfg(feature = "generate")]
impl Default for Encoder {
    fn default() -> Self {
        Encoder { bounds: Bounds::ALL, out: Vec::new() }
    }
}

#[cfg(feature = "generate")]
impl Encoder {
    /// Bytes that are settled so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is settled so far.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Ends the stretch that one decoder reads and returns it; the next bit begins another.
    pub fn finish(&mut self) -> Vec<u8> {
        // A decoder looks four bytes ahead; any number within the bounds will do.
        self.out.extend(self.bounds.low.to_be_bytes());
        self.bounds = Bounds::ALL;
        std::mem::take(&mut self.out)
    }
}

#[cfg(feature = "generate")]
impl BitCoder for Encoder {
    fn code(&mut self, bit: u32, one: u16) -> u32 {
        let middle = self.bounds.middle(one);
        self.bounds.narrow(bit, middle);
        while let Some(byte) = self.bounds.settle() {
            self.out.push(byte);
        }
        bit
    }
}

/// Decoder of what [`Encoder::finish`] returned. Behind the end it reads zeros; see [`Decoder::is_at_end`].
pub struct Decoder<'b> {
    bounds: Bounds,
    code: u32,
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Decoder<'b> {
    /// A decoder of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        let mut decoder = Decoder { bounds: Bounds::ALL, code: 0, bytes, at: 0 };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    fn shift(&mut self) {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at = self.at.saturating_add(1);
        self.code = self.code << 8 | u32::from(byte);
    }

    /// What has been used up so far, in the unit of [`spent`]; it never decreases.
    pub fn spent(&self) -> u64 {
        spent::of_bytes(self.at).saturating_sub(spent::logarithm(self.bounds.high - self.bounds.low))
    }

    /// Bytes used, counting those behind the end that were not there.
    pub fn used(&self) -> usize {
        self.at
    }

    /// Whether all bytes were used, and none that were not there.
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Whether bytes were used that were not there: what is decoded from then on means nothing.
    pub fn is_past_end(&self) -> bool {
        self.at > self.bytes.len()
    }
}

impl BitCoder for Decoder<'_> {
    fn code(&mut self, _: u32, one: u16) -> u32 {
        let middle = self.bounds.middle(one);
        let bit = u32::from(self.code <= middle);
        self.bounds.narrow(bit, middle);
        while self.bounds.settle().is_some() {
            self.shift();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_and_cost_what_they_should() {
        let mut state = 7_u32;
        let mut step = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let bits: Vec<(u32, u16)> = (0..100_000)
            .map(|i| {
                let one = match i % 4 {
                    0 => 0,
                    1 => 65_535,
                    2 => 100,
                    _ => 40_000,
                };
                (u32::from(step() % 65_536 < u32::from(one)), one)
            })
            .collect();
        let mut encoder = Encoder::default();
        for &(bit, one) in &bits {
            encoder.code(bit, one);
        }
        let bytes = encoder.finish();
        // 25,000 decisions of 0.964 bits and 25,000 of 0.016 bits.
        assert!((2_900..3_300).contains(&bytes.len()), "{}", bytes.len());
        let mut decoder = Decoder::new(&bytes);
        for &(bit, one) in &bits {
            assert_eq!(decoder.code(0, one), bit);
        }
        assert!(decoder.is_at_end());
        for _ in 0..64 {
            decoder.code(0, 32_768);
        }
        assert!(decoder.is_past_end());
    }
}
