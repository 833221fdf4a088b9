//! Walks the tree of a file system and lists its files with their extents. Each inode is read once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::FileSystem;
use super::directory;
use super::extent::Extent;
use super::inode::{Inode, InodeKind};
use crate::error::{Error, Expected};

/// The files of a file system.
///
/// Paths are bytes, begin with `/` and have no `.`, `..` or empty parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErofsMap {
    /// Regular files, sorted by path. A file with several names is listed once.
    pub files: Vec<ErofsFile>,
    /// Directories and symbolic links, sorted by path.
    pub others: Vec<ErofsFile>,
}

/// A regular file, or the content of something else that has content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErofsFile {
    /// The first of its paths in byte order.
    pub path: Vec<u8>,
    /// Its other paths (hard links), sorted.
    pub other_paths: Vec<Vec<u8>>,
    /// Number of the inode.
    pub nid: u64,
    /// Kind and permissions, as in `st_mode`.
    pub mode: u16,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Where the content is, in order, without gap, up to the size.
    pub extents: Vec<Extent>,
}

impl FileSystem<'_> {
    /// Maps all that a path leads to.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for features that are not read; [`Error::Format`] for a file system that contradicts
    /// itself; [`Error::Limit`] past the limits that it was opened with; [`Error::Io`].
    pub fn map(&self) -> Result<ErofsMap, Error> {
        let mut walk =
            Walk { fs: self, found: Vec::new(), links: HashMap::new(), entries: 0, names: 0, extents: 0 };
        walk.walk()?;
        let mut found = walk.found;
        for file in &mut found {
            file.other_paths.push(std::mem::take(&mut file.path));
            file.other_paths.sort_unstable();
            file.path = file.other_paths.remove(0);
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let (files, others) = found.into_iter().partition(|file| file.mode & 0xf000 == 0x8000);
        Ok(ErofsMap { files, others })
    }
}

struct Walk<'f> {
    fs: &'f FileSystem<'f>,
    found: Vec<ErofsFile>,
    /// Index in `found` of what may have several names; `None` for what has no content.
    links: HashMap<u64, Option<usize>>,
    entries: u64,
    names: u64,
    extents: u64,
}

impl Walk<'_> {
    fn walk(&mut self) -> Result<(), Error> {
        let root = self.fs.inode(self.fs.superblock.root_nid)?;
        let mut seen = HashSet::from([root.nid]);
        if root.kind() != Some(InodeKind::Directory) {
            let expected = Expected::Described("a directory");
            return Err(Error::format(root.place(), "mode", expected, u64::from(root.mode)));
        }
        let mut waiting = vec![(root, b"/".to_vec())];
        while let Some((directory, path)) = waiting.pop() {
            for (nid, path) in self.read_directory(&directory, path)? {
                if self.add_link(nid, &path) {
                    continue;
                }
                let inode = self.fs.inode(nid)?;
                match inode.kind() {
                    Some(InodeKind::Directory) if seen.insert(nid) => waiting.push((inode, path)),
                    Some(InodeKind::Directory) => {
                        let expected = Expected::Described("one parent");
                        return Err(Error::format(inode.place(), "directory", expected, 2));
                    }
                    Some(InodeKind::Special) => {
                        self.links.insert(nid, None);
                    }
                    Some(_) => {
                        let file = self.file(&inode, path)?;
                        self.links.insert(nid, Some(self.found.len()));
                        self.found.push(file);
                    }
                    None => {
                        let expected = Expected::Described("a kind of file");
                        return Err(Error::format(inode.place(), "mode", expected, u64::from(inode.mode)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the inode has been met under another name, which it then keeps beside this one.
    fn add_link(&mut self, nid: u64, path: &[u8]) -> bool {
        let Entry::Occupied(link) = self.links.entry(nid) else { return false };
        if let Some(file) = link.get().and_then(|index| self.found.get_mut(index)) {
            file.other_paths.push(path.to_vec());
        }
        true
    }

    /// Adds a directory and returns its entries as inode numbers and paths.
    fn read_directory(&mut self, inode: &Inode, path: Vec<u8>) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let content = self.fs.content(inode)?;
        let block_len = usize::try_from(self.fs.superblock.block_len).unwrap_or(65536);
        let mut found = Vec::new();
        for block in content.chunks(block_len) {
            directory::each(inode.place(), block, &mut |name, nid| {
                let slash = usize::from(path.len() > 1);
                self.count_name(inode, path.len().saturating_add(slash).saturating_add(name.len()))?;
                let slash: &[u8] = if slash == 1 { b"/" } else { b"" };
                found.push((nid, [path.as_slice(), slash, name].concat()));
                Ok(())
            })?;
        }
        let file = self.file(inode, path)?;
        self.found.push(file);
        Ok(found)
    }

    fn file(&mut self, inode: &Inode, path: Vec<u8>) -> Result<ErofsFile, Error> {
        let extents = self.fs.extents(inode)?;
        self.extents = self.extents.saturating_add(extents.len() as u64);
        let maximum = self.fs.limits.extents;
        if self.extents > maximum {
            return Err(Error::limit(inode.place(), "extents of all files", maximum, self.extents));
        }
        Ok(ErofsFile {
            path,
            other_paths: Vec::new(),
            nid: inode.nid,
            mode: inode.mode,
            len_bytes: inode.len_bytes,
            extents,
        })
    }

    /// Counts a path before it is made.
    fn count_name(&mut self, directory: &Inode, path_len: usize) -> Result<(), Error> {
        let limits = &self.fs.limits;
        let path_len = path_len as u64;
        self.entries += 1;
        self.names = self.names.saturating_add(path_len);
        for (what, maximum, found) in [
            ("directory entries", limits.directory_entries, self.entries),
            ("length of a path", limits.path_len_bytes, path_len),
            ("length of all paths", limits.names_total_bytes, self.names),
        ] {
            if found > maximum {
                return Err(Error::limit(directory.place(), what, maximum, found));
            }
        }
        Ok(())
    }
}
