//! Keeps copies where a decoder that reads the base only forwards still has them.
//!
//! xdelta3 up to 3.1 takes a block device for something that it cannot seek in: it reads the base front to back and
//! keeps the last 32 pieces of it, each a 32nd of the source window (`-B`, by default 64 MiB). A copy from before
//! them fails, "non-seekable source in decode".

use crate::op::Op;

/// Makes literals of what reaches further than `window` bytes of base allow.
pub(super) fn limit(ops: Vec<Op>, base_len: u64, target_len: u64, window: u64) -> Vec<Op> {
    // One piece is the one that is being read.
    let reach = window / 32 * 31;
    if base_len <= reach {
        return ops;
    }
    let mut out = Vec::with_capacity(ops.len());
    let mut at = 0;
    for op in ops {
        let (Op::Copy { base, len } | Op::Add { base, len }) = op else {
            at += op.len();
            out.push(op);
            continue;
        };
        let cut = |from: u64, to: u64| match op {
            Op::Copy { .. } => Op::Copy { base: base + from, len: to - from },
            _ => Op::Add { base: base + from, len: to - from },
        };
        // A band along the diagonal: nothing in it is further behind anything before it than the band is wide.
        let middle = |at: u64| {
            let scaled = u128::from(at) * u128::from(base_len) / u128::from(target_len.max(1));
            u64::try_from(scaled).unwrap_or(base_len)
        };
        let mut from = 0;
        while from < len {
            // In steps over which the band moves little.
            let to = (from + (1 << 16)).min(len);
            let low = middle(at + to).saturating_sub(reach / 2);
            let high = middle(at + from).saturating_add(reach / 2);
            if base + from >= low && base + to <= high {
                push(&mut out, cut(from, to));
            } else {
                push(&mut out, Op::Literal { len: to - from });
            }
            from = to;
        }
        at += len;
    }
    out
}

/// Appends an operation; one that continues the last becomes part of it.
fn push(out: &mut Vec<Op>, op: Op) {
    match (out.last_mut(), op) {
        (Some(Op::Copy { base, len }), Op::Copy { base: from, len: more }) if *base + *len == from => {
            *len += more
        }
        (Some(Op::Add { base, len }), Op::Add { base: from, len: more }) if *base + *len == from => {
            *len += more
        }
        (Some(Op::Literal { len }), Op::Literal { len: more }) => *len += more,
        _ => out.push(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What xdelta3 was seen to do with a block device: pieces before the last 32 are gone.
    fn decodable(ops: &[Op], window: u64) -> bool {
        let piece = window / 32;
        let mut newest = 0;
        ops.iter().all(|op| match *op {
            Op::Copy { base, len } | Op::Add { base, len } => {
                let first = base / piece;
                let there = first + 31 >= newest;
                newest = newest.max((base + len - 1) / piece);
                there
            }
            _ => true,
        })
    }

    #[test]
    fn every_copy_is_still_there() {
        const WINDOW: u64 = 8 << 20;
        let (base_len, mut state) = (40 << 20, 5_u64);
        let mut ops = Vec::new();
        let mut at = 0;
        while at < base_len {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let len = 1 + (state >> 40) % 300_000;
            let near = (at + (state >> 20) % (6 << 20)).saturating_sub(3 << 20);
            let base = if state >> 61 == 0 { (state >> 10) % base_len } else { near }.min(base_len - len);
            ops.push(if state >> 63 == 0 { Op::Copy { base, len } } else { Op::Add { base, len } });
            at += len;
        }
        assert!(!decodable(&ops, WINDOW));
        let limited = limit(ops.clone(), base_len, at, WINDOW);
        assert!(decodable(&limited, WINDOW));
        assert_eq!(limited.iter().map(Op::len).sum::<u64>(), at);
        let literal: u64 = limited.iter().filter(|op| matches!(op, Op::Literal { .. })).map(Op::len).sum();
        assert!(literal > 0 && literal < at / 4, "{literal} of {at}");
        assert_eq!(limit(ops.clone(), base_len, at, 64 << 20), ops);
    }
}
