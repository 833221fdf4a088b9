//! LZ4 HC from level 10 on: of all ways to write the next stretch the one with the fewest bytes.

use super::chains::{Chains, Effort};
use super::sequence::{
    LAST_LITERALS, MATCH_MIN, MATCH_START_MARGIN, Match, NIBBLE, Sequences, literal_extra,
};
use crate::fold::codec::CodecError;

/// Positions that are weighed together at most.
const STRETCH: usize = 1 << 12;
/// Literals that are weighed behind the last match.
const TRAILING: usize = 3;
/// The fewest bytes of a sequence.
const SEQUENCE_MIN: u32 = 3;

/// Words of the table of ways.
pub(super) const WORDS: usize = (STRETCH + TRAILING) * 4;

/// How a level looks for matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) attempts: u32,
    /// A match longer than this is taken without weighing.
    pub(super) sufficient: usize,
    /// Looks at each position for any match, not only for those that reach further.
    pub(super) full: bool,
}

/// The best way to a position: its last step and what it costs in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    price: u32,
    /// Length of the last step; 1 is a literal.
    len: usize,
    offset: usize,
    /// Literals up to here, or before the match that ends here.
    literals: usize,
}

/// The ways, four words each.
struct Ways<'s>(&'s mut [u32]);

impl Ways<'_> {
    fn get(&self, at: usize) -> Way {
        let way = &self.0[at * 4..at * 4 + 4];
        Way { price: way[0], len: way[1] as usize, offset: way[2] as usize, literals: way[3] as usize }
    }

    fn set(&mut self, at: usize, way: Way) {
        let words = [way.price, way.len as u32, way.offset as u32, way.literals as u32];
        self.0[at * 4..at * 4 + 4].copy_from_slice(&words);
    }

    fn price(&self, at: usize) -> u32 {
        self.0[at * 4]
    }

    /// Literals behind the last match.
    fn add_trailing(&mut self, last: usize) {
        let price = self.price(last);
        for more in 1..=TRAILING {
            let way = Way { price: price + literals_price(more), len: 1, offset: 0, literals: more };
            self.set(last + more, way);
        }
    }
}

fn literals_price(literals: usize) -> u32 {
    (literals + literal_extra(literals)) as u32
}

fn sequence_price(literals: usize, len: usize) -> u32 {
    let past = MATCH_MIN + NIBBLE;
    let extra = if len < past { 0 } else { 1 + (len - past) / 255 };
    SEQUENCE_MIN + literals_price(literals) + extra as u32
}

/// A match ahead.
#[derive(Debug, Clone, Copy)]
struct Found {
    len: usize,
    offset: usize,
}

struct Parser<'a, 's> {
    source: &'a [u8],
    chains: Chains<'s>,
    ways: Ways<'s>,
    level: Level,
}

/// Packs as much of `source` as `out` takes; returns the lengths used and written.
pub(super) fn pack(
    source: &[u8],
    out: Sequences<'_>,
    chains: Chains<'_>,
    ways: &mut [u32],
    level: Level,
) -> Result<(usize, usize), CodecError> {
    let mut parser = Parser { source, chains, ways: Ways(ways), level };
    let mut out = out;
    let mut at = 0;
    // More literals than there is room for end the block, whatever comes behind them.
    while at + MATCH_START_MARGIN <= source.len() && at - out.anchor <= out.left() {
        let Some(first) = parser.find(at, MATCH_MIN - 1) else {
            at += 1;
            continue;
        };
        if first.len > level.sufficient {
            let whole = Match { start: at, len: first.len, offset: first.offset };
            if !out.push(source, whole)? {
                out.push_shortened(source, whole)?;
                break;
            }
            at = out.anchor;
            continue;
        }
        let end = parser.weigh(at, at - out.anchor, first);
        match parser.write(at, end, &mut out)? {
            Some(reached) => at = reached,
            None => break,
        }
    }
    out.finish(source)
}

impl Parser<'_, '_> {
    fn find(&mut self, at: usize, longest: usize) -> Option<Found> {
        let effort = Effort { attempts: self.level.attempts, patterns: true, swaps: true };
        let high = self.source.len() - LAST_LITERALS;
        let wider = self.chains.find(self.source, (at, at, high), longest, effort)?;
        Some(Found { len: wider.len, offset: wider.start - wider.from })
    }

    /// Weighs the ways from `at` on, with `literals` waiting before it and a match there. Returns the length of the
    /// stretch; the steps of the best way stand at the positions where they begin.
    fn weigh(&mut self, at: usize, literals: usize, first: Found) -> usize {
        for position in 0..MATCH_MIN {
            let literals = literals + position;
            self.ways.set(position, Way { price: literals_price(literals), len: 1, offset: 0, literals });
        }
        for len in MATCH_MIN..=first.len {
            let price = sequence_price(literals, len);
            self.ways.set(len, Way { price, len, offset: first.offset, literals });
        }
        let mut last = first.len;
        self.ways.add_trailing(last);
        let mut position = 1;
        while position < last && at + position + MATCH_START_MARGIN <= self.source.len() {
            if let Some(found) = self.look(at, position, last) {
                if found.len > self.level.sufficient || found.len + position >= STRETCH {
                    self.trace(position, found.len, found.offset);
                    return position + 1;
                }
                last = self.consider(position, last, found);
            }
            position += 1;
        }
        let way = self.ways.get(last);
        self.trace(last - way.len, way.len, way.offset);
        last
    }

    /// The match at a position, unless going on to the next one is as cheap anyway.
    fn look(&mut self, at: usize, position: usize, last: usize) -> Option<Found> {
        let price = self.ways.price(position);
        let cheap = self.ways.price(position + 1) <= price;
        if self.level.full {
            if cheap && self.ways.price(position + MATCH_MIN) < price + SEQUENCE_MIN {
                return None;
            }
            self.find(at + position, MATCH_MIN - 1)
        } else if cheap {
            None
        } else {
            self.find(at + position, last - position)
        }
    }

    /// Enters the ways that a match opens; returns where the last one ends.
    fn consider(&mut self, position: usize, mut last: usize, found: Found) -> usize {
        let here = self.ways.get(position);
        for more in 1..MATCH_MIN {
            let literals = here.literals + more;
            let price = (here.price + literals_price(literals)).wrapping_sub(literals_price(here.literals));
            if price < self.ways.price(position + more) {
                self.ways.set(position + more, Way { price, len: 1, offset: 0, literals });
            }
        }
        let (literals, base) = if here.len == 1 {
            let start = position.checked_sub(here.literals).filter(|start| *start > 0);
            (here.literals, start.map_or(0, |start| self.ways.price(start)))
        } else {
            (0, here.price)
        };
        for len in MATCH_MIN..=found.len {
            let end = position + len;
            let price = base + sequence_price(literals, len);
            if end > last + TRAILING || price <= self.ways.price(end) {
                if len == found.len && last < end {
                    last = end;
                }
                self.ways.set(end, Way { price, len, offset: found.offset, literals });
            }
        }
        self.ways.add_trailing(last);
        last
    }

    /// Turns the steps that lead to a position into steps that begin at positions, from its start on.
    fn trace(&mut self, mut position: usize, mut len: usize, mut offset: usize) {
        loop {
            let way = self.ways.get(position);
            self.ways.set(position, Way { len, offset, ..way });
            if way.len > position {
                break;
            }
            (len, offset) = (way.len, way.offset);
            position -= way.len;
        }
    }

    /// Writes a stretch; `None` when the block is full.
    fn write(&mut self, at: usize, end: usize, out: &mut Sequences<'_>) -> Result<Option<usize>, CodecError> {
        let mut position = 0;
        while position < end {
            let step = self.ways.get(position);
            if step.len > 1 {
                let found = Match { start: at + position, len: step.len, offset: step.offset };
                if !out.push(self.source, found)? {
                    out.push_shortened(self.source, found)?;
                    return Ok(None);
                }
            }
            position += step.len;
        }
        Ok(Some(at + position))
    }
}
