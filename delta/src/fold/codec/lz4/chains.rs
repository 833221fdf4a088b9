//! The match finder of LZ4 HC: chains of positions with the same hash, and what the finder does to leave them early.
//!
//! It finds what liblz4 1.9 finds, and visits the same candidates in the same order, since it may visit only so many.

use super::sequence::{DISTANCE_MAX, MATCH_MIN};
use super::source::{common, four, two};

/// Words of the table of the last position of each hash, and of the distances from each position to the one before.
pub(super) const HASHES: usize = 1 << 15;
pub(super) const DISTANCES: usize = 1 << 16;
/// Positions are numbered from here, so that 0 is none.
const ORIGIN: usize = 1 << 16;

/// How the finder looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Candidates that it visits at most.
    pub(super) attempts: u32,
    /// Leaps over repetitions of one byte or pair.
    pub(super) patterns: bool,
    /// Goes over to the chain of a later byte of the match, when that leads further back.
    pub(super) swaps: bool,
}

/// A match that reaches further than another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wider {
    pub(super) start: usize,
    pub(super) from: usize,
    pub(super) len: usize,
}

/// The chains of one block.
pub(super) struct Chains<'s> {
    hashes: &'s mut [u32],
    distances: &'s mut [u16],
    /// First position that no chain has.
    next: usize,
}

/// Renumbers all positions, `by` further to the front, a multiple of [`DISTANCES`].
pub(super) fn move_back(hashes: &mut [u32], by: usize) {
    let by = u32::try_from(by).unwrap_or(u32::MAX);
    hashes.iter_mut().for_each(|last| *last = last.saturating_sub(by));
}

fn hash(word: u32) -> usize {
    (word.wrapping_mul(2_654_435_761) >> 17) as usize
}

/// Whether a word repeats its first byte four times.
fn is_pattern(word: u32) -> bool {
    word & 0xffff == word >> 16 && word & 0xff == word >> 24
}

impl<'s> Chains<'s> {
    pub(super) fn new(hashes: &'s mut [u32], distances: &'s mut [u16]) -> Self {
        hashes.fill(0);
        distances.fill(u16::MAX);
        Self { hashes, distances, next: 0 }
    }

    /// The chains as they were left, with the next position.
    pub(super) fn resumed(hashes: &'s mut [u32], distances: &'s mut [u16], next: usize) -> Self {
        Self { hashes, distances, next }
    }

    /// First position that no chain has.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    fn insert_up_to(&mut self, source: &[u8], end: usize) {
        for at in self.next..end {
            let index = at + ORIGIN;
            let last = &mut self.hashes[hash(four(source, at))];
            let distance = (index - *last as usize).min(DISTANCE_MAX);
            self.distances[index % DISTANCES] = distance as u16;
            *last = index as u32;
        }
        self.next = self.next.max(end);
    }

    fn distance(&self, index: usize) -> usize {
        usize::from(self.distances[index % DISTANCES])
    }

    /// The longest match that covers `at`, begins at `low` or later, ends at `high` or before, and is longer than
    /// `longest`; of several the nearest.
    pub(super) fn find(
        &mut self,
        source: &[u8],
        (at, low, high): (usize, usize, usize),
        mut longest: usize,
        effort: Effort,
    ) -> Option<Wider> {
        self.insert_up_to(source, at);
        let here = at + ORIGIN;
        let lowest = ORIGIN.max(here.saturating_sub(DISTANCE_MAX));
        let look_back = at - low;
        let word = four(source, at);
        let mut candidate = self.hashes[hash(word)] as usize;
        let mut attempts = effort.attempts;
        let mut chain_at = 0;
        let mut repetition: Option<Option<usize>> = None;
        let mut best = None;
        while candidate >= lowest && attempts > 0 {
            attempts -= 1;
            let from = candidate - ORIGIN;
            let mut len = 0;
            let same_end = two(source, low + longest - 1)
                .zip((from + longest).checked_sub(look_back + 1).and_then(|end| two(source, end)))
                .is_some_and(|(a, b)| a == b);
            if same_end && four(source, from) == word {
                let back = if look_back > 0 { common_back(source, at, from, low) } else { 0 };
                len = MATCH_MIN + common(source, at + MATCH_MIN, from + MATCH_MIN, high) + back;
                if len > longest {
                    longest = len;
                    best = Some(Wider { start: at - back, from: from - back, len });
                }
            }
            if effort.swaps && len == longest && candidate + longest <= here {
                let (position, distance) = self.farthest_step(candidate, longest);
                if let Some(position) = position {
                    chain_at = position;
                }
                if distance > 1 {
                    candidate -= distance.min(candidate);
                    continue;
                }
            }
            if effort.patterns && chain_at == 0 && self.distance(candidate) == 1 {
                let below = candidate - 1;
                let repeated = *repetition.get_or_insert_with(|| {
                    is_pattern(word).then(|| MATCH_MIN + repeats(source, at + MATCH_MIN, high, word))
                });
                if let Some(repeated) =
                    repeated.filter(|_| below >= lowest && four(source, below - ORIGIN) == word)
                {
                    let forward = MATCH_MIN + repeats(source, below - ORIGIN + MATCH_MIN, high, word);
                    let back = repeats_back(source, below - ORIGIN, word).min(below - lowest);
                    if back + forward >= repeated && forward <= repeated {
                        candidate = below + forward - repeated;
                    } else {
                        candidate = below - back;
                        if look_back == 0 {
                            let len = (back + forward).min(repeated);
                            if longest < len {
                                longest = len;
                                best = Some(Wider { start: at, from: candidate - ORIGIN, len });
                            }
                            candidate -= self.distance(candidate);
                        }
                    }
                    continue;
                }
            }
            candidate -= self.distance(candidate + chain_at);
        }
        best
    }

    /// Which byte of a match leads furthest back, and how far; the later the byte, the fewer are looked at.
    fn farthest_step(&self, candidate: usize, len: usize) -> (Option<usize>, usize) {
        const TRIGGER: u32 = 4;
        let (mut position, mut farthest) = (None, 1);
        let mut haste = 1usize << TRIGGER;
        let mut at = 0;
        while at < len - MATCH_MIN + 1 {
            let distance = self.distance(candidate + at);
            let step = haste >> TRIGGER;
            haste += 1;
            if distance > farthest {
                farthest = distance;
                position = Some(at);
                haste = 1 << TRIGGER;
            }
            at += step;
        }
        (position, farthest)
    }
}

/// How many bytes before `at`, down to `low`, are those before `from`.
fn common_back(source: &[u8], at: usize, from: usize, low: usize) -> usize {
    let here = source[low..at].iter().rev();
    here.zip(source[..from].iter().rev()).take_while(|(a, b)| a == b).count()
}

fn repeats(source: &[u8], at: usize, limit: usize, word: u32) -> usize {
    let [byte, ..] = word.to_le_bytes();
    source.get(at..limit).map_or(0, |rest| rest.iter().take_while(|found| **found == byte).count())
}

fn repeats_back(source: &[u8], at: usize, word: u32) -> usize {
    let [byte, ..] = word.to_le_bytes();
    source[..at].iter().rev().take_while(|found| **found == byte).count()
}
