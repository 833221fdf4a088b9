//! Targets of symbolic links: in the inode where shorter than 60 bytes, else in one block.

use super::FileSystem;
use super::block_map::BlockMap;
use super::inline;
use super::inode::{Inode, ROOT_AT, ROOT_LEN};
use crate::error::{Error, Expected};
use crate::file_map::FileRange;

/// A target and where it lies.
pub(super) struct Target {
    pub(super) bytes: Vec<u8>,
    pub(super) ranges: Vec<FileRange>,
    /// The map of the block that it is in, if it is in one.
    pub(super) map: Option<BlockMap>,
}

pub(super) fn target(fs: &FileSystem<'_>, inode: &Inode) -> Result<Target, Error> {
    let block_len = fs.superblock.block_len;
    let len_bytes = inode.len_bytes;
    if len_bytes == 0 || len_bytes > block_len {
        let expected = if len_bytes == 0 { Expected::AtLeast(1) } else { Expected::AtMost(block_len) };
        return Err(Error::format(inode.place(), "length of a symbolic link", expected, len_bytes));
    }
    if inode.has_inline_data() {
        let (bytes, ranges) = inline::content(inode)?;
        return Ok(Target { bytes, ranges, map: None });
    }
    let len = usize::try_from(len_bytes).unwrap_or(usize::MAX);
    if len < ROOT_LEN && !inode.has_extents() {
        let device_offset = inode.offset + u64::try_from(ROOT_AT).unwrap_or(0);
        let ranges = vec![FileRange { file_offset: 0, device_offset, len_bytes }];
        return Ok(Target { bytes: inode.root[..len].to_vec(), ranges, map: None });
    }
    let map = BlockMap::of(fs, inode)?;
    let Some(run) = map.runs.first().filter(|run| run.logical == 0 && run.written) else {
        return Err(Error::format(inode.place(), "blocks of a symbolic link", Expected::AtLeast(1), 0));
    };
    let mut bytes = fs.read_block(run.physical)?;
    bytes.truncate(len);
    let ranges = vec![FileRange { file_offset: 0, device_offset: run.physical * block_len, len_bytes }];
    Ok(Target { bytes, ranges, map: Some(map) })
}
