//! The encoder's view of its input: how much of it is in the window at a position, and where strings like the next one
//! stood before. It slides as zlib's does when all input is there from the start.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use super::tables::{MAX_MATCH, MIN_MATCH, WINDOW};

/// So many bytes behind the position are in the window, or the input is at its end.
const LOOKAHEAD: usize = MAX_MATCH + MIN_MATCH + 1;
/// Longest distance that is looked for.
const MAX_DISTANCE: usize = WINDOW - LOOKAHEAD;

/// Input and the places of its strings.
pub(super) struct Window<'a> {
    pub(super) input: &'a [u8],
    /// By the hash of three bytes: where they stood last. 0 is nowhere.
    heads: &'a mut [u32],
    /// By position modulo [`WINDOW`]: where the string before with the same hash stands.
    previous: &'a mut [u32],
    hash_shift: u32,
    /// First byte of the window; a string that begins there is not found.
    pub(super) start: usize,
    /// End of what was read into the window.
    end: usize,
    /// Whether the window slides even when nothing is left to be read.
    slides_at_end: bool,
    has_seen_end: bool,
}

/// How far to search.
#[derive(Clone, Copy)]
pub(super) struct Search {
    /// Places that are looked at.
    pub(super) chain: u32,
    /// A match of this length ends the search.
    pub(super) nice: usize,
}

impl<'a> Window<'a> {
    /// `heads` is a power of two of words, `previous` has [`WINDOW`].
    pub(super) fn new(
        input: &'a [u8],
        heads: &'a mut [u32],
        previous: &'a mut [u32],
        slides_at_end: bool,
    ) -> Self {
        heads.fill(0);
        let hash_shift = heads.len().ilog2().div_ceil(3);
        Window {
            input,
            heads,
            previous,
            hash_shift,
            start: 0,
            end: input.len().min(2 * WINDOW),
            slides_at_end,
            has_seen_end: false,
        }
    }

    /// Reads on when too little is ahead of `at`.
    pub(super) fn fill(&mut self, at: usize) {
        while self.end - at < LOOKAHEAD && (self.slides_at_end || !self.has_seen_end) {
            if at - self.start >= WINDOW + MAX_DISTANCE {
                self.start += WINDOW;
            }
            if self.end == self.input.len() {
                self.has_seen_end = true;
                break;
            }
            self.end = self.input.len().min(self.start + 2 * WINDOW);
        }
    }

    /// Notes the string at `at` and returns where one with the same hash stood last, if that is near enough.
    pub(super) fn insert(&mut self, at: usize) -> Option<usize> {
        let [a, b, c] = *self.input.get(at..)?.first_chunk::<3>()?;
        let hash = u32::from(a) << (2 * self.hash_shift) ^ u32::from(b) << self.hash_shift ^ u32::from(c);
        let head = &mut self.heads[hash as usize & (self.heads.len() - 1)];
        let before = core::mem::replace(head, at as u32);
        self.previous[at & (WINDOW - 1)] = before;
        let before = before as usize;
        (before > self.start && at - before <= MAX_DISTANCE).then_some(before)
    }

    /// The longest match at `at` that is longer than `best`, among `first` and the places before it: where it begins and
    /// how long it is. The first one of a length wins, which is the nearest.
    pub(super) fn longest_match(
        &self,
        at: usize,
        first: usize,
        mut best: usize,
        search: Search,
    ) -> Option<(usize, usize)> {
        let ahead = &self.input[at..self.input.len().min(at + MAX_MATCH)];
        let nice = search.nice.min(ahead.len());
        let limit = self.start.max(at.saturating_sub(MAX_DISTANCE));
        let (mut place, mut found) = (first, None);
        for _ in 0..search.chain {
            let there = &self.input[place..];
            if best >= ahead.len() {
                break;
            }
            // Two bytes that a longer match needs rule most places out.
            if there[best] == ahead[best] && there[best - 1] == ahead[best - 1] {
                let len = same(there, ahead);
                if len > best {
                    (best, found) = (len, Some((place, len)));
                    if len >= nice {
                        break;
                    }
                }
            }
            place = self.previous[place & (WINDOW - 1)] as usize;
            if place <= limit {
                break;
            }
        }
        found
    }
}

/// How many bytes at the front are equal.
fn same(there: &[u8], ahead: &[u8]) -> usize {
    let mut len = 0;
    for (a, b) in there.chunks_exact(8).zip(ahead.chunks_exact(8)) {
        let word = |bytes: &[u8]| u64::from_le_bytes(core::array::from_fn(|i| bytes[i]));
        let differing = word(a) ^ word(b);
        if differing != 0 {
            return len + (differing.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + there[len..].iter().zip(&ahead[len..]).take_while(|(a, b)| a == b).count()
}
