//! LZ4 HC up to level 9: a match is held back while overlapping ones further on may be longer; three are weighed.
//!
//! The source may be a part of a longer one: then parsing stops where more would have to be seen, and goes on when it is
//! there.

use super::chains::{Chains, Effort, Wider};
use super::sequence::{LAST_LITERALS, MATCH_MIN, MATCH_START_MARGIN, Match, NIBBLE, Sequences};
use crate::fold::codec::CodecError;

/// The longest match that the token alone can say.
const TOKEN_LEN: usize = NIBBLE - 1 + MATCH_MIN;

/// A match that may still be moved or cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    start: usize,
    from: usize,
    len: usize,
}

impl Held {
    fn end(self) -> usize {
        self.start + self.len
    }

    /// Loses bytes at its front; all of them at most.
    fn cut_front(&mut self, by: usize) {
        self.start += by;
        self.from += by;
        self.len = self.len.saturating_sub(by);
    }

    fn as_match(self) -> Match {
        Match { start: self.start, len: self.len, offset: self.start - self.from }
    }

    pub(super) fn moved_back(self, by: usize) -> Self {
        // A match that has been cut to nothing may lie before what is kept.
        Held { start: self.start.saturating_sub(by), from: self.from.saturating_sub(by), len: self.len }
    }
}

impl From<Wider> for Held {
    fn from(wider: Wider) -> Self {
        Self { start: wider.start, from: wider.from, len: wider.len }
    }
}

/// Gives the first of two overlapping matches what the token can say, and the second the rest.
fn share(first: Held, second: &mut Held) -> usize {
    let gap = second.start - first.start;
    let mut len = first.len.min(TOKEN_LEN);
    if first.start + len + MATCH_MIN > second.end() {
        len = (gap + second.len).saturating_sub(MATCH_MIN);
    }
    second.cut_front(len.saturating_sub(gap));
    len
}

/// What the state of the parser leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// Looks for a first match from here on.
    First(usize),
    /// Looks for a second match beside the first; the third is what the first was before it was skipped.
    Second(Held, Held),
    /// Looks for a third match beside two.
    Third(Held, Held),
}

impl Next {
    pub(super) fn moved_back(self, by: usize) -> Self {
        match self {
            Next::First(at) => Next::First(at.saturating_sub(by)),
            Next::Second(first, original) => Next::Second(first.moved_back(by), original.moved_back(by)),
            Next::Third(first, second) => Next::Third(first.moved_back(by), second.moved_back(by)),
        }
    }

    /// Where the next look is taken.
    fn looks_at(&self) -> usize {
        match self {
            Next::First(at) => *at,
            Next::Second(first, _) => first.end(),
            Next::Third(_, second) => second.end(),
        }
    }
}

/// Bytes that are seen beyond the place of a look, in a part of a source: more than two of the largest distances.
pub(super) const SEEN: usize = 1 << 17;

pub(super) struct Parser<'a, 'o, 's> {
    pub(super) source: &'a [u8],
    /// Whether the source ends where it ends.
    pub(super) is_whole: bool,
    /// Where matches end at the latest.
    pub(super) high: usize,
    pub(super) chains: Chains<'s>,
    pub(super) effort: Effort,
    pub(super) out: Sequences<'o>,
    /// The first match as it was before others took its place.
    pub(super) original: Held,
}

/// What a parser did with a part of a source.
pub(super) enum Parsed {
    /// All of it, and nothing is left but literals; or there is no more room.
    End,
    /// It goes on there when more of the source is to be seen.
    Wants(Next),
    /// It goes on behind a match that is longer than what is to be seen.
    Longer(Match),
}

pub(super) fn effort(attempts: u32) -> Effort {
    Effort { attempts, patterns: attempts > 128, swaps: false }
}

pub(super) const NO_MATCH: Held = Held { start: 0, from: 0, len: 0 };

/// Packs as much of `source` as `out` takes; returns the lengths used and written.
pub(super) fn pack(
    source: &[u8],
    out: Sequences<'_>,
    chains: Chains<'_>,
    attempts: u32,
) -> Result<(usize, usize), CodecError> {
    let effort = effort(attempts);
    let high = source.len().saturating_sub(LAST_LITERALS);
    let mut parser = Parser { source, is_whole: true, high, chains, effort, out, original: NO_MATCH };
    parser.parse(Next::First(0))?;
    parser.out.finish(source)
}

impl Parser<'_, '_, '_> {
    /// Parses from `next` on.
    pub(super) fn parse(&mut self, next: Next) -> Result<Parsed, CodecError> {
        let mut next = Some(next);
        while let Some(state) = next {
            if !self.is_whole {
                if let Some(long) = self.long_match(state)? {
                    if long.end() == self.source.len() {
                        return Ok(Parsed::Longer(long.as_match()));
                    }
                    self.push(long)?;
                    next = Some(Next::First(long.end()));
                    continue;
                }
                if state.looks_at() + SEEN > self.source.len() {
                    return Ok(Parsed::Wants(state));
                }
            }
            next = match state {
                Next::First(at) => {
                    let Some(at) = self.first(at) else {
                        let seen = self.source.len().saturating_sub(SEEN) + 1;
                        return Ok(if self.is_whole {
                            Parsed::End
                        } else {
                            Parsed::Wants(Next::First(seen))
                        });
                    };
                    Some(at)
                }
                Next::Second(first, original) => {
                    self.original = original;
                    self.second(first)?
                }
                Next::Third(first, second) => self.third(first, second)?,
            };
        }
        Ok(Parsed::End)
    }

    /// A match that is so long that no other can be better: what repeats for longer than two distances does so at one
    /// distance. Writes what stands before it.
    fn long_match(&mut self, state: Next) -> Result<Option<Held>, CodecError> {
        match state {
            Next::Second(first, _) if first.len >= SEEN => Ok(Some(first)),
            Next::Third(mut first, mut second) if second.len >= SEEN => {
                if second.start - first.start < TOKEN_LEN {
                    share(first, &mut second);
                }
                first.len = first.len.min(second.start - first.start);
                self.push(first)?;
                Ok(Some(second))
            }
            _ => Ok(None),
        }
    }

    fn may_start(&self, at: usize) -> bool {
        at + MATCH_START_MARGIN <= self.source.len()
    }

    /// Whether [`Parser::first`] may look there.
    fn may_look(&self, at: usize) -> bool {
        if self.is_whole { self.may_start(at) } else { at + SEEN <= self.source.len() }
    }

    fn find(&mut self, at: usize, low: usize, longest: usize) -> Option<Held> {
        self.chains.find(self.source, (at, low, self.high), longest, self.effort).map(Held::from)
    }

    /// Writes a match; `false` when the block is full, which ends it.
    fn push(&mut self, held: Held) -> Result<bool, CodecError> {
        let fits = self.out.push(self.source, held.as_match())?;
        if !fits {
            self.out.push_shortened(self.source, held.as_match())?;
        }
        Ok(fits)
    }

    fn first(&mut self, mut at: usize) -> Option<Next> {
        // More literals than there is room for end the block, whatever comes behind them.
        while self.may_look(at) && at - self.out.anchor <= self.out.left() {
            if let Some(found) = self.find(at, at, MATCH_MIN - 1) {
                return Some(Next::Second(found, found));
            }
            at += 1;
        }
        None
    }

    fn second(&mut self, mut first: Held) -> Result<Option<Next>, CodecError> {
        let found = if self.may_start(first.end()) {
            self.find(first.end() - 2, first.start, first.len)
        } else {
            None
        };
        let Some(second) = found else {
            return Ok(self.push(first)?.then(|| Next::First(first.end())));
        };
        let original = self.original;
        if original.start < first.start && second.start < first.start + original.len {
            first = original;
        }
        Ok(Some(if second.start - first.start < 3 {
            Next::Second(second, original)
        } else {
            Next::Third(first, second)
        }))
    }

    fn third(&mut self, mut first: Held, mut second: Held) -> Result<Option<Next>, CodecError> {
        if second.start - first.start < TOKEN_LEN {
            share(first, &mut second);
        }
        let found = if self.may_start(second.end()) {
            self.find(second.end() - 3, second.start, second.len)
        } else {
            None
        };
        let Some(third) = found else {
            first.len = first.len.min(second.start - first.start);
            let both = self.push(first)? && self.push(second)?;
            return Ok(both.then(|| Next::First(second.end())));
        };
        if third.start < first.end() + 3 {
            if third.start < first.end() {
                return Ok(Some(Next::Third(first, third)));
            }
            if second.start < first.end() {
                second.cut_front(first.end() - second.start);
                if second.len < MATCH_MIN {
                    second = third;
                }
            }
            return Ok(self.push(first)?.then_some(Next::Second(third, second)));
        }
        if second.start < first.end() {
            if second.start - first.start < TOKEN_LEN {
                first.len = share(first, &mut second);
            } else {
                first.len = second.start - first.start;
            }
        }
        Ok(self.push(first)?.then_some(Next::Third(second, third)))
    }
}
