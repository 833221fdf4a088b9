//! Writes a frame as libzstd 1.5.4 does in one call, at the levels with an optimal parser.

use super::parse::{self, Output, Parser};
use super::prices::Prices;
use super::split;
use super::tree::{Found, LONG, Shape, TAIL, Tree, shape};
use crate::fold::codec::CodecError;

/// The longest source that is one block before it is split.
pub(super) const SOURCE_MAX: usize = 128 << 10;
/// Shorter sources are not compressed.
const SOURCE_MIN: usize = 7;
/// What a frame begins with.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// `btultra2` goes over a source twice, the first time for statistics.
const TWICE: u32 = 9;
/// Sources of up to this length are not gone over twice.
const SHORT: usize = 8;

/// Words of scratch for sources of up to this length.
pub(super) fn scratch(level: u8, len: usize) -> Option<usize> {
    let len = len.min(SOURCE_MAX);
    let words = |len: usize| {
        let shape = shape(level, len)?;
        let tables: usize = shape.words().iter().sum();
        Some(tables + parse::WORDS + 2 * FOUND + sequence_words(shape, len) + len.div_ceil(4))
    };
    // A shorter source may have other, larger tables.
    let small = words(len.min(16 << 10));
    small.max(words(len))
}

/// Matches of a position.
const FOUND: usize = LONG + 2;

fn sequence_words(shape: Shape, len: usize) -> usize {
    (len / shape.match_min + 1) * 3
}

/// Packs `source` into `out`; returns the length.
pub(super) fn pack(
    level: u8,
    source: &[u8],
    out: &mut [u8],
    scratch: &mut [u32],
) -> Result<usize, CodecError> {
    if source.len() > SOURCE_MAX {
        return Err(CodecError::Room);
    }
    let shape = shape(level, source.len()).ok_or(CodecError::Parameters)?;
    let header = header(source.len(), out)?;
    let room = out.get_mut(header..).ok_or(CodecError::Room)?;
    if source.len() < SOURCE_MIN {
        return Ok(header + split::write(source, &mut [], source, room, shape.strategy, false)?);
    }
    let tables: usize = shape.words().iter().sum();
    let (tables, rest) = scratch.split_at_mut_checked(tables).ok_or(CodecError::Scratch)?;
    let (ways, rest) = rest.split_at_mut_checked(parse::WORDS).ok_or(CodecError::Scratch)?;
    let (found, rest) = rest.split_at_mut_checked(2 * FOUND).ok_or(CodecError::Scratch)?;
    let found: &mut [Found] = bytemuck::cast_slice_mut(found);
    let words = sequence_words(shape, source.len());
    let (words, rest) = rest.split_at_mut_checked(words).ok_or(CodecError::Scratch)?;
    let literals = rest.get_mut(..source.len().div_ceil(4)).ok_or(CodecError::Scratch)?;
    let mut tree = Tree::new(shape, tables);
    let mut prices = Prices::new(shape.strategy >= 8);
    let mut parser = Parser {
        source,
        tree: &mut tree,
        prices: &mut prices,
        match_min: shape.match_min,
        sufficient: shape.sufficient(),
        is_thorough: shape.strategy >= 8,
    };
    let mut sequences = Output { words, count: 0 };
    if source.len() > TAIL {
        if shape.strategy == TWICE && source.len() > SHORT {
            parser.parse(ways, found, &mut sequences);
            sequences.count = 0;
            parser.tree.restart(source.len());
        }
        parser.parse(ways, found, &mut sequences);
    }
    let Output { words, count } = sequences;
    let words = words.get_mut(..count * 3).ok_or(CodecError::Scratch)?;
    let literals = gather(source, words, bytemuck::cast_slice_mut(literals))?;
    let may_split = shape.window >= 17;
    Ok(header + split::write(source, words, literals, room, shape.strategy, may_split)?)
}

/// Magic, descriptor and length.
fn header(len: usize, out: &mut [u8]) -> Result<usize, CodecError> {
    let (code, stored, width) = match len {
        0..=255 => (0, len, 1),
        256..=65_791 => (1, len - 256, 2),
        _ => (2, len, 4),
    };
    let out = out.get_mut(..5 + width).ok_or(CodecError::Room)?;
    out[..4].copy_from_slice(&MAGIC);
    out[4] = 0x20 | code << 6;
    out[5..].copy_from_slice(&(stored as u32).to_le_bytes()[..width]);
    Ok(5 + width)
}

/// Collects the literals of all sequences, and what follows them.
fn gather<'l>(source: &[u8], words: &[u32], literals: &'l mut [u8]) -> Result<&'l [u8], CodecError> {
    let (mut at, mut end) = (0, 0);
    let mut take = |from: usize, len: usize| {
        let part = source.get(from..from + len).ok_or(CodecError::Damaged)?;
        literals.get_mut(end..end + len).ok_or(CodecError::Scratch)?.copy_from_slice(part);
        end += len;
        Ok(())
    };
    for words in words.chunks_exact(3) {
        take(at, words[0] as usize)?;
        at += words[0] as usize + words[1] as usize;
    }
    take(at, source.len().checked_sub(at).ok_or(CodecError::Damaged)?)?;
    Ok(&literals[..end])
}
