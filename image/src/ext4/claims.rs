//! Who owns which block: each block has one owner, so that no image can make work by pointing at the same blocks
//! again and again.

use crate::error::{Error, Expected, Place};

/// One bit for each block of the file system. Untouched parts cost no memory.
pub(super) struct Claims {
    words: Vec<u64>,
}

impl Claims {
    pub(super) fn new(blocks_count: u64) -> Self {
        Self { words: vec![0; usize::try_from(blocks_count.div_ceil(64)).unwrap_or(0)] }
    }

    /// Takes blocks, none of which may be taken. Those before the first taken one stay taken on error.
    pub(super) fn claim(&mut self, place: Place, first: u64, count: u64) -> Result<(), Error> {
        for block in first..first.saturating_add(count) {
            let bit = 1u64 << (block % 64);
            match usize::try_from(block / 64).ok().and_then(|index| self.words.get_mut(index)) {
                Some(word) if *word & bit == 0 => *word |= bit,
                _ => {
                    let expected = Expected::Described("blocks that nothing else uses");
                    return Err(Error::format(place, "block", expected, block));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_given_once_and_only_inside() {
        let mut claims = Claims::new(100);
        claims.claim(Place::Inode(12), 60, 10).unwrap();
        claims.claim(Place::Inode(13), 70, 1).unwrap();
        let error = claims.claim(Place::Inode(14), 50, 20).unwrap_err();
        assert_eq!(error.to_string(), "inode 14: block: expected blocks that nothing else uses, found 60");
        assert!(claims.claim(Place::Inode(15), 1000, 1).is_err());
    }
}
