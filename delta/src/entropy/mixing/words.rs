//! Stretches and words that resemble the base: first whether a whole stretch became what is expected, then which of
//! its candidates each word became, and only then its bytes.

use super::aarch64::Pages;
use super::alignment::Alignment;
use super::architecture::{Architecture, KINDS, MARGIN, Word, Words, four};
use super::bytes::{self, Bytes};
use super::candidates::{self, Candidate, List, SOURCES, Sources};
use super::coder::BitCoder;
use super::decision::{Decision, Shape};
use super::moves;
use super::slots::{EMPTY, confide, hash, predict, update};

/// Aligned bytes of base that one decision says are all as expected.
const STRETCH: usize = 64;
/// A stretch may end with a word that begins inside of it, of which there are four bytes then.
const LONGEST_STRETCH: usize = STRETCH + 4;
/// Files begin at multiples of this.
const FILE_ALIGNMENT: u64 = 1 << 12;
/// How files of machine code begin.
const ELF: [u8; 4] = *b"\x7fELF";

const STRETCHES: usize = 6;
const STRETCH_SHAPE: Shape<STRETCHES> = Shape { sets: [64, 4], corrections: 64 };
const FIRSTS: usize = 9;
const FIRST_SHAPE: Shape<{ 2 * FIRSTS }> =
    Shape { sets: [16 * KINDS, 256], corrections: KINDS * SOURCES * 8 };
const OTHERS: usize = 6;
const OTHER_SHAPE: Shape<{ 2 * OTHERS }> = Shape { sets: [4 * KINDS, SOURCES], corrections: 4 * SOURCES };
/// Candidates that are asked for behind the first.
const ASKED: usize = 6;

/// Slots of each context, as a power of two.
const STRETCH_SLOTS_LOG2: u32 = 12;
const FIRST_SLOTS_LOG2: u32 = 14;
const OTHER_SLOTS_LOG2: u32 = 12;
const LIMIT: u32 = 127;

/// Words of memory.
pub(super) const WORDS: usize = (STRETCHES << STRETCH_SLOTS_LOG2)
    + (FIRSTS << FIRST_SLOTS_LOG2)
    + (OTHERS << OTHER_SLOTS_LOG2)
    + STRETCH_SHAPE.words()
    + FIRST_SHAPE.words()
    + OTHER_SHAPE.words()
    + moves::WORDS
    + candidates::WORDS
    + bytes::WORDS;

/// The model of copies that resemble the base.
pub(super) struct Differences<'m> {
    words: Words,
    sources: Sources<'m>,
    bytes: Bytes<'m>,
    stretch_slots: &'m mut [u32],
    first_slots: &'m mut [u32],
    other_slots: &'m mut [u32],
    stretch: Decision<'m, STRETCHES>,
    first: Decision<'m, { 2 * FIRSTS }>,
    other: Decision<'m, { 2 * OTHERS }>,
    /// Whether each of the last stretches had something unexpected; the last one in the lowest bit.
    loud: u32,
    /// Unexpected words in the last stretch that had any.
    surprises: u32,
    /// Whether the first candidate of each of the last words was right.
    hits: u32,
    /// The same for each kind.
    hits_of: [u32; KINDS],
    /// Whether each source was right behind the first, the last times it was asked.
    right_of: [[u8; SOURCES]; KINDS],
    /// The sources that were right behind the first, five bits each.
    sources_of: [u32; KINDS],
    /// Upper byte of the last word.
    last_top: u32,
}

impl<'m> Differences<'m> {
    /// A fresh model in the first [`WORDS`] words of `memory`, which moves behind them.
    pub(super) fn new(architecture: Architecture, memory: &mut &'m mut [u32]) -> Self {
        let mut take = |len| {
            let (piece, rest) = core::mem::take(memory).split_at_mut(len);
            *memory = rest;
            piece.fill(EMPTY);
            piece
        };
        let stretch_slots = take(STRETCHES << STRETCH_SLOTS_LOG2);
        let first_slots = take(FIRSTS << FIRST_SLOTS_LOG2);
        let other_slots = take(OTHERS << OTHER_SLOTS_LOG2);
        Differences {
            words: Words::new(architecture),
            sources: Sources::new(memory),
            bytes: Bytes::new(memory),
            stretch_slots,
            first_slots,
            other_slots,
            stretch: Decision::new(STRETCH_SHAPE, memory),
            first: Decision::new(FIRST_SHAPE, memory),
            other: Decision::new(OTHER_SHAPE, memory),
            loud: 0,
            surprises: 0,
            hits: 0,
            hits_of: [0; KINDS],
            right_of: [[0; SOURCES]; KINDS],
            sources_of: [0; KINDS],
            last_top: 0,
        }
    }

    /// Looks whether a file begins at `base_at`, whose bytes are `start`.
    pub(super) fn look(&mut self, base_at: u64, target_at: u64, start: &[u8]) {
        if base_at % FILE_ALIGNMENT == 0 && start.starts_with(&ELF) {
            self.sources.begin_file(base_at as u32, target_at as u32);
        }
    }

    /// Codes `target`, the bytes at `target_at` that stand in place of those of the base at `base_at`. `old` holds
    /// these with [`MARGIN`] bytes before and behind, which are zero outside of the operation.
    pub(super) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        alignment: &Alignment<'_>,
        old: &[u8],
        [base_at, target_at]: [u64; 2],
        target: &mut [u8],
    ) {
        let shift = target_at.wrapping_sub(base_at) as u32;
        let mut i = 0;
        while i < target.len() {
            let at = base_at + i as u64;
            self.look(at, target_at + i as u64, &old[i + MARGIN..]);
            let end = target.len().min(i + STRETCH - (at % STRETCH as u64) as usize);
            let expected = self.expect(alignment, old, i, end, target.len(), at as u32, shift);
            let here = &mut target[i..i + expected.len];
            let surprise = u32::from(*here != expected.bytes[..expected.len]);
            if self.code_stretch(coder, surprise, &expected) == 0 {
                here.copy_from_slice(&expected.bytes[..expected.len]);
                self.bytes.skip(expected.len as u32);
                self.sources.skip(expected.len);
                self.hits = u32::MAX;
                *self.words.pages() = expected.pages;
                i += expected.len;
                continue;
            }
            self.surprises = 0;
            let end = i + expected.len;
            while i < end {
                let word = self.words.next(old, i, target.len() - i, base_at.wrapping_add(i as u64) as u32);
                let new = (0..word.len).rev().fold(0, |new, k| new << 8 | u32::from(target[i + k]));
                let new = self.code_word(coder, lines, alignment, old, i, &word, shift, new);
                target[i..i + word.len].iter_mut().zip(new.to_le_bytes()).for_each(|(to, byte)| *to = byte);
                i += word.len;
            }
        }
    }

    /// What the stretch from `i` to about `end` becomes if every reference becomes its first candidate.
    #[allow(clippy::too_many_arguments, reason = "places in one piece; a struct of them would be used once")]
    fn expect(
        &mut self,
        alignment: &Alignment<'_>,
        old: &[u8],
        i: usize,
        end: usize,
        piece: usize,
        at: u32,
        shift: u32,
    ) -> Expected {
        let before = *self.words.pages();
        let mut expected = Expected { bytes: [0; LONGEST_STRETCH], len: 0, tops: 0, moved: 0, pages: before };
        while i + expected.len < end {
            let from = i + expected.len;
            let word = self.words.next(old, from, piece - from, at.wrapping_add(expected.len as u32));
            let mut value = word.old;
            if word.kind.is_reference() {
                value = self.sources.likeliest(&word, shift, &self.words, alignment);
                self.words.became(&word, shift, value);
            }
            // Bytes beyond a shorter word are those of the next one, or behind the end.
            expected.bytes[expected.len..][..4].copy_from_slice(&value.to_le_bytes());
            expected.len += word.len;
            expected.tops |= 1 << (word.old >> 27);
            expected.moved = (expected.moved + u32::from(value != word.old)).min(3);
        }
        expected.pages = core::mem::replace(self.words.pages(), before);
        expected
    }

    fn code_stretch<C: BitCoder>(&mut self, coder: &mut C, surprise: u32, expected: &Expected) -> u32 {
        let (loud, surprises, moved) = (self.loud, self.surprises.min(15), expected.moved);
        let contexts: [u32; STRETCHES] = [
            loud & 0xfff,
            hash(loud & 15, surprises) >> 20,
            hash(expected.tops, 1) >> 20,
            hash(moved << 4 | surprises, loud & 3) >> 20,
            hash(moved, loud & 63) >> 20,
            hash(expected.tops, moved << 4 | loud & 3) >> 20,
        ];
        let mut inputs = [0; STRETCHES];
        let mut places = [0; STRETCHES];
        for (k, context) in contexts.into_iter().enumerate() {
            places[k] = k << STRETCH_SLOTS_LOG2 | context as usize;
            inputs[k] = predict(self.stretch_slots[places[k]]);
        }
        let sets = [(loud & 63) as usize, moved as usize];
        let correction = (moved << 4 | loud & 15) as usize;
        let surprise = self.stretch.code(coder, surprise, &inputs, sets, correction);
        for place in places {
            update(&mut self.stretch_slots[place], surprise, LIMIT);
        }
        self.loud = loud << 1 | surprise;
        surprise
    }

    #[allow(clippy::too_many_arguments, reason = "places in one piece; a struct of them would be used once")]
    fn code_word<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        alignment: &Alignment<'_>,
        old: &[u8],
        i: usize,
        word: &Word,
        shift: u32,
        new: u32,
    ) -> u32 {
        let list = self.sources.of(word, shift, &self.words, alignment);
        let before = four(&old[i + MARGIN - 4..]);
        let kind = word.kind as usize;
        let found = match self.code_first(coder, word, &list, before, new) {
            Some(value) => Some(value),
            None => {
                self.surprises += 1;
                self.code_others(coder, word, &list, new)
            }
        };
        let (was, is) = (word.old.to_le_bytes(), new.to_le_bytes());
        let value = match found {
            Some(value) => {
                let is = value.to_le_bytes();
                (0..word.len).for_each(|k| self.bytes.note(was[k], is[k]));
                value
            }
            None => {
                let phase = if word.kind.is_reference() { 0 } else { (word.at & 3) as usize };
                let mut bytes = [0; 4];
                for k in 0..word.len {
                    bytes[k] = self.bytes.code(coder, lines, old, i + k, (phase + k) & 3, is[k]);
                }
                u32::from_le_bytes(bytes)
            }
        };
        let hit = u32::from(list.first().value == value);
        self.hits = self.hits << 1 | hit;
        self.hits_of[kind] = self.hits_of[kind] << 1 | hit;
        self.last_top = word.old >> 24;
        self.sources.learn(word, shift, value, &list, &self.words);
        self.words.became(word, shift, value);
        value
    }

    /// Codes whether the word became its first candidate; then that is its value.
    fn code_first<C: BitCoder>(
        &mut self,
        coder: &mut C,
        word: &Word,
        list: &List,
        before: u32,
        new: u32,
    ) -> Option<u32> {
        let (kind, hits, old, top) = (word.kind as u32, self.hits, word.old, word.old >> 24);
        let Candidate { value, source, sure } = list.first();
        let contexts: [u32; FIRSTS] = [
            kind << 8 | source << 3 | sure,
            kind << 6 | hits & 63,
            kind << 8 | self.hits_of[word.kind as usize] & 255,
            hash(old >> 16, kind << 8 | source),
            hash(old, source),
            rows(hits) << 4 | word.at >> 2 & 15,
            hash(self.last_top << 8 | top, kind << 3 | hits & 7),
            ((list.len() as u32).min(7) << 5 | source) << 3 | hits & 7,
            hash(before, top << 4 | hits & 1),
        ];
        let mut inputs = [0; 2 * FIRSTS];
        let mut places = [0; FIRSTS];
        for (k, context) in contexts.into_iter().enumerate() {
            let slot = hash(context, k as u32) >> (32 - FIRST_SLOTS_LOG2);
            places[k] = k << FIRST_SLOTS_LOG2 | slot as usize;
            inputs[2 * k] = predict(self.first_slots[places[k]]);
            inputs[2 * k + 1] = confide(self.first_slots[places[k]]);
        }
        let sets = [(kind << 4 | hits & 15) as usize, top as usize];
        let correction = (kind << 8 | source << 3 | sure) as usize;
        let right = self.first.code(coder, u32::from(new == value), &inputs, sets, correction);
        for place in places {
            update(&mut self.first_slots[place], right, LIMIT);
        }
        (right == 1).then_some(value)
    }

    /// Codes which of the next candidates the word became; nothing if it became none of them.
    fn code_others<C: BitCoder>(&mut self, coder: &mut C, word: &Word, list: &List, new: u32) -> Option<u32> {
        let (kind, old) = (word.kind as u32, word.old);
        let k = word.kind as usize;
        for (rank, Candidate { value, source, sure }) in list.others().take(ASKED).enumerate() {
            let rank = (rank as u32).min(3);
            let named = kind << 5 | source;
            let right_of = u32::from(self.right_of[k][source as usize]);
            let contexts: [u32; OTHERS] = [
                named << 5 | sure << 2 | rank,
                named << 6 | right_of & 63,
                hash(old >> 16, named),
                hash(old, source),
                hash(rows(self.hits), source << 2 | rank),
                hash(self.sources_of[k] & 0xffff, source),
            ];
            let mut inputs = [0; 2 * OTHERS];
            let mut places = [0; OTHERS];
            for (k, context) in contexts.into_iter().enumerate() {
                let slot = hash(context, k as u32) >> (32 - OTHER_SLOTS_LOG2);
                places[k] = k << OTHER_SLOTS_LOG2 | slot as usize;
                inputs[2 * k] = predict(self.other_slots[places[k]]);
                inputs[2 * k + 1] = confide(self.other_slots[places[k]]);
            }
            let sets = [(kind << 2 | rank) as usize, source as usize];
            let correction = (source << 2 | rank) as usize;
            let right = self.other.code(coder, u32::from(new == value), &inputs, sets, correction);
            for place in places {
                update(&mut self.other_slots[place], right, LIMIT);
            }
            self.right_of[k][source as usize] = (right_of << 1 | right) as u8;
            if right == 1 {
                self.sources_of[k] = self.sources_of[k] << 5 | source;
                return Some(value);
            }
        }
        None
    }
}

/// A stretch as it would be if nothing surprised.
struct Expected {
    bytes: [u8; LONGEST_STRETCH],
    len: usize,
    /// Which upper five bits its words have: a rough sketch of what stands here.
    tops: u32,
    /// Words that would change, 3 at most.
    moved: u32,
    /// What is known of pages behind it.
    pages: Pages,
}

/// Whether the words that are 2, 3, 4, 6, 8 and 12 back were hit: records of these lengths are common.
fn rows(hits: u32) -> u32 {
    [1, 2, 3, 5, 7, 11].into_iter().enumerate().fold(0, |rows, (k, back)| rows | (hits >> back & 1) << k)
}

#[cfg(test)]
mod tests {
    use super::super::coder::{Decoder, Encoder};
    use super::super::slots::LINE;
    use super::*;

    /// Words that look like code, and the same with some operands moved.
    fn pair(len: usize) -> (Vec<u8>, Vec<u8>) {
        let mut state = 3_u32;
        let mut old = Vec::with_capacity(len + 4);
        while old.len() < len {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let opcode = [0x94, 0xe8, 0x90, 0x52, 0x36][state as usize >> 8 & 3];
            old.extend([(state >> 20) as u8, (state >> 28) as u8, 0, opcode]);
        }
        old.truncate(len);
        let mut new = old.clone();
        for at in (0..len.saturating_sub(4)).step_by(4).filter(|&at| old[at + 3] == 0x94 && at % 24 == 0) {
            new[at] = new[at].wrapping_add(0x18);
        }
        (old, new)
    }

    fn margins(old: &[u8]) -> Vec<u8> {
        [&[0; MARGIN], old, &[0; MARGIN]].concat()
    }

    #[test]
    fn bytes_come_back_and_cost_little() {
        for architecture in [Architecture::None, Architecture::Aarch64, Architecture::X86_64] {
            let mut words = [vec![0; WORDS], vec![0; WORDS]];
            let mut lines = [vec![EMPTY; LINE << 10], vec![EMPTY; LINE << 10]];
            let mut ranges = [0; 9];
            let mut alignment = Alignment::new(3, &mut &mut ranges[..]);
            alignment.set([(0, 50_000, 0), (50_000, 100_000, 50_024)].into_iter());
            let [first, second] = &mut words;
            let mut encoding = Differences::new(architecture, &mut &mut first[..]);
            let mut decoding = Differences::new(architecture, &mut &mut second[..]);
            for (base_at, len) in [(0, 100_000), (4097, 1), (63, 64), (64, 64), (1 << 40, 999), (0, 7)] {
                let (old, mut new) = pair(len);
                let (old, at) = (margins(&old), [base_at, base_at + 64]);
                let mut encoder = Encoder::default();
                encoding.code(&mut encoder, &mut lines[0], &alignment, &old, at, &mut new);
                let bytes = encoder.finish();
                let mut out = vec![0; len];
                let mut decoder = Decoder::new(&bytes);
                decoding.code(&mut decoder, &mut lines[1], &alignment, &old, at, &mut out);
                assert!(out == new && decoder.is_at_end(), "{len} bytes at {base_at}, {architecture:?}");
                assert!(bytes.len() < 64 + len / 50, "{} for {len}", bytes.len());
            }
        }
    }
}
