//! Reads a file of a file system by its path.

use super::block_map::BlockMap;
use super::metadata::FileKind;
use super::path::LastLink;
use super::{FileSystem, inline};
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
        let inode = self.existing(path, LastLink::Follow)?;
        if inode.kind() != Some(FileKind::Regular) {
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
}
