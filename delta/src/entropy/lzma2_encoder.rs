//! LZMA2 encoder: liblzma's, flushed at the end of every window so that the decoder never waits for the next one.

use crate::error::Error;
use liblzma::stream::{Action, Filters, LzmaOptions, MatchFinder, Mode, Status, Stream};

/// Literal and position bits of the coder; see the LZMA specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// Bits of the previous byte that choose the literal coder; with `literal_position_bits` at most 4.
    pub literal_context_bits: u32,
    /// Bits of the position that choose the literal coder.
    pub literal_position_bits: u32,
    /// Bits of the position in the other contexts, at most 4.
    pub position_bits: u32,
}

/// Encoder of one stream.
pub struct Lzma2Encoder {
    stream: Stream,
}

/// The options are right, so what liblzma can lack is memory.
fn refused(error: liblzma::stream::Error) -> Error {
    Error::Io { action: "encode", path: "liblzma".into(), source: std::io::Error::other(error) }
}

impl Lzma2Encoder {
    /// An encoder with `history` bytes of history (4 KiB to 256 MiB).
    ///
    /// # Errors
    /// `Io` when liblzma cannot get its memory.
    pub fn new(history: u32, properties: Properties) -> Result<Self, Error> {
        let mut options = LzmaOptions::new_preset(6).map_err(refused)?;
        options
            .dict_size(history)
            .literal_context_bits(properties.literal_context_bits)
            .literal_position_bits(properties.literal_position_bits)
            .position_bits(properties.position_bits)
            .mode(Mode::Normal)
            .match_finder(MatchFinder::BinaryTree4)
            .nice_len(273)
            .depth(64);
        let mut filters = Filters::new();
        filters.lzma2(&options);
        Ok(Lzma2Encoder { stream: Stream::new_raw_encoder(&filters).map_err(refused)? })
    }

    /// Packs `plain` behind what came before and flushes.
    ///
    /// # Errors
    /// `Io` when liblzma cannot get its memory.
    pub fn pack(&mut self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(plain.len() / 4 + 64);
        if plain.is_empty() {
            return Ok(out);
        }
        let start = self.stream.total_in();
        loop {
            let used = usize::try_from(self.stream.total_in() - start).unwrap_or(plain.len());
            if out.capacity() - out.len() < 1 << 12 {
                out.reserve(1 << 16);
            }
            let status =
                self.stream.process_vec(&plain[used..], &mut out, Action::SyncFlush).map_err(refused)?;
            if status == Status::StreamEnd {
                return Ok(out);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "random numbers are cut on purpose")]
mod tests {
    use super::*;
    use crate::entropy::lzma2::{Lzma2Decoder, PROBABILITIES};

    const PLAIN: Properties =
        Properties { literal_context_bits: 3, literal_position_bits: 0, position_bits: 2 };

    fn sample(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut out = Vec::with_capacity(len);
        while out.len() < len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            match state % 5 {
                0 => out.extend(state.to_le_bytes()),
                1 => out.extend(std::iter::repeat_n(state.to_le_bytes()[2], state as usize % 900)),
                2 if out.len() > 8 => {
                    let distance = 1 + state as usize / 7 % (out.len() - 1);
                    for _ in 0..state as usize / 3 % 400 {
                        out.push(out[out.len() - distance]);
                    }
                }
                _ => out.extend(b"usr/lib/aarch64-linux-gnu/libexample.so"),
            }
        }
        out.truncate(len);
        out
    }

    fn round_trip(history: u32, properties: Properties, pieces: &[Vec<u8>], step: usize) {
        let mut encoder = Lzma2Encoder::new(history, properties).unwrap();
        let (mut ring, mut probabilities) = (vec![0; history as usize], vec![0; PROBABILITIES]);
        let mut decoder = Lzma2Decoder::new(&mut ring, &mut probabilities);
        for piece in pieces {
            let packed = encoder.pack(piece).unwrap();
            let (mut at, mut out) = (0, vec![0; piece.len()]);
            for part in out.chunks_mut(step) {
                decoder.read(&packed, &mut at, part).unwrap();
            }
            assert!(out == *piece && at == packed.len() && decoder.is_between_chunks());
        }
    }

    #[test]
    fn the_decoder_takes_back_every_window_in_any_steps() {
        let pieces: Vec<Vec<u8>> = (0..6).map(|i| sample(1 + i * 70_000, 77 + i as u64)).collect();
        for step in [1, 7, 4096, usize::MAX] {
            round_trip(4096, PLAIN, &pieces, step);
            round_trip(1 << 20, PLAIN, &pieces, step);
            let other = Properties { literal_context_bits: 0, literal_position_bits: 2, position_bits: 2 };
            round_trip(1 << 20, other, &pieces, step);
        }
    }

    #[test]
    fn incompressible_bytes_come_back_too() {
        let mut state = 9_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(300_000)
        .collect();
        round_trip(1 << 16, PLAIN, &[noise.clone(), vec![0; 1_000_000], noise], 10_000);
    }

    #[test]
    fn damage_is_an_error_or_other_bytes_but_never_a_panic() {
        let plain = sample(20_000, 5);
        let mut encoder = Lzma2Encoder::new(1 << 16, PLAIN).unwrap();
        let packed = encoder.pack(&plain).unwrap();
        let mut errors = 0;
        for i in 0..packed.len() * 8 {
            let mut bad = packed.clone();
            bad[i / 8] ^= 1 << (i % 8);
            let (mut ring, mut probabilities) = (vec![0; 1 << 16], vec![0; PROBABILITIES]);
            let mut decoder = Lzma2Decoder::new(&mut ring, &mut probabilities);
            let (mut at, mut out) = (0, vec![0; plain.len()]);
            errors += usize::from(decoder.read(&bad, &mut at, &mut out).is_err());
        }
        assert!(errors > packed.len() * 7, "{errors} of {}", packed.len() * 8);
        for len in 0..packed.len() {
            let (mut ring, mut probabilities) = (vec![0; 1 << 16], vec![0; PROBABILITIES]);
            let mut decoder = Lzma2Decoder::new(&mut ring, &mut probabilities);
            let (mut at, mut out) = (0, vec![0; plain.len()]);
            assert!(decoder.read(&packed[..len], &mut at, &mut out).is_err());
        }
    }
}
