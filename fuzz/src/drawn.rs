//! Decisions drawn from the bytes of the fuzzer.

/// Bytes that are used up from the front; behind their end everything is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn<'d>(&'d [u8]);

impl<'d> Drawn<'d> {
    pub(crate) const fn new(bytes: &'d [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn number(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Less than `bound`; 0 if that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = if bound <= 256 { usize::from(self.byte()) } else { self.number() };
        number % bound.max(1)
    }

    /// The next so many bytes, or all that are left.
    pub(crate) fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A piece whose length is drawn, too.
    pub(crate) fn piece(&mut self) -> &'d [u8] {
        let len = self.number() & 0x0fff;
        self.bytes(len)
    }

    pub(crate) const fn rest(self) -> &'d [u8] {
        self.0
    }
}

/// Cuts `bytes` into pieces whose lengths follow from `seed`: one byte each for 1, all at once for 0.
pub(crate) fn pieces(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut state) = (bytes, u32::from(seed));
    std::iter::from_fn(move || {
        let most = match seed {
            0 => rest.len(),
            1 => 1,
            _ => {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bound = 1_u32 << ((state >> 28) % 13);
                usize::try_from((state >> 8) % bound).unwrap_or(0) + 1
            }
        };
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(most.min(rest.len()));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for seed in 0..=255 {
            assert_eq!(pieces(&bytes, seed).collect::<Vec<_>>().concat(), bytes);
        }
        assert_eq!(pieces(&bytes, 0).count(), 1);
        assert_eq!(pieces(&bytes, 1).count(), bytes.len());
        assert!(pieces(&bytes, 7).count() > 5);
    }
}
