//! The blocks of the file system's own metadata, which are nobody's content whatever bitmaps and files say.

use crate::error::{Error, Expected, Place};
use crate::ext4::FileSystem;
use crate::ext4::group;

/// Ranges of blocks, sorted, without overlap: first block and end.
pub(super) struct Zones(Vec<(u64, u64)>);

impl Zones {
    /// Those of all groups, none of which may share a block.
    pub(super) fn of(fs: &FileSystem<'_>) -> Result<Self, Error> {
        let sb = &fs.superblock;
        let mut all: Vec<(u64, u64)> = (0..)
            .zip(fs.groups.iter())
            .flat_map(|(number, group)| group::metadata(sb, number, group))
            .map(|blocks| (blocks.first, blocks.first.saturating_add(blocks.count)))
            .collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            if pair[1].0 < pair[0].1 {
                let expected = Expected::Described("metadata that does not overlap");
                return Err(Error::format(Place::Block(pair[1].0), "owner", expected, pair[1].0));
            }
        }
        Ok(Self(all))
    }

    /// The parts of zones that lie in the blocks from `first` up to `end`.
    pub(super) fn within(&self, first: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let from = self.0.partition_point(|zone| zone.1 <= first);
        let zones = self.0[from..].iter().take_while(move |zone| zone.0 < end);
        zones.map(move |zone| (zone.0.max(first), zone.1.min(end)))
    }

    /// Refuses blocks of metadata.
    pub(super) fn check_outside(&self, place: Place, first: u64, count: u64) -> Result<(), Error> {
        match self.within(first, first.saturating_add(count)).next() {
            None => Ok(()),
            Some((block, _)) => {
                let expected = Expected::Described("a block that holds no metadata");
                Err(Error::format(place, "block", expected, block))
            }
        }
    }
}
