//! Gives each block its owner while the tree is walked, and keeps the regions that come of it.

use std::collections::HashSet;

use super::block_map::BlockMap;
use super::claims::Claims;
use super::features::{CompatFeatures, RoCompatFeatures};
use super::inode::Inode;
use super::metadata::FileKind;
use super::{FileSystem, group};
use crate::error::{Error, Place};
use crate::file_map::{Kind, Region};
use crate::little_endian::u32_at;

const BAD_BLOCKS_INODE: u32 = 1;
const RESIZE_INODE: u32 = 7;
/// The entry of the resize inode's block numbers that is used: the doubly indirect block.
const RESIZE_ENTRY_AT: usize = 13 * 4;

/// The blocks taken so far, and what was said of them.
pub(super) struct Ownership<'f> {
    fs: &'f FileSystem<'f>,
    claims: Claims,
    /// In no order.
    pub(super) regions: Vec<Region>,
    attribute_blocks: HashSet<u64>,
}

impl<'f> Ownership<'f> {
    pub(super) fn new(fs: &'f FileSystem<'f>) -> Self {
        Self {
            fs,
            claims: Claims::new(fs.superblock.blocks_count),
            regions: Vec::new(),
            attribute_blocks: HashSet::new(),
        }
    }

    pub(super) fn push_region(&mut self, first: u64, count: u64, kind: Kind) {
        let block_len = self.fs.superblock.block_len;
        self.regions.push(Region { offset: first * block_len, len_bytes: count * block_len, kind });
    }

    fn claim(&mut self, place: Place, first: u64, count: u64, kind: Kind) -> Result<(), Error> {
        self.claims.claim(place, first, count)?;
        self.push_region(first, count, kind);
        Ok(())
    }

    pub(super) fn claim_metadata(&mut self) -> Result<(), Error> {
        let fs = self.fs;
        let sb = &fs.superblock;
        if sb.block_len == 1024 {
            self.claim(Place::Superblock, 0, 1, Kind::BootArea)?;
        } else {
            self.regions.push(Region { offset: 0, len_bytes: 1024, kind: Kind::BootArea });
        }
        for (number, group) in (0..).zip(fs.groups.iter()) {
            for blocks in group::metadata(sb, number, group) {
                self.claim(Place::Group(number), blocks.first, blocks.count, blocks.kind)?;
            }
        }
        if sb.protection_block != 0 {
            sb.check_blocks(Place::Superblock, "block of multiple-mount protection", sb.protection_block, 1)?;
            self.claim(Place::Superblock, sb.protection_block, 1, Kind::Internal)?;
        }
        Ok(())
    }

    pub(super) fn claim_internal_inodes(&mut self) -> Result<(), Error> {
        let fs = self.fs;
        let sb = &fs.superblock;
        if sb.compat.contains(CompatFeatures::RESIZE_INODE) {
            let inode = fs.inode(RESIZE_INODE)?;
            // What it leads to are the blocks kept for descriptors, which are claimed already.
            let block = u64::from(u32_at(&inode.root, RESIZE_ENTRY_AT));
            if block != 0 {
                sb.check_blocks(inode.place(), "block of block numbers", block, 1)?;
                self.claim(inode.place(), block, 1, Kind::ReservedGroupDescriptors)?;
            }
        }
        let mut inodes = vec![(BAD_BLOCKS_INODE, Kind::Internal), (sb.journal_inode, Kind::Journal)];
        inodes.extend(sb.internal_inodes.map(|number| (number, Kind::Internal)));
        for (number, kind) in inodes.into_iter().filter(|(number, _)| *number != 0) {
            let inode = fs.inode(number)?;
            if !inode.has_inline_data() {
                let map = BlockMap::of(fs, &inode)?;
                self.claim_tree(&inode, &map)?;
                for run in &map.runs {
                    self.claim(inode.place(), run.physical, run.count, kind)?;
                }
            }
        }
        Ok(())
    }

    fn claim_tree(&mut self, inode: &Inode, map: &BlockMap) -> Result<(), Error> {
        for block in &map.tree_blocks {
            self.claim(inode.place(), *block, 1, Kind::MappingBlocks)?;
        }
        Ok(())
    }

    /// Claims the blocks of a content, whose regions the walk makes when it knows its index.
    pub(super) fn claim_content(&mut self, inode: &Inode, map: &BlockMap) -> Result<(), Error> {
        self.claim_tree(inode, map)?;
        let shared = self.fs.superblock.ro_compat.contains(RoCompatFeatures::SHARED_BLOCKS);
        if shared && inode.kind() == Some(FileKind::Regular) {
            return Ok(());
        }
        map.runs.iter().try_for_each(|run| self.claims.claim(inode.place(), run.physical, run.count))
    }

    /// Attribute blocks may be shared: those of equal attributes are one.
    pub(super) fn claim_attributes(&mut self, inode: &Inode) -> Result<(), Error> {
        let block = inode.attribute_block;
        if block == 0 || self.attribute_blocks.contains(&block) {
            return Ok(());
        }
        self.fs.superblock.check_blocks(inode.place(), "block of attributes", block, 1)?;
        self.claim(inode.place(), block, 1, Kind::ExtendedAttributes)?;
        self.attribute_blocks.insert(block);
        Ok(())
    }
}
