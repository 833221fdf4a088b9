//! What an inode says of a file besides its content, and the entries of directories with it.

use super::FileSystem;
use super::directory::Entries;
use super::inode::Inode;
use super::path::LastLink;
use super::symlink;
use crate::error::{Error, Expected, PathProblem};

/// What an inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file with content.
    Regular,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Device, pipe or socket.
    Special,
}

/// What an inode says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// Inode number.
    pub inode: u32,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with set-user-id, set-group-id and sticky bit: at most `0o7777`.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub len_bytes: u64,
    /// When the content changed: seconds since 1970, without the fraction.
    pub mtime_seconds: i64,
    /// How many names it has.
    pub links: u16,
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedEntry {
    /// Its name: 1 to 255 bytes, neither slash nor zero.
    pub name: Vec<u8>,
    /// What its inode says.
    pub metadata: Metadata,
}

impl FileSystem<'_> {
    /// What is known of the file, folder or other thing at `path`. Symbolic links are followed inside the file system
    /// as by [`FileSystem::read_file`], also the last one.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is nothing; else as [`FileSystem::read_file`].
    pub fn metadata(&self, path: &[u8]) -> Result<Metadata, Error> {
        Metadata::of(&self.existing(path, LastLink::Follow)?)
    }

    /// As [`FileSystem::metadata`], but a symbolic link at the end of `path` is not followed.
    ///
    /// # Errors
    ///
    /// As [`FileSystem::metadata`].
    pub fn link_metadata(&self, path: &[u8]) -> Result<Metadata, Error> {
        Metadata::of(&self.existing(path, LastLink::Keep)?)
    }

    /// The target of the symbolic link at `path`, as stored.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is none; else as [`FileSystem::metadata`].
    pub fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Error> {
        let inode = self.existing(path, LastLink::Keep)?;
        if inode.kind() != Some(FileKind::Symlink) {
            return Err(Error::path(path, PathProblem::NotASymlink));
        }
        Ok(symlink::target(self, &inode)?.bytes)
    }

    /// The entries of the folder at `path` without `.` and `..`, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is no such folder; [`Error::Limit`] past
    /// [`crate::limits::Limits::directory_entries`]; else as [`FileSystem::metadata`].
    pub fn list(&self, path: &[u8]) -> Result<Vec<ListedEntry>, Error> {
        let directory = self.existing(path, LastLink::Follow)?;
        if directory.kind() != Some(FileKind::Directory) {
            return Err(Error::path(path, PathProblem::NotADirectory));
        }
        let maximum = self.limits.directory_entries;
        let mut names = Vec::new();
        let mut count = 0;
        Entries::of(self, &directory)?.each(self, &directory, |name, number| {
            count += 1;
            if count > maximum {
                return Err(Error::limit(directory.place(), "directory entries", maximum, count));
            }
            names.push((name.to_vec(), number));
            Ok(())
        })?;
        names.sort_unstable();
        let entry = |(name, number)| Ok(ListedEntry { name, metadata: Metadata::of(&self.inode(number)?)? });
        names.into_iter().map(entry).collect()
    }
}

impl Metadata {
    fn of(inode: &Inode) -> Result<Self, Error> {
        let Some(kind) = inode.kind() else {
            let expected = Expected::Described("a kind of file");
            return Err(Error::format(inode.place(), "mode", expected, u64::from(inode.mode)));
        };
        Ok(Self {
            inode: inode.number,
            kind,
            mode: inode.mode & 0o7777,
            uid: inode.uid,
            gid: inode.gid,
            len_bytes: inode.len_bytes,
            mtime_seconds: inode.mtime_seconds,
            links: inode.links,
        })
    }
}
