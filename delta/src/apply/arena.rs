//! Divides the caller's arena among the parts of an applier, and says beforehand how large it has to be.

use super::streams::Streams;
use crate::entropy::lzma2::Lzma2Decoder;
use crate::entropy::mixing::architecture::MARGIN;
use crate::entropy::mixing::model::Model;
use crate::error::Error;
use crate::fold::memory::Waiting;
use crate::format::native::header::{Codec, Header, OPERATION_LEN};

/// The parts of an arena.
pub(super) struct Memory<'m> {
    pub(super) body: &'m mut [u8],
    pub(super) base: &'m mut [u8],
    pub(super) target: &'m mut [u8],
    pub(super) streams: Streams<'m>,
    /// For blocks, if there are any.
    pub(super) fold: Option<Waiting<'m>>,
}

/// Cuts pieces off the front of an arena. `Memory::new` has compared the sum of all lengths with the arena's, and
/// takes words before half-words before bytes, so that each is aligned.
struct Arena<'m>(&'m mut [u8]);

impl<'m> Arena<'m> {
    fn bytes(&mut self, len: usize) -> &'m mut [u8] {
        let (piece, rest) = core::mem::take(&mut self.0).split_at_mut(len);
        self.0 = rest;
        piece
    }

    fn words(&mut self, len: usize) -> &'m mut [u32] {
        bytemuck::cast_slice_mut(self.bytes(4 * len))
    }

    fn probabilities(&mut self, codec: Codec) -> &'m mut [u16] {
        bytemuck::cast_slice_mut(self.bytes(2 * codec.probabilities()))
    }
}

impl<'m> Memory<'m> {
    pub(super) fn new(header: &Header, arena: &'m mut [u8]) -> Result<Self, Error> {
        let (wanted, limit) = (header.memory_needed(), arena.len() as u64);
        if wanted > limit {
            return Err(Error::Limit { what: "memory to apply", wanted, limit });
        }
        let misaligned = arena.as_ptr().align_offset(align_of::<u32>());
        let mut arena = Arena(&mut arena[misaligned..]);
        let fold = arena.words(header.fold_memory as usize / 4);
        let fold = if header.fold_len == 0 { None } else { Some(Waiting::new(header, fold)?) };
        let streams = match header.codec {
            codec @ (Codec::Lzma2 | Codec::Lean) => {
                let probabilities = [(); 3].map(|()| arena.probabilities(codec));
                let mut histories = header.history.into_iter();
                Streams::Lzma2(probabilities.map(|probabilities| {
                    let history = histories.next().unwrap_or_default() as usize;
                    Lzma2Decoder::new(arena.bytes(history), probabilities)
                }))
            }
            Codec::Mixed => {
                let shape = header.shape();
                let model = Model::new(&shape, arena.words(shape.words()));
                let operations = arena.words(OPERATION_LEN / 4 * shape.operations as usize);
                let probabilities = arena.probabilities(header.codec);
                let history = arena.bytes(header.history[2] as usize);
                Streams::Mixed {
                    model,
                    literals: Lzma2Decoder::new(history, probabilities),
                    operations: bytemuck::cast_slice_mut(operations),
                }
            }
        };
        let io_block = header.io_block as usize;
        let (base, target) = (arena.bytes(io_block + 2 * MARGIN), arena.bytes(io_block));
        Ok(Memory { body: arena.bytes(header.window_body as usize), base, target, streams, fold })
    }
}
