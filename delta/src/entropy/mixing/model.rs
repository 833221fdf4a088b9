//! The model of a whole delta: operations and differences, which share nothing but the coder.

use super::alignment::{Alignment, RANGE_WORDS};
use super::architecture::Architecture;
use super::coder::BitCoder;
use super::numbers;
use super::slots::{EMPTY, LINE};
use super::words::{self, Differences};
use crate::entropy::zigzag::{unzigzag, zigzag};
use crate::op::CopyKind;

/// What numbers are predicted by: which of the four, and the operations before.
const CONTEXTS: usize = 4 * 16;

const FIXED: usize = words::WORDS + numbers::slots(CONTEXTS);

/// Smallest and largest table of contexts, as a power of two of its lines of 64 bytes.
pub const LINES_LOG2: core::ops::RangeInclusive<u32> = 4..=20;

/// What a model is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Lines of the table of contexts, as a power of two.
    pub lines_log2: u32,
    /// Most operations of a window.
    pub operations: u32,
    /// Whose machine code the images hold.
    pub architecture: Architecture,
}

impl Shape {
    /// 32-bit words of memory that the model takes.
    pub const fn words(&self) -> usize {
        FIXED + (LINE << self.lines_log2) + RANGE_WORDS * self.operations as usize
    }
}

/// Bytes of `1 << lines_log2` lines.
pub const fn line_bytes(lines_log2: u32) -> u32 {
    (4 * LINE as u32) << lines_log2
}

/// Learns from what it codes; the encoder's and the decoder's go through the same states.
pub struct Model<'m> {
    lines: &'m mut [u32],
    numbers: &'m mut [u32],
    differences: Differences<'m>,
    alignment: Alignment<'m>,
    /// Kind of the last copy in the low two bits; then whether literals came before this one.
    last: usize,
}

/// What an operation does after its literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying {
    /// How.
    pub kind: CopyKind,
    /// Bytes; 0 for none.
    pub len: u64,
    /// From the end of the last copy from the base to the start of this one.
    pub distance: i64,
}

impl Copying {
    /// Anything, for a decoder to replace.
    pub const ANY: Copying = Copying { kind: CopyKind::Exact, len: 0, distance: 0 };
}

impl<'m> Model<'m> {
    /// A fresh model in as many words as [`Shape::words`] says.
    pub fn new(shape: &Shape, words: &'m mut [u32]) -> Self {
        let (lines, mut rest) = words.split_at_mut(LINE << shape.lines_log2);
        lines.fill(EMPTY);
        let alignment = Alignment::new(shape.operations as usize, &mut rest);
        let differences = Differences::new(shape.architecture, &mut rest);
        rest.fill(EMPTY);
        Model { lines, numbers: rest, differences, alignment, last: 0 }
    }

    /// Takes the copies from the base of a window: offset in the base, length, offset in the target.
    pub fn align(&mut self, copies: impl Iterator<Item = (u64, u64, u64)>) {
        self.alignment.set(copies);
    }

    /// Takes note of the first bytes of a copy, which stand at `base_at` and go to `target_at`.
    pub fn look(&mut self, base_at: u64, target_at: u64, start: &[u8]) {
        self.differences.look(base_at, target_at, start);
    }

    /// Codes the length of an operation's literals.
    pub fn literal_len<C: BitCoder>(&mut self, coder: &mut C, len: u64) -> u64 {
        let len = numbers::code(coder, self.numbers, self.last, len);
        self.last = self.last & 3 | usize::from(len > 0) << 2;
        len
    }

    /// Codes how an operation copies. A kind that does not exist is decoded as `Zero`.
    pub fn copying<C: BitCoder>(&mut self, coder: &mut C, copying: Copying) -> Copying {
        let before = self.last;
        let kind = numbers::code(coder, self.numbers, 16 + before, copying.kind.code());
        let kind = CopyKind::of_code(kind, 0).unwrap_or(CopyKind::Zero);
        let now = kind as usize;
        let context = now | before & 4 | (before & 1) << 3;
        let len = numbers::code(coder, self.numbers, 32 + context, copying.len);
        let mut distance = 0;
        if kind != CopyKind::Zero && len > 0 {
            distance = unzigzag(numbers::code(coder, self.numbers, 48 + context, zigzag(copying.distance)));
        }
        self.last = now;
        Copying { kind, len, distance }
    }

    /// Codes bytes that resemble the base; `old` holds the base's with a margin on both sides. `at` says where they
    /// are in the base, and in the target.
    pub fn difference<C: BitCoder>(&mut self, coder: &mut C, old: &[u8], at: [u64; 2], target: &mut [u8]) {
        self.differences.code(coder, self.lines, &self.alignment, old, at, target);
    }
}
