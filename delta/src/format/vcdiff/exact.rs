//! Cuts operations into what VCDIFF has: exact copies, runs and new bytes. There are no differences; a stretch of base
//! that resembles the target falls into copies and the bytes between them.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use crate::op::Op;

/// A part of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// `len` bytes of the base from `base` on.
    Copy { base: u64, len: u64 },
    /// `len` zero bytes.
    Zero { len: u64 },
    /// `len` new bytes.
    New { len: u64 },
}

impl Piece {
    pub(super) fn len(self) -> u64 {
        match self {
            Piece::Copy { len, .. } | Piece::Zero { len } | Piece::New { len } => len,
        }
    }
}

/// What is worth an instruction, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// A copy that continues the one before it on the other side of some new bytes.
    pub(super) continued: u64,
    /// A copy from elsewhere.
    pub(super) jump: u64,
    /// Zero bytes.
    pub(super) zero: u64,
}

/// Cuts the operations `ops`, which yield `target` from `old`.
pub(super) fn cut(ops: &[Op], old: &[u8], target: &[u8], cost: Cost) -> Vec<Piece> {
    let mut pieces = Pieces { out: Vec::new(), cost, end: None };
    let mut at = 0;
    for op in ops {
        let there = &target[at..at + op.len() as usize];
        match *op {
            Op::Copy { base, len } => pieces.copy(base, len),
            Op::Zero { len } => pieces.zero(len),
            Op::Literal { .. } => pieces.new_bytes(there),
            Op::Add { base, len } => pieces.resembling(base, &old[base as usize..][..len as usize], there),
        }
        at += there.len();
    }
    pieces.out
}

struct Pieces {
    out: Vec<Piece>,
    cost: Cost,
    /// Where the base would go on if the last copy did, and all new bytes behind it stood for as many of the base.
    end: Option<u64>,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        if piece.len() == 0 {
            return;
        }
        self.end = match piece {
            Piece::Copy { base, len } => Some(base + len),
            _ => self.end.map(|end| end + piece.len()),
        };
        match (self.out.last_mut(), piece) {
            (Some(Piece::New { len }), Piece::New { len: more }) => *len += more,
            (Some(Piece::Zero { len }), Piece::Zero { len: more }) => *len += more,
            (Some(Piece::Copy { base, len }), Piece::Copy { base: from, len: more })
                if *base + *len == from =>
            {
                *len += more;
            }
            _ => self.out.push(piece),
        }
    }

    fn copy(&mut self, base: u64, len: u64) {
        let least = if self.end == Some(base) { self.cost.continued } else { self.cost.jump };
        self.push(if len < least { Piece::New { len } } else { Piece::Copy { base, len } });
    }

    fn zero(&mut self, len: u64) {
        self.push(if len < self.cost.zero { Piece::New { len } } else { Piece::Zero { len } });
    }

    /// New bytes, but for long runs of zeros among them.
    fn new_bytes(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|&byte| byte == first).count();
            match first {
                0 => self.zero(same as u64),
                _ => self.push(Piece::New { len: same as u64 }),
            }
            rest = &rest[same..];
        }
    }

    fn resembling(&mut self, base: u64, old: &[u8], new: &[u8]) {
        let mut at = 0;
        while at < new.len() {
            let equal = crate::matching::suffix::common_prefix(&old[at..], &new[at..]);
            if equal > 0 {
                self.copy(base + at as u64, equal as u64);
                at += equal;
            }
            let differing = old[at..].iter().zip(&new[at..]).take_while(|(old, new)| old != new).count();
            self.new_bytes(&new[at..at + differing]);
            at += differing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost { continued: 3, jump: 8, zero: 20 };

    #[test]
    fn a_resembling_stretch_is_cut_where_it_differs() {
        let old = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut new = *old;
        new[10] = b'!';
        new[12] = b'!';
        new[30] = b'!';
        let pieces = cut(&[Op::Add { base: 0, len: 36 }], old, &new, COST);
        assert_eq!(
            pieces,
            [
                Piece::Copy { base: 0, len: 10 },
                Piece::New { len: 3 },
                Piece::Copy { base: 13, len: 17 },
                Piece::New { len: 1 },
                Piece::Copy { base: 31, len: 5 },
            ]
        );
    }

    #[test]
    fn short_jumps_are_new_bytes_and_long_zeros_are_not() {
        let new = [&b"abcdefg"[..], &[0; 30], b"x", &[0; 5]].concat();
        let ops = [Op::Copy { base: 2, len: 7 }, Op::Literal { len: 36 }];
        let pieces = cut(&ops, b"..abcdefg", &new, COST);
        assert_eq!(pieces, [Piece::New { len: 7 }, Piece::Zero { len: 30 }, Piece::New { len: 6 }]);
    }
}
