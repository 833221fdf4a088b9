//! Bytes that resemble the base: first whether a byte changed, then by how much, both predicted from the bytes of
//! the base around it and from what changed before.

use super::coder::BitCoder;
use super::decision::{Decision, Shape};
use super::slots::{EMPTY, confide, hash, line, predict, update};

/// Bytes of base that are looked at before and behind a position.
pub const MARGIN: usize = 8;
/// Aligned bytes of base that one decision says are all unchanged.
const QUIET: usize = 64;

const FLAGS: usize = 10;
const FLAG_SLOTS: usize = 1 << 16;
const FLAG_SHAPE: Shape = Shape { inputs: 2 * FLAGS, sets: [64, 256], corrections: 1024 };
const FLAG_LIMIT: u32 = 127;

const QUIETS: usize = 4;
const QUIET_SLOTS: usize = 1 << 12;
const QUIET_SHAPE: Shape = Shape { inputs: QUIETS, sets: [64, 1], corrections: 64 };

const BYTES: usize = 10;
const BYTE_SHAPE: Shape = Shape { inputs: 2 * BYTES, sets: [1024, 128], corrections: 1024 };
const BYTE_LIMIT: u32 = 30;

/// Words of memory.
pub(super) const WORDS: usize =
    FLAGS * FLAG_SLOTS + QUIETS * QUIET_SLOTS + FLAG_SHAPE.words() + QUIET_SHAPE.words() + BYTE_SHAPE.words();

/// The model of differences.
pub(super) struct Differences<'m> {
    flag_slots: &'m mut [u32],
    quiet_slots: &'m mut [u32],
    flag: Decision<'m>,
    quiet: Decision<'m>,
    byte: Decision<'m>,
    /// Whether each of the last bytes changed; the last one in the lowest bit.
    flags: u64,
    /// Whether each of the last quiet stretches was quiet.
    quiets: u32,
    /// Changed bytes in the last stretch that was not quiet.
    loud: u32,
    /// Differences of the last bytes, by position modulo the length.
    recent: [u8; 64],
    at: usize,
    /// The last changes, newest in the lowest byte.
    changes: u32,
    /// Bytes since the last change.
    since: u32,
}

impl<'m> Differences<'m> {
    /// A fresh model in the first [`WORDS`] words of `memory`, which moves behind them.
    pub(super) fn new(memory: &mut &'m mut [u32]) -> Self {
        let mut take = |len| {
            let (piece, rest) = core::mem::take(memory).split_at_mut(len);
            *memory = rest;
            piece.fill(EMPTY);
            piece
        };
        let (flag_slots, quiet_slots) = (take(FLAGS * FLAG_SLOTS), take(QUIETS * QUIET_SLOTS));
        Differences {
            flag_slots,
            quiet_slots,
            flag: Decision::new(FLAG_SHAPE, memory),
            quiet: Decision::new(QUIET_SHAPE, memory),
            byte: Decision::new(BYTE_SHAPE, memory),
            flags: 0,
            quiets: 0,
            loud: 0,
            recent: [0; 64],
            at: 0,
            changes: 0,
            since: 0,
        }
    }

    /// Codes `target`, the bytes that stand in place of those of the base. `old` holds these with [`MARGIN`] bytes
    /// before and behind, which are zero outside of the operation; `base_at` is their offset in the base.
    pub(super) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        old: &[u8],
        base_at: u64,
        target: &mut [u8],
    ) {
        let phase = (base_at % QUIET as u64) as usize;
        let mut i = 0;
        while i < target.len() {
            if (phase + i) % QUIET == 0 && target.len() - i >= QUIET {
                let here = &old[MARGIN + i..][..QUIET];
                let changed = u32::from(target[i..i + QUIET] != *here);
                if self.code_quiet(coder, changed, here) == 0 {
                    target[i..i + QUIET].copy_from_slice(here);
                    i += QUIET;
                    continue;
                }
                self.loud = 0;
            }
            target[i] = self.code_byte(coder, lines, &old[i..i + 2 * MARGIN + 1], (phase + i) & 3, target[i]);
            i += 1;
        }
    }

    fn code_quiet<C: BitCoder>(&mut self, coder: &mut C, changed: u32, here: &[u8]) -> u32 {
        let far = self.since.min(255).ilog2_or_zero();
        // What kind of bytes stand here, as a rough sketch: the last byte of each word.
        let kinds = here.chunks_exact(4).fold(0, |sketch: u32, word| sketch | 1 << (word[3] >> 3));
        let contexts = [
            self.quiets & 0xfff,
            hash(self.quiets & 0xf, self.loud.min(15)) >> 20,
            hash(kinds, 1) >> 20,
            hash(far << 4 | self.loud.min(15), self.quiets & 3) >> 20,
        ];
        let mut inputs = [0; QUIETS];
        let mut places = [0; QUIETS];
        for (k, context) in contexts.into_iter().enumerate() {
            places[k] = k * QUIET_SLOTS + (context as usize & (QUIET_SLOTS - 1));
            inputs[k] = predict(self.quiet_slots[places[k]]);
        }
        let sets = [(self.quiets & 63) as usize, 0];
        let changed = self.quiet.code(coder, changed, &inputs, sets, (self.quiets & 63) as usize);
        for place in places {
            update(&mut self.quiet_slots[place], changed, FLAG_LIMIT);
        }
        self.quiets = self.quiets << 1 | changed;
        if changed == 0 {
            // A stretch is as long as the memory of flags.
            self.flags = 0;
            self.since = self.since.saturating_add(QUIET as u32);
            self.recent = [0; 64];
            self.at = self.at.wrapping_add(QUIET);
        }
        changed
    }

    fn code_byte<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        old: &[u8],
        phase: usize,
        new: u8,
    ) -> u8 {
        let e = |k: isize| u32::from(old[(MARGIN as isize + k) as usize]);
        let start = -(phase as isize);
        let word = e(start) | e(start + 1) << 8 | e(start + 2) << 16 | e(start + 3) << 24;
        let (al, top, here) = (phase as u32, word >> 24, e(0));
        // Which bytes of this word changed before this one.
        let so_far = (self.flags as u32 & ((1 << al) - 1)) | 1 << al;
        let far = self.since.min(4095).ilog2_or_zero();
        let d = |back: usize| u32::from(self.recent[self.at.wrapping_sub(back) & 63]);
        let f = self.flags;
        let rows = (f >> 3 & 1)
            | (f >> 7 & 1) << 1
            | (f >> 11 & 1) << 2
            | (f >> 15 & 1) << 3
            | (f >> 23 & 3) << 4
            | (f >> 31 & 1) << 6
            | (f & 3) << 7;
        let contexts: [u32; FLAGS] = [
            al << 16 | here << 8 | top,
            hash(e(-1) << 16 | here << 8 | e(1), 1),
            hash(word, so_far),
            hash(top << 16 | so_far << 8 | (f >> al) as u32 & 0xf, 3),
            hash(f as u32 & 0xffff, al),
            hash(far << 16 | (self.changes & 0xff) << 8 | al, 5),
            hash(e(-1) << 16 | e(-2) << 8 | e(-3), (f as u32 & 7) << 8 | 6),
            hash(e(-1) | e(-2) << 8 | e(-3) << 16 | e(-4) << 24, here << 8 | 7),
            hash(rows as u32, al << 8 | 8),
            hash(d(1) << 24 | d(2) << 16 | d(4) << 8 | al, here << 8 | 9),
        ];
        let mut inputs = [0; 2 * FLAGS];
        let mut places = [0; FLAGS];
        for (k, context) in contexts.into_iter().enumerate() {
            places[k] = k * FLAG_SLOTS + (hash(context, k as u32) >> 16) as usize;
            inputs[2 * k] = predict(self.flag_slots[places[k]]);
            inputs[2 * k + 1] = confide(self.flag_slots[places[k]]);
        }
        let difference = new.wrapping_sub(old[MARGIN]);
        let sets = [(al << 4 | f as u32 & 15) as usize, top as usize];
        let changed =
            self.flag.code(coder, u32::from(difference != 0), &inputs, sets, (here << 2 | al) as usize);
        for place in places {
            update(&mut self.flag_slots[place], changed, FLAG_LIMIT);
        }
        let mut difference = u32::from(difference);
        if changed == 0 {
            difference = 0;
            self.since = self.since.saturating_add(1);
        } else {
            let bases: [u32; BYTES] = [
                al << 8 | so_far | 0x1000,
                hash(d(1) << 16 | al << 8 | top, 11),
                hash(d(1) << 8 | d(2), 12),
                hash(d(4) << 8 | al, 13 | d(1) << 16),
                hash(d(8) << 8 | d(4), 14 | al << 16),
                hash(here << 8 | al, 15),
                hash(here << 16 | e(-1) << 8 | d(1), 16),
                hash(word, 17 | al << 8 | d(1) << 16),
                hash(self.changes & 0xffffff, 18),
                hash(d(24) << 8 | d(1), 19 | al << 16),
            ];
            difference = self.code_tree(coder, lines, difference, &bases, so_far, al);
            self.changes = self.changes << 8 | difference;
            self.since = 0;
            self.loud = self.loud.saturating_add(1);
        }
        self.flags = f << 1 | u64::from(changed);
        self.recent[self.at & 63] = difference as u8;
        self.at = self.at.wrapping_add(1);
        old[MARGIN].wrapping_add(difference as u8)
    }

    /// Codes a byte as two trees of four bits.
    fn code_tree<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        value: u32,
        contexts: &[u32; BYTES],
        so_far: u32,
        al: u32,
    ) -> u32 {
        let mut decoded = 1;
        for half in 0..2 {
            let places = contexts.map(|context| line(lines, hash(context, decoded | half << 9)));
            let mut node = 1;
            for i in 0..4 {
                let bit = value >> (7 - half * 4 - i) & 1;
                let mut inputs = [0; 2 * BYTES];
                for (input, place) in inputs.chunks_exact_mut(2).zip(places) {
                    (input[0], input[1]) = (predict(lines[place + node]), confide(lines[place + node]));
                }
                let sets =
                    [(decoded << 2 | al) as usize & 1023, ((half * 4 + i) << 4 | so_far & 15) as usize];
                let bit = self.byte.code(coder, bit, &inputs, sets, (decoded << 2 | al) as usize & 1023);
                for place in places {
                    update(&mut lines[place + node], bit, BYTE_LIMIT);
                }
                node = node << 1 | bit as usize;
                decoded = decoded << 1 | bit;
            }
        }
        decoded & 0xff
    }
}

/// The position of the highest bit, 0 for 0 and 1.
trait Log2 {
    fn ilog2_or_zero(self) -> u32;
}

impl Log2 for u32 {
    fn ilog2_or_zero(self) -> u32 {
        self.max(1).ilog2()
    }
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
            let opcode = [0x94, 0xf9, 0xa9, 0x52, 0x90][state as usize >> 8 & 3];
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
        let mut words = [vec![0; WORDS], vec![0; WORDS]];
        let mut lines = [vec![EMPTY; LINE << 10], vec![EMPTY; LINE << 10]];
        let [first, second] = &mut words;
        let (mut encoding, mut decoding) =
            (Differences::new(&mut &mut first[..]), Differences::new(&mut &mut second[..]));
        for (base_at, len) in [(0, 100_000), (4097, 1), (63, 64), (64, 64), (1 << 40, 999)] {
            let (old, mut new) = pair(len);
            let mut encoder = Encoder::default();
            encoding.code(&mut encoder, &mut lines[0], &margins(&old), base_at, &mut new);
            let bytes = encoder.finish();
            let mut out = vec![0; len];
            let mut decoder = Decoder::new(&bytes);
            decoding.code(&mut decoder, &mut lines[1], &margins(&old), base_at, &mut out);
            assert!(out == new && decoder.is_at_end(), "{len} bytes at {base_at}");
            assert!(bytes.len() < 64 + len / 50, "{} for {len}", bytes.len());
        }
    }
}
