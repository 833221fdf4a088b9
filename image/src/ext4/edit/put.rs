//! Puts files, folders and symbolic links into the tree.

use std::io::{self, Read};

use super::attributes;
use super::content_map::runs_of;
use super::entries::{NewEntry, kind_byte};
use super::inode_bytes::{EXTENTS, RawInode};
use super::scratch::Held;
use super::{Attributes, Editor};
use crate::error::{Error, Expected, PathProblem};
use crate::ext4::features::IncompatFeatures;
use crate::ext4::inode::{Inode, ROOT_LEN};
use crate::ext4::metadata::FileKind;
use crate::ext4::path::{LastLink, Place};

/// Files of this size and more are noted in the superblock.
const LARGE_LEN: u64 = 1 << 31;
const TARGET_LEN_MAX: usize = 4095;

/// A content that waits for its blocks.
struct Content {
    blocks: Vec<Held>,
    len_bytes: u64,
}

impl Editor<'_> {
    pub(super) fn put_file_now(
        &mut self,
        path: &[u8],
        content: &mut dyn Read,
        attributes: &Attributes,
    ) -> Result<(), Error> {
        let place = self.fs().place(path, LastLink::Follow)?;
        match place.inode.as_ref().map(Inode::kind) {
            None if place.goes_on => return Err(Error::path(path, PathProblem::NotFound)),
            None if place.means_folder => return Err(Error::path(path, PathProblem::IsADirectory)),
            Some(Some(FileKind::Directory)) => return Err(Error::path(path, PathProblem::IsADirectory)),
            Some(Some(FileKind::Regular)) if place.means_folder => {
                return Err(Error::path(path, PathProblem::NotADirectory));
            }
            None | Some(Some(FileKind::Regular)) => {}
            Some(_) => return Err(Error::path(path, PathProblem::NotARegularFile)),
        }
        let old = match &place.inode {
            Some(inode) => Some(self.user_inode(inode.number)?),
            None => None,
        };
        match old {
            Some(old) if old.links() <= 1 => self.rewrite_file(&old, content, attributes),
            old => {
                let content = self.wait_for(content, 0)?;
                let number = self.take_inode(self.group_of_inode(place.directory.number), false)?;
                let fields = old.as_ref().and_then(attributes::fields_before);
                let mut inode = self.fresh_inode(number, FileKind::Regular, attributes, fields)?;
                if let Some(old) = &old {
                    attributes::carry_inside(old, &mut inode)?;
                    self.carry_block(old, &mut inode, false)?;
                }
                self.write_content(&mut inode, content)?;
                let kind = kind_byte(FileKind::Regular, self.has_kinds());
                let entry = NewEntry { name: &place.name, inode: number, kind };
                let mut directory = self.load_inode(place.directory.number)?;
                let Some(mut old) = old else { return self.add_entry(&mut directory, &entry) };
                old.set_links(old.links() - 1);
                self.store_inode(&mut old)?;
                self.redirect_entry(&mut directory, &entry, old.number)
            }
        }
    }

    /// Gives a file that has one name new content in the same inode.
    fn rewrite_file(
        &mut self,
        old: &RawInode,
        content: &mut dyn Read,
        attributes: &Attributes,
    ) -> Result<(), Error> {
        let mut old_blocks = self.content_blocks(old)?;
        let old_count = old_blocks.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add);
        let content = self.wait_for(content, old_count)?;
        let fields = attributes::fields_before(old);
        let mut inode = self.fresh_inode(old.number, FileKind::Regular, attributes, fields)?;
        attributes::carry_inside(old, &mut inode)?;
        old_blocks.extend(self.carry_block(old, &mut inode, true)?.map(|block| block..block + 1));
        // New content goes beside the old where there is room for both: until the inode is written, the old one stays.
        let count = u64::try_from(content.blocks.len()).unwrap_or(u64::MAX);
        let with_map = count.saturating_add(count / 16).saturating_add(8);
        let beside = self.free_blocks()? >= with_map;
        if !beside {
            self.give_blocks(std::mem::take(&mut old_blocks))?;
        }
        self.write_content(&mut inode, content)?;
        self.give_blocks(old_blocks)
    }

    /// Reads a content to its end. Of no use is one that needs more than the free blocks and `more`.
    fn wait_for(&mut self, content: &mut dyn Read, more: u64) -> Result<Content, Error> {
        let free = self.free_blocks()?.saturating_add(more);
        let mut waiting = Content { blocks: Vec::new(), len_bytes: 0 };
        loop {
            let mut block = vec![0; self.overlay.block_len_in_memory()];
            let len = read_full(content, &mut block).map_err(Error::Content)?;
            if len == 0 {
                return Ok(waiting);
            }
            let whole = len == block.len();
            waiting.len_bytes = waiting.len_bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            waiting.blocks.push(self.overlay.scratch.hold(block)?);
            let count = u64::try_from(waiting.blocks.len()).unwrap_or(u64::MAX);
            if count > free {
                return Err(Error::full("blocks", count, free));
            }
            if !whole {
                return Ok(waiting);
            }
        }
    }

    /// Gives an inode its content, and stores it.
    fn write_content(&mut self, inode: &mut RawInode, content: Content) -> Result<(), Error> {
        let count = u64::try_from(content.blocks.len()).unwrap_or(u64::MAX);
        let ranges = self.take_blocks(self.group_of_inode(inode.number), count)?;
        self.lead_to_blocks(inode);
        self.write_map(inode, &runs_of(&ranges))?;
        for (number, held) in ranges.into_iter().flatten().zip(content.blocks) {
            self.overlay.set_content(number, held);
        }
        inode.set_len(content.len_bytes);
        if content.len_bytes >= LARGE_LEN {
            self.note_large_file()?;
        }
        self.store_inode(inode)
    }

    /// Makes the 60 bytes of an inode what leads to blocks in this file system.
    fn lead_to_blocks(&self, inode: &mut RawInode) {
        if self.superblock.incompat.contains(IncompatFeatures::EXTENTS) {
            inode.set_flags(inode.flags() | EXTENTS);
        }
    }

    pub(super) fn make_folder_now(
        &mut self,
        path: &[u8],
        attributes: &Attributes,
        parents: bool,
    ) -> Result<(), Error> {
        loop {
            let place = self.fs().place(path, LastLink::Follow)?;
            match &place.inode {
                Some(inode) if parents && inode.kind() == Some(FileKind::Directory) => return Ok(()),
                Some(_) => return Err(Error::path(path, PathProblem::Exists)),
                None if place.goes_on && !parents => return Err(Error::path(path, PathProblem::NotFound)),
                None => self.make_one_folder(&place, attributes)?,
            }
            if !place.goes_on {
                return Ok(());
            }
        }
    }

    fn make_one_folder(&mut self, place: &Place, attributes: &Attributes) -> Result<(), Error> {
        let parent = place.directory.number;
        let number = self.take_inode(self.group_of_inode(parent), true)?;
        let mut inode = self.fresh_inode(number, FileKind::Directory, attributes, None)?;
        inode.set_links(2);
        self.lead_to_blocks(&mut inode);
        self.write_map(&mut inode, &[])?;
        let dots = self.dots(number, parent);
        self.append_leaf(&mut inode, &dots)?;
        self.store_inode(&mut inode)?;
        let kind = kind_byte(FileKind::Directory, self.has_kinds());
        let mut directory = self.load_inode(parent)?;
        self.count_folder(&mut directory, true)?;
        self.add_entry(&mut directory, &NewEntry { name: &place.name, inode: number, kind })
    }

    pub(super) fn make_symlink_now(
        &mut self,
        path: &[u8],
        target: &[u8],
        attributes: &Attributes,
    ) -> Result<(), Error> {
        let place = self.fs().place(path, LastLink::Keep)?;
        if place.inode.is_some() {
            return Err(Error::path(path, PathProblem::Exists));
        }
        if place.goes_on {
            return Err(Error::path(path, PathProblem::NotFound));
        }
        if place.means_folder {
            return Err(Error::path(path, PathProblem::IsADirectory));
        }
        let most = TARGET_LEN_MAX.min(self.overlay.block_len_in_memory() - 1);
        if target.is_empty() || target.len() > most || target.contains(&0) {
            return Err(Error::path(path, PathProblem::BadTarget));
        }
        let number = self.take_inode(self.group_of_inode(place.directory.number), false)?;
        let attributes = Attributes { mode: 0o777, ..attributes.clone() };
        let mut inode = self.fresh_inode(number, FileKind::Symlink, &attributes, None)?;
        if target.len() < ROOT_LEN {
            inode.set_root(target);
            inode.set_len(u64::try_from(target.len()).unwrap_or(0));
            self.store_inode(&mut inode)?;
        } else {
            let content = self.wait_for(&mut { target }, 0)?;
            self.write_content(&mut inode, content)?;
        }
        let kind = kind_byte(FileKind::Symlink, self.has_kinds());
        let mut directory = self.load_inode(place.directory.number)?;
        self.add_entry(&mut directory, &NewEntry { name: &place.name, inode: number, kind })
    }

    pub(super) fn set_attributes_now(&mut self, path: &[u8], attributes: &Attributes) -> Result<(), Error> {
        let found = self.fs().existing(path, LastLink::Follow)?;
        let mut inode = self.load_inode(found.number)?;
        inode.set_attributes(attributes);
        self.store_inode(&mut inode)
    }

    /// Reads the inode of something in the tree, which is none of those that the file system keeps for itself.
    pub(super) fn user_inode(&self, number: u32) -> Result<RawInode, Error> {
        let inode = self.load_inode(number)?;
        let first = self.superblock.first_inode;
        if number < first {
            let expected = Expected::AtLeast(first.into());
            return Err(Error::format(inode.place(), "inode of an entry", expected, number.into()));
        }
        Ok(inode)
    }
}

/// Reads until the buffer is full or the content ends.
fn read_full(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match content.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
