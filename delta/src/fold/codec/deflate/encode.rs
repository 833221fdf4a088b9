//! Makes the same stream as zlib or GNU gzip at a level: greedy matching up to level 3, then lazy matching.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use super::bits_out::BitsOut;
use super::block::Block;
use super::tables::{MIN_MATCH, WINDOW};
use super::window::{Search, Window};
use super::{Encoder, Settings};
use crate::fold::codec::CodecError;

/// Matches of the shortest length are not worth this distance.
const TOO_FAR: usize = 4096;

/// What a level means.
struct Effort {
    /// A match of this length makes the search for a better one a quarter as long.
    good: usize,
    /// A match of this length is not followed by a search for a better one (lazy), or its strings are not noted
    /// (greedy).
    lazy: usize,
    nice: usize,
    chain: u32,
}

const fn effort(good: usize, lazy: usize, nice: usize, chain: u32) -> Effort {
    Effort { good, lazy, nice, chain }
}

/// Levels 1 to 9.
const LEVELS: [Effort; 9] = [
    effort(4, 4, 8, 4),
    effort(4, 5, 16, 8),
    effort(4, 6, 32, 32),
    effort(4, 4, 16, 16),
    effort(8, 16, 32, 32),
    effort(8, 16, 128, 128),
    effort(8, 32, 128, 256),
    effort(32, 128, 258, 1024),
    effort(32, 258, 258, 4096),
];
/// Up to this level matching is greedy.
const GREEDY: u8 = 3;

impl Settings {
    fn heads(&self) -> usize {
        match self.encoder {
            Encoder::Zlib => 1 << (self.memory_level + 7),
            Encoder::Gzip => 1 << 15,
        }
    }

    /// Symbols of a block at most.
    fn symbols(&self) -> usize {
        match self.encoder {
            Encoder::Zlib => (1 << (self.memory_level + 6)) - 1,
            Encoder::Gzip => (1 << 15) - 1,
        }
    }

    /// Words of scratch.
    pub(super) fn encode_scratch(&self) -> usize {
        self.heads() + WINDOW + self.symbols()
    }

    /// Packs `plain` into the front of `packed`.
    pub(super) fn deflate(
        &self,
        plain: &[u8],
        packed: &mut [u8],
        scratch: &mut [u32],
    ) -> Result<usize, CodecError> {
        if plain.len() > u32::MAX as usize {
            return Err(CodecError::Room);
        }
        let scratch = scratch.get_mut(..self.encode_scratch()).ok_or(CodecError::Scratch)?;
        let (heads, rest) = scratch.split_at_mut(self.heads());
        let (previous, symbols) = rest.split_at_mut(WINDOW);
        let mut stream = Stream {
            window: Window::new(plain, heads, previous, self.encoder == Encoder::Zlib),
            block: Block::new(symbols),
            block_start: 0,
            out: BitsOut::new(packed),
            settings: self,
        };
        let effort = &LEVELS[usize::from(self.level.clamp(1, 9)) - 1];
        if self.level <= GREEDY {
            stream.greedy(effort);
        } else {
            stream.lazy(effort);
        }
        stream.window.fill(plain.len());
        stream.flush(plain.len(), true);
        stream.out.finish()
    }
}

struct Stream<'a, 's> {
    window: Window<'a>,
    block: Block<'s>,
    block_start: usize,
    out: BitsOut<'s>,
    settings: &'s Settings,
}

impl Stream<'_, '_> {
    /// Ends the block before `end`.
    fn flush(&mut self, end: usize, is_last: bool) {
        let content = &self.window.input[self.block_start..end];
        let stored = (self.block_start >= self.window.start && content.len() <= 0xffff).then_some(content);
        self.block.write(stored, content.len(), is_last, &mut self.out);
        self.block_start = end;
    }

    /// Whether the encoder ends the block here; `at` is how far it has come.
    fn is_block_end(&self, at: usize) -> bool {
        let block = &self.block;
        if self.settings.encoder == Encoder::Gzip && self.settings.level > 2 && block.len % 4096 == 0 {
            // A guess that the block compresses well and the next one may want other codes.
            let distances = (0_u64..).zip(&block.distances);
            let bits: u64 = distances.map(|(i, &n)| u64::from(n) * (5 + (i / 2).saturating_sub(1))).sum();
            let out_len = (block.len as u64 * 8 + bits) / 8;
            if block.matches < block.len / 2 && out_len < ((at - self.block_start) / 2) as u64 {
                return true;
            }
        }
        block.is_full()
    }

    fn greedy(&mut self, effort: &Effort) {
        let (mut at, end) = (0, self.window.input.len());
        let search = Search { chain: effort.chain, nice: effort.nice };
        while at < end {
            self.window.fill(at);
            let first = self.window.insert(at);
            let found = first.and_then(|first| self.window.longest_match(at, first, MIN_MATCH - 1, search));
            let next = match found {
                Some((place, len)) => {
                    self.block.copy(at - place, len);
                    if len <= effort.lazy {
                        (at + 1..at + len).for_each(|at| {
                            self.window.insert(at);
                        });
                    }
                    at + len
                }
                None => {
                    self.block.literal(self.window.input[at]);
                    at + 1
                }
            };
            if self.is_block_end(at) {
                self.flush(next, false);
            }
            at = next;
        }
    }

    fn lazy(&mut self, effort: &Effort) {
        let (mut at, end) = (0, self.window.input.len());
        // The match at the position before, if there was one that is long enough; and whether that byte waits.
        let (mut before, mut waits) = (None, false);
        while at < end {
            self.window.fill(at);
            let first = self.window.insert(at);
            let before_len = before.map_or(MIN_MATCH - 1, |(_, len)| len);
            let mut found = None;
            if let Some(first) = first.filter(|_| before_len < effort.lazy) {
                let chain = if before_len >= effort.good { effort.chain >> 2 } else { effort.chain };
                let search = Search { chain, nice: effort.nice };
                found = self.window.longest_match(at, first, before_len, search);
                found = found.filter(|&(place, len)| len > MIN_MATCH || at - place <= TOO_FAR);
            }
            match before {
                // Nothing better: the match before is taken.
                Some((place, len)) if found.is_none() => {
                    self.block.copy(at - 1 - place, len);
                    let next = at - 1 + len;
                    let is_end = self.is_block_end(at);
                    (at + 1..next).for_each(|at| {
                        self.window.insert(at);
                    });
                    (before, waits, at) = (None, false, next);
                    if is_end {
                        self.flush(at, false);
                    }
                }
                _ => {
                    if waits {
                        self.block.literal(self.window.input[at - 1]);
                        if self.is_block_end(at) {
                            self.flush(at, false);
                        }
                    }
                    (before, waits, at) = (found, true, at + 1);
                }
            }
        }
        if waits {
            self.block.literal(self.window.input[end - 1]);
        }
    }
}
