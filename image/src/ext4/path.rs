//! Follows a path to its inode, symbolic links included, and never out of the file system.

use std::collections::VecDeque;

use super::directory::Entries;
use super::inode::Inode;
use super::metadata::FileKind;
use super::{FileSystem, ROOT_INODE, symlink};
use crate::error::{Error, PathProblem};

/// Longest name of an entry, in bytes.
const NAME_LEN_MAX: usize = 255;

/// What becomes of a symbolic link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    Keep,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The last directory that exists on the way.
    pub(super) directory: Inode,
    /// The entry of `directory` that the path leads to, or at which it ends early; empty where it leads to the root
    /// or ends with `..`.
    pub(super) name: Vec<u8>,
    /// What is there.
    pub(super) inode: Option<Inode>,
    /// Whether something is missing on the way, behind `name`.
    pub(super) goes_on: bool,
    /// Whether the path ends with a slash, or with `.`: it means a folder.
    pub(super) means_folder: bool,
}

impl FileSystem<'_> {
    /// The inode at `path`.
    pub(super) fn existing(&self, path: &[u8], last: LastLink) -> Result<Inode, Error> {
        let place = self.place(path, last)?;
        match place.inode {
            Some(inode) if place.means_folder && inode.kind() != Some(FileKind::Directory) => {
                Err(Error::path(path, PathProblem::NotADirectory))
            }
            Some(inode) => Ok(inode),
            None => Err(Error::path(path, PathProblem::NotFound)),
        }
    }

    /// Where `path` leads, which counts from the root with or without a slash.
    pub(super) fn place(&self, path: &[u8], last: LastLink) -> Result<Place, Error> {
        let maximum = self.limits.path_len_bytes;
        let len = u64::try_from(path.len()).unwrap_or(u64::MAX);
        if len > maximum {
            return Err(Error::limit(crate::error::Place::Image, "length of a path", maximum, len));
        }
        let means_folder = matches!(path.rsplit(|byte| *byte == b'/').next(), Some(b"" | b"."));
        let mut parts: VecDeque<Vec<u8>> = VecDeque::new();
        push_parts(&mut parts, path);
        // The directories on the way, the root first; the last is where we are.
        let mut way = vec![self.inode(ROOT_INODE)?];
        let (mut hops, mut blocks_read) = (0, 0);
        while let Some(part) = parts.pop_front() {
            let Some(here) = way.last() else { break };
            if here.kind() != Some(FileKind::Directory) {
                return Err(Error::path(path, PathProblem::NotADirectory));
            }
            if part == b".." {
                if way.len() > 1 {
                    way.pop();
                }
                continue;
            }
            if part.len() > NAME_LEN_MAX || part.contains(&0) {
                return Err(Error::path(path, PathProblem::BadName));
            }
            let at_end = parts.is_empty();
            let Some(number) = self.look_up(here, &part, &mut blocks_read)? else {
                let directory = here.clone();
                return Ok(Place { directory, name: part, inode: None, goes_on: !at_end, means_folder });
            };
            let next = self.inode(number)?;
            let keep = at_end && last == LastLink::Keep && !means_folder;
            if next.kind() != Some(FileKind::Symlink) || keep {
                if at_end {
                    let directory = here.clone();
                    let inode = Some(next);
                    return Ok(Place { directory, name: part, inode, goes_on: false, means_folder });
                }
                way.push(next);
                continue;
            }
            hops += 1;
            if hops > self.limits.symlink_hops {
                return Err(Error::path(path, PathProblem::TooManySymlinks));
            }
            let target = symlink::target(self, &next)?.bytes;
            if target.starts_with(b"/") {
                way.truncate(1);
            }
            push_parts(&mut parts, &target);
        }
        // The path has no part left that is a name: the root, or behind `..`.
        let inode = way.pop();
        let directory = match (way.pop(), &inode) {
            (Some(directory), _) => directory,
            (None, Some(inode)) => inode.clone(),
            (None, None) => self.inode(ROOT_INODE)?,
        };
        Ok(Place { directory, name: Vec::new(), inode, goes_on: false, means_folder })
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

/// Puts the parts of a path in front of what is still to go.
fn push_parts(parts: &mut VecDeque<Vec<u8>>, path: &[u8]) {
    let names = path.rsplit(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    names.for_each(|part| parts.push_front(part.to_vec()));
}
