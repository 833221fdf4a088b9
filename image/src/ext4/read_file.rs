//! Reads a file of a file system by its path.

use std::collections::VecDeque;

use super::block_map::BlockMap;
use super::directory::Entries;
use super::inode::{Inode, InodeKind};
use super::{FileSystem, ROOT_INODE, inline, symlink};
use crate::error::{Error, PathProblem};

impl FileSystem<'_> {
    /// Reads the regular file at `path`, which counts from the root of the file system with or without a slash.
    /// Symbolic links are followed, also at the end; absolute ones begin at the root of the file system, and `..`
    /// of the root is the root, so that no path leads out.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is no such file; [`Error::Limit`] when it is longer than
    /// [`crate::limits::Limits::file_len_bytes`], or the way to it too long; else as
    /// [`crate::file_map::FileMap::of`].
    pub fn read_file(&self, path: &[u8]) -> Result<Vec<u8>, Error> {
        let inode = self.resolve(path)?;
        if inode.kind() != Some(InodeKind::Regular) {
            return Err(Error::path(path, PathProblem::NotARegularFile));
        }
        let maximum = self.limits.file_len_bytes;
        if inode.len_bytes > maximum {
            return Err(Error::limit(inode.place(), "size", maximum, inode.len_bytes));
        }
        let too_large = || Error::limit(inode.place(), "size", maximum, inode.len_bytes);
        let len = usize::try_from(inode.len_bytes).map_err(|_| too_large())?;
        if inode.has_inline_data() {
            let mut content = inline::content(&inode)?.0;
            content.resize(len, 0);
            return Ok(content);
        }
        let mut content = vec![0; len];
        let block_len = self.superblock.block_len;
        for run in BlockMap::of(self, &inode)?.runs.iter().filter(|run| run.written) {
            let start = run.logical.saturating_mul(block_len).min(inode.len_bytes);
            let end = run.logical_end().saturating_mul(block_len).min(inode.len_bytes);
            let start_in_memory = usize::try_from(start).map_err(|_| too_large())?;
            let end_in_memory = usize::try_from(end).map_err(|_| too_large())?;
            self.device.read_at(run.physical * block_len, &mut content[start_in_memory..end_in_memory])?;
        }
        Ok(content)
    }

    fn resolve(&self, path: &[u8]) -> Result<Inode, Error> {
        let mut parts: VecDeque<Vec<u8>> = path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
        let mut parents = Vec::new();
        let mut here = self.inode(ROOT_INODE)?;
        let (mut hops, mut blocks_read) = (0, 0);
        while let Some(part) = parts.pop_front() {
            if part.is_empty() || part == b"." {
                continue;
            }
            if here.kind() != Some(InodeKind::Directory) {
                return Err(Error::path(path, PathProblem::NotADirectory));
            }
            if part == b".." {
                here = parents.pop().unwrap_or(here);
                continue;
            }
            let number = self.look_up(&here, &part, &mut blocks_read)?;
            let Some(number) = number else { return Err(Error::path(path, PathProblem::NotFound)) };
            let next = self.inode(number)?;
            if next.kind() != Some(InodeKind::Symlink) {
                parents.push(std::mem::replace(&mut here, next));
                continue;
            }
            hops += 1;
            if hops > self.limits.symlink_hops {
                return Err(Error::path(path, PathProblem::TooManySymlinks));
            }
            let target = symlink::target(self, &next)?.bytes;
            if target.starts_with(b"/") {
                parents.clear();
                here = self.inode(ROOT_INODE)?;
            }
            for part in target.rsplit(|byte| *byte == b'/') {
                parts.push_front(part.to_vec());
            }
        }
        Ok(here)
    }

    /// The inode of the entry `name` of a directory.
    fn look_up(&self, directory: &Inode, name: &[u8], blocks_read: &mut u64) -> Result<Option<u32>, Error> {
        let entries = Entries::of(self, directory)?;
        if let Entries::Blocks(map) = &entries {
            let tree_blocks = u64::try_from(map.tree_blocks.len()).unwrap_or(u64::MAX);
            *blocks_read = map
                .runs
                .iter()
                .fold(blocks_read.saturating_add(tree_blocks), |sum, run| sum.saturating_add(run.count));
            let maximum = self.limits.lookup_blocks;
            if *blocks_read > maximum {
                return Err(Error::limit(directory.place(), "directory blocks read", maximum, *blocks_read));
            }
        }
        let mut found = None;
        entries.each(self, directory, |entry, number| {
            if entry == name {
                found = Some(number);
            }
            Ok(())
        })?;
        Ok(found)
    }
}
