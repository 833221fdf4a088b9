//! Hashed directories: their entries are found by the hash of the name, in a tree of at most three levels whose nodes
//! are blocks of the directory.
//!
//! | at in the root | at in a node | bytes | field |
//! |---|---|---|---|
//! | 0 | | 24 | the entries `.` and `..`, the latter as long as the block |
//! | | 0 | 8 | a deleted entry as long as the block |
//! | 28 | | 1 | kind of hash |
//! | 29 | | 1 | length of these fields: 8 |
//! | 30 | | 1 | levels below the root |
//! | 32 | 8 | 2, 2 | room for entries, number of entries |
//! | 36 | 12 | 4 | block of the first entry, whose hash is 0 |
//! | 40 | 16 | 4, 4 | hash and block of each other entry |
//!
//! With `metadata_csum` eight bytes behind the room for entries hold a checksum. A hash with its lowest bit set says
//! that names with the hash before it go on here.

use super::Editor;
use super::entries::{self, NewEntry};
use super::inode_bytes::RawInode;
use super::name_hash::NameHash;
use crate::error::{Error, Expected, Place};
use crate::ext4::block_map::BlockMap;
use crate::ext4::crc32c::crc32c;
use crate::ext4::features::IncompatFeatures;
use crate::little_endian::{part_u16, put_u16, put_u32, u16_at, u32_at};

const ROOT_ENTRIES_AT: usize = 32;
const NODE_ENTRIES_AT: usize = 8;
const ENTRY_LEN: usize = 8;
const TAIL_LEN: usize = 8;
const VERSION_AT: usize = 28;
const FIELDS_LEN_AT: usize = 29;
const LEVELS_AT: usize = 30;
/// Bits of a block number in an entry.
const BLOCK_BITS: u32 = 0x0fff_ffff;
const HASH_SEED_AT: usize = 0xec;
const FLAGS_AT: usize = 0x160;
const UNSIGNED_HASH: u32 = 2;
/// Splitting a block, and each level above it, and trying again.
const ATTEMPTS: u32 = 8;

/// A node of the tree in memory.
#[derive(Debug, Clone)]
struct Node {
    /// Its number in the file system.
    number: u64,
    bytes: Vec<u8>,
    entries_at: usize,
    /// Which entry the way to a name goes through.
    chosen: usize,
}

impl Node {
    fn room(&self) -> usize {
        usize::from(u16_at(&self.bytes, self.entries_at))
    }

    fn count(&self) -> usize {
        usize::from(u16_at(&self.bytes, self.entries_at + 2))
    }

    fn set_count(&mut self, count: usize) {
        put_u16(&mut self.bytes, self.entries_at + 2, u16::try_from(count).unwrap_or(0));
    }

    /// Hash and block of an entry.
    fn entry(&self, index: usize) -> (u32, u32) {
        let at = self.entries_at + index * ENTRY_LEN;
        let hash = if index == 0 { 0 } else { u32_at(&self.bytes, at) };
        (hash, u32_at(&self.bytes, at + 4) & BLOCK_BITS)
    }

    fn set_entry(&mut self, index: usize, (hash, block): (u32, u32)) {
        let at = self.entries_at + index * ENTRY_LEN;
        if index > 0 {
            put_u32(&mut self.bytes, at, hash);
        }
        put_u32(&mut self.bytes, at + 4, block);
    }

    fn is_full(&self) -> bool {
        self.count() >= self.room()
    }

    /// Adds an entry behind the chosen one. There is room.
    fn insert(&mut self, entry: (u32, u32)) {
        let count = self.count();
        for index in (self.chosen + 1..count).rev() {
            let moved = self.entry(index);
            self.set_entry(index + 1, moved);
        }
        self.set_entry(self.chosen + 1, entry);
        self.set_count(count + 1);
    }
}

impl Editor<'_> {
    /// Adds an entry to a hashed directory. Returns false, with the directory in order and without the entry, when
    /// that takes something that is not done here.
    pub(super) fn add_hashed(
        &mut self,
        directory: &mut RawInode,
        entry: &NewEntry<'_>,
    ) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            let Some((hash, way)) = self.way_to(directory, entry.name)? else { return Ok(false) };
            let Some(last) = way.last() else { return Ok(false) };
            let leaf = last.entry(last.chosen).1;
            let number = self.block_of_directory(directory, leaf.into())?;
            let mut block = self.overlay.block(number)?;
            let mut insert = |place: Place, bytes: &mut [u8], block_len: usize| {
                entries::insert(place, bytes, block_len, entry)
            };
            if self.change_leaf(directory, number, &mut block, &mut insert)? {
                self.overlay.set_block(number, block);
                return Ok(true);
            }
            let full = way.iter().rev().take_while(|node| node.is_full()).count();
            let done = match way.len().checked_sub(full + 1).and_then(|index| way.get(index)) {
                _ if full == 0 => self.split_leaf(directory, last, number, block, &hash)?,
                Some(parent) => self.split_node(directory, parent, &way[way.len() - full])?,
                None => self.add_level(directory, &way[0])?,
            };
            if !done {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// How the directory hashes, and the nodes on the way to a name; none for a tree that is not understood.
    fn way_to(&self, directory: &RawInode, name: &[u8]) -> Result<Option<(NameHash, Vec<Node>)>, Error> {
        let number = self.block_of_directory(directory, 0)?;
        let bytes = self.overlay.block(number)?;
        let superblock = self.superblock_bytes()?;
        let seed = [0, 4, 8, 12].map(|at| u32_at(&superblock, HASH_SEED_AT + at));
        let unsigned = u32_at(&superblock, FLAGS_AT) & UNSIGNED_HASH != 0;
        let levels = usize::from(bytes[LEVELS_AT]);
        let known = bytes[FIELDS_LEN_AT] == 8 && levels <= self.levels_max();
        let Some(hash) = NameHash::new(bytes[VERSION_AT], unsigned, seed).filter(|_| known) else {
            return Ok(None);
        };
        let wanted = hash.of(name);
        let mut way = Vec::new();
        let mut node = self.node(directory, number, bytes, ROOT_ENTRIES_AT, wanted)?;
        for _ in 0..levels {
            let number = self.block_of_directory(directory, node.entry(node.chosen).1.into())?;
            let bytes = self.overlay.block(number)?;
            let below = self.node(directory, number, bytes, NODE_ENTRIES_AT, wanted)?;
            way.push(std::mem::replace(&mut node, below));
        }
        way.push(node);
        Ok(Some((hash, way)))
    }

    fn levels_max(&self) -> usize {
        if self.superblock.incompat.contains(IncompatFeatures::LARGEDIR) { 2 } else { 1 }
    }

    fn room(&self, entries_at: usize) -> usize {
        let tail = if self.checksums.everywhere() { TAIL_LEN } else { 0 };
        (self.overlay.block_len_in_memory() - entries_at - tail) / ENTRY_LEN
    }

    /// Checks a node and chooses the entry for a hash.
    fn node(
        &self,
        directory: &RawInode,
        number: u64,
        bytes: Vec<u8>,
        entries_at: usize,
        wanted: u32,
    ) -> Result<Node, Error> {
        let mut node = Node { number, bytes, entries_at, chosen: 0 };
        let as_u64 = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (room, count) = (node.room(), node.count());
        let wrong =
            |field, expected, found| Err(Error::format(Place::Block(number), field, expected, as_u64(found)));
        if room != self.room(entries_at) {
            return wrong("room in the index", Expected::Exactly(as_u64(self.room(entries_at))), room);
        }
        if count == 0 || count > room {
            return wrong("entries of the index", Expected::AtMost(as_u64(room)), count);
        }
        if let Some(checksum) = self.node_checksum(directory, &node) {
            let found = u32_at(&node.bytes, entries_at + room * ENTRY_LEN + 4);
            if found != checksum {
                let expected = Expected::Exactly(checksum.into());
                return Err(Error::format(Place::Block(number), "checksum", expected, found.into()));
            }
        }
        node.chosen = (1..count).take_while(|index| node.entry(*index).0 <= wanted).last().unwrap_or(0);
        Ok(node)
    }

    fn node_checksum(&self, directory: &RawInode, node: &Node) -> Option<u32> {
        let seed = self.checksums.inode_seed(directory.number, directory.generation())?;
        let tail = node.entries_at + node.room() * ENTRY_LEN;
        let state = crc32c(seed, &node.bytes[..node.entries_at + node.count() * ENTRY_LEN]);
        Some(crc32c(crc32c(state, &node.bytes[tail..tail + 4]), &[0; 4]))
    }

    fn store_node(&mut self, directory: &RawInode, mut node: Node) {
        self.seal_node(directory, &mut node);
        self.overlay.set_block(node.number, node.bytes);
    }

    fn seal_node(&self, directory: &RawInode, node: &mut Node) {
        if let Some(checksum) = self.node_checksum(directory, node) {
            let tail = node.entries_at + node.room() * ENTRY_LEN;
            put_u32(&mut node.bytes, tail + 4, checksum);
        }
    }

    /// The block with this number in a directory.
    fn block_of_directory(&self, directory: &RawInode, logical: u64) -> Result<u64, Error> {
        let map = BlockMap::of(&self.fs(), &self.parsed(directory)?)?;
        let run = map.runs.iter().find(|run| run.logical <= logical && logical < run.logical_end());
        match run.filter(|run| run.written && logical < self.directory_blocks(directory).unwrap_or(0)) {
            Some(run) => Ok(run.physical + (logical - run.logical)),
            None => {
                let expected = Expected::Described("a block of the directory");
                Err(Error::format(directory.place(), "block in the index", expected, logical))
            }
        }
    }

    /// Divides the entries of a block among it and a new one. The node above has room.
    fn split_leaf(
        &mut self,
        directory: &mut RawInode,
        parent: &Node,
        number: u64,
        mut block: Vec<u8>,
        hash: &NameHash,
    ) -> Result<bool, Error> {
        let (end, block_len) = (self.leaf_len(), block.len());
        let old = block.clone();
        let mut sorted: Vec<(u32, NewEntry<'_>)> =
            entries::slots(Place::Block(number), &old[..end], block_len)?
                .into_iter()
                .filter(|slot| slot.inode != 0)
                .map(|slot| (slot.name(&old), slot))
                .map(|(name, slot)| (hash.of(name), NewEntry { name, inode: slot.inode, kind: slot.kind }))
                .collect();
        sorted.sort_by_key(|(hash, _)| *hash);
        // The first entry behind the middle begins the new block.
        let (mut before, mut middle) = (0, 0);
        for (_, entry) in &sorted {
            if before >= end / 2 {
                break;
            }
            before += entries::needed(entry.name.len());
            middle += 1;
        }
        if middle == 0 || middle >= sorted.len() {
            return Ok(false);
        }
        let goes_on = u32::from(sorted[middle].0 == sorted[middle - 1].0);
        let first_hash = sorted[middle].0 | goes_on;
        let mut low: Vec<NewEntry<'_>> = sorted.into_iter().map(|(_, entry)| entry).collect();
        let high = low.split_off(middle);
        entries::fill(&mut block[..end], block_len, &low);
        self.seal_leaf(directory, &mut block);
        self.overlay.set_block(number, block);
        let mut new = vec![0; block_len];
        entries::fill(&mut new[..end], block_len, &high);
        self.seal_leaf(directory, &mut new);
        self.append_below(directory, parent.clone(), first_hash, new)
    }

    /// Divides the entries of a full node among it and a new one. The node above has room.
    fn split_node(&mut self, directory: &mut RawInode, parent: &Node, full: &Node) -> Result<bool, Error> {
        let (mut low, count) = (full.clone(), full.count());
        let middle = count / 2;
        if middle == 0 {
            return Ok(false);
        }
        let entries: Vec<(u32, u32)> = (middle..count).map(|index| full.entry(index)).collect();
        let first_hash = full.entry(middle).0;
        let mut high = self.new_node(&entries);
        low.set_count(middle);
        self.store_node(directory, low);
        self.seal_node(directory, &mut high);
        self.append_below(directory, parent.clone(), first_hash, high.bytes)
    }

    /// Puts a node below the root that takes over its entries.
    fn add_level(&mut self, directory: &mut RawInode, root: &Node) -> Result<bool, Error> {
        let levels = usize::from(root.bytes[LEVELS_AT]);
        if levels >= self.levels_max() {
            return Ok(false);
        }
        let entries: Vec<(u32, u32)> = (0..root.count()).map(|index| root.entry(index)).collect();
        let mut node = self.new_node(&entries);
        self.seal_node(directory, &mut node);
        let Some(logical) = self.append_indexed(directory, node.bytes)? else { return Ok(false) };
        let mut root = root.clone();
        root.bytes[LEVELS_AT] += 1;
        root.set_count(1);
        root.set_entry(0, (0, logical));
        self.store_node(directory, root);
        Ok(true)
    }

    fn new_node(&self, entries: &[(u32, u32)]) -> Node {
        let block_len = self.overlay.block_len_in_memory();
        let mut node = Node { number: 0, bytes: vec![0; block_len], entries_at: NODE_ENTRIES_AT, chosen: 0 };
        entries::set_len(&mut node.bytes, 0, block_len, block_len);
        let room = u64::try_from(self.room(NODE_ENTRIES_AT)).unwrap_or(0);
        put_u16(&mut node.bytes, NODE_ENTRIES_AT, part_u16(room, 0));
        node.set_count(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            node.set_entry(index, *entry);
        }
        node
    }

    /// Appends a block and leads to it from `parent`, behind the chosen entry.
    fn append_below(
        &mut self,
        directory: &mut RawInode,
        mut parent: Node,
        first_hash: u32,
        block: Vec<u8>,
    ) -> Result<bool, Error> {
        let Some(logical) = self.append_indexed(directory, block)? else {
            // The limit of the index is past that of directories.
            return Err(Error::full("blocks of a folder", 1, 0));
        };
        parent.insert((first_hash, logical));
        self.store_node(directory, parent);
        Ok(true)
    }

    fn append_indexed(&mut self, directory: &mut RawInode, block: Vec<u8>) -> Result<Option<u32>, Error> {
        let logical = self.append_block(directory, block)?;
        Ok(u32::try_from(logical).ok().filter(|logical| *logical <= BLOCK_BITS))
    }
}
