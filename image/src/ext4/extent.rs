//! Extent trees: nodes of 12-byte entries behind a 12-byte header, the root in the inode.
//!
//! | at | bytes | header | index entry | leaf entry |
//! |---|---|---|---|---|
//! | 0 | 4 | magic 0xf30a (2), entries (2) | first block of the content | first block of the content |
//! | 4 | 4 | room for entries (2), depth (2) | node block, low half | blocks (2); node block, high half (2) |
//! | 8 | 4 | generation | node block, high half (2) | first block, low half |
//!
//! A leaf with more than 32,768 blocks has 32,768 less, which are allocated and not written.

use super::FileSystem;
use super::block_map::{BlockMap, Run};
use super::inode::Inode;
use crate::error::{Error, Expected};
use crate::little_endian::{join, u16_at, u32_at};

const MAGIC: u16 = 0xf30a;
const ENTRY_LEN: usize = 12;
const DEPTH_MAX: u16 = 5;
const WRITTEN_MAX: u16 = 32768;

pub(super) fn read(fs: &FileSystem<'_>, inode: &Inode, map: &mut BlockMap) -> Result<(), Error> {
    let depth = u16_at(&inode.root, 6);
    if depth > DEPTH_MAX {
        return Err(wrong(inode, "extent depth", Expected::AtMost(DEPTH_MAX.into()), depth.into()));
    }
    read_node(fs, inode, &inode.root, depth, 0..1 << 32, map)
}

/// Reads a node, whose extents must lie in the blocks `span` of the content. Each level has a smaller depth and
/// each node block is read once, so this ends.
fn read_node(
    fs: &FileSystem<'_>,
    inode: &Inode,
    node: &[u8],
    depth: u16,
    span: std::ops::Range<u64>,
    map: &mut BlockMap,
) -> Result<(), Error> {
    let entries = check_header(inode, node, depth)?;
    let mut entries = entries.chunks_exact(ENTRY_LEN).peekable();
    let mut reached = span.start;
    while let Some(entry) = entries.next() {
        let logical = u64::from(u32_at(entry, 0));
        if logical < reached {
            return Err(wrong(inode, "extent's first block", Expected::AtLeast(reached), logical));
        }
        if logical >= span.end {
            return Err(wrong(
                inode,
                "extent's first block",
                Expected::AtMost(span.end.saturating_sub(1)),
                logical,
            ));
        }
        if depth == 0 {
            let run = leaf(inode, entry, logical)?;
            reached = run.logical_end();
            if reached > span.end {
                return Err(wrong(inode, "extent's end", Expected::AtMost(span.end), reached));
            }
            map.push(fs, inode, run)?;
        } else {
            let end = entries.peek().map_or(span.end, |next| u64::from(u32_at(next, 0)).min(span.end));
            let number = join(u32_at(entry, 4), u16_at(entry, 8).into());
            let child = map.read_tree_block(fs, inode, number)?;
            read_node(fs, inode, &child, depth - 1, logical..end, map)?;
            reached = logical + 1;
        }
    }
    Ok(())
}

/// Checks a node's header and returns its entries.
fn check_header<'n>(inode: &Inode, node: &'n [u8], depth: u16) -> Result<&'n [u8], Error> {
    let (magic, entries, room) = (u16_at(node, 0), u16_at(node, 2), u16_at(node, 4));
    if magic != MAGIC {
        return Err(wrong(inode, "extent magic", Expected::Exactly(MAGIC.into()), magic.into()));
    }
    if u16_at(node, 6) != depth {
        return Err(wrong(inode, "extent depth", Expected::Exactly(depth.into()), u16_at(node, 6).into()));
    }
    let fitting = u64::try_from(node.len() / ENTRY_LEN - 1).unwrap_or(0);
    if u64::from(room) > fitting {
        return Err(wrong(inode, "room for extents", Expected::AtMost(fitting), room.into()));
    }
    if entries > room {
        return Err(wrong(inode, "number of extents", Expected::AtMost(room.into()), entries.into()));
    }
    Ok(&node[ENTRY_LEN..ENTRY_LEN * (usize::from(entries) + 1)])
}

fn leaf(inode: &Inode, entry: &[u8], logical: u64) -> Result<Run, Error> {
    let stored = u16_at(entry, 4);
    let written = stored <= WRITTEN_MAX;
    let count = if written { stored } else { stored - WRITTEN_MAX };
    if count == 0 {
        return Err(wrong(inode, "blocks of an extent", Expected::AtLeast(1), 0));
    }
    let physical = join(u32_at(entry, 8), u16_at(entry, 6).into());
    Ok(Run { logical, physical, count: count.into(), written })
}

fn wrong(inode: &Inode, field: &'static str, expected: Expected, found: u64) -> Error {
    Error::format(inode.place(), field, expected, found)
}
