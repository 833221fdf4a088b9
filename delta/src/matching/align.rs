//! Aligns a piece of the target with a base: the manner of bsdiff (Colin Percival, "Naive differences of executable
//! code"): exact matches are seeds, and grow over bytes that differ while more than half of them agree.

use super::suffix::{Match, SuffixIndex};
use crate::options::Stop;

/// A stretch of the target and the base that it resembles; what lies between stretches is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aligned {
    /// Offset in the piece of target.
    pub target: usize,
    /// Offset in the base.
    pub base: usize,
    /// Bytes.
    pub len: usize,
}

/// A new seed must agree in more bytes than the alignment that it replaces, by this many: what a jump costs.
const JUMP_GAIN: usize = 8;
/// Matches from this length on that the diagonal nearly explains are not looked up again byte by byte: the time would
/// be the square of their length.
const LONG: usize = 1 << 12;

/// Stretches of `target` aligned with the text of `index`, in order and without overlap. When the work is to end, so does
/// this.
pub(crate) fn align(index: &SuffixIndex<'_>, base: &[u8], target: &[u8], stop: Stop<'_>) -> Vec<Aligned> {
    let mut out = Vec::new();
    // The stretch that is growing: nothing before it is open any more.
    let mut stretch = Aligned { target: 0, base: 0, len: 0 };
    let mut seed = Seed { target: 0, found: Match::default() };
    while seed.target < target.len() {
        seed = next_seed(index, base, target, &stretch, seed.target + seed.found.len, stop);
        let (scan, found) = (seed.target, seed.found);
        let at_end = scan == target.len();
        stretch.len = grow(base[stretch.base..].iter().zip(&target[stretch.target..scan]));
        let mut backward = if at_end {
            0
        } else {
            grow(base[..found.at].iter().rev().zip(target[stretch.target..scan].iter().rev()))
        };
        let overlap = (stretch.target + stretch.len + backward).saturating_sub(scan);
        if overlap > 0 {
            let start = scan - backward;
            let keep = split_overlap(
                &target[start..start + overlap],
                &base[stretch.base + stretch.len - overlap..],
                &base[found.at - backward..],
            );
            stretch.len = stretch.len - overlap + keep;
            backward -= keep;
        }
        if stretch.len > 0 {
            out.push(stretch);
        }
        stretch = Aligned { target: scan - backward, base: found.at - backward, len: 0 };
    }
    out
}

/// A match off the present diagonal that is worth a jump.
struct Seed {
    target: usize,
    found: Match,
}

/// The first seed from `scan` on; at the end of the target an empty one.
fn next_seed(
    index: &SuffixIndex<'_>,
    base: &[u8],
    target: &[u8],
    on: &Aligned,
    mut scan: usize,
    stop: Stop<'_>,
) -> Seed {
    let agrees = |at: usize| base.get(on.base + (at - on.target)) == target.get(at);
    // Agreeing bytes of the diagonal in scan..counted.
    let (mut agreeing, mut counted) = (0, scan);
    while scan < target.len() && !stop.is_wanted() {
        let found = index.longest_match(&target[scan..]);
        agreeing += (counted..scan + found.len).filter(|&at| agrees(at)).count();
        counted = counted.max(scan + found.len);
        if found.len > 0 && found.len == agreeing {
            // The diagonal explains all of the match: behind it is where something may change.
            scan += found.len;
            (agreeing, counted) = (0, scan);
        } else if found.len > agreeing + JUMP_GAIN {
            return Seed { target: scan, found };
        } else {
            // Up to the first byte that the diagonal does not explain, a long match tells the same again.
            let other = (scan..scan + found.len).find(|&at| found.len < LONG || !agrees(at));
            let next = other.unwrap_or(scan) + 1;
            agreeing -= (scan..next.min(counted)).filter(|&at| agrees(at)).count();
            scan = next;
            counted = counted.max(scan);
        }
    }
    Seed { target: target.len(), found: Match::default() }
}

/// How far to go so that agreeing pairs outnumber the others the most.
fn grow<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    let (mut score, mut best, mut len) = (0_i64, 0_i64, 0);
    for (i, (a, b)) in pairs.enumerate() {
        score += if a == b { 1 } else { -1 };
        if score > best {
            (best, len) = (score, i + 1);
        }
    }
    len
}

/// How many bytes of an overlap the first stretch keeps so that both together agree the most.
fn split_overlap(target: &[u8], first: &[u8], second: &[u8]) -> usize {
    let (mut score, mut best, mut keep) = (0_i64, 0_i64, 0);
    for (i, byte) in target.iter().enumerate() {
        score += i64::from(first.get(i) == Some(byte)) - i64::from(second.get(i) == Some(byte));
        if score > best {
            (best, keep) = (score, i + 1);
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, mut state: u32) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(len)
        .collect()
    }

    fn aligned(base: &[u8], target: &[u8]) -> Vec<Aligned> {
        let out = align(&SuffixIndex::new(base).unwrap(), base, target, Stop::default());
        let mut end = 0;
        for stretch in &out {
            assert!(stretch.target >= end && stretch.len > 0);
            assert!(stretch.base + stretch.len <= base.len());
            end = stretch.target + stretch.len;
        }
        assert!(end <= target.len());
        out
    }

    #[test]
    fn equal_pieces_are_one_stretch() {
        let base = noise(5000, 1);
        assert_eq!(aligned(&base, &base), [Aligned { target: 0, base: 0, len: 5000 }]);
    }

    #[test]
    fn scattered_changes_stay_on_the_diagonal() {
        let base = noise(5000, 1);
        let mut target = base.clone();
        for at in (100..4900).step_by(37) {
            target[at] ^= 0x55;
        }
        assert_eq!(aligned(&base, &target), [Aligned { target: 0, base: 0, len: 5000 }]);
    }

    #[test]
    fn an_insertion_moves_the_rest() {
        let base = noise(4000, 1);
        let target = [&base[..1500], &noise(70, 9)[..], &base[1500..]].concat();
        let out = aligned(&base, &target);
        let agreeing: usize =
            out.iter().map(|s| (0..s.len).filter(|i| base[s.base + i] == target[s.target + i]).count()).sum();
        assert_eq!(out.len(), 2);
        assert!(agreeing >= 4000, "{agreeing}");
    }

    /// A byte that changed here and there makes another copy match longer than the diagonal, all the way.
    #[test]
    fn two_copies_that_are_nearly_the_same_take_no_longer_than_one() {
        let (first, copy) = (noise(60_000, 1), noise(1 << 20, 2));
        let mut near = copy.clone();
        (1..7).for_each(|i| near[i * 150_000] ^= 1);
        let base = [&first[..], &near, &noise(80_000, 3), &copy].concat();
        let target = [&first[..], &copy].concat();
        let out = aligned(&base, &target);
        // A tenth of a second; half a minute and more if each byte is looked up again.
        assert_eq!(out.iter().map(|stretch| stretch.len).sum::<usize>(), target.len());
    }

    #[test]
    fn nothing_in_common_or_nothing_at_all() {
        assert!(aligned(b"", &noise(100, 3)).is_empty());
        assert!(aligned(&noise(100, 3), b"").is_empty());
        let covered: usize = aligned(&noise(3000, 1), &noise(3000, 2)).iter().map(|s| s.len).sum();
        assert!(covered < 300, "{covered}");
    }
}
