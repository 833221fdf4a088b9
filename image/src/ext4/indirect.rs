//! Block numbers of ext2 and ext3: twelve in the inode, then a block of them, a block of such blocks, and one
//! level more. Number 0 is a hole, at any level.

use super::FileSystem;
use super::block_map::{BlockMap, Run};
use super::inode::Inode;
use crate::error::Error;
use crate::little_endian::u32_at;

const DIRECT: usize = 12;

pub(super) fn read(fs: &FileSystem<'_>, inode: &Inode, map: &mut BlockMap) -> Result<(), Error> {
    let per_block = fs.superblock.block_len / 4;
    let mut logical = 0;
    for (index, entry) in inode.root.chunks_exact(4).enumerate() {
        let level = u32::try_from(index.saturating_sub(DIRECT - 1)).unwrap_or(0);
        read_entry(fs, inode, u64::from(u32_at(entry, 0)), level, logical, map)?;
        logical += per_block.pow(level);
    }
    Ok(())
}

/// Reads one number; at level 0 it is a block of the content, above it a block of numbers of the level below.
fn read_entry(
    fs: &FileSystem<'_>,
    inode: &Inode,
    number: u64,
    level: u32,
    logical: u64,
    map: &mut BlockMap,
) -> Result<(), Error> {
    if number == 0 {
        return Ok(());
    }
    if level == 0 {
        return map.push(fs, inode, Run { logical, physical: number, count: 1, written: true });
    }
    let block = map.read_tree_block(fs, inode, number)?;
    let step = (fs.superblock.block_len / 4).pow(level - 1);
    let mut logical = logical;
    for entry in block.chunks_exact(4) {
        read_entry(fs, inode, u64::from(u32_at(entry, 0)), level - 1, logical, map)?;
        logical += step;
    }
    Ok(())
}
