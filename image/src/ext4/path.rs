//! Follows a path to its inode, symbolic links included, and never out of the file system; or up to where it may lead
//! into another one.

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
pub(crate) enum LastLink {
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

/// Where a path goes on that does not stay in its file system, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WayOut {
    /// All of the path, with the link replaced by its target. Begins with a slash.
    pub(crate) path: Vec<u8>,
    /// Whether it counts from the root of the device, as the target of a link may, or from that of this file system.
    pub(crate) counts_from_device: bool,
}

/// A way that is being gone.
struct Walk<'p> {
    path: &'p [u8],
    last: LastLink,
    means_folder: bool,
    /// What is still to go.
    parts: VecDeque<Vec<u8>>,
    /// The directories on the way with their names, the root first; the last is where we are.
    way: Vec<(Vec<u8>, Inode)>,
    blocks_read: u64,
}

/// What one part of a path has led to.
enum Step {
    Further,
    /// A link that is to be followed, and its target.
    Link(Vec<u8>),
    There(Box<Place>),
}

impl Walk<'_> {
    /// The names that lead from the root to where we are.
    fn names(&self) -> Vec<&[u8]> {
        self.way.iter().skip(1).map(|(name, _)| name.as_slice()).collect()
    }

    /// Where we are, `target`, and what is still to go, as one path.
    fn onward(&self, target: &[u8]) -> Vec<u8> {
        let mut path = Vec::new();
        let rest = self.parts.iter().map(Vec::as_slice);
        for part in self.names().into_iter().chain(target.split(|byte| *byte == b'/')).chain(rest) {
            if !matches!(part, b"" | b".") {
                path.push(b'/');
                path.extend_from_slice(part);
            }
        }
        if path.is_empty() || self.means_folder {
            path.push(b'/');
        }
        path
    }
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

    /// Where `path` leads, which counts from the root with or without a slash. Links are followed inside of the file
    /// system.
    pub(super) fn place(&self, path: &[u8], last: LastLink) -> Result<Place, Error> {
        let mut walk = self.set_out(path, last)?;
        let mut hops = 0;
        loop {
            match self.step(&mut walk)? {
                Step::There(place) => return Ok(*place),
                Step::Further => {}
                Step::Link(target) => {
                    hops += 1;
                    if hops > self.limits.symlink_hops {
                        return Err(Error::path(path, PathProblem::TooManySymlinks));
                    }
                    if target.starts_with(b"/") {
                        walk.way.truncate(1);
                    }
                    push_parts(&mut walk.parts, &target);
                }
            }
        }
    }

    /// Goes along `path` up to the first link that is to be followed, or the first place of which `is_elsewhere` says,
    /// by the names that lead to it, that it is not to be looked for here; no names stand for what is above the root.
    /// `None` where there is none of both: the path means something of this file system, whether it exists or not.
    pub(crate) fn way_out(
        &self,
        path: &[u8],
        last: LastLink,
        is_elsewhere: &dyn Fn(&[&[u8]]) -> bool,
    ) -> Result<Option<WayOut>, Error> {
        let mut walk = self.set_out(path, last)?;
        loop {
            if let Some(next) = walk.parts.front() {
                let mut names = walk.names();
                let above = next == b"..";
                if !above {
                    names.push(next);
                }
                if (!above || names.is_empty()) && is_elsewhere(&names) {
                    let path = walk.onward(b"");
                    return Ok(Some(WayOut { path, counts_from_device: false }));
                }
            }
            match self.step(&mut walk)? {
                Step::There(_) => return Ok(None),
                Step::Further => {}
                Step::Link(target) if target.starts_with(b"/") => {
                    walk.way.truncate(1);
                    let path = walk.onward(&target);
                    return Ok(Some(WayOut { path, counts_from_device: true }));
                }
                Step::Link(target) => {
                    let path = walk.onward(&target);
                    return Ok(Some(WayOut { path, counts_from_device: false }));
                }
            }
        }
    }

    /// At the root, with all of the path to go.
    fn set_out<'p>(&self, path: &'p [u8], last: LastLink) -> Result<Walk<'p>, Error> {
        let maximum = self.limits.path_len_bytes;
        let len = u64::try_from(path.len()).unwrap_or(u64::MAX);
        if len > maximum {
            return Err(Error::limit(crate::error::Place::Image, "length of a path", maximum, len));
        }
        let means_folder = matches!(path.rsplit(|byte| *byte == b'/').next(), Some(b"" | b"."));
        let mut parts: VecDeque<Vec<u8>> = VecDeque::new();
        push_parts(&mut parts, path);
        let way = vec![(Vec::new(), self.inode(ROOT_INODE)?)];
        Ok(Walk { path, last, means_folder, parts, way, blocks_read: 0 })
    }

    /// Takes the next part of the path.
    fn step(&self, walk: &mut Walk<'_>) -> Result<Step, Error> {
        let (path, means_folder) = (walk.path, walk.means_folder);
        let Some(part) = walk.parts.pop_front() else { return self.end(walk) };
        let Some((_, here)) = walk.way.last() else { return self.end(walk) };
        if here.kind() != Some(FileKind::Directory) {
            return Err(Error::path(path, PathProblem::NotADirectory));
        }
        if part == b".." {
            if walk.way.len() > 1 {
                walk.way.pop();
            }
            return Ok(Step::Further);
        }
        if part.len() > NAME_LEN_MAX || part.contains(&0) {
            return Err(Error::path(path, PathProblem::BadName));
        }
        let at_end = walk.parts.is_empty();
        let Some(number) = self.look_up(here, &part, &mut walk.blocks_read)? else {
            let directory = here.clone();
            let place = Place { directory, name: part, inode: None, goes_on: !at_end, means_folder };
            return Ok(Step::There(Box::new(place)));
        };
        let next = self.inode(number)?;
        let keep = at_end && walk.last == LastLink::Keep && !means_folder;
        if next.kind() == Some(FileKind::Symlink) && !keep {
            return Ok(Step::Link(symlink::target(self, &next)?.bytes));
        }
        if at_end {
            let (directory, inode) = (here.clone(), Some(next));
            let place = Place { directory, name: part, inode, goes_on: false, means_folder };
            return Ok(Step::There(Box::new(place)));
        }
        walk.way.push((part, next));
        Ok(Step::Further)
    }

    /// The path has no part left that is a name: the root, or behind `..`.
    fn end(&self, walk: &mut Walk<'_>) -> Result<Step, Error> {
        let inode = walk.way.pop().map(|(_, inode)| inode);
        let directory = match (walk.way.pop(), &inode) {
            (Some((_, directory)), _) => directory,
            (None, Some(inode)) => inode.clone(),
            (None, None) => self.inode(ROOT_INODE)?,
        };
        let means_folder = walk.means_folder;
        let place = Place { directory, name: Vec::new(), inode, goes_on: false, means_folder };
        Ok(Step::There(Box::new(place)))
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
