//! The sequences of a block: which table each kind of code gets, and the stream.

use super::bits_out::BitsOut;
use super::code::{
    LITERAL_BITS, LITERAL_NORMAL, MATCH_BITS, MATCH_MIN, MATCH_NORMAL, OFFSET_NORMAL, SYMBOLS, literal_code,
    log2, match_code,
};
use super::distribution::{Distribution, entropy, table_log};
use super::fse::{State, Table};
use super::literals::{CODED, ONE, RAW, REPEATED};
use crate::fold::codec::CodecError;

/// From this many sequences on, codes that are rarer than one place of the table may say so.
const RARE_FROM: usize = 2048;
/// From this many on their number takes three bytes.
const LONG_COUNT: usize = 0x7f00;

/// A sequence: literals, then a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) literals: usize,
    pub(super) len: usize,
    /// 1 to 3 are repeats, others are offsets plus three.
    pub(super) offset: u32,
}

/// Sequences, three words each.
#[derive(Clone, Copy)]
pub(super) struct Sequences<'s>(pub(super) &'s [u32]);

impl<'s> Sequences<'s> {
    pub(super) fn count(self) -> usize {
        self.0.len() / 3
    }

    pub(super) fn get(self, at: usize) -> Sequence {
        let words = &self.0[at * 3..at * 3 + 3];
        Sequence { literals: words[0] as usize, len: words[1] as usize, offset: words[2] }
    }

    pub(super) fn iter(self) -> impl DoubleEndedIterator<Item = Sequence> + 's {
        (0..self.count()).map(move |at| self.get(at))
    }

    pub(super) fn part(self, from: usize, to: usize) -> Self {
        Self(&self.0[from * 3..to * 3])
    }
}

/// The three kinds of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literals,
    Offset,
    Match,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Literals, Kind::Offset, Kind::Match];

    fn code(self, sequence: Sequence) -> usize {
        match self {
            Kind::Literals => literal_code(sequence.literals),
            Kind::Offset => log2(sequence.offset) as usize,
            Kind::Match => match_code(sequence.len),
        }
    }

    fn extra_bits(self, code: usize) -> u32 {
        match self {
            Kind::Literals => LITERAL_BITS[code].into(),
            Kind::Offset => code as u32,
            Kind::Match => MATCH_BITS[code].into(),
        }
    }

    fn log_max(self) -> u32 {
        if self == Kind::Offset { 8 } else { 9 }
    }

    fn known(self) -> Distribution {
        match self {
            Kind::Literals => Distribution::known(&LITERAL_NORMAL.0, LITERAL_NORMAL.1),
            Kind::Offset => Distribution::known(&OFFSET_NORMAL.0, OFFSET_NORMAL.1),
            Kind::Match => Distribution::known(&MATCH_NORMAL.0, MATCH_NORMAL.1),
        }
    }
}

/// A table that a later block may use again.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptTable {
    table: Table,
    is_there: bool,
}

/// The tables of the three kinds.
pub(super) type Tables = [KeptTable; 3];

pub(super) const NO_TABLES: Tables = [KeptTable { table: Table::EMPTY, is_there: false }; 3];

/// How codes of one kind are distributed.
struct Counted {
    counts: [u32; SYMBOLS],
    max: usize,
    most: u32,
    total: usize,
    last: usize,
}

impl Counted {
    fn of(sequences: Sequences<'_>, kind: Kind) -> Self {
        let mut counted =
            Counted { counts: [0; SYMBOLS], max: 0, most: 0, total: sequences.count(), last: 0 };
        for sequence in sequences.iter() {
            counted.last = kind.code(sequence);
            counted.counts[counted.last] += 1;
        }
        counted.max = counted.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        counted.most = counted.counts.iter().copied().max().unwrap_or(0);
        counted
    }

    /// The kind of table that is smallest with what it codes.
    fn choose(&self, kind: Kind, kept: &KeptTable) -> u8 {
        let known = kind.known();
        let may_be_known = self.max <= known.max;
        if self.most as usize == self.total {
            return if may_be_known && self.total <= 2 { RAW } else { ONE };
        }
        let known_cost = if may_be_known { known.cross_entropy(&self.counts, self.max) } else { u64::MAX };
        let again =
            kept.is_there.then(|| kept.table.cost(&self.counts, self.max)).flatten().unwrap_or(u64::MAX);
        let log = table_log(kind.log_max(), self.total, self.max, 2);
        let described = Distribution::of(&self.counts, self.total, self.max, log, self.total >= RARE_FROM)
            .and_then(|distribution| distribution.write(&mut [0; 512]))
            .map_or(u64::MAX >> 8, |len| len as u64);
        let anew = (described << 3).saturating_add(entropy(&self.counts, self.max, self.total));
        if known_cost <= again && known_cost <= anew {
            RAW
        } else if again <= anew {
            REPEATED
        } else {
            CODED
        }
    }

    /// The table of a kind, its description written to `out`; with the length of that.
    fn table(
        mut self,
        kind: Kind,
        choice: u8,
        kept: &KeptTable,
        out: &mut [u8],
    ) -> Option<(KeptTable, usize)> {
        Some(match choice {
            RAW => (KeptTable { table: Table::of(&kind.known()), is_there: false }, 0),
            ONE => {
                *out.first_mut()? = self.max as u8;
                (KeptTable { table: Table::of_one(self.max), is_there: false }, 1)
            }
            REPEATED => (*kept, 0),
            _ => {
                let log = table_log(kind.log_max(), self.total, self.max, 2);
                // The last code begins the stream and costs nothing.
                if self.counts[self.last] > 1 {
                    self.counts[self.last] -= 1;
                    self.total -= 1;
                }
                let distribution =
                    Distribution::of(&self.counts, self.total, self.max, log, self.total >= RARE_FROM)?;
                let len = distribution.write(out)?;
                (KeptTable { table: Table::of(&distribution), is_there: true }, len)
            }
        })
    }
}

/// Writes the section; returns its length and the tables for later blocks, or no length when the block is better left
/// as it is.
pub(super) fn write(
    sequences: Sequences<'_>,
    out: &mut [u8],
    kept: &Tables,
) -> Result<(Option<usize>, Tables), CodecError> {
    let count = sequences.count();
    let header = match count {
        0..=127 => 1,
        _ if count < LONG_COUNT => 2,
        _ => 3,
    };
    let head = out.get_mut(..header).ok_or(CodecError::Room)?;
    match header {
        1 => head[0] = count as u8,
        2 => head.copy_from_slice(&[(count >> 8) as u8 + 0x80, count as u8]),
        _ => {
            let [low, high] = ((count - LONG_COUNT) as u16).to_le_bytes();
            head.copy_from_slice(&[0xff, low, high]);
        }
    }
    if count == 0 {
        return Ok((Some(header), *kept));
    }
    let mut tables = *kept;
    let (mut at, mut choices, mut last_described) = (header + 1, 0, 0);
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let counted = Counted::of(sequences, kind);
        let choice = counted.choose(kind, &kept[index]);
        let room = out.get_mut(at..).ok_or(CodecError::Room)?;
        let (table, len) = counted.table(kind, choice, &kept[index], room).ok_or(CodecError::Room)?;
        tables[index] = table;
        at += len;
        choices |= choice << (6 - 2 * index);
        if choice == CODED {
            last_described = len;
        }
    }
    out[header] = choices;
    let room = out.get_mut(at..).ok_or(CodecError::Room)?;
    let stream = stream(sequences, &tables, room).ok_or(CodecError::Room)?;
    // Old readers of zstd took so short a section for damaged.
    if last_described > 0 && last_described + stream < 4 {
        return Ok((None, tables));
    }
    Ok((Some(at + stream), tables))
}

fn stream(sequences: Sequences<'_>, tables: &Tables, out: &mut [u8]) -> Option<usize> {
    let mut bits = BitsOut::new(out);
    let mut rest = sequences.iter().rev();
    let last = rest.next()?;
    let [literals, offset, matches] = tables;
    let mut match_state = State::new(&matches.table, Kind::Match.code(last));
    let mut offset_state = State::new(&offset.table, Kind::Offset.code(last));
    let mut literal_state = State::new(&literals.table, Kind::Literals.code(last));
    let extra = |sequence: Sequence, bits: &mut BitsOut<'_>| {
        let value = |kind| match kind {
            Kind::Literals => sequence.literals as u32,
            Kind::Match => (sequence.len - MATCH_MIN) as u32,
            Kind::Offset => sequence.offset,
        };
        for kind in [Kind::Literals, Kind::Match, Kind::Offset] {
            bits.add(value(kind), kind.extra_bits(kind.code(sequence)));
        }
    };
    extra(last, &mut bits);
    for sequence in rest {
        offset_state.put(Kind::Offset.code(sequence), &mut bits);
        match_state.put(Kind::Match.code(sequence), &mut bits);
        literal_state.put(Kind::Literals.code(sequence), &mut bits);
        extra(sequence, &mut bits);
    }
    match_state.finish(&mut bits);
    offset_state.finish(&mut bits);
    literal_state.finish(&mut bits);
    bits.finish_marked()
}

/// What the section would take, for deciding where to split; `None` when that cannot be told.
pub(super) fn estimate(sequences: Sequences<'_>, kept: &Tables) -> Option<usize> {
    let count = sequences.count();
    let mut size = 2 + usize::from(count >= 128) + usize::from(count >= LONG_COUNT);
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let counted = Counted::of(sequences, kind);
        let choice = counted.choose(kind, &kept[index]);
        let (counts, max) = (counted.counts, counted.max);
        let (table, described) = counted.table(kind, choice, &kept[index], &mut [0; 512])?;
        let cost = match choice {
            RAW => Some(kind.known().cross_entropy(&counts, max)),
            ONE => Some(0),
            _ => table.table.cost(&counts, max),
        };
        size += described;
        let Some(cost) = cost else {
            size += count * 10;
            continue;
        };
        let extra: u64 =
            counts.iter().enumerate().map(|(code, &n)| u64::from(n) * extra_of(kind, code)).sum();
        size += ((cost + extra) >> 3) as usize;
    }
    Some(size)
}

fn extra_of(kind: Kind, code: usize) -> u64 {
    match kind {
        Kind::Literals => LITERAL_BITS.get(code).copied().unwrap_or(0).into(),
        Kind::Match => MATCH_BITS.get(code).copied().unwrap_or(0).into(),
        Kind::Offset => code as u64,
    }
}
