//! Which blocks an inode's content lies in, whichever way it is written down.

use std::collections::HashSet;

use super::FileSystem;
use super::inode::Inode;
use super::{extent, indirect};
use crate::error::{Error, Expected};

/// Blocks that follow each other in the content and in the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// First block, counted from the start of the content.
    pub(crate) logical: u64,
    /// First block, counted from the start of the file system.
    pub(crate) physical: u64,
    /// Number of blocks, at least 1.
    pub(crate) count: u64,
    /// False for blocks that are allocated and read as zero.
    pub(crate) written: bool,
}

impl Run {
    pub(crate) fn logical_end(&self) -> u64 {
        self.logical.saturating_add(self.count)
    }
}

/// The blocks of one inode's content, in the order of the content and without overlap there; all lie in the file
/// system.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockMap {
    pub(crate) runs: Vec<Run>,
    /// The blocks that hold the map itself, each once.
    pub(crate) tree_blocks: HashSet<u64>,
}

impl BlockMap {
    /// Reads the map of an inode whose content is in blocks.
    pub(crate) fn of(fs: &FileSystem<'_>, inode: &Inode) -> Result<Self, Error> {
        let mut map = Self::default();
        if inode.has_extents() {
            extent::read(fs, inode, &mut map)?;
        } else {
            indirect::read(fs, inode, &mut map)?;
        }
        Ok(map)
    }

    /// Appends a run behind the last one, joined to it where it goes on.
    pub(crate) fn push(&mut self, fs: &FileSystem<'_>, inode: &Inode, run: Run) -> Result<(), Error> {
        fs.superblock.check_blocks(inode.place(), "block of the content", run.physical, run.count)?;
        if let Some(last) = self.runs.last_mut() {
            if run.logical < last.logical_end() {
                let expected = Expected::AtLeast(last.logical_end());
                return Err(Error::format(inode.place(), "extent's first block", expected, run.logical));
            }
            if run.logical == last.logical_end()
                && run.physical == last.physical + last.count
                && run.written == last.written
            {
                last.count += run.count;
                return Ok(());
            }
        }
        self.runs.push(run);
        Ok(())
    }

    /// Reads a block of the map; the second time it is met, it is a loop.
    pub(crate) fn read_tree_block(
        &mut self,
        fs: &FileSystem<'_>,
        inode: &Inode,
        number: u64,
    ) -> Result<Vec<u8>, Error> {
        fs.superblock.check_blocks(inode.place(), "block of the block map", number, 1)?;
        if !self.tree_blocks.insert(number) {
            let expected = Expected::Described("each block once");
            return Err(Error::format(inode.place(), "block of the block map", expected, number));
        }
        fs.read_block(number)
    }
}
