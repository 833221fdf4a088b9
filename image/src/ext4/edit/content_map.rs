//! Writes down which blocks a content lies in: as an extent tree or as block numbers, whichever the inode has.

use std::ops::Range;

use super::Editor;
use super::inode_bytes::{EXTENTS, RawInode};
use super::{block_numbers, extent_tree};
use crate::error::{Error, Expected};
use crate::ext4::block_map::Run;

/// A block of a map, to be put at a number that is given to it afterwards.
pub(super) struct MapBlock {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

impl Editor<'_> {
    /// Makes the map of `runs`, which are in the order of the content, and sets root and size on disk of the inode.
    /// Blocks of an earlier map are the caller's to give back.
    pub(super) fn write_map(&mut self, inode: &mut RawInode, runs: &[Run]) -> Result<(), Error> {
        let block_len = self.superblock.block_len;
        let end = runs.last().map_or(0, Run::logical_end);
        if end > 1 << 32 {
            return Err(Error::format(
                inode.place(),
                "blocks of the content",
                Expected::AtMost(1 << 32),
                end,
            ));
        }
        let extents = inode.has(EXTENTS);
        let needed = if extents {
            extent_tree::blocks_needed(runs, self.overlay.block_len_in_memory())
        } else {
            block_numbers::blocks_needed(inode, runs, block_len)?
        };
        let goal = self.group_of_inode(inode.number);
        let numbers: Vec<u64> = self.take_blocks(goal, needed)?.into_iter().flatten().collect();
        let (root, blocks) = if extents {
            let seed = self.checksums.inode_seed(inode.number, inode.generation());
            extent_tree::build(runs, self.overlay.block_len_in_memory(), &numbers, seed)
        } else {
            block_numbers::build(inode, runs, block_len, &numbers)?
        };
        for block in blocks {
            self.overlay.set_block(block.number, block.bytes);
        }
        inode.set_root(&root);
        let attributes = u64::from(inode.attribute_block() != 0);
        let content = runs.iter().map(|run| run.count).fold(0, u64::saturating_add);
        let blocks = content.saturating_add(needed).saturating_add(attributes);
        inode.set_units(blocks.saturating_mul(block_len / 512));
        Ok(())
    }
}

/// The runs of a content that fills `ranges` of blocks from its start on.
pub(super) fn runs_of(ranges: &[Range<u64>]) -> Vec<Run> {
    let mut logical = 0;
    let run = |range: &Range<u64>| {
        let run = Run { logical, physical: range.start, count: range.end - range.start, written: true };
        logical += run.count;
        run
    };
    ranges.iter().map(run).collect()
}
