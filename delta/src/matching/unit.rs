//! Turns a unit into operations on the images.

use super::align::{Aligned, align};
use super::likeness;
use super::suffix::SuffixIndex;
use crate::error::Error;
use crate::op::Op;
use crate::reading::Reading;
use crate::source::similar::Range;
use crate::source::units::{Unit, gather};
use crate::source::whole_file::WholeFile;

/// An operation and where in the target it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Offset in the target image.
    pub at: u64,
    pub op: Op,
}

/// Equal bytes inside of an aligned stretch become a copy of their own from this many on.
const LEAST_COPY: usize = 1 << 12;

/// Operations that yield the target ranges of `unit`, in no particular order.
pub(crate) fn solve(
    unit: &Unit,
    old: &[u8],
    new: &[u8],
    reading: &Reading<'_>,
) -> Result<Vec<Placed>, Error> {
    let stop = reading.stop();
    let bytes = || Ok::<_, Error>([gather(old, &unit.base, reading)?, gather(new, &unit.target, reading)?]);
    let aligned = |[base, target]: &[Vec<u8>; 2]| {
        let stretches = align(&SuffixIndex::new(base)?, base, target, stop);
        stop.check().map(|()| stretches)
    };
    let (stretches, [base, target]) = match likenesses(unit, old, new, reading)? {
        Some(likenesses) => {
            let stretches = aligned(&likenesses)?;
            // One pair after the other: an index wants all the room there is.
            drop(likenesses);
            (stretches, bytes()?)
        }
        None => {
            let bytes = bytes()?;
            (aligned(&bytes)?, bytes)
        }
    };
    let mut out = Out { unit, placed: Vec::new() };
    let mut done = 0;
    for stretch in stretches {
        out.literal(done, stretch.target);
        out.stretch(&base, &target, stretch);
        done = stretch.target + stretch.len;
    }
    out.literal(done, target.len());
    Ok(out.placed)
}

/// The likenesses of base and target, if they are not the bytes themselves.
fn likenesses(
    unit: &Unit,
    old: &[u8],
    new: &[u8],
    reading: &Reading<'_>,
) -> Result<Option<[Vec<u8>; 2]>, Error> {
    let Some([old_file, new_file]) = &unit.files else { return Ok(None) };
    let likeness = |file: &WholeFile, image, ranges| {
        let content = file.content(image, reading)?;
        reading.stop().check()?;
        Ok(likeness::of(&content).and_then(|likeness| file.pick(&likeness, ranges)))
    };
    let Some(base) = likeness(old_file, old, &unit.base)? else { return Ok(None) };
    Ok(likeness(new_file, new, &unit.target)?.map(|target| [base, target]))
}

/// Bytes of working memory that [`solve`] takes.
pub(crate) fn memory(unit: &Unit) -> u64 {
    let (base, target) = (unit.base_len() as u64, unit.target_len() as u64);
    // The content of a file, its likeness and a copy of that; of the old file first.
    let likenesses = unit.files.as_ref().map_or(0, |[old, new]| {
        let (old, new) = (3 * old.len as u64, 3 * new.len as u64);
        base + old.max(new + target)
    });
    likenesses.max(base * super::suffix::MEMORY_PER_BYTE + target)
}

struct Out<'u> {
    unit: &'u Unit,
    placed: Vec<Placed>,
}

impl Out<'_> {
    fn literal(&mut self, from: usize, to: usize) {
        for range in ImageRanges::new(&self.unit.target, from, to - from) {
            self.placed.push(Placed { at: range.at as u64, op: Op::Literal { len: range.len as u64 } });
        }
    }

    /// Cuts a stretch into runs that differ and long runs that do not.
    fn stretch(&mut self, base: &[u8], target: &[u8], stretch: Aligned) {
        let (b, t) = (&base[stretch.base..][..stretch.len], &target[stretch.target..][..stretch.len]);
        let mut start = 0;
        let mut at = 0;
        while at < stretch.len {
            let equal = super::suffix::common_prefix(&b[at..], &t[at..]);
            if equal >= LEAST_COPY || (equal == stretch.len - start) {
                self.pair(stretch, start, at, false);
                self.pair(stretch, at, at + equal, true);
                start = at + equal;
            }
            at += equal + 1;
        }
        self.pair(stretch, start, stretch.len, false);
    }

    fn pair(&mut self, stretch: Aligned, from: usize, to: usize, equal: bool) {
        if to <= from {
            return;
        }
        // Both sides may be in pieces: an operation ends where either piece does.
        let mut done = from;
        for range in ImageRanges::new(&self.unit.target, stretch.target + from, to - from) {
            let mut at = range.at as u64;
            for source in ImageRanges::new(&self.unit.base, stretch.base + done, range.len) {
                let (base, len) = (source.at as u64, source.len as u64);
                let op = if equal { Op::Copy { base, len } } else { Op::Add { base, len } };
                self.placed.push(Placed { at, op });
                at += len;
            }
            done += range.len;
        }
    }
}

/// The image ranges of a part of a string of ranges.
struct ImageRanges<'r> {
    ranges: std::slice::Iter<'r, Range>,
    skip: usize,
    left: usize,
}

impl<'r> ImageRanges<'r> {
    fn new(ranges: &'r [Range], from: usize, len: usize) -> Self {
        ImageRanges { ranges: ranges.iter(), skip: from, left: len }
    }
}

impl Iterator for ImageRanges<'_> {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        while self.left > 0 {
            let range = self.ranges.next()?;
            if self.skip >= range.len {
                self.skip -= range.len;
                continue;
            }
            let at = range.at + self.skip;
            let len = (range.len - self.skip).min(self.left);
            self.skip = 0;
            self.left -= len;
            return Some(Range { at, len });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;

    /// Carries operations out by hand.
    pub(crate) fn carry_out(placed: &[Placed], old: &[u8], new: &[u8]) -> Vec<Option<u8>> {
        let mut out = vec![None; new.len()];
        for Placed { at, op } in placed {
            let at = *at as usize;
            for i in 0..op.len() as usize {
                assert!(out[at + i].is_none(), "byte {} twice", at + i);
                out[at + i] = Some(match *op {
                    Op::Copy { base, .. } => old[base as usize + i],
                    Op::Zero { .. } => 0,
                    Op::Add { .. } | Op::Literal { .. } => new[at + i],
                });
            }
        }
        out
    }

    #[test]
    fn pieces_on_both_sides_map_back() {
        let old: Vec<u8> = (0..60_000_u32).map(|i| (i.wrapping_mul(i) >> 5) as u8).collect();
        let mut new = vec![0; 60_000];
        let unit = Unit {
            target: vec![Range { at: 50_000, len: 7_000 }, Range { at: 1_000, len: 20_000 }],
            base: vec![Range { at: 30_000, len: 9_000 }, Range { at: 100, len: 22_000 }],
            files: None,
        };
        let options = GenerateOptions::default();
        let content = gather(&old, &unit.base, &Reading::of(&options)).unwrap();
        new[50_000..57_000].copy_from_slice(&content[..7_000]);
        new[1_000..21_000].copy_from_slice(&content[7_100..27_100]);
        new[5_000] ^= 1;
        let options = GenerateOptions::default();
        let reading = Reading::of(&options);
        let placed = solve(&unit, &old, &new, &reading).unwrap();
        let out = carry_out(&placed, &old, &new);
        for range in &unit.target {
            for i in range.at..range.end() {
                assert_eq!(out[i], Some(new[i]), "byte {i}");
            }
        }
        assert_eq!(out.iter().flatten().count(), unit.target_len());
        let copied: u64 = placed.iter().filter(|p| matches!(p.op, Op::Copy { .. })).map(|p| p.op.len()).sum();
        assert!(copied > 15_000, "{copied}");
    }
}
