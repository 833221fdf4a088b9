//! Which bytes of an Artifact have come: disjoint ranges in order.
//!
//! | stored | meaning |
//! |---|---|
//! | 8 bytes, little endian | where the first range begins |
//! | 8 bytes, little endian | where it ends, exclusive |
//! | … | the next one, behind a gap of at least one byte |

/// Most ranges of one download: what a device that resumes here and there never comes near.
pub(crate) const MAX_RANGES: usize = 1024;

/// Disjoint ranges in order, none empty and none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    ranges: Vec<(i64, i64)>,
    len: i64,
}

impl Ranges {
    /// Bytes in all ranges.
    pub(crate) fn len_bytes(&self) -> i64 {
        self.len
    }

    /// How many bytes of `start..end` are there already.
    pub(crate) fn overlap(&self, start: i64, end: i64) -> i64 {
        let from = self.ranges.partition_point(|range| range.1 <= start);
        let within = self.ranges[from..].iter().take_while(|range| range.0 < end);
        within.map(|range| range.1.min(end) - range.0.max(start)).sum()
    }

    /// Whether there are no more than [`MAX_RANGES`] with `start..end`.
    pub(crate) fn has_room_for(&self, start: i64, end: i64) -> bool {
        self.ranges.len() < MAX_RANGES || self.touched(start, end).1 > 0 || start >= end
    }

    /// The first range that overlaps or touches `start..end`, and how many do.
    fn touched(&self, start: i64, end: i64) -> (usize, usize) {
        let from = self.ranges.partition_point(|range| range.1 < start);
        (from, self.ranges[from..].iter().take_while(|range| range.0 <= end).count())
    }

    /// Takes in `start..end`; returns how many bytes of it are new.
    pub(crate) fn add(&mut self, start: i64, end: i64) -> i64 {
        if start >= end {
            return 0;
        }
        // What touches the new range becomes one with it.
        let (from, count) = self.touched(start, end);
        let touched = &self.ranges[from..from + count];
        let there: i64 = touched.iter().map(|range| range.1 - range.0).sum();
        let joined = (
            touched.first().map_or(start, |range| range.0.min(start)),
            touched.last().map_or(end, |range| range.1.max(end)),
        );
        let new = joined.1 - joined.0 - there;
        self.ranges.splice(from..from + count, [joined]);
        self.len += new;
        new
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.ranges.iter().flat_map(|range| [range.0, range.1]).flat_map(i64::to_le_bytes).collect()
    }

    /// `None` for what [`encode`](Self::encode) never writes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let pairs = bytes.chunks_exact(16);
        if !pairs.remainder().is_empty() || pairs.len() > MAX_RANGES {
            return None;
        }
        let mut ranges = Self::default();
        let mut behind = -1;
        for pair in pairs {
            let (start, end) = pair.split_at(8);
            let (start, end) =
                (i64::from_le_bytes(start.try_into().ok()?), i64::from_le_bytes(end.try_into().ok()?));
            if start <= behind || end <= start {
                return None;
            }
            behind = end;
            ranges.len += end - start;
            ranges.ranges.push((start, end));
        }
        Some(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_single_bytes() {
        let mut seed = 7_u64;
        let mut below = |limit: u64| -> usize {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % limit).unwrap()
        };
        for _ in 0..200 {
            let (mut ranges, mut bytes) = (Ranges::default(), [false; 64]);
            for _ in 0..12 {
                let (a, b) = (below(65), below(65));
                let (start, end) = (a.min(b), a.max(b));
                let there = bytes[start..end].iter().filter(|there| **there).count() as i64;
                let (from, to) = (start as i64, end as i64);
                assert_eq!(ranges.overlap(from, to), there);
                assert_eq!(ranges.add(from, to), to - from - there);
                bytes[start..end].fill(true);
                assert_eq!(ranges.len_bytes(), bytes.iter().filter(|there| **there).count() as i64);
                assert_eq!(Ranges::decode(&ranges.encode()), Some(ranges.clone()));
            }
        }
    }

    #[test]
    fn what_touches_becomes_one() {
        let mut ranges = Ranges::default();
        for start in [0, 20, 10] {
            ranges.add(start, start + 10);
        }
        assert_eq!(ranges.encode().len(), 16);
    }

    #[test]
    fn as_many_pieces_as_there_may_be() {
        let mut ranges = Ranges::default();
        for n in 0..MAX_RANGES as i64 {
            assert!(ranges.has_room_for(n * 2, n * 2 + 1));
            assert_eq!(ranges.add(n * 2, n * 2 + 1), 1);
        }
        assert!(!ranges.has_room_for(100_000, 100_001));
        assert!(ranges.has_room_for(0, 3) && ranges.has_room_for(100_000, 100_000));
    }

    #[test]
    fn nothing_else_is_decoded() {
        let stored = |numbers: &[i64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
        for numbers in [&[0][..], &[0, 0], &[5, 4], &[0, 2, 2, 4], &[4, 6, 0, 2], &[-1, 4]] {
            assert_eq!(Ranges::decode(&stored(numbers)), None, "{numbers:?}");
        }
        assert!(Ranges::decode(&stored(&[0, 2, 3, i64::MAX])).is_some());
    }
}
