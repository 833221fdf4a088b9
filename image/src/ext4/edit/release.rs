//! What an inode uses, to be given back when it goes or gets new content.

use std::ops::Range;

use super::Editor;
use super::inode_bytes::{EXTENTS, INLINE_DATA, RawInode};
use crate::error::{Error, Expected};
use crate::ext4::block_map::BlockMap;
use crate::ext4::inode::{Inode, ROOT_LEN};
use crate::ext4::metadata::FileKind;

impl Editor<'_> {
    /// The blocks of an inode's content, and of the map that leads to them; not that of its attributes.
    pub(super) fn content_blocks(&self, inode: &RawInode) -> Result<Vec<Range<u64>>, Error> {
        let parsed = self.parsed(inode)?;
        if !has_blocks(inode, &parsed)? {
            return Ok(Vec::new());
        }
        let map = BlockMap::of(&self.fs(), &parsed)?;
        let content = map.runs.iter().map(|run| run.physical..run.physical + run.count);
        Ok(content.chain(map.tree_blocks.iter().map(|block| *block..*block + 1)).collect())
    }

    /// Gives back an inode that has no name any more, and adds its blocks to `blocks`.
    pub(super) fn release_inode(
        &mut self,
        inode: &RawInode,
        blocks: &mut Vec<Range<u64>>,
    ) -> Result<(), Error> {
        blocks.extend(self.content_blocks(inode)?);
        blocks.extend(self.release_attribute_block(inode)?.map(|block| block..block + 1));
        let directory = self.parsed(inode)?.kind() == Some(FileKind::Directory);
        self.give_inode(inode.number, directory)?;
        self.clear_inode(inode.number)
    }
}

/// Whether the 60 bytes of an inode lead to blocks.
fn has_blocks(inode: &RawInode, parsed: &Inode) -> Result<bool, Error> {
    if inode.has(INLINE_DATA) {
        return Ok(false);
    }
    let short = usize::try_from(parsed.len_bytes).unwrap_or(usize::MAX) < ROOT_LEN && !inode.has(EXTENTS);
    match parsed.kind() {
        Some(FileKind::Regular | FileKind::Directory) => Ok(true),
        Some(FileKind::Symlink) => Ok(!short),
        Some(FileKind::Special) => Ok(false),
        None => {
            let expected = Expected::Described("a kind of file");
            Err(Error::format(inode.place(), "mode", expected, parsed.mode.into()))
        }
    }
}
