//! The literals of a block: as they are, one byte repeated, or coded by Huffman.

use super::huffman::{Codes, Counts, DESCRIPTION_MAX};
use crate::fold::codec::CodecError;

/// Kinds of sections, of literals as of tables of sequences.
pub(super) const RAW: u8 = 0;
pub(super) const ONE: u8 = 1;
pub(super) const CODED: u8 = 2;
pub(super) const REPEATED: u8 = 3;
/// Literals of a block with fewer sequences than one for these may be incompressible.
pub(super) const SUSPECT: usize = 20;
/// Bytes at both ends that are looked at when literals are suspected.
const SAMPLE: usize = 4096;

/// Huffman codes that a later block may use again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) codes: Codes,
    pub(super) is_there: bool,
}

impl Kept {
    pub(super) const NONE: Kept = Kept { codes: Codes::EMPTY, is_there: false };
}

/// How well a strategy compresses: 7 is `btopt`, 8 `btultra`, 9 `btultra2`.
pub(super) type Strategy = u32;

/// What compression must gain at least.
pub(super) fn gain_min(len: usize, strategy: Strategy) -> usize {
    (len >> if strategy >= 8 { strategy - 1 } else { 6 }) + 2
}

/// Writes a section of literals; returns its length, and the codes for later blocks.
pub(super) fn write(
    literals: &[u8],
    out: &mut [u8],
    kept: &Kept,
    strategy: Strategy,
    is_suspect: bool,
) -> Result<(usize, Kept), CodecError> {
    let raw = |out: &mut [u8]| Ok((write_plain(RAW, literals.len(), literals, out)?, *kept));
    if literals.len() < 8 << (9 - strategy).min(3) {
        return raw(out);
    }
    let header = 3 + usize::from(literals.len() >= 1 << 10) + usize::from(literals.len() >= 16 << 10);
    let room = out.get_mut(header..).ok_or(CodecError::Room)?;
    let Some((len, codes)) = compress(literals, room, kept, strategy, is_suspect) else { return raw(out) };
    if len >= literals.len() - gain_min(literals.len(), strategy) {
        return raw(out);
    }
    if len == 1 {
        return Ok((write_plain(ONE, literals.len(), &literals[..1], out)?, *kept));
    }
    let (kind, kept) = match codes {
        Some(codes) => (CODED, Kept { codes, is_there: true }),
        None => (REPEATED, *kept),
    };
    let format = match header {
        3 => u64::from(literals.len() >= 256),
        header => header as u64 - 2,
    };
    let width = [10, 10, 14, 18][format as usize];
    let written = u64::from(kind) | format << 2 | (literals.len() as u64) << 4 | (len as u64) << (4 + width);
    out[..header].copy_from_slice(&written.to_le_bytes()[..header]);
    Ok((header + len, kept))
}

/// Literals that stand as they are, or one that stands for all.
fn write_plain(kind: u8, len: usize, bytes: &[u8], out: &mut [u8]) -> Result<usize, CodecError> {
    let header = 1 + usize::from(len > 31) + usize::from(len > 4095);
    let written = match header {
        1 => u32::from(kind) | (len as u32) << 3,
        header => u32::from(kind) | (if header == 2 { 1 } else { 3 }) << 2 | (len as u32) << 4,
    };
    let end = header + bytes.len();
    let out = out.get_mut(..end).ok_or(CodecError::Room)?;
    out[..header].copy_from_slice(&written.to_le_bytes()[..header]);
    out[header..].copy_from_slice(bytes);
    Ok(end)
}

/// Codes literals; `None` when they are not worth it. Without codes, those that were kept are used again. A length
/// of one means one byte for all.
fn compress(
    literals: &[u8],
    out: &mut [u8],
    kept: &Kept,
    strategy: Strategy,
    is_suspect: bool,
) -> Option<(usize, Option<Codes>)> {
    if is_suspect && literals.len() >= SAMPLE * 10 {
        let most =
            Counts::of(&literals[..SAMPLE]).most + Counts::of(&literals[literals.len() - SAMPLE..]).most;
        if most as usize <= ((2 * SAMPLE) >> 7) + 4 {
            return None;
        }
    }
    let counts = Counts::of(literals);
    if counts.most as usize == literals.len() {
        return Some((1, None));
    }
    if counts.most as usize <= (literals.len() >> 7) + 4 {
        return None;
    }
    let may_repeat = kept.is_there && kept.codes.has_all(&counts);
    let codes = Codes::best(&counts, literals.len(), strategy >= 8);
    let mut description = [0; DESCRIPTION_MAX];
    let described = codes.write(counts.max, &mut description)?;
    if may_repeat {
        let (again, anew) = (kept.codes.estimate(&counts), codes.estimate(&counts));
        if again <= described + anew || described + 12 >= literals.len() {
            return Some((put(&kept.codes, literals, out, 0)?, None));
        }
    }
    if described + 12 >= literals.len() {
        return None;
    }
    out.get_mut(..described)?.copy_from_slice(&description[..described]);
    Some((put(&codes, literals, out, described)?, Some(codes)))
}

/// Writes the streams behind a description; returns the length of both.
fn put(codes: &Codes, literals: &[u8], out: &mut [u8], described: usize) -> Option<usize> {
    let room = out.get_mut(described..)?;
    let len = if literals.len() < 256 { codes.put(literals, room) } else { codes.put_four(literals, room) }?;
    Some(described + len).filter(|len| *len < literals.len() - 1)
}

/// What a section would take, for deciding where to split.
pub(super) fn estimate(literals: &[u8], kept: &Kept, strategy: Strategy) -> usize {
    const LEN_MIN: usize = 63;
    if literals.len() <= LEN_MIN {
        return literals.len();
    }
    let counts = Counts::of(literals);
    if counts.most as usize == literals.len() {
        return 1;
    }
    if counts.most as usize <= (literals.len() >> 7) + 4 {
        return literals.len();
    }
    let codes = Codes::best(&counts, literals.len(), strategy >= 8);
    let Some(described) = codes.write(counts.max, &mut [0; DESCRIPTION_MAX]) else { return literals.len() };
    let anew = codes.estimate(&counts);
    let header = 3 + usize::from(literals.len() >= 1 << 10) + usize::from(literals.len() >= 16 << 10);
    let jumps = if literals.len() < 256 { 0 } else { 6 };
    if kept.is_there && kept.codes.has_all(&counts) {
        let again = kept.codes.estimate(&counts);
        if again < literals.len() && (again <= described + anew || described + 12 >= literals.len()) {
            return again + jumps + header;
        }
    }
    if anew + described >= literals.len() {
        return literals.len();
    }
    anew + described + jumps + header
}
