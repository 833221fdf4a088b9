//! Blocks: a source of more than 64 KiB is split where its statistics change, each part with tables of its own.

use super::code::Repeats;
use super::literals::{self, Kept, SUSPECT, Strategy, gain_min};
use super::sequences::{self, NO_TABLES, Sequences, Tables};
use crate::fold::codec::CodecError;

/// Parts with fewer sequences are not split.
const SEQUENCES_MIN: usize = 300;
/// Most places where a source is split.
const SPLITS_MAX: usize = 196;
/// Bytes of a block's header.
const HEADER_LEN: usize = 3;

/// A source with its sequences and their literals.
#[derive(Clone, Copy)]
pub(super) struct Parsed<'s> {
    pub(super) source: &'s [u8],
    pub(super) sequences: Sequences<'s>,
    pub(super) literals: &'s [u8],
}

/// Tables that the next block may use again.
#[derive(Clone, Copy)]
struct State {
    codes: Kept,
    tables: Tables,
}

/// Writes the blocks of a source, the last of which ends the frame. Words of sequences may change.
pub(super) fn write(
    source: &[u8],
    words: &mut [u32],
    literals: &[u8],
    out: &mut [u8],
    strategy: Strategy,
    may_split: bool,
) -> Result<usize, CodecError> {
    let mut splits = Splits { at: [0; SPLITS_MAX], count: 0 };
    let count = words.len() / 3;
    let all = Parsed { source, sequences: Sequences(words), literals };
    if may_split && count > 4 {
        splits.find(all, 0, count, strategy);
    }
    let mut writer = Writer {
        out,
        written: 0,
        state: State { codes: Kept::NONE, tables: NO_TABLES },
        reader: Repeats::START,
        parser: Repeats::START,
        strategy,
    };
    let (mut source, mut literals, mut start) = (source, literals, 0);
    for split in 0..=splits.count {
        let is_last = split == splits.count;
        let end = if is_last { count } else { splits.at[split] as usize };
        let part = words.get_mut(start * 3..end * 3).ok_or(CodecError::Damaged)?;
        let (literal_len, match_len) = lengths(Sequences(part));
        let (part_source, part_literals) = if is_last {
            (source, literals)
        } else {
            let source = source.split_at_checked(literal_len + match_len).ok_or(CodecError::Damaged)?;
            (source.0, literals.get(..literal_len).ok_or(CodecError::Damaged)?)
        };
        source = &source[part_source.len()..];
        literals = &literals[part_literals.len()..];
        let before = writer.reader;
        if splits.count > 0 {
            writer.resolve(part);
        }
        let part = Parsed { source: part_source, sequences: Sequences(part), literals: part_literals };
        if !writer.write(part, is_last)? {
            writer.reader = before;
        }
        start = end;
    }
    Ok(writer.written)
}

/// Bytes of literals and of matches.
fn lengths(sequences: Sequences<'_>) -> (usize, usize) {
    sequences
        .iter()
        .fold((0, 0), |(literals, matches), sequence| (literals + sequence.literals, matches + sequence.len))
}

/// Where a source is split, as numbers of sequences.
struct Splits {
    at: [u32; SPLITS_MAX],
    count: usize,
}

impl Splits {
    /// Halves a range of sequences as long as the halves take less than the whole.
    fn find(&mut self, parsed: Parsed<'_>, start: usize, end: usize, strategy: Strategy) {
        if end - start < SEQUENCES_MIN || self.count >= SPLITS_MAX {
            return;
        }
        let middle = (start + end) / 2;
        let size = |from, to| estimate(parsed.part(from, to), strategy);
        let (Some(whole), Some(first), Some(second)) =
            (size(start, end), size(start, middle), size(middle, end))
        else {
            return;
        };
        if first + second < whole {
            self.find(parsed, start, middle, strategy);
            if let Some(at) = self.at.get_mut(self.count) {
                *at = middle as u32;
                self.count += 1;
            }
            self.find(parsed, middle, end, strategy);
        }
    }
}

impl<'s> Parsed<'s> {
    /// The sequences of a range with their literals; the last ones with what follows them.
    fn part(self, from: usize, to: usize) -> Self {
        let before = lengths(self.sequences.part(0, from)).0;
        let sequences = self.sequences.part(from, to);
        let end =
            if to == self.sequences.count() { self.literals.len() } else { before + lengths(sequences).0 };
        Self { sequences, literals: &self.literals[before..end], ..self }
    }
}

/// What a block would take; before any has been written.
fn estimate(parsed: Parsed<'_>, strategy: Strategy) -> Option<usize> {
    let literals = literals::estimate(parsed.literals, &Kept::NONE, strategy);
    Some(sequences::estimate(parsed.sequences, &NO_TABLES)? + literals + HEADER_LEN)
}

struct Writer<'o> {
    out: &'o mut [u8],
    written: usize,
    state: State,
    /// What offsets repeat for a reader, who skips blocks that are not compressed, and for the parser.
    reader: Repeats,
    parser: Repeats,
    strategy: Strategy,
}

impl Writer<'_> {
    /// Replaces repeats that mean something else to a reader.
    fn resolve(&mut self, words: &mut [u32]) {
        for words in words.chunks_exact_mut(3) {
            let (no_literals, offset) = (words[0] == 0, words[2]);
            if offset <= 3 {
                let meant = self.parser.offset(offset, no_literals);
                if self.reader.offset(offset, no_literals) != meant {
                    words[2] = meant.wrapping_add(3);
                }
            }
            self.reader = self.reader.after(words[2], no_literals);
            self.parser = self.parser.after(offset, no_literals);
        }
    }

    /// Writes a block; `false` when it is not compressed.
    fn write(&mut self, part: Parsed<'_>, is_last: bool) -> Result<bool, CodecError> {
        let out = self.out.get_mut(self.written..).ok_or(CodecError::Room)?;
        let room = out.get_mut(HEADER_LEN..).ok_or(CodecError::Room)?;
        let compressed = match compress(part, room, &self.state, self.strategy) {
            Err(CodecError::Room) if part.source.len() <= room.len() => None,
            other => other?,
        };
        let enough = part.source.len().saturating_sub(gain_min(part.source.len(), self.strategy));
        let compressed = compressed.filter(|(len, _)| *len < enough);
        let (kind, size, len) = match &compressed {
            Some((len, _)) => (2, *len, *len),
            None => {
                let room = room.get_mut(..part.source.len()).ok_or(CodecError::Room)?;
                room.copy_from_slice(part.source);
                (0, part.source.len(), part.source.len())
            }
        };
        let header = u32::from(is_last) | kind << 1 | (size as u32) << 3;
        out[..HEADER_LEN].copy_from_slice(&header.to_le_bytes()[..HEADER_LEN]);
        self.written += HEADER_LEN + len;
        if let Some((_, state)) = compressed {
            self.state = state;
            return Ok(true);
        }
        Ok(false)
    }
}

fn compress(
    part: Parsed<'_>,
    out: &mut [u8],
    state: &State,
    strategy: Strategy,
) -> Result<Option<(usize, State)>, CodecError> {
    let count = part.sequences.count();
    let is_suspect = count == 0 || part.literals.len() / count >= SUSPECT;
    let (literals, codes) = literals::write(part.literals, out, &state.codes, strategy, is_suspect)?;
    let room = out.get_mut(literals..).ok_or(CodecError::Room)?;
    let (sequences, tables) = sequences::write(part.sequences, room, &state.tables)?;
    Ok(sequences.map(|len| (literals + len, State { codes, tables })))
}
