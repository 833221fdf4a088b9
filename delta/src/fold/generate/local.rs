//! Keeps operations near each other where long blocks of the base are gone through from front to back: what would
//! have a device unpack much for little becomes literals.

use super::sort::{BasePiece, Packed};
use crate::op::Op;

/// Bytes that may be unpacked and passed over for each byte that is taken.
const WORK_PER_BYTE: u64 = 512;
/// Operations that follow each other in the base as closely as this are taken together.
const NEAR: u64 = 1 << 16;

/// Where a device stands.
struct Stream {
    block: usize,
    at: u64,
}

/// The pieces of the base, and where they are in the unfolded one.
pub(super) struct Blocks<'f> {
    pub(super) pieces: &'f [BasePiece],
    pub(super) places: &'f [(u64, u64)],
}

impl Blocks<'_> {
    /// The long block that `at` is in: its number, place and window.
    fn long(&self, at: u64) -> Option<(usize, u64, u64)> {
        let number = self.places.partition_point(|place| place.1 <= at);
        let (start, _) = *self.places.get(number).filter(|place| place.0 <= at)?;
        match self.pieces.get(number)? {
            BasePiece::Block(Packed { recipe, .. }) if recipe.window() > 0 => {
                Some((number, start, recipe.window().into()))
            }
            _ => None,
        }
    }
}

impl Stream {
    /// Whether operations are worth what has to be unpacked for them; then that is done.
    fn reaches(&mut self, ops: &[Op], blocks: &Blocks<'_>) -> bool {
        let long = |at| blocks.long(at).map(|(block, start, window)| (block, at - start, window));
        let Some((first, (block, from, window))) =
            ops.iter().find_map(base).and_then(|first| Some((first, long(first.0)?)))
        else {
            return true;
        };
        let work =
            if block != self.block || from + window < self.at { from } else { from.saturating_sub(self.at) };
        let wanted: u64 = ops.iter().filter_map(base).map(|(_, len)| len).sum();
        if work > wanted.saturating_mul(WORK_PER_BYTE) {
            return false;
        }
        let (last, len) = ops.iter().rev().find_map(base).unwrap_or(first);
        if let Some((block, end, _)) = long((last + len).saturating_sub(1)) {
            let reached = if block == self.block { self.at.max(end) } else { end };
            *self = Stream { block, at: reached };
        }
        true
    }
}

/// The operations that remain, in the order of the target.
pub(super) fn keep_near(ops: Vec<Op>, blocks: &Blocks<'_>) -> Vec<Op> {
    if !ops.iter().any(|op| base(op).is_some_and(|(from, _)| blocks.long(from).is_some())) {
        return ops;
    }
    let mut kept: Vec<Op> = Vec::with_capacity(ops.len());
    let mut stream = Stream { block: usize::MAX, at: 0 };
    let mut rest = &ops[..];
    while let Some(count) = group(rest) {
        let (group, behind) = rest.split_at(count);
        rest = behind;
        let is_near = stream.reaches(group, blocks);
        for &op in group {
            push(&mut kept, if is_near || base(&op).is_none() { op } else { Op::Literal { len: op.len() } });
        }
    }
    kept
}

/// What an operation takes from the base.
fn base(op: &Op) -> Option<(u64, u64)> {
    match *op {
        Op::Copy { base, len } | Op::Add { base, len } => Some((base, len)),
        _ => None,
    }
}

/// How many of the first operations belong together; `None` when there are none.
fn group(ops: &[Op]) -> Option<usize> {
    let mut reached: Option<u64> = None;
    let mut count = 0;
    for op in ops {
        if let Some((from, len)) = base(op) {
            if reached.is_some_and(|reached| reached.abs_diff(from) > NEAR) {
                break;
            }
            reached = Some(from + len);
        }
        count += 1;
    }
    (count > 0).then_some(count)
}

fn push(ops: &mut Vec<Op>, op: Op) {
    match (ops.last_mut(), op) {
        (Some(Op::Literal { len }), Op::Literal { len: more }) => *len += more,
        _ => ops.push(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::codec::lz4::block_of;
    use crate::fold::codec::{Codec, Framing, Recipe};

    #[test]
    fn what_would_unpack_much_for_little_becomes_literals() {
        let recipe = Recipe { codec: Codec::Lz4, framing: Framing::None, parameters: block_of(9, 16) };
        let block = |at| BasePiece::Block(Packed { at, len: 100, plain_len: 1 << 23, recipe });
        let pieces = [BasePiece::Raw { at: 0, len: 4096 }, block(4096), block(4196)];
        let (one, two) = (4096, 4096 + (1 << 23));
        let places = [(0, one), (one, two), (two, two + (1 << 23))];
        let blocks = Blocks { pieces: &pieces, places: &places };
        let copy = |base, len| Op::Copy { base, len };
        let ops = vec![
            copy(100, 10),
            Op::Add { base: one, len: 1 << 20 },
            copy(two + 4_000_000, 100),
            Op::Literal { len: 5 },
            copy(one + (1 << 20), 1 << 20),
            copy(one + 100, 10),
            copy(one + 100, 8_000),
            copy(two, 1 << 20),
        ];
        let kept = keep_near(ops.clone(), &blocks);
        assert_eq!(kept.len(), ops.len() - 1);
        assert_eq!(kept[2], Op::Literal { len: 105 }, "far away");
        assert_eq!(kept[3], copy(one + (1 << 20), 1 << 20));
        assert_eq!(kept[4..6], [copy(one + 100, 10), copy(one + 100, 8_000)], "together they are worth it");
        let plain = Blocks { pieces: &pieces[..1], places: &places[..1] };
        assert_eq!(keep_near(vec![copy(100, 10)], &plain), [copy(100, 10)]);
    }
}
