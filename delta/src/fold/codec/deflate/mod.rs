//! Deflate (RFC 1951), bit for bit as zlib and GNU gzip write it.
//!
//! Parameters: level 1 to 9; memory level 8 or 9; the wrapper, see [`Wrapper`]; the encoder, see [`Encoder`]; four
//! zero bytes.

mod bits_in;
mod bits_out;
mod block;
mod code;
mod encode;
mod inflate;
mod tables;
mod window;
pub mod wrapper;

use super::{CodecError, Parameters};
use wrapper::Wrapper;

/// Whose habits the stream follows where RFC 1951 leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// zlib from version 1.2.5 on.
    Zlib = 0,
    /// GNU gzip; its memory level counts as 8.
    Gzip = 1,
}

/// The parameters of streams that `encoder` makes at `level`, 1 to 9, with `memory_level` 8 or 9.
#[must_use]
pub fn parameters(level: u8, memory_level: u8, wrapper: Wrapper, encoder: Encoder) -> Parameters {
    [level, memory_level, wrapper as u8, encoder as u8, 0, 0, 0, 0]
}

/// Parameters in their parts.
struct Settings {
    level: u8,
    memory_level: u8,
    wrapper: Wrapper,
    encoder: Encoder,
}

impl Settings {
    fn of(parameters: Parameters) -> Result<Self, CodecError> {
        let [level, memory_level, wrapper, encoder, rest @ ..] = parameters;
        let wrapper = Wrapper::of_code(wrapper);
        let encoder = match encoder {
            0 => Some(Encoder::Zlib),
            1 if memory_level == 8 => Some(Encoder::Gzip),
            _ => None,
        };
        match (wrapper, encoder) {
            (Some(wrapper), Some(encoder))
                if (1..=9).contains(&level) && (8..=9).contains(&memory_level) && rest == [0; 4] =>
            {
                Ok(Settings { level, memory_level, wrapper, encoder })
            }
            _ => Err(CodecError::Parameters),
        }
    }
}

pub(super) fn check(parameters: Parameters) -> Result<(), CodecError> {
    Settings::of(parameters).map(|_| ())
}

pub(super) fn decode_scratch(_: Parameters, _: u32) -> u32 {
    inflate::SCRATCH
}

pub(super) fn decode(
    parameters: Parameters,
    packed: &[u8],
    plain: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    let settings = Settings::of(parameters)?;
    let stream = settings.wrapper.open(packed)?;
    let inflated = inflate::inflate(stream.deflate, plain, scratch)?;
    if inflated.used != stream.deflate.len() || !stream.is_check_of(&plain[..inflated.written]) {
        return Err(CodecError::Damaged);
    }
    Ok(inflated.written)
}

pub(super) fn encode_scratch(parameters: Parameters, _: u32) -> u32 {
    Settings::of(parameters)
        .map_or(0, |settings| u32::try_from(settings.encode_scratch()).unwrap_or(u32::MAX))
}

pub(super) fn encode(
    parameters: Parameters,
    plain: &[u8],
    packed: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    let settings = Settings::of(parameters)?;
    settings.wrapper.close(settings.level, plain, packed, |room| settings.deflate(plain, room, scratch))
}
