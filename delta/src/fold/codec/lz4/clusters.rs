//! Runs of the clusters of one file as mkfs.erofs writes them: blocks of 4 KiB, each with as much content as fits.
//!
//! A block is packed when more than its own length goes into it, with zeros before the packed bytes; else it holds
//! 4 KiB as they are, and at the end of the run what is left, with zeros behind.

use super::unpack;
use crate::fold::codec::CodecError;

/// Length of a block in bytes.
pub(super) const BLOCK_LEN: usize = 4096;

/// A block of a run.
enum Block<'p> {
    /// Its packed bytes, and what they unpack to.
    Packed(&'p [u8], usize),
    /// Its content.
    Plain(&'p [u8]),
}

fn look(block: &[u8], last: bool) -> Block<'_> {
    let padding = block.iter().take_while(|byte| **byte == 0).count();
    match unpack::measure(&block[padding..]) {
        Some(len) if len > BLOCK_LEN => Block::Packed(&block[padding..], len),
        _ if last => {
            let zeros = block.iter().rev().take_while(|byte| **byte == 0).count();
            Block::Plain(&block[..BLOCK_LEN - zeros.min(BLOCK_LEN - 1)])
        }
        _ => Block::Plain(block),
    }
}

/// Unpacks a run.
pub(super) fn decode(packed: &[u8], plain: &mut [u8]) -> Result<usize, CodecError> {
    let blocks = packed.chunks_exact(BLOCK_LEN);
    if !blocks.remainder().is_empty() {
        return Err(CodecError::Damaged);
    }
    let count = blocks.len();
    let mut at = 0;
    for (number, block) in blocks.enumerate() {
        let room = plain.get_mut(at..).unwrap_or(&mut []);
        at += match look(block, number + 1 == count) {
            Block::Packed(packed, len) => {
                unpack::unpack(packed, room.get_mut(..len).ok_or(CodecError::Room)?)
                    .ok_or(CodecError::Damaged)?;
                len
            }
            Block::Plain(bytes) => {
                room.get_mut(..bytes.len()).ok_or(CodecError::Room)?.copy_from_slice(bytes);
                bytes.len()
            }
        };
    }
    Ok(at)
}

/// Packs a run; `pack` packs as much as fits into a block and returns the lengths used and written.
pub(super) fn encode(
    plain: &[u8],
    packed: &mut [u8],
    mut pack: impl FnMut(&[u8], &mut [u8]) -> Result<(usize, usize), CodecError>,
) -> Result<usize, CodecError> {
    let mut rest = plain;
    let mut written = 0;
    while !rest.is_empty() {
        let block = packed.get_mut(written..written + BLOCK_LEN).ok_or(CodecError::Room)?;
        written += BLOCK_LEN;
        if rest.len() > BLOCK_LEN {
            let (used, len) = pack(rest, block)?;
            if used > BLOCK_LEN {
                block.copy_within(..len, BLOCK_LEN - len);
                block[..BLOCK_LEN - len].fill(0);
                rest = &rest[used..];
                continue;
            }
        }
        let (bytes, after) = rest.split_at(rest.len().min(BLOCK_LEN));
        block[..bytes.len()].copy_from_slice(bytes);
        block[bytes.len()..].fill(0);
        rest = after;
    }
    Ok(written)
}
