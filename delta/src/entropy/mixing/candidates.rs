//! What a word of the base may have become: a list of values with where each comes from, the likeliest first.

use super::alignment::Alignment;
use super::architecture::{KINDS, Kind, Word, Words};
use super::moves::{Moves, Space};
use super::slots::{EMPTY, update};

/// Most candidates of one word.
const MOST: usize = 16;
/// Sources there can be; the names of those there are stand below.
pub(super) const SOURCES: usize = 32;
/// How sure a source can be.
const SURENESS: usize = 8;
const RELIABILITY_LIMIT: u32 = 255;

/// The word as it was.
const SAME: u32 = 0;
/// A reference to the same target, learned; the others of its grains follow.
const TARGET: u32 = 1;
/// A reference whose target the alignment places.
const ALIGNED: u32 = 5;
/// The change of a word some words back; four of them.
const BACK: u32 = 6;
/// The change of a word of the same value, learned; two of its grains follow.
const VALUE: u32 = 10;
/// One of the last four changes that differ.
const LAST: u32 = 13;
/// An address in the file: the same target, learned; then the alignment; then its neighbours.
const ADDRESS: u32 = 17;

/// How many words back.
const BACKS: [usize; 4] = [2, 6, 4, 1];
/// Values that can be addresses in a file.
const ADDRESSES: core::ops::Range<u32> = 0x100..1 << 26;

/// Words of memory.
pub(super) const WORDS: usize = KINDS * SOURCES * SURENESS;

/// A value that a word may have now.
#[derive(Clone, Copy, Default)]
pub(super) struct Candidate {
    pub value: u32,
    pub source: u32,
    pub sure: u32,
}

/// Candidates of one word, none twice.
#[derive(Default)]
pub(super) struct List {
    candidates: [Candidate; MOST],
    len: usize,
}

impl List {
    fn push(&mut self, value: u32, source: u32, sure: u32) {
        if self.len < MOST && self.all().iter().all(|other| other.value != value) {
            self.candidates[self.len] = Candidate { value, source, sure };
            self.len += 1;
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Candidate] {
        &self.candidates[..self.len]
    }
}

/// Where candidates come from, and how often each source was right.
pub(super) struct Sources<'m> {
    moves: Moves<'m>,
    reliability: &'m mut [u32],
    /// Changes of the last words, by position modulo the length.
    changes: [u32; 8],
    at: usize,
    /// The last changes that differ, the newest first; 0 for none.
    last: [u32; 4],
    /// Where the file begins that this is taken for a part of, in the base and in the target.
    file: Option<[u32; 2]>,
}

impl<'m> Sources<'m> {
    /// Fresh ones in the first words of `memory`, which moves behind them.
    pub(super) fn new(memory: &mut &'m mut [u32]) -> Self {
        let moves = Moves::new(memory);
        let (reliability, rest) = core::mem::take(memory).split_at_mut(WORDS);
        *memory = rest;
        reliability.fill(EMPTY);
        Sources { moves, reliability, changes: [0; 8], at: 0, last: [0; 4], file: None }
    }

    /// Says that a file begins at `base`, and at `target` now.
    pub(super) fn begin_file(&mut self, base: u32, target: u32) {
        self.file = Some([base, target]);
    }

    /// The candidates of `word`, which moved by `shift`; the likeliest first.
    pub(super) fn of(&self, word: &Word, shift: u32, words: &Words, alignment: &Alignment<'_>) -> List {
        let mut list = List::default();
        if word.kind.is_reference() {
            let push = |list: &mut List, by, source, sure| {
                if let Some(value) = words.moved(word, shift, by) {
                    list.push(value, source, sure);
                }
            };
            for grain in 0..4 {
                if let Some(learned) = self.moves.of(grain, Space::Place, word.target) {
                    push(&mut list, learned.by, TARGET + grain as u32, learned.sure);
                }
                if let (0, Some(by)) = (grain, alignment.movement(word.target)) {
                    push(&mut list, by, ALIGNED, 0);
                }
            }
            list.push(word.old, SAME, 0);
        } else {
            list.push(word.old, SAME, 0);
            if word.kind == Kind::Data {
                self.of_data(&mut list, word.old, alignment);
            }
        }
        self.sort(word.kind, &mut list);
        list
    }

    fn of_data(&self, list: &mut List, old: u32, alignment: &Alignment<'_>) {
        for (source, back) in (BACK..).zip(BACKS) {
            list.push(old.wrapping_add(self.changes[self.at.wrapping_sub(back - 1) % 8]), source, 0);
        }
        if old != 0 {
            for grain in 0..3 {
                if let Some(learned) = self.moves.of(grain, Space::Value, old) {
                    list.push(old.wrapping_add(learned.by), VALUE + grain as u32, learned.sure);
                }
            }
        }
        for (source, change) in (LAST..).zip(self.last) {
            list.push(old.wrapping_add(change), source, 0);
        }
        if let (Some([base, target]), true) = (self.file, ADDRESSES.contains(&old)) {
            let place = old.wrapping_add(base);
            let moved = |by: u32| place.wrapping_add(by).wrapping_sub(target);
            let learned = |grain| self.moves.of(grain, Space::Place, place);
            if let Some(exact) = learned(0) {
                list.push(moved(exact.by), ADDRESS, exact.sure);
            }
            if let Some(by) = alignment.movement(place) {
                list.push(moved(by), ADDRESS + 1, 0);
            }
            if let Some(near) = learned(1) {
                list.push(moved(near.by), ADDRESS + 2, near.sure);
            }
        }
    }

    fn place(kind: Kind, candidate: &Candidate) -> usize {
        (kind as usize * SOURCES + candidate.source as usize) * SURENESS + candidate.sure as usize
    }

    /// The most reliable first; those alike stay in order.
    fn sort(&self, kind: Kind, list: &mut List) {
        let reliability = |candidate: &Candidate| self.reliability[Self::place(kind, candidate)] >> 10;
        let candidates = &mut list.candidates[..list.len];
        for end in 1..candidates.len() {
            let mut at = end;
            while at > 0 && reliability(&candidates[at]) > reliability(&candidates[at - 1]) {
                candidates.swap(at, at - 1);
                at -= 1;
            }
        }
    }

    /// Learns that `word`, which moved by `shift` and had the candidates `list`, became `new`.
    pub(super) fn learn(&mut self, word: &Word, shift: u32, new: u32, list: &List, words: &Words) {
        for candidate in list.all() {
            let place = Self::place(word.kind, candidate);
            update(&mut self.reliability[place], u32::from(candidate.value == new), RELIABILITY_LIMIT);
        }
        let mut change = 0;
        if !word.kind.is_reference() {
            change = new.wrapping_sub(word.old);
        } else if let Some(by) = words.movement(word, shift, new) {
            self.moves.learn(Space::Place, word.target, by);
        }
        if word.kind == Kind::Data {
            if word.old != 0 {
                self.moves.learn(Space::Value, word.old, change);
            }
            self.learn_data(word.old, new, change, list);
        }
        self.at = self.at.wrapping_add(1);
        self.changes[self.at % 8] = change;
    }

    fn learn_data(&mut self, old: u32, new: u32, change: u32, list: &List) {
        if change != 0 {
            let known = self.last.iter().position(|&last| last == change).unwrap_or(3);
            self.last[..=known].rotate_right(1);
            self.last[0] = change;
        }
        let address = |candidate: &Candidate| candidate.source >= ADDRESS && candidate.value == new;
        if let (Some([base, target]), true) = (self.file, list.all().iter().any(address)) {
            let by = change.wrapping_add(target).wrapping_sub(base);
            self.moves.learn(Space::Place, old.wrapping_add(base), by);
        }
    }

    /// Takes note of as many words as `len` bytes hold, all as expected.
    pub(super) fn skip(&mut self, len: usize) {
        for _ in 0..len.div_ceil(4) {
            self.at = self.at.wrapping_add(1);
            self.changes[self.at % 8] = 0;
        }
    }
}
