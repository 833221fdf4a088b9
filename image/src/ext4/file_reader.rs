//! Reads the content of a file front to back, however long it is.

use std::io::{self, Read};

use super::block_map::{BlockMap, Run};
use super::inode::Inode;
use super::metadata::FileKind;
use super::path::LastLink;
use super::{FileSystem, inline};
use crate::error::{Error, PathProblem};

/// The content of a file, as a stream of [`FileReader::len_bytes`] bytes. A read that fails holds an [`Error`].
pub struct FileReader<'f, 'd> {
    fs: &'f FileSystem<'d>,
    len_bytes: u64,
    position: u64,
    content: Content,
}

enum Content {
    Inline(Vec<u8>),
    /// The written runs.
    Blocks(Vec<Run>),
}

impl<'d> FileSystem<'d> {
    /// Opens the regular file at `path`, to which links lead as for [`FileSystem::read_file`]. Its size is not limited.
    ///
    /// # Errors
    ///
    /// As [`FileSystem::read_file`].
    pub fn open_file(&self, path: &[u8]) -> Result<FileReader<'_, 'd>, Error> {
        let inode = self.existing(path, LastLink::Follow)?;
        if inode.kind() != Some(FileKind::Regular) {
            return Err(Error::path(path, PathProblem::NotARegularFile));
        }
        self.open_inode(&inode)
    }

    pub(super) fn open_inode(&self, inode: &Inode) -> Result<FileReader<'_, 'd>, Error> {
        let content = if inode.has_inline_data() {
            Content::Inline(inline::content(inode)?.0)
        } else {
            let mut runs = BlockMap::of(self, inode)?.runs;
            runs.retain(|run| run.written);
            Content::Blocks(runs)
        };
        Ok(FileReader { fs: self, len_bytes: inode.len_bytes, position: 0, content })
    }
}

impl FileReader<'_, '_> {
    /// Length of the whole content in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }
}

impl Read for FileReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.len_bytes - self.position;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..wanted];
        if buffer.is_empty() {
            return Ok(0);
        }
        let position = self.position;
        let len = match &self.content {
            Content::Inline(bytes) => {
                let from = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                let part = &bytes[from..];
                let stored = part.len().min(buffer.len());
                buffer[..stored].copy_from_slice(&part[..stored]);
                buffer[stored..].fill(0);
                buffer.len()
            }
            Content::Blocks(runs) => {
                let block_len = self.fs.superblock.block_len;
                let end = |run: &Run| run.logical_end().saturating_mul(block_len);
                let next = runs.get(runs.partition_point(|run| end(run) <= position));
                let start = next.map_or(self.len_bytes, |run| run.logical.saturating_mul(block_len));
                let until = if position < start { start } else { next.map_or(start, end) };
                let len = usize::try_from(until - position).unwrap_or(usize::MAX).min(buffer.len());
                match next {
                    Some(run) if position >= start => {
                        let offset = run.physical * block_len + (position - start);
                        self.fs.device.read_at(offset, &mut buffer[..len]).map_err(io::Error::other)?;
                    }
                    _ => buffer[..len].fill(0),
                }
                len
            }
        };
        self.position += u64::try_from(len).unwrap_or(0);
        Ok(len)
    }
}
