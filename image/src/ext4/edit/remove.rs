//! Takes files and folders out of the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Editor;
use super::inode_bytes::RawInode;
use crate::error::{Error, Expected, PathProblem};
use crate::ext4::ROOT_INODE;
use crate::ext4::directory::Entries;
use crate::ext4::metadata::FileKind;
use crate::ext4::path::LastLink;

/// What goes with a folder.
#[derive(Default)]
struct Below {
    folders: BTreeSet<u32>,
    /// Everything else, with the number of names that go.
    others: BTreeMap<u32, u16>,
}

impl Editor<'_> {
    pub(super) fn remove_now(&mut self, path: &[u8], recursive: bool) -> Result<(), Error> {
        let place = self.fs().place(path, LastLink::Keep)?;
        let Some(found) = place.inode else { return Err(Error::path(path, PathProblem::NotFound)) };
        let parent = place.directory.number;
        // Checkers want this folder to be there.
        let kept = parent == ROOT_INODE && place.name == b"lost+found";
        if place.name.is_empty() || kept {
            return Err(Error::path(path, PathProblem::NotAllowed));
        }
        let is_folder = found.kind() == Some(FileKind::Directory);
        if place.means_folder && !is_folder {
            return Err(Error::path(path, PathProblem::NotADirectory));
        }
        let mut below = Below::default();
        if is_folder {
            self.collect(found.number, parent, &mut below)?;
            if !recursive && (below.folders.len() > 1 || !below.others.is_empty()) {
                return Err(Error::path(path, PathProblem::NotEmpty));
            }
        } else {
            below.others.insert(found.number, 1);
        }
        let mut blocks = Vec::new();
        for number in &below.folders {
            let folder = self.user_inode(*number)?;
            self.release_inode(&folder, &mut blocks)?;
        }
        for (number, names) in below.others {
            self.drop_names(number, names, &mut blocks)?;
        }
        self.give_blocks(blocks)?;
        let mut directory = self.load_inode(parent)?;
        if is_folder {
            self.count_folder(&mut directory, false)?;
        }
        self.take_entry(&mut directory, &place.name, found.number)
    }

    /// Finds all that is in a folder and below.
    fn collect(&self, top: u32, parent: u32, below: &mut Below) -> Result<(), Error> {
        let fs = self.fs();
        let maximum = self.limits.directory_entries;
        let mut count = 0;
        let mut waiting = vec![(top, parent)];
        while let Some((number, parent)) = waiting.pop() {
            let raw = self.user_inode(number)?;
            let inode = self.parsed(&raw)?;
            if !below.folders.insert(number) {
                return Err(Error::format(raw.place(), "directory", Expected::Described("one parent"), 2));
            }
            let found = self.parent_of(&raw)?;
            if found != parent {
                let expected = Expected::Exactly(parent.into());
                return Err(Error::format(raw.place(), "parent of a directory", expected, found.into()));
            }
            let mut numbers = Vec::new();
            Entries::of(&fs, &inode)?.each(&fs, &inode, |_, number| {
                count += 1;
                if count > maximum {
                    return Err(Error::limit(inode.place(), "directory entries", maximum, count));
                }
                numbers.push(number);
                Ok(())
            })?;
            for entry in numbers {
                if fs.inode(entry)?.kind() == Some(FileKind::Directory) {
                    waiting.push((entry, number));
                } else {
                    let names = below.others.entry(entry).or_insert(0);
                    *names = names.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    /// Takes names from what is no folder; without any left it goes.
    fn drop_names(&mut self, number: u32, names: u16, blocks: &mut Vec<Range<u64>>) -> Result<(), Error> {
        let mut inode: RawInode = self.user_inode(number)?;
        let links = inode.links();
        if links < names {
            let expected = Expected::AtLeast(names.into());
            return Err(Error::format(inode.place(), "number of names", expected, links.into()));
        }
        if links == names {
            return self.release_inode(&inode, blocks);
        }
        inode.set_links(links - names);
        self.store_inode(&mut inode)
    }
}
