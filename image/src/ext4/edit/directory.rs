//! Puts entries into directories and takes them out, whichever way a directory is stored.
//!
//! With `metadata_csum` a block of entries ends with 12 bytes that look like a deleted entry and hold the checksum.

use super::Editor;
use super::attributes;
use super::content_map::runs_of;
use super::entries::{self, NewEntry};
use super::inode_bytes::{EXTENTS, INDEXED, INLINE_DATA, RawInode};
use crate::error::{Error, Expected, Place};
use crate::ext4::block_map::BlockMap;
use crate::ext4::crc32c::crc32c;
use crate::ext4::features::{IncompatFeatures, RoCompatFeatures};
use crate::ext4::inline;
use crate::ext4::inode::{ROOT_AT, ROOT_LEN};
use crate::little_endian::{part_u16, put_u16, put_u32, u16_at, u32_at};

const TAIL_LEN: usize = 12;
/// What stands where a kind would be.
const TAIL_KIND: u8 = 0xde;
/// Directories of this length need `large_dir`, and are not made.
const LEN_MAX: u64 = 1 << 31;
/// At the start of entries in an inode: the parent's number.
const INLINE_PARENT_LEN: usize = 4;
/// More names than this a directory has only with `dir_nlink`, and then their number is not counted.
const LINKS_MAX: u16 = 65000;

/// Something that is done to the entries in a block, if they are the right ones.
type Change<'c> = &'c mut dyn FnMut(Place, &mut [u8], usize) -> Result<bool, Error>;

impl Editor<'_> {
    /// Whether entries tell what kind of file they lead to.
    pub(super) fn has_kinds(&self) -> bool {
        self.superblock.incompat.contains(IncompatFeatures::FILETYPE)
    }

    /// Adds an entry, whose name must not be there, and stores the directory's inode.
    pub(super) fn add_entry(&mut self, directory: &mut RawInode, entry: &NewEntry<'_>) -> Result<(), Error> {
        if directory.has(INDEXED) && self.add_hashed(directory, entry)? {
            return self.store_inode(directory);
        }
        if directory.has(INDEXED) {
            self.drop_index(directory)?;
        }
        let mut insert = |place: Place, bytes: &mut [u8], block_len: usize| {
            entries::insert(place, bytes, block_len, entry)
        };
        let mut done = self.change_entries(directory, &mut insert)?;
        if !done && directory.has(INLINE_DATA) {
            self.move_out(directory)?;
            done = self.change_entries(directory, &mut insert)?;
        }
        if !done {
            self.append_leaf(directory, std::slice::from_ref(entry))?;
        }
        self.store_inode(directory)
    }

    /// Takes the entry out that leads by `name` to `inode`, and stores the directory's inode.
    pub(super) fn take_entry(
        &mut self,
        directory: &mut RawInode,
        name: &[u8],
        inode: u32,
    ) -> Result<(), Error> {
        let mut remove = |place: Place, bytes: &mut [u8], block_len: usize| {
            entries::remove(place, bytes, block_len, name, inode)
        };
        if !self.change_entries(directory, &mut remove)? {
            return Err(lost(directory));
        }
        self.store_inode(directory)
    }

    /// Leads the entry that led to `inode` elsewhere, and stores the directory's inode.
    pub(super) fn redirect_entry(
        &mut self,
        directory: &mut RawInode,
        entry: &NewEntry<'_>,
        inode: u32,
    ) -> Result<(), Error> {
        let mut replace = |place: Place, bytes: &mut [u8], block_len: usize| {
            entries::replace(place, bytes, block_len, entry, inode)
        };
        if !self.change_entries(directory, &mut replace)? {
            return Err(lost(directory));
        }
        self.store_inode(directory)
    }

    /// Counts a folder that was put into `directory`, or taken out. The caller stores the inode.
    pub(super) fn count_folder(&self, directory: &mut RawInode, added: bool) -> Result<(), Error> {
        let uncounted = self.superblock.ro_compat.contains(RoCompatFeatures::DIR_NLINK);
        let links = directory.links();
        if links == 1 && uncounted {
            return Ok(());
        }
        let after = match added {
            true if links < LINKS_MAX - 1 => links + 1,
            true if uncounted => 1,
            true => return Err(Error::full("names of a folder", 1, 0)),
            false if links > 2 => links - 1,
            false => {
                let expected = Expected::AtLeast(3);
                return Err(Error::format(directory.place(), "number of names", expected, links.into()));
            }
        };
        directory.set_links(after);
        Ok(())
    }

    /// Tries a change on one part of the entries after the other until it says that it was done.
    fn change_entries(&mut self, directory: &mut RawInode, change: Change<'_>) -> Result<bool, Error> {
        if directory.has(INLINE_DATA) {
            return self.change_inline(directory, change);
        }
        let map = BlockMap::of(&self.fs(), &self.parsed(directory)?)?;
        let blocks = self.directory_blocks(directory)?;
        let indexed = directory.has(INDEXED);
        for run in map.runs.iter().filter(|run| run.written) {
            let logical = run.logical..run.logical_end().min(blocks);
            for (logical, number) in logical.zip(run.physical..) {
                let mut block = self.overlay.block(number)?;
                if indexed && (logical == 0 || self.is_index_block(&block)) {
                    continue;
                }
                if self.change_leaf(directory, number, &mut block, change)? {
                    self.overlay.set_block(number, block);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Changes the entries of one block, and its checksum. The caller puts the block back.
    pub(super) fn change_leaf(
        &self,
        directory: &RawInode,
        number: u64,
        block: &mut [u8],
        change: Change<'_>,
    ) -> Result<bool, Error> {
        self.check_leaf(directory, number, block)?;
        let end = self.leaf_len();
        let done = change(Place::Block(number), &mut block[..end], self.overlay.block_len_in_memory())?;
        if done {
            self.seal_leaf(directory, block);
        }
        Ok(done)
    }

    fn change_inline(&mut self, directory: &mut RawInode, change: Change<'_>) -> Result<bool, Error> {
        let block_len = self.overlay.block_len_in_memory();
        let place = directory.place();
        for (start, end) in self.inline_parts(directory)? {
            if end > start && change(place, &mut directory.bytes[start..end], block_len)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where in the inode its entries are.
    fn inline_parts(&self, directory: &RawInode) -> Result<Vec<(usize, usize)>, Error> {
        let (_, ranges) = inline::content(&self.parsed(directory)?)?;
        let mut parts = vec![(ROOT_AT + INLINE_PARENT_LEN, ROOT_AT + ROOT_LEN)];
        if let Some(range) = ranges.get(1) {
            let start = usize::try_from(range.device_offset.saturating_sub(directory.offset)).unwrap_or(0);
            let end = start.saturating_add(usize::try_from(range.len_bytes).unwrap_or(usize::MAX));
            if end > directory.bytes.len() {
                let expected = Expected::Described("one that lies in the inode");
                return Err(Error::format(directory.place(), "inline data", expected, range.len_bytes));
            }
            parts.push((start, end));
        }
        Ok(parts)
    }

    /// Moves entries from the inode into a block.
    fn move_out(&mut self, directory: &mut RawInode) -> Result<(), Error> {
        let block_len = self.overlay.block_len_in_memory();
        let parent = u32_at(directory.root(), 0);
        let mut moved = Vec::new();
        for (start, end) in self.inline_parts(directory)? {
            let bytes = &directory.bytes[start..end];
            for slot in entries::slots(directory.place(), bytes, block_len)? {
                if slot.inode != 0 {
                    moved.push((slot.name(bytes).to_vec(), slot.inode, slot.kind));
                }
            }
        }
        attributes::retain_inside(directory, |attribute| !attribute.is_inline_data())?;
        let mut flags = directory.flags() & !INLINE_DATA;
        if self.superblock.incompat.contains(IncompatFeatures::EXTENTS) {
            flags |= EXTENTS;
        }
        directory.set_flags(flags);
        directory.set_len(0);
        self.write_map(directory, &[])?;
        let mut all = self.dots(directory.number, parent);
        let moved = moved.iter().map(|(name, inode, kind)| NewEntry { name, inode: *inode, kind: *kind });
        all.extend(moved);
        // An inode is no longer than a block, and more of it is taken by other things than the dots need.
        let needed: usize = all.iter().map(|entry| entries::needed(entry.name.len())).sum();
        if needed > self.leaf_len() {
            let expected = Expected::Described("entries that fit a block");
            let found = u64::try_from(needed).unwrap_or(u64::MAX);
            return Err(Error::format(directory.place(), "inline data", expected, found));
        }
        self.append_leaf(directory, &all)
    }

    /// The first two entries of a directory.
    pub(super) fn dots(&self, own: u32, parent: u32) -> Vec<NewEntry<'static>> {
        let kind = entries::kind_byte(crate::ext4::metadata::FileKind::Directory, self.has_kinds());
        vec![NewEntry { name: b".", inode: own, kind }, NewEntry { name: b"..", inode: parent, kind }]
    }

    /// Appends a block with these entries, which fit it.
    pub(super) fn append_leaf(
        &mut self,
        directory: &mut RawInode,
        entries: &[NewEntry<'_>],
    ) -> Result<(), Error> {
        let mut block = vec![0; self.overlay.block_len_in_memory()];
        let end = self.leaf_len();
        entries::fill(&mut block[..end], self.overlay.block_len_in_memory(), entries);
        self.seal_leaf(directory, &mut block);
        self.append_block(directory, block)?;
        Ok(())
    }

    /// Appends a block to the content of a directory. Returns its number in the content.
    pub(super) fn append_block(&mut self, directory: &mut RawInode, block: Vec<u8>) -> Result<u64, Error> {
        let blocks = self.directory_blocks(directory)?;
        let len_bytes = blocks.saturating_add(1).saturating_mul(self.superblock.block_len);
        if len_bytes >= LEN_MAX {
            return Err(Error::full("blocks of a folder", 1, 0));
        }
        let mut map = BlockMap::of(&self.fs(), &self.parsed(directory)?)?;
        if map.runs.last().is_some_and(|last| last.logical_end() > blocks) {
            let expected = Expected::AtMost(blocks);
            let found = map.runs.last().map_or(0, |last| last.logical_end());
            return Err(Error::format(directory.place(), "blocks of a directory", expected, found));
        }
        self.give_blocks(map.tree_blocks.iter().map(|block| *block..*block + 1).collect())?;
        let taken = self.take_blocks(self.group_of_inode(directory.number), 1)?;
        for mut run in runs_of(&taken) {
            self.overlay.set_block(run.physical, block.clone());
            run.logical = blocks;
            map.push(&self.fs(), &self.parsed(directory)?, run)?;
        }
        directory.set_len(len_bytes);
        self.write_map(directory, &map.runs)?;
        Ok(blocks)
    }

    /// Length of a directory in blocks.
    pub(super) fn directory_blocks(&self, directory: &RawInode) -> Result<u64, Error> {
        let len = self.parsed(directory)?.len_bytes;
        if len % self.superblock.block_len != 0 {
            let expected = Expected::Described("a multiple of the block length");
            return Err(Error::format(directory.place(), "size of a directory", expected, len));
        }
        Ok(len / self.superblock.block_len)
    }

    /// How much of a block is for entries.
    pub(super) fn leaf_len(&self) -> usize {
        self.overlay.block_len_in_memory() - if self.checksums.everywhere() { TAIL_LEN } else { 0 }
    }

    fn leaf_checksum(&self, directory: &RawInode, block: &[u8]) -> Option<u32> {
        let seed = self.checksums.inode_seed(directory.number, directory.generation())?;
        Some(crc32c(seed, &block[..self.leaf_len()]))
    }

    fn check_leaf(&self, directory: &RawInode, number: u64, block: &[u8]) -> Result<(), Error> {
        let Some(checksum) = self.leaf_checksum(directory, block) else { return Ok(()) };
        let found = u32_at(block, block.len() - 4);
        if found != checksum {
            let expected = Expected::Exactly(checksum.into());
            return Err(Error::format(Place::Block(number), "checksum", expected, found.into()));
        }
        Ok(())
    }

    /// Writes the end of a block of entries.
    pub(super) fn seal_leaf(&self, directory: &RawInode, block: &mut [u8]) {
        if let Some(checksum) = self.leaf_checksum(directory, block) {
            let tail = block.len() - TAIL_LEN;
            block[tail..].fill(0);
            put_u16(block, tail + 4, part_u16(12, 0));
            block[tail + 7] = TAIL_KIND;
            put_u32(block, tail + 8, checksum);
        }
    }

    /// Whether a block of a hashed directory looks like one deleted entry: a node of the index; or a block without
    /// entries, which makes no difference.
    fn is_index_block(&self, block: &[u8]) -> bool {
        let len = crate::ext4::directory::entry_len(u16_at(block, 4), block.len());
        u32_at(block, 0) == 0 && len == block.len()
    }

    /// Makes a hashed directory a plain one: the blocks of the index become blocks of entries.
    fn drop_index(&mut self, directory: &mut RawInode) -> Result<(), Error> {
        let map = BlockMap::of(&self.fs(), &self.parsed(directory)?)?;
        let blocks = self.directory_blocks(directory)?;
        let (end, block_len) = (self.leaf_len(), self.overlay.block_len_in_memory());
        for run in map.runs.iter().filter(|run| run.written) {
            let logical = run.logical..run.logical_end().min(blocks);
            for (logical, number) in logical.zip(run.physical..) {
                let mut block = self.overlay.block(number)?;
                if logical == 0 {
                    let parent = u32_at(&block, 12);
                    let dots = self.dots(directory.number, parent);
                    entries::fill(&mut block[..end], block_len, &dots);
                } else if self.is_index_block(&block) {
                    entries::fill(&mut block[..end], block_len, &[]);
                } else {
                    continue;
                }
                self.seal_leaf(directory, &mut block);
                self.overlay.set_block(number, block);
            }
        }
        directory.set_flags(directory.flags() & !INDEXED);
        Ok(())
    }

    /// The inode of a directory's parent, as the directory has it.
    pub(super) fn parent_of(&self, directory: &RawInode) -> Result<u32, Error> {
        if directory.has(INLINE_DATA) {
            return Ok(u32_at(directory.root(), 0));
        }
        let map = BlockMap::of(&self.fs(), &self.parsed(directory)?)?;
        match map.runs.first().filter(|run| run.logical == 0 && run.written) {
            Some(run) => Ok(u32_at(&self.overlay.block(run.physical)?, 12)),
            None => Err(lost(directory)),
        }
    }
}

fn lost(directory: &RawInode) -> Error {
    Error::format(directory.place(), "entry that a path leads to", Expected::Exactly(1), 0)
}
