//! The map of a squashfs: all its blocks, and which file lies in which.

#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths have been compared with those of buffers or blocks"
)]

use super::directory::{self, UNSEEN};
use super::inode::{self, Content, File, IS_PLAIN, Inode};
use super::superblock::Superblock;
use super::tables::{METADATA_LEN, Table, Tables};
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::limits::Limits;
use crate::little_endian::{u32_at, u64_at};
use crate::probe::SquashfsCompressor;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Unpacks a block into the front of the buffer and returns its plain length; `None` when it cannot.
pub type Unpack<'u> = &'u dyn Fn(&[u8], &mut [u8]) -> Option<usize>;

/// What a squashfs consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SquashfsMap {
    /// How its blocks are compressed.
    pub compressor: SquashfsCompressor,
    /// The compressor's settings as stored, empty when they are its defaults.
    pub options: Vec<u8>,
    /// Plain length of a block of data, in bytes.
    pub block_len_bytes: u32,
    /// All blocks that were found, sorted by offset, without overlap.
    pub blocks: Vec<SquashfsBlock>,
    /// Regular files, sorted by path. A file with several names is listed once.
    pub files: Vec<SquashfsFile>,
}

/// A block of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SquashfsBlock {
    /// First byte in the image. A metadata block begins with its length.
    pub device_offset: u64,
    /// Length in the image, at least 1; that of a metadata block includes the two bytes of its length.
    pub len_bytes: u32,
    /// Length of the plain content; of a fragment, the most that it can be.
    pub plain_len_bytes: u32,
    /// What it holds.
    pub kind: BlockKind,
    /// Whether it is compressed.
    pub is_compressed: bool,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BlockKind {
    /// A piece of one file.
    Data,
    /// Ends of files, and small files.
    Fragment,
    /// Inodes, directories and what else belongs to no file.
    Metadata,
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SquashfsFile {
    /// The first of its paths in byte order.
    pub path: Vec<u8>,
    /// Its other paths (hard links), sorted.
    pub other_paths: Vec<Vec<u8>>,
    /// Number of the inode.
    pub inode: u32,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Where its content is, in the order of the file; what no piece covers is zero.
    pub pieces: Vec<Piece>,
}

/// A piece of a file that lies in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// First byte in the file.
    pub file_offset: u64,
    /// Index in [`SquashfsMap::blocks`].
    pub block: usize,
    /// First byte in the plain content of the block.
    pub block_offset: u32,
    /// Length in bytes, at least 1.
    pub len_bytes: u32,
}

impl SquashfsMap {
    /// Maps the file system that `device` holds from its first byte on. `unpack` gets blocks as they are stored.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for other versions; [`Error::Format`] for a file system that contradicts itself or
    /// cannot be unpacked; [`Error::Limit`] past `limits`; [`Error::Io`].
    pub fn of(device: &dyn BlockDevice, limits: &Limits, unpack: Unpack<'_>) -> Result<Self, Error> {
        let superblock = Superblock::read(device)?;
        let tables = Tables {
            device,
            unpack,
            end: superblock.end,
            limit: limits.metadata_total_bytes,
            total: 0,
            blocks: Vec::new(),
        };
        Reader { superblock, tables, limits, data: BTreeMap::new() }.map()
    }
}

/// A fragment: where it is, its packed length, and whether it is compressed.
type Fragment = (u64, u32);

struct Reader<'d> {
    superblock: Superblock,
    tables: Tables<'d>,
    limits: &'d Limits,
    /// Blocks of data and fragments by offset.
    data: BTreeMap<u64, SquashfsBlock>,
}

impl Reader<'_> {
    fn map(mut self) -> Result<SquashfsMap, Error> {
        let fragments = self.fragments()?;
        let directory_end = self.lookup_tables()?;
        let sb = &self.superblock;
        if sb.directory_table < sb.inode_table {
            let expected = Expected::AtLeast(sb.inode_table);
            return Err(Error::format(Place::Superblock, "directory table", expected, sb.directory_table));
        }
        let inode_table = self.tables.read(sb.inode_table, sb.directory_table)?;
        let directory_table = self.tables.read(sb.directory_table, directory_end)?;
        let inodes = self.inodes(&inode_table)?;
        for &(start, size) in &fragments {
            let block_len = self.superblock.block_len;
            self.add_block(start, size, block_len, BlockKind::Fragment)?;
        }
        for inode in inodes.values() {
            if let Content::File(file) = &inode.content {
                self.add_file(file, inode.number)?;
            }
        }
        let paths = self.paths(&inode_table, &directory_table, &inodes)?;
        let mut blocks = self.tables.blocks;
        blocks.extend(self.data.into_values());
        blocks.sort_unstable_by_key(|block| (block.device_offset, block.kind, block.len_bytes));
        let mut reached = 0;
        blocks.retain(|block| {
            let is_beside = block.device_offset >= reached;
            if is_beside {
                reached = block.device_offset + u64::from(block.len_bytes);
            }
            is_beside
        });
        let index = |offset: u64| blocks.binary_search_by_key(&offset, |block| block.device_offset).ok();
        let mut files = Vec::with_capacity(paths.len());
        for (at, mut paths) in paths {
            let Some(Inode { number, content: Content::File(file) }) = inodes.get(&at) else { continue };
            paths.sort_unstable();
            let path = paths.remove(0);
            let pieces = pieces(file, self.superblock.block_len, &fragments, index);
            files.push(SquashfsFile {
                path,
                other_paths: paths,
                inode: *number,
                len_bytes: file.len,
                pieces,
            });
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(SquashfsMap {
            compressor: self.superblock.compressor,
            options: self.superblock.options,
            block_len_bytes: self.superblock.block_len,
            blocks,
            files,
        })
    }

    /// Where fragments are.
    fn fragments(&mut self) -> Result<Vec<Fragment>, Error> {
        let count = self.superblock.fragments as usize;
        let Some(table) = self.superblock.fragment_table else { return Ok(Vec::new()) };
        let plain = self.tables.read_pointed(table, count.div_ceil(METADATA_LEN / 16))?;
        if plain.len() < count * 16 {
            let expected = Expected::AtLeast(count as u64 * 16);
            return Err(Error::format(
                Place::Image,
                "length of the fragment table",
                expected,
                plain.len() as u64,
            ));
        }
        Ok(plain.chunks_exact(16).take(count).map(|entry| (u64_at(entry, 0), u32_at(entry, 8))).collect())
    }

    /// Notes the blocks of all tables behind that of directories; returns where the first of them begins.
    fn lookup_tables(&mut self) -> Result<u64, Error> {
        let sb = &self.superblock;
        let (ids, inodes) = (usize::from(sb.ids), sb.inodes as usize);
        let pointed = [
            (Some(sb.id_table), ids.div_ceil(METADATA_LEN / 4)),
            (sb.export_table, inodes.div_ceil(METADATA_LEN / 8)),
        ];
        let (xattr_table, end, directory_table) = (sb.xattr_table, sb.end, sb.directory_table);
        for (table, count) in pointed {
            if let Some(table) = table {
                self.tables.read_pointed(table, count)?;
            }
        }
        if let Some(table) = xattr_table {
            self.xattrs(table)?;
        }
        // What was read so far lies behind the directories.
        let tables = [Some(self.superblock.id_table), self.superblock.export_table, xattr_table];
        let tables = tables.into_iter().flatten().chain(self.superblock.fragment_table);
        let starts = self.tables.blocks.iter().map(|block| block.device_offset);
        Ok(tables.chain(starts).filter(|&start| start > directory_table).min().unwrap_or(end))
    }

    fn xattrs(&mut self, table: u64) -> Result<(), Error> {
        let mut header = [0; 16];
        if table.saturating_add(16) > self.tables.end {
            let expected = Expected::AtMost(self.tables.end.saturating_sub(16));
            return Err(Error::format(Place::Superblock, "xattr table", expected, table));
        }
        self.tables.device.read_at(table, &mut header)?;
        let (start, count) = (u64_at(&header, 0), u32_at(&header, 8) as usize);
        let count = count.div_ceil(METADATA_LEN / 16);
        let end = self.tables.pointers(table + 16, count)?.first().copied().unwrap_or(table);
        self.tables.read_pointed(table + 16, count)?;
        self.tables.read(start, end.min(table))?;
        Ok(())
    }

    /// All inodes by their place in the plain table.
    fn inodes(&self, table: &Table) -> Result<BTreeMap<usize, Inode>, Error> {
        let (mut at, mut inodes) = (0, BTreeMap::new());
        for _ in 0..self.superblock.inodes {
            if at == table.plain.len() {
                break;
            }
            let (inode, next) = inode::read(&table.plain, at, self.superblock.block_len)?;
            inodes.insert(at, inode);
            at = next;
        }
        Ok(inodes)
    }

    fn add_file(&mut self, file: &File, number: u32) -> Result<(), Error> {
        let (mut at, mut left) = (file.start, file.len);
        for &size in &file.blocks {
            let plain = left.min(self.superblock.block_len.into());
            left -= plain;
            self.add_block(at, size, plain as u32, BlockKind::Data)?;
            at = at.checked_add(u64::from(size & (IS_PLAIN - 1))).ok_or_else(|| {
                Error::format(
                    Place::Inode(number.into()),
                    "start of a block",
                    Expected::AtMost(self.superblock.end),
                    at,
                )
            })?;
        }
        Ok(())
    }

    fn add_block(&mut self, at: u64, size: u32, plain: u32, kind: BlockKind) -> Result<(), Error> {
        let len = size & (IS_PLAIN - 1);
        if at.checked_add(len.into()).is_none_or(|end| end > self.superblock.end) {
            let expected = Expected::AtMost(self.superblock.end);
            return Err(Error::format(
                Place::Image,
                "end of a block",
                expected,
                at.saturating_add(len.into()),
            ));
        }
        if len > 0 {
            self.data.entry(at).or_insert(SquashfsBlock {
                device_offset: at,
                len_bytes: len,
                plain_len_bytes: plain,
                kind,
                is_compressed: size & IS_PLAIN == 0,
            });
        }
        Ok(())
    }

    /// All paths of each inode that is no directory, by the inode's place.
    fn paths(
        &self,
        inode_table: &Table,
        directory_table: &Table,
        inodes: &BTreeMap<usize, Inode>,
    ) -> Result<HashMap<usize, Vec<Vec<u8>>>, Error> {
        let place = |block: u64, offset: u16| {
            let at = inode_table.position(block, offset.into()).filter(|at| inodes.contains_key(at));
            at.ok_or_else(|| {
                let expected = Expected::Described("the place of an inode");
                Error::format(Place::Image, "inode of an entry", expected, block << 16 | u64::from(offset))
            })
        };
        let root = self.superblock.root_inode;
        let root = place(root >> 16, (root & 0xffff) as u16)?;
        let (mut seen, mut waiting) = (HashSet::from([root]), vec![(root, Vec::new())]);
        let mut found: HashMap<usize, Vec<Vec<u8>>> = HashMap::new();
        let (mut entries, mut names) = (0, 0);
        while let Some((at, path)) = waiting.pop() {
            let inode = &inodes[&at];
            let inode_place = Place::Inode(inode.number.into());
            let Content::Directory { block, offset, len } = inode.content else {
                let expected = Expected::Described("a directory");
                return Err(Error::format(inode_place, "root", expected, at as u64));
            };
            let len = len.saturating_sub(UNSEEN) as usize;
            if len == 0 {
                continue;
            }
            let start = directory_table.position(block.into(), offset.into());
            let listing = start.and_then(|start| directory_table.plain.get(start..start.checked_add(len)?));
            let Some(listing) = listing else {
                let expected = Expected::Described("a place in the directory table");
                return Err(Error::format(inode_place, "directory listing", expected, block.into()));
            };
            directory::entries(listing, inode_place, |entry| {
                let path_len = path.len() as u64 + 1 + entry.name.len() as u64;
                entries += 1;
                names += path_len;
                for (what, maximum, found) in [
                    ("directory entries", self.limits.directory_entries, entries),
                    ("length of a path", self.limits.path_len_bytes, path_len),
                    ("length of all paths", self.limits.names_total_bytes, names),
                ] {
                    if found > maximum {
                        return Err(Error::limit(inode_place, what, maximum, found));
                    }
                }
                let at = place(entry.inode.0.into(), entry.inode.1)?;
                let path = [&path, &b"/"[..], entry.name].concat();
                if matches!(inodes[&at].content, Content::Directory { .. }) {
                    if !seen.insert(at) {
                        let expected = Expected::Described("one parent");
                        return Err(Error::format(inode_place, "directory", expected, 2));
                    }
                    waiting.push((at, path));
                } else {
                    found.entry(at).or_default().push(path);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// Where the content of `file` lies; `index` finds blocks by their offset.
fn pieces(
    file: &File,
    block_len: u32,
    fragments: &[Fragment],
    index: impl Fn(u64) -> Option<usize>,
) -> Vec<Piece> {
    let (mut at, mut file_offset, mut pieces) = (file.start, 0, Vec::new());
    for &size in &file.blocks {
        let len_bytes = (file.len - file_offset).min(block_len.into()) as u32;
        let len = u64::from(size & (IS_PLAIN - 1));
        if let Some(block) = index(at).filter(|_| len > 0) {
            pieces.push(Piece { file_offset, block, block_offset: 0, len_bytes });
        }
        (at, file_offset) = (at + len, file_offset + u64::from(len_bytes));
    }
    let fragment = file.fragment.filter(|_| file_offset < file.len);
    if let Some((fragment, block_offset)) = fragment {
        let len_bytes = (file.len - file_offset).min(block_len.into()) as u32;
        let fits = block_offset.checked_add(len_bytes).is_some_and(|end| end <= block_len);
        let block = fragments.get(fragment as usize).and_then(|&(start, _)| index(start)).filter(|_| fits);
        pieces.extend(block.map(|block| Piece { file_offset, block, block_offset, len_bytes }));
    }
    pieces
}
