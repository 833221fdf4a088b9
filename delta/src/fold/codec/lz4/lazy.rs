//! LZ4 HC up to level 9: a match is held back while overlapping ones further on may be longer; three are weighed.

use super::chains::{Chains, Effort, Wider};
use super::sequence::{LAST_LITERALS, MATCH_MIN, MATCH_START_MARGIN, Match, NIBBLE, Sequences};
use crate::fold::codec::CodecError;

/// The longest match that the token alone can say.
const TOKEN_LEN: usize = NIBBLE - 1 + MATCH_MIN;

/// A match that may still be moved or cut.
#[derive(Debug, Clone, Copy)]
struct Held {
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
enum Next {
    /// Looks for a first match from here on.
    First(usize),
    /// Looks for a second match beside the first; the third is what the first was before it was skipped.
    Second(Held, Held),
    /// Looks for a third match beside two.
    Third(Held, Held),
}

struct Parser<'a, 'o, 's> {
    source: &'a [u8],
    chains: Chains<'s>,
    effort: Effort,
    out: Sequences<'o>,
    /// The first match as it was before others took its place.
    original: Held,
}

/// Packs as much of `source` as fits into `out`; returns the lengths used and written.
pub(super) fn pack(
    source: &[u8],
    out: &mut [u8],
    chains: Chains<'_>,
    attempts: u32,
) -> Result<(usize, usize), CodecError> {
    let effort = Effort { attempts, patterns: attempts > 128, swaps: false };
    let original = Held { start: 0, from: 0, len: 0 };
    let mut parser = Parser { source, chains, effort, out: Sequences::new(out), original };
    let mut next = Some(Next::First(0));
    while let Some(state) = next {
        next = match state {
            Next::First(at) => parser.first(at),
            Next::Second(first, original) => {
                parser.original = original;
                parser.second(first)?
            }
            Next::Third(first, second) => parser.third(first, second)?,
        };
    }
    parser.out.finish(source)
}

impl Parser<'_, '_, '_> {
    fn may_start(&self, at: usize) -> bool {
        at + MATCH_START_MARGIN <= self.source.len()
    }

    fn find(&mut self, at: usize, low: usize, longest: usize) -> Option<Held> {
        let high = self.source.len() - LAST_LITERALS;
        self.chains.find(self.source, (at, low, high), longest, self.effort).map(Held::from)
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
        while self.may_start(at) && at - self.out.anchor <= self.out.left() {
            if let Some(found) = self.find(at, at, MATCH_MIN - 1) {
                return Some(Next::Second(found, found));
            }
            at += 1;
        }
        None
    }

    fn second(&mut self, mut first: Held) -> Result<Option<Next>, CodecError> {
        loop {
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
            if second.start - first.start < 3 {
                first = second;
                continue;
            }
            return Ok(Some(Next::Third(first, second)));
        }
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
