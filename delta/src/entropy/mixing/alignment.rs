//! The alignment of a window: which range of the base went where.

/// Words of memory for each range.
pub const RANGE_WORDS: usize = 3;

/// Ranges of the base: offset, length, and by how much it moved, all modulo 2^32; sorted.
pub(super) struct Alignment<'m> {
    ranges: &'m mut [[u32; RANGE_WORDS]],
    len: usize,
}

impl<'m> Alignment<'m> {
    /// Room for `most` ranges in the first words of `memory`, which moves behind them.
    pub(super) fn new(most: usize, memory: &mut &'m mut [u32]) -> Self {
        let (words, rest) = core::mem::take(memory).split_at_mut(most * RANGE_WORDS);
        *memory = rest;
        Alignment { ranges: bytemuck::cast_slice_mut(words), len: 0 }
    }

    /// Takes the ranges of a window in place of the last one's: offset in the base, length, offset in the target. What
    /// there is no room for is left out.
    pub(super) fn set(&mut self, ranges: impl Iterator<Item = (u64, u64, u64)>) {
        self.len = 0;
        for (place, (base, len, target)) in self.ranges.iter_mut().zip(ranges) {
            *place = [base as u32, len.min(u32::MAX.into()) as u32, target.wrapping_sub(base) as u32];
            self.len += 1;
        }
        self.ranges[..self.len].sort_unstable();
    }

    /// By how much what was at `place` moved.
    pub(super) fn movement(&self, place: u32) -> Option<u32> {
        let ranges = &self.ranges[..self.len];
        let behind = ranges.partition_point(|&[start, ..]| start <= place);
        let [start, len, by] = *ranges.get(behind.checked_sub(1)?)?;
        (place - start < len).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_its_range() {
        let mut words = [0; 3 * RANGE_WORDS];
        let mut alignment = Alignment::new(3, &mut &mut words[..]);
        assert_eq!(alignment.movement(5), None);
        alignment.set([(100, 50, 90), (1 << 40, 10, 1 << 40), (20, 5, 20), (70, 1, 0)].into_iter());
        let found = [0, 9, 20, 24, 25, 70, 100, 149, 150].map(|place| alignment.movement(place));
        let back = Some(10_u32.wrapping_neg());
        assert_eq!(found, [Some(0), Some(0), Some(0), Some(0), None, None, back, back, None]);
    }
}
