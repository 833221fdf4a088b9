//! Zstandard (RFC 8878), bit for bit as libzstd 1.5.4 writes it in one call with a known length.
//!
//! Parameters: the level, 11 to 22; the encoder, 1 for libzstd 1.5.4; six zero bytes. Only the optimal parsers are
//! here: those of levels from 13 on, and for content of up to 16 KiB from 11 on. Content is one block of 128 KiB at
//! most. Frames of any encoder and length are unpacked, if they have no check value and no dictionary.

#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths and positions of blocks of 128 KiB, and bytes of words"
)]

mod bits_in;
mod bits_out;
mod code;
mod distribution;
mod fse;
mod huffman;
mod huffman_tree;
mod literals;
mod pack;
mod parse;
mod prices;
mod sequences;
mod split;
mod tree;
mod unpack;
mod unpack_fse;
mod unpack_huffman;

use super::{CodecError, Parameters};

/// libzstd 1.5.4.
const ENCODER: u8 = 1;

/// The parameters of a level.
#[must_use]
pub fn parameters(level: u8) -> Parameters {
    [level, ENCODER, 0, 0, 0, 0, 0, 0]
}

fn level(given: Parameters) -> Result<u8, CodecError> {
    let [level, ..] = given;
    if given == parameters(level) && (11..=22).contains(&level) {
        Ok(level)
    } else {
        Err(CodecError::Parameters)
    }
}

pub(super) fn check(parameters: Parameters) -> Result<(), CodecError> {
    level(parameters).map(|_| ())
}

pub(super) fn decode_scratch(_: Parameters, _: u32) -> u32 {
    unpack::WORDS as u32
}

pub(super) fn encode_scratch(parameters: Parameters, plain_len: u32) -> u32 {
    let words = level(parameters).ok().and_then(|level| pack::scratch(level, plain_len as usize));
    words.map_or(0, |words| words as u32)
}

pub(super) fn decode(
    parameters: Parameters,
    packed: &[u8],
    plain: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    level(parameters)?;
    unpack::unpack(packed, plain, scratch)
}

pub(super) fn encode(
    parameters: Parameters,
    plain: &[u8],
    packed: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    pack::pack(level(parameters)?, plain, packed, scratch)
}
