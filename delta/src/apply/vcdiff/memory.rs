//! What applying takes from the caller's arena, told beforehand as far as the format lets it be told.

use crate::entropy::lzma2::PROBABILITIES;
use crate::format::vcdiff::djw;
use crate::format::vcdiff::header::Secondary;

/// Bytes of base that are kept so that small copies need no reads of their own, unless the caller says otherwise.
pub const CACHE: usize = 1 << 16;
/// What aligning pieces of the arena may cost.
const ALIGNMENT: u64 = 64;

/// Memory that a delta takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Need {
    /// Target bytes and sections of the largest window, together.
    pub window: u64,
    /// History of the data, instruction and address sections packed with LZMA.
    pub histories: [u64; 3],
    /// Which kinds of sections are packed with what.
    pub secondary: Option<Secondary>,
}

impl Need {
    /// Bytes of arena.
    pub fn memory(&self) -> u64 {
        let decoders = match self.secondary {
            None => 0,
            Some(Secondary::Lzma) => 3 * (2 * PROBABILITIES as u64 + ALIGNMENT),
            Some(Secondary::Djw) => 3 * (djw::BYTES_NEEDED as u64 + 4 * djw::WORDS_NEEDED as u64 + ALIGNMENT),
        };
        self.histories
            .iter()
            .fold(CACHE as u64 + decoders, |sum, &history| sum.saturating_add(history))
            .saturating_add(self.window)
    }
}

/// The part of the arena that nobody has yet. Windows use it from the front; what stays is cut off its end.
pub(super) struct Arena<'m>(pub(super) &'m mut [u8]);

impl<'m> Arena<'m> {
    /// Bytes from the end that are aligned for `T`, with `keep` bytes left at the front.
    fn aligned<T: bytemuck::Pod>(&mut self, len: usize, keep: usize) -> Option<&'m mut [T]> {
        let bytes = len.checked_mul(size_of::<T>())?;
        let start = self.0.len().checked_sub(bytes)?;
        let misaligned = self.0.as_ptr().align_offset(align_of::<T>());
        // The offset that aligns the whole is the offset modulo the alignment that aligns a piece.
        let start =
            start.checked_sub((start + align_of::<T>() - misaligned % align_of::<T>()) % align_of::<T>())?;
        if start < keep {
            return None;
        }
        let (rest, piece) = core::mem::take(&mut self.0).split_at_mut(start);
        self.0 = rest;
        bytemuck::try_cast_slice_mut(&mut piece[..bytes]).ok()
    }

    /// Bytes from the end.
    pub(super) fn bytes(&mut self, len: usize, keep: usize) -> Option<&'m mut [u8]> {
        self.aligned(len, keep)
    }

    /// Half-words from the end.
    pub(super) fn halves(&mut self, len: usize, keep: usize) -> Option<&'m mut [u16]> {
        self.aligned(len, keep)
    }

    /// Words from the end.
    pub(super) fn words(&mut self, len: usize, keep: usize) -> Option<&'m mut [u32]> {
        self.aligned(len, keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_wherever_the_arena_begins() {
        let mut memory = vec![0_u8; 4096];
        for skip in 0..9 {
            let mut arena = Arena(&mut memory[skip..]);
            arena.0[99] = 7;
            for odd in 0..5 {
                assert_eq!(arena.bytes(odd, 100).unwrap().len(), odd);
                assert_eq!(arena.words(30, 100).unwrap().len(), 30);
                assert_eq!(arena.halves(31, 100).unwrap().len(), 31);
            }
            let left = arena.0.len();
            assert!(arena.words(1000, 100).is_none() && arena.words(usize::MAX, 0).is_none());
            assert!(arena.bytes(left - 99, 100).is_none());
            assert_eq!((arena.0.len(), arena.0[99]), (left, 7));
        }
    }
}
