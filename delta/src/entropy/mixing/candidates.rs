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
pub(super) struct List {
    /// Behind the last one, the first again.
    values: [u32; MOST],
    /// Source and sureness of each, as the upper five bits and the lower three.
    names: [u8; MOST],
    /// How reliable each is; those alike go by their place, too, so that no two are equal. Zero for none.
    keys: [u32; MOST],
    len: usize,
    /// The likeliest.
    first: usize,
}

impl List {
    /// A list of nothing but the word as it was.
    fn of(old: u32) -> Self {
        List { values: [old; MOST], names: [SAME as u8; MOST], keys: [0; MOST], len: 1, first: 0 }
    }

    /// A list that `push` begins.
    fn empty() -> Self {
        List { len: 0, ..List::of(0) }
    }

    fn push(&mut self, value: u32, source: u32, sure: u32) {
        if self.len == 0 {
            self.values = [value; MOST];
        } else if self.len == MOST || self.holds(value) {
            return;
        }
        self.values[self.len] = value;
        self.names[self.len] = (source << 3 | sure & 7) as u8;
        self.len += 1;
    }

    /// Whether `value` is among them; all places are looked at, so that no branch depends on what is found.
    fn holds(&self, value: u32) -> bool {
        self.values.iter().fold(false, |holds, &other| holds | (other == value))
    }

    /// How many there are, at least one.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn candidate(&self, at: usize) -> Candidate {
        let name = u32::from(self.names[at]);
        Candidate { value: self.values[at], source: name >> 3, sure: name & 7 }
    }

    /// The likeliest.
    pub(super) fn first(&self) -> Candidate {
        self.candidate(self.first)
    }

    /// The others, the likeliest first.
    pub(super) fn others(&self) -> impl Iterator<Item = Candidate> {
        let mut keys = self.keys;
        keys[self.first] = 0;
        core::iter::from_fn(move || {
            let best = likeliest(&keys);
            let is_one = keys[best] > 0;
            keys[best] = 0;
            is_one.then(|| self.candidate(best))
        })
    }
}

/// The place of the largest key.
fn likeliest(keys: &[u32; MOST]) -> usize {
    let largest = keys.iter().fold(0, |largest, &key| if key > largest { key } else { largest });
    MOST - 1 - (largest as usize & (MOST - 1))
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

    /// The likeliest value of a reference, which moved by `shift`: the first one of [`Sources::of`].
    pub(super) fn likeliest(&self, word: &Word, shift: u32, words: &Words, alignment: &Alignment<'_>) -> u32 {
        if let Some(exact) = self.moves.of(0, Space::Place, word.target) {
            let reliability = &self.reliability[Self::place(word.kind, 0)..][..SOURCES * SURENESS];
            let of = |source: u32, sure: u32| (reliability[(source << 3 | sure & 7) as usize] >> 10) as i32;
            // What other sources could be at best, whatever they say: that is often less, and need not be looked up.
            let near = &reliability[((TARGET + 1) << 3) as usize..(ALIGNED << 3) as usize];
            let others = of(SAME, 0).max(of(ALIGNED, 0));
            let most = near.iter().fold(others, |most, &slot| most.max((slot >> 10) as i32));
            if let (Some(value), true) = (words.moved(word, shift, exact.by), of(TARGET, exact.sure) >= most)
            {
                return value;
            }
        }
        self.of(word, shift, words, alignment).first().value
    }

    /// The candidates of `word`, which moved by `shift`; the likeliest first.
    pub(super) fn of(&self, word: &Word, shift: u32, words: &Words, alignment: &Alignment<'_>) -> List {
        let mut list;
        if word.kind.is_reference() {
            list = List::empty();
            let push = |list: &mut List, by, source, sure| {
                if let Some(value) = words.moved(word, shift, by) {
                    list.push(value, source, sure);
                }
            };
            // All are looked up before any is made use of: memory then answers them together.
            let learned = [0, 1, 2, 3].map(|grain| self.moves.of(grain, Space::Place, word.target));
            let aligned = alignment.movement(word.target);
            for (source, learned) in (TARGET..).zip(learned) {
                if let Some(learned) = learned {
                    push(&mut list, learned.by, source, learned.sure);
                }
                if let (TARGET, Some(by)) = (source, aligned) {
                    push(&mut list, by, ALIGNED, 0);
                }
            }
            list.push(word.old, SAME, 0);
        } else {
            list = List::of(word.old);
            if word.kind == Kind::Data {
                self.of_data(&mut list, word.old, alignment);
            }
        }
        let reliability = &self.reliability[Self::place(word.kind, 0)..][..SOURCES * SURENESS];
        for at in 0..list.len {
            list.keys[at] = reliability[usize::from(list.names[at])] >> 10 << 4 | (MOST - 1 - at) as u32;
        }
        list.first = likeliest(&list.keys);
        list
    }

    fn of_data(&self, list: &mut List, old: u32, alignment: &Alignment<'_>) {
        for (source, back) in (BACK..).zip(BACKS) {
            list.push(old.wrapping_add(self.changes[self.at.wrapping_sub(back - 1) % 8]), source, 0);
        }
        if old != 0 {
            let learned = [0, 1, 2].map(|grain| self.moves.of(grain, Space::Value, old));
            for (source, learned) in (VALUE..).zip(learned) {
                if let Some(learned) = learned {
                    list.push(old.wrapping_add(learned.by), source, learned.sure);
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

    fn place(kind: Kind, name: u8) -> usize {
        kind as usize * SOURCES * SURENESS + usize::from(name)
    }

    /// Learns that `word`, which moved by `shift` and had the candidates `list`, became `new`.
    pub(super) fn learn(&mut self, word: &Word, shift: u32, new: u32, list: &List, words: &Words) {
        for (&value, &name) in list.values.iter().zip(&list.names).take(list.len) {
            let place = Self::place(word.kind, name);
            update(&mut self.reliability[place], u32::from(value == new), RELIABILITY_LIMIT);
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
        let found = (0..list.len).map(|at| list.candidate(at)).find(|candidate| candidate.value == new);
        if let (Some([base, target]), true) = (self.file, found.is_some_and(|found| found.source >= ADDRESS))
        {
            let by = change.wrapping_add(target).wrapping_sub(base);
            self.moves.learn(Space::Place, old.wrapping_add(base), by);
        }
    }

    /// Takes note of as many words as `len` bytes hold, all as expected.
    pub(super) fn skip(&mut self, len: usize) {
        let words = len.div_ceil(4);
        for back in 0..words.min(self.changes.len()) {
            self.changes[self.at.wrapping_add(words - back) % 8] = 0;
        }
        self.at = self.at.wrapping_add(words);
    }
}
