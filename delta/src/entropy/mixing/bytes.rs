//! Single bytes that resemble the base, where whole words could not be foretold: first whether a byte changed, then by
//! how much, both predicted from the bytes of the base around it and from what changed before.

use super::architecture::MARGIN;
use super::coder::BitCoder;
use super::decision::{Decision, Shape};
use super::slots::{EMPTY, confide, hash, line, predict, update};

const FLAGS: usize = 10;
const FLAG_SLOTS_LOG2: u32 = 14;
const FLAG_SLOTS: usize = 1 << FLAG_SLOTS_LOG2;
const FLAG_SHAPE: Shape<{ 2 * FLAGS }> = Shape { sets: [64, 256], corrections: 1024 };
const FLAG_LIMIT: u32 = 127;

const BYTES: usize = 10;
const BYTE_SHAPE: Shape<{ 2 * BYTES }> = Shape { sets: [1024, 128], corrections: 1024 };
const BYTE_LIMIT: u32 = 30;

/// Words of memory.
pub(super) const WORDS: usize = FLAGS * FLAG_SLOTS + FLAG_SHAPE.words() + BYTE_SHAPE.words();

/// The model of single bytes.
pub(super) struct Bytes<'m> {
    flag_slots: &'m mut [u32],
    flag: Decision<'m, { 2 * FLAGS }>,
    byte: Decision<'m, { 2 * BYTES }>,
    /// Whether each of the last bytes changed; the last one in the lowest bit.
    flags: u64,
    /// Differences of the last bytes, by position modulo the length.
    recent: [u8; 64],
    at: usize,
    /// The last changes, newest in the lowest byte.
    changes: u32,
    /// Bytes since the last change.
    since: u32,
}

impl<'m> Bytes<'m> {
    /// A fresh model in the first [`WORDS`] words of `memory`, which moves behind them.
    pub(super) fn new(memory: &mut &'m mut [u32]) -> Self {
        let (flag_slots, rest) = core::mem::take(memory).split_at_mut(FLAGS * FLAG_SLOTS);
        flag_slots.fill(EMPTY);
        *memory = rest;
        Bytes {
            flag_slots,
            flag: Decision::new(FLAG_SHAPE, memory),
            byte: Decision::new(BYTE_SHAPE, memory),
            flags: 0,
            recent: [0; 64],
            at: 0,
            changes: 0,
            since: 0,
        }
    }

    /// Takes note of `len` bytes, at most 64 of them of interest, that did not change in any way worth remembering.
    pub(super) fn skip(&mut self, len: u32) {
        self.flags = 0;
        self.since = self.since.saturating_add(len);
        self.recent = [0; 64];
    }

    /// Takes note of a byte that was coded elsewhere.
    pub(super) fn note(&mut self, old: u8, new: u8) {
        let difference = new.wrapping_sub(old);
        if difference == 0 {
            self.since = self.since.saturating_add(1);
        } else {
            self.changes = self.changes << 8 | u32::from(difference);
            self.since = 0;
        }
        self.flags = self.flags << 1 | u64::from(difference != 0);
        self.recent[self.at & 63] = difference;
        self.at = self.at.wrapping_add(1);
    }

    /// Codes the byte at `i` of a piece, `phase` bytes behind the start of its word. `old` is the piece of the base with
    /// [`MARGIN`] bytes before and behind, which are zero outside of the operation.
    pub(super) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        lines: &mut [u32],
        old: &[u8],
        i: usize,
        phase: usize,
        new: u8,
    ) -> u8 {
        let e = |k: isize| u32::from(old[((i + MARGIN) as isize + k) as usize]);
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
            places[k] = k * FLAG_SLOTS + (hash(context, k as u32) >> (32 - FLAG_SLOTS_LOG2)) as usize;
            inputs[2 * k] = predict(self.flag_slots[places[k]]);
            inputs[2 * k + 1] = confide(self.flag_slots[places[k]]);
        }
        let difference = new.wrapping_sub(old[i + MARGIN]);
        let sets = [(al << 4 | f as u32 & 15) as usize, top as usize];
        let changed =
            self.flag.code(coder, u32::from(difference != 0), &inputs, sets, (here << 2 | al) as usize);
        for place in places {
            update(&mut self.flag_slots[place], changed, FLAG_LIMIT);
        }
        let mut difference = u32::from(difference);
        if changed == 0 {
            difference = 0;
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
        }
        let new = old[i + MARGIN].wrapping_add(difference as u8);
        self.note(old[i + MARGIN], new);
        new
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
