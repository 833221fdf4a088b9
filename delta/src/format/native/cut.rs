//! Cuts operations into windows.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use crate::op::Op;

/// Images and their digests.
#[derive(Clone, Copy)]
pub struct Images<'i> {
    /// The base.
    pub old: &'i [u8],
    /// The target.
    pub new: &'i [u8],
    /// SHA-256 of both.
    pub sha256: [[u8; 32]; 2],
}

/// The operations of one window.
#[derive(Default)]
pub(super) struct Cut {
    pub(super) ops: Vec<Op>,
    /// Where in the target the window begins.
    pub(super) at: usize,
    /// Bytes of target.
    pub(super) len: u64,
}

/// Windows of operations: as many as store `room` bytes together, and no more than there may be.
pub(super) struct Cutter {
    ops: std::vec::IntoIter<Op>,
    /// What is left of an operation that was cut.
    rest: Option<Op>,
    at: usize,
    room: u64,
    most: usize,
}

/// What an operation itself is reckoned to take.
const OPERATION: u64 = 32;

impl Cutter {
    /// Windows of at most `most` operations, which is at least 1.
    pub(super) fn new(ops: Vec<Op>, room: u32, most: usize) -> Self {
        Cutter { ops: ops.into_iter(), rest: None, at: 0, room: room.into(), most }
    }
}

impl Iterator for Cutter {
    type Item = Cut;

    fn next(&mut self) -> Option<Cut> {
        let mut cut = Cut { at: self.at, ..Cut::default() };
        let mut room = self.room;
        while room > OPERATION && cut.ops.len() < self.most {
            let Some(op) = self.rest.take().or_else(|| self.ops.next()) else { break };
            room -= OPERATION;
            let (now, rest) = split(op, room);
            self.rest = rest;
            if matches!(now, Op::Add { .. } | Op::Literal { .. }) {
                room -= now.len();
            }
            self.at += now.len() as usize;
            cut.len += now.len();
            cut.ops.push(now);
        }
        (cut.len > 0).then_some(cut)
    }
}

/// Splits `op` where its stored bytes exceed `room`.
fn split(op: Op, room: u64) -> (Op, Option<Op>) {
    match op {
        Op::Literal { len } if len > room => {
            (Op::Literal { len: room }, Some(Op::Literal { len: len - room }))
        }
        Op::Add { base, len } if len > room => {
            (Op::Add { base, len: room }, Some(Op::Add { base: base + room, len: len - room }))
        }
        _ => (op, None),
    }
}

/// An operation as the container has it: literals, then a copy, either of which may be missing.
pub(super) struct Joined {
    /// Where in the target its literals are.
    pub(super) at: usize,
    pub(super) literal: u64,
    /// The copy behind the literals.
    pub(super) copy: Option<Op>,
}

impl Joined {
    /// A copy from the base: offset in it, length, offset in the target.
    pub(super) fn base_range(&self) -> Option<(u64, u64, u64)> {
        let target = self.at as u64 + self.literal;
        match self.copy {
            Some(Op::Copy { base, len } | Op::Add { base, len }) => Some((base, len, target)),
            _ => None,
        }
    }
}

impl Cut {
    /// The operations with literals joined to the copies behind them.
    pub(super) fn joined(&self) -> impl Iterator<Item = Joined> {
        let (mut at, mut ops) = (self.at, self.ops.iter().copied().peekable());
        std::iter::from_fn(move || {
            let mut joined = Joined { at, literal: 0, copy: None };
            while let Some(op) = ops.next_if(|op| matches!(op, Op::Literal { .. })) {
                joined.literal += op.len();
            }
            joined.copy = ops.next();
            at += (joined.literal + joined.copy.map_or(0, |op| op.len())) as usize;
            (joined.literal > 0 || joined.copy.is_some()).then_some(joined)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_everything_and_keep_their_bound() {
        let ops = vec![
            Op::Copy { base: 5, len: 1 << 40 },
            Op::Literal { len: 2500 },
            Op::Add { base: 9, len: 700 },
            Op::Zero { len: 1 },
            Op::Literal { len: 3 },
        ];
        let total: u64 = ops.iter().map(Op::len).sum();
        let cuts: Vec<Cut> = Cutter::new(ops, 1000, 100).collect();
        assert!(cuts.len() >= 4);
        assert_eq!(cuts.iter().map(|cut| cut.len).sum::<u64>(), total);
        for cut in &cuts {
            let stored: u64 = cut
                .ops
                .iter()
                .filter(|op| !matches!(op, Op::Copy { .. } | Op::Zero { .. }))
                .map(Op::len)
                .sum();
            assert!(stored <= 1000);
            let joined: u64 = cut.joined().map(|j| j.literal + j.copy.map_or(0, |op| op.len())).sum();
            assert_eq!(joined, cut.len);
        }
    }
}
