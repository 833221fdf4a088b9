//! Divides the caller's arena among the parts of an applier, and says beforehand how large it has to be.

use super::streams::Streams;
use crate::entropy::lzma2::{Lzma2Decoder, PROBABILITIES};
use crate::error::Error;
use crate::format::native::header::{Codec, Header};

/// An arena at any address: the probabilities may need a byte to be aligned.
const ALIGNMENT_SLACK: u64 = 1;

/// The parts of an arena.
pub(super) struct Memory<'m> {
    pub body: &'m mut [u8],
    pub base: &'m mut [u8],
    pub difference: &'m mut [u8],
    pub streams: Streams<'m>,
}

/// Bytes of arena that applying a delta with `header` takes.
pub fn memory_needed(header: &Header) -> u64 {
    let coder = match header.codec {
        Codec::Stored => 0,
        Codec::Lzma2 => {
            let histories: u64 = header.history.iter().map(|&history| u64::from(history)).sum();
            histories + 3 * 2 * PROBABILITIES as u64
        }
    };
    ALIGNMENT_SLACK + coder + u64::from(header.window_body) + 2 * u64::from(header.io_block)
}

/// Cuts pieces off the front of an arena.
struct Arena<'m>(&'m mut [u8]);

impl<'m> Arena<'m> {
    fn bytes(&mut self, len: usize) -> &'m mut [u8] {
        // `Memory::new` has compared the sum of all lengths with the arena's.
        let (piece, rest) = core::mem::take(&mut self.0).split_at_mut(len);
        self.0 = rest;
        piece
    }
}

impl<'m> Memory<'m> {
    pub(super) fn new(header: &Header, arena: &'m mut [u8]) -> Result<Self, Error> {
        let (wanted, limit) = (memory_needed(header), arena.len() as u64);
        if wanted > limit {
            return Err(Error::Limit { what: "memory to apply", wanted, limit });
        }
        let misaligned = arena.as_ptr().align_offset(align_of::<u16>());
        let mut arena = Arena(&mut arena[misaligned..]);
        let streams = match header.codec {
            Codec::Stored => Streams::Stored,
            Codec::Lzma2 => {
                let probabilities = arena.bytes(3 * 2 * PROBABILITIES);
                let mut probabilities =
                    bytemuck::cast_slice_mut(probabilities).chunks_exact_mut(PROBABILITIES);
                let mut decoder = |history| {
                    let probabilities = probabilities.next().unwrap_or_default();
                    Lzma2Decoder::new(arena.bytes(history as usize), probabilities)
                };
                Streams::Lzma2(header.history.map(&mut decoder))
            }
        };
        let (base, difference) =
            (arena.bytes(header.io_block as usize), arena.bytes(header.io_block as usize));
        Ok(Memory { body: arena.bytes(header.window_body as usize), base, difference, streams })
    }
}
