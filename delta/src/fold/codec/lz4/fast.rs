//! Plain LZ4: the last position of each hash, and steps that grow where nothing matches.

use super::sequence::{
    DISTANCE_MAX, LAST_LITERALS, MATCH_MIN, MATCH_START_MARGIN, Match, NIBBLE, Sequences, literal_extra,
};
use super::source::{common, eight, four};
use crate::fold::codec::CodecError;

/// Words of the table.
pub(super) const WORDS: usize = 1 << 13;
/// From this length on a source is hashed by five bytes into a smaller table.
const LONG: usize = (1 << 16) + MATCH_START_MARGIN - 1;
/// The shortest source that is looked at.
const SOURCE_MIN: usize = MATCH_START_MARGIN + 1;

struct Table<'s> {
    positions: &'s mut [u32],
    long: bool,
}

impl Table<'_> {
    fn hash(&self, source: &[u8], at: usize) -> usize {
        if self.long {
            ((eight(source, at) << 24).wrapping_mul(889_523_592_379) >> 52) as usize
        } else {
            (four(source, at).wrapping_mul(2_654_435_761) >> 19) as usize
        }
    }

    /// The last position with this hash, or 0; then `at` is.
    fn replace(&mut self, hash: usize, at: usize) -> usize {
        core::mem::replace(&mut self.positions[hash], at as u32) as usize
    }

    fn put(&mut self, source: &[u8], at: usize) {
        self.positions[self.hash(source, at)] = at as u32;
    }
}

fn is_match(source: &[u8], from: usize, at: usize) -> bool {
    from < at && at - from <= DISTANCE_MAX && four(source, from) == four(source, at)
}

/// Packs as much of `source` as fits into `out`; returns the lengths used and written. `is_long` says that there is
/// more of it than is shown.
pub(super) fn pack(
    source: &[u8],
    out: &mut [u8],
    words: &mut [u32],
    is_long: bool,
) -> Result<(usize, usize), CodecError> {
    let mut out = Sequences::new(out);
    if source.len() < SOURCE_MIN {
        return out.finish(source);
    }
    words.fill(0);
    let mut table = Table { positions: words, long: is_long || source.len() >= LONG };
    table.put(source, 0);
    let mut at = 1;
    while let Some(mut found) = search(&mut table, source, at, out.anchor) {
        loop {
            if !push(&mut out, source, found)? {
                return out.finish(source);
            }
            at = out.anchor;
            if at + MATCH_START_MARGIN > source.len() {
                return out.finish(source);
            }
            table.put(source, at - 2);
            let from = table.replace(table.hash(source, at), at);
            if !is_match(source, from, at) {
                break;
            }
            found = match_at(source, from, at);
        }
        at += 1;
    }
    out.finish(source)
}

fn match_at(source: &[u8], from: usize, at: usize) -> Match {
    let limit = source.len() - LAST_LITERALS;
    let len = MATCH_MIN + common(source, at + MATCH_MIN, from + MATCH_MIN, limit);
    Match { start: at, len, offset: at - from }
}

/// The next match from `at` on, grown back towards `anchor`.
fn search(table: &mut Table<'_>, source: &[u8], at: usize, anchor: usize) -> Option<Match> {
    const HASTE: usize = 1 << 6;
    let (mut next, mut step, mut tried) = (at, 1, HASTE);
    let mut hash = table.hash(source, at);
    loop {
        let here = next;
        next += step;
        step = tried / HASTE;
        tried += 1;
        if next + MATCH_START_MARGIN > source.len() + 1 {
            return None;
        }
        let from = table.positions[hash] as usize;
        let next_hash = table.hash(source, next);
        table.positions[hash] = here as u32;
        hash = next_hash;
        if is_match(source, from, here) {
            let before = source[anchor..here].iter().rev().zip(source[..from].iter().rev());
            let back = before.take_while(|(a, b)| a == b).count();
            let found = match_at(source, from, here);
            return Some(Match { start: here - back, len: found.len + back, ..found });
        }
    }
}

/// Adds a match, cut to what fits; `false` when nothing of it does.
fn push(out: &mut Sequences<'_>, source: &[u8], found: Match) -> Result<bool, CodecError> {
    let literals = found.start - out.anchor;
    let Some(left) = out.left().checked_sub(1 + literal_extra(literals) + literals) else { return Ok(false) };
    if 2 + 1 + MATCH_START_MARGIN - MATCH_MIN > left {
        return Ok(false);
    }
    let left = left - 2;
    let code = found.len - MATCH_MIN;
    let code = if 1 + LAST_LITERALS + (code + 240) / 255 > left {
        NIBBLE - 1 + (left - 1 - LAST_LITERALS) * 255
    } else {
        code
    };
    out.put(source, Match { len: code + MATCH_MIN, ..found })?;
    Ok(true)
}
