//! LZ4, bit for bit as liblz4 1.9 writes it on 64-bit machines.
//!
//! Parameters: the arrangement, see [`ARRANGEMENT_CLUSTERS`]; the encoder, see [`Encoder`]; its level; the window of
//! long blocks, or zero; four zero bytes.

#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths and positions of sources below 4 GiB, and bytes of words"
)]

mod chains;
mod clusters;
mod fast;
mod lazy;
mod optimal;
pub mod pack_long;
mod sequence;
mod source;
mod unpack;
pub mod unpack_long;

use super::{CodecError, Parameters};
use chains::Chains;
use core::ops::RangeInclusive;
use sequence::Sequences;

/// A run of clusters of one file of an EROFS, 4 KiB each, up to the end of the file.
pub const ARRANGEMENT_CLUSTERS: u8 = 1;
/// The same with at least 64 KiB more of the file behind each cluster's start than LZ4 takes for a short source. Only
/// [`Encoder::Fast`] makes a difference of that.
pub const ARRANGEMENT_LONG: u8 = 2;
/// One block that may be long, as in the frames of `lz4 -l`: a device goes through it from front to back and keeps a
/// window of it. The fourth parameter is the window's size, a power of two.
pub const ARRANGEMENT_BLOCK: u8 = 3;
/// Sizes of windows, as powers of two: what matches reach back to, up to 16 MiB.
pub const WINDOW_LOG: RangeInclusive<u8> = 16..=24;

/// Which of liblz4's encoders wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// `LZ4_compress_destSize`, which has no level (0).
    Fast = 0,
    /// `LZ4_compress_HC_destSize`, levels 1 to 12.
    High = 1,
}

/// The parameters of runs of clusters.
#[must_use]
pub fn clusters_of(encoder: Encoder, level: u8) -> Parameters {
    [ARRANGEMENT_CLUSTERS, encoder as u8, level, 0, 0, 0, 0, 0]
}

/// The parameters of runs of clusters that [`Encoder::Fast`] packed in the middle of a long file.
#[must_use]
pub fn clusters_of_long() -> Parameters {
    [ARRANGEMENT_LONG, Encoder::Fast as u8, 0, 0, 0, 0, 0, 0]
}

/// The parameters of a long block that `LZ4_compress_HC` packed at a level from 3 to 9.
#[must_use]
pub fn block_of(level: u8, window_log: u8) -> Parameters {
    [ARRANGEMENT_BLOCK, Encoder::High as u8, level, window_log, 0, 0, 0, 0]
}

/// Bytes of content of a long block that are kept; 0 for clusters.
#[must_use]
pub(super) fn window(parameters: Parameters) -> u32 {
    let [arrangement, _, _, log, ..] = parameters;
    if arrangement == ARRANGEMENT_BLOCK && WINDOW_LOG.contains(&log) { 1 << log } else { 0 }
}

/// Candidates that are visited for a long block.
fn long_attempts(parameters: Parameters) -> Option<u32> {
    match Level::of(parameters) {
        Ok(Level::Lazy(attempts)) if window(parameters) > 0 => Some(attempts),
        _ => None,
    }
}

/// What a level does.
#[derive(Debug, Clone, Copy)]
enum Level {
    /// Whether the source goes on for long.
    Fast(bool),
    Lazy(u32),
    Optimal(optimal::Level),
}

impl Level {
    fn of(parameters: Parameters) -> Result<Self, CodecError> {
        let [arrangement, encoder, level, window_log, rest @ ..] = parameters;
        let is_long = arrangement == ARRANGEMENT_LONG;
        let is_known = match arrangement {
            ARRANGEMENT_CLUSTERS => window_log == 0,
            ARRANGEMENT_LONG => window_log == 0 && encoder == 0,
            ARRANGEMENT_BLOCK => WINDOW_LOG.contains(&window_log) && encoder == 1 && (3..=9).contains(&level),
            _ => false,
        };
        if !is_known || rest != [0; 4] {
            return Err(CodecError::Parameters);
        }
        let optimal =
            |attempts, sufficient, full| Level::Optimal(optimal::Level { attempts, sufficient, full });
        Ok(match (encoder, level) {
            (0, 0) => Level::Fast(is_long),
            (1, 1 | 2) => Level::Lazy(2),
            (1, 3..=9) => Level::Lazy(1 << (level - 1)),
            (1, 10) => optimal(96, 64, false),
            (1, 11) => optimal(512, 128, false),
            (1, 12) => optimal(16_384, 4095, true),
            _ => return Err(CodecError::Parameters),
        })
    }

    fn scratch(self) -> usize {
        let chains = chains::HASHES + chains::DISTANCES / 2;
        match self {
            Level::Fast(_) => fast::WORDS,
            Level::Lazy(_) => chains,
            Level::Optimal(_) => chains + optimal::WORDS,
        }
    }

    /// Packs as much of `source` as fits into `out`; returns the lengths used and written.
    fn pack(self, source: &[u8], out: &mut [u8], scratch: &mut [u32]) -> Result<(usize, usize), CodecError> {
        let Level::Fast(is_long) = self else {
            let (hashes, rest) = scratch.split_at_mut(chains::HASHES);
            let (distances, rest) = rest.split_at_mut(chains::DISTANCES / 2);
            let chains = Chains::new(hashes, bytemuck::cast_slice_mut(distances));
            let out = Sequences::new(out);
            return match self {
                Level::Optimal(level) => optimal::pack(source, out, chains, rest, level),
                Level::Lazy(attempts) => lazy::pack(source, out, chains, attempts),
                Level::Fast(_) => Err(CodecError::Parameters),
            };
        };
        fast::pack(source, out, scratch, is_long)
    }
}

pub(super) fn check(parameters: Parameters) -> Result<(), CodecError> {
    Level::of(parameters).map(|_| ())
}

pub(super) fn decode_scratch(_: Parameters, _: u32) -> u32 {
    0
}

pub(super) fn encode_scratch(parameters: Parameters, _: u32) -> u32 {
    if window(parameters) > 0 {
        return 0;
    }
    Level::of(parameters).map_or(0, |level| u32::try_from(level.scratch()).unwrap_or(u32::MAX))
}

pub(super) fn decode(
    parameters: Parameters,
    packed: &[u8],
    plain: &mut [u8],
    _: &mut [u32],
) -> Result<usize, CodecError> {
    Level::of(parameters)?;
    if window(parameters) == 0 {
        return clusters::decode(packed, plain);
    }
    let len = unpack::measure(packed).ok_or(CodecError::Damaged)?;
    unpack::unpack(packed, plain.get_mut(..len).ok_or(CodecError::Room)?).ok_or(CodecError::Damaged)?;
    Ok(len)
}

pub(super) fn encode(
    parameters: Parameters,
    plain: &[u8],
    packed: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    let level = Level::of(parameters)?;
    if window(parameters) > 0 {
        // A long block is packed piece by piece.
        return Err(CodecError::Parameters);
    }
    let scratch = scratch.get_mut(..level.scratch()).ok_or(CodecError::Scratch)?;
    // Positions are kept in words.
    if u32::try_from(plain.len()).is_err() || plain.len() > u32::MAX as usize - (1 << 17) {
        return Err(CodecError::Room);
    }
    clusters::encode(plain, packed, |rest, block| level.pack(rest, block, scratch))
}
