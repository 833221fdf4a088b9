//! What moved by how much: learned from references whose outcome is known, asked by those that come later.

use super::slots::hash;

/// Places are looked up as they are, and in stretches of these powers of two.
pub(super) const GRAINS: [u32; 4] = [0, 6, 10, 14];
/// Entries of the table of each grain.
const ENTRIES_LOG2: u32 = 15;
/// Words of memory: two for each entry.
pub(super) const WORDS: usize = GRAINS.len() << (ENTRIES_LOG2 + 1);
/// An entry is right this often at most before it stops counting.
const SURE: u32 = 7;
/// From this on, an entry for a stretch doubts itself before it changes.
const DOUBT: u32 = 3;

/// What places are: offsets of the base, or the values of words.
#[derive(Clone, Copy)]
pub(super) enum Space {
    /// Offsets of the base.
    Place = 0,
    /// The values of words.
    Value = 1,
}

/// A movement and how often in a row it was right, 7 at most.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub by: u32,
    pub sure: u32,
}

/// Tables in memory of the caller's: for each entry 16 bits of check value above the times it was right, then the
/// movement.
pub(super) struct Moves<'m>(&'m mut [u32]);

impl<'m> Moves<'m> {
    /// Empty tables in the first [`WORDS`] words of `memory`, which moves behind them.
    pub(super) fn new(memory: &mut &'m mut [u32]) -> Self {
        let (words, rest) = core::mem::take(memory).split_at_mut(WORDS);
        *memory = rest;
        words.fill(0);
        Moves(words)
    }

    /// Where the entry of a place is, and its check value.
    fn find(grain: usize, space: Space, place: u32) -> (usize, u32) {
        let hash = hash(place >> GRAINS[grain], (space as u32) << 3 | grain as u32 | 4);
        let at = grain << ENTRIES_LOG2 | (hash >> (32 - ENTRIES_LOG2)) as usize;
        (2 * at, (hash & 0xffff) << 16 | 1 << 16)
    }

    /// How what is at `place` moved, if that is known.
    pub(super) fn of(&self, grain: usize, space: Space, place: u32) -> Option<Move> {
        let (at, check) = Self::find(grain, space, place);
        let (known, by) = (self.0[at], self.0[at + 1]);
        (known & 0xffff_0000 == check).then_some(Move { by, sure: known & 0xffff })
    }

    /// Learns that what is at `place` moved by `by`.
    pub(super) fn learn(&mut self, space: Space, place: u32, by: u32) {
        for grain in 0..GRAINS.len() {
            let (at, check) = Self::find(grain, space, place);
            let known = self.0[at];
            let (same, sure) = (known & 0xffff_0000 == check, known & 0xffff);
            if same && self.0[at + 1] == by {
                self.0[at] = check | (sure + 1).min(SURE);
            } else if same && sure >= DOUBT && grain > 0 {
                self.0[at] = check | (sure >> 1);
            } else {
                (self.0[at], self.0[at + 1]) = (check, by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_move_alike_until_they_are_known_better() {
        let mut words = vec![7; WORDS];
        let mut moves = Moves::new(&mut &mut words[..]);
        assert!(moves.of(1, Space::Place, 0x1000).is_none());
        for _ in 0..4 {
            moves.learn(Space::Place, 0x1000, 16);
        }
        assert!(moves.of(0, Space::Place, 0x1004).is_none() && moves.of(1, Space::Value, 0x1000).is_none());
        let near = moves.of(1, Space::Place, 0x1004).unwrap();
        assert_eq!((near.by, near.sure), (16, 3));
        moves.learn(Space::Place, 0x1004, 24);
        assert_eq!(moves.of(0, Space::Place, 0x1004).unwrap().by, 24);
        assert_eq!(moves.of(1, Space::Place, 0x1000).unwrap().by, 16);
        moves.learn(Space::Place, 0x1004, 24);
        assert_eq!(moves.of(1, Space::Place, 0x1000).unwrap().by, 24);
    }
}
