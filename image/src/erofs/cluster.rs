//! Compressed files: the index that says for each block of the file where its cluster begins, as extents.
//!
//! | at | bytes | field of the header before the index |
//! |---|---|---|
//! | 2 | 2 | length of an inline cluster |
//! | 4 | 2 | flags |
//! | 6 | 1 | algorithms: of the first kind of heads in the low four bits, of the second in the high |
//! | 7 | 1 | bits 0 to 2: the index's blocks as a power of two of blocks; the others: 0 here |
//!
//! The full index follows eight bytes after the header, with an entry of eight bytes for each block: kind and flags
//! (2), position within the block (2), block of the cluster (4), or the count of blocks of the cluster (2, 2).

use super::FileSystem;
use super::compact_index::{self, Division};
use super::extent::{Algorithm, Extent, Packed, Stored};
use super::inode::{Inode, Layout};
use crate::error::{Error, Expected};
use crate::little_endian::{u16_at, u32_at};

const SMALL_ENTRIES: u16 = 0x1;
const BIG_CLUSTERS: u16 = 0x2 | 0x4;
const INLINE: u16 = 0x8;
const KNOWN_FLAGS: u16 = SMALL_ENTRIES | BIG_CLUSTERS | INLINE;
const HEADER_LEN: u64 = 8;
const FULL_ENTRY_LEN: usize = 8;
/// Kinds have two bits; a third one would say that the cluster holds more than the file needs.
const KNOWN_ADVICE: u16 = 3;
const BLOCK_COUNT: u16 = 1 << 11;

/// The number of [`Kind::NotHead`].
pub(super) const KIND_NOT_HEAD: u32 = 2;

/// What the index says about one block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Where in the block the cluster begins.
    pub(super) position: u32,
    /// The cluster's first block.
    pub(super) block: u64,
}

/// What begins in a block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Content as it is.
    Plain,
    /// A cluster of the first or of the second algorithm.
    Packed { second: bool },
    /// Nothing: the block is in the middle of a cluster, of this many blocks if it says so.
    NotHead { block_count: Option<u32> },
}

impl Kind {
    /// The kind with this number, which is not that of [`Kind::NotHead`].
    pub(super) fn head(number: u32) -> Self {
        match number {
            0 => Self::Plain,
            number => Self::Packed { second: number == 3 },
        }
    }
}

/// The index of a file with its header.
pub(super) struct ClusterIndex {
    flags: u16,
    algorithms: [u8; 2],
    inline_len: u64,
    entries: Vec<Entry>,
    /// First byte after the index.
    end: u64,
}

impl ClusterIndex {
    pub(super) fn read(fs: &FileSystem<'_>, inode: &Inode) -> Result<Self, Error> {
        let at = inode.end.next_multiple_of(8);
        fs.check_range(inode.place(), "index in bytes", at, HEADER_LEN)?;
        let mut header = [0; 8];
        fs.device.read_at(at, &mut header)?;
        let flags = u16_at(&header, 4);
        let mut index = Self {
            flags,
            algorithms: [header[6] & 15, header[6] >> 4],
            inline_len: if flags & INLINE != 0 { u64::from(u16_at(&header, 2)) } else { 0 },
            entries: Vec::new(),
            end: at + HEADER_LEN,
        };
        if flags & !KNOWN_FLAGS != 0 {
            let found = format!("{flags:#x}");
            return Err(Error::unsupported(inode.place(), "flags of the index", "at most 0xf", found));
        }
        if header[7] != 0 {
            let found = format!("format {:#x}", header[7]);
            return Err(Error::unsupported(inode.place(), "blocks of the index", "of one block", found));
        }
        let count = inode.len_bytes.div_ceil(fs.superblock.block_len);
        match inode.layout {
            Layout::Full => index.read_full(fs, inode, at + 2 * HEADER_LEN, count)?,
            _ => index.read_compact(fs, inode, at + HEADER_LEN, count)?,
        }
        Ok(index)
    }

    fn has_big_clusters(&self) -> bool {
        self.flags & BIG_CLUSTERS != 0
    }

    fn read_full(&mut self, fs: &FileSystem<'_>, inode: &Inode, at: u64, count: u64) -> Result<(), Error> {
        let bytes = fs.read_index(inode, at, count, FULL_ENTRY_LEN)?;
        self.end = at + bytes.len() as u64;
        for bytes in bytes.chunks_exact(FULL_ENTRY_LEN) {
            if u16_at(bytes, 0) & !KNOWN_ADVICE != 0 {
                let found = format!("{:#x}", u16_at(bytes, 0));
                return Err(Error::unsupported(inode.place(), "kind of a cluster", "0 to 3", found));
            }
            self.entries.push(self.full_entry(bytes));
        }
        Ok(())
    }

    fn full_entry(&self, bytes: &[u8]) -> Entry {
        let count = u16_at(bytes, 4);
        let kind = match u32::from(u16_at(bytes, 0)) {
            KIND_NOT_HEAD => {
                let counted = self.has_big_clusters() && count & BLOCK_COUNT != 0;
                Kind::NotHead { block_count: counted.then_some(u32::from(count & !BLOCK_COUNT)) }
            }
            number => Kind::head(number),
        };
        Entry { kind, position: u32::from(u16_at(bytes, 2)), block: u64::from(u32_at(bytes, 4)) }
    }

    fn read_compact(&mut self, fs: &FileSystem<'_>, inode: &Inode, at: u64, count: u64) -> Result<(), Error> {
        if fs.superblock.block_len > 4096 {
            let found = fs.superblock.block_len.to_string();
            return Err(Error::unsupported(inode.place(), "block length of a compact index", "4096", found));
        }
        let division = Division::of(at, count, self.flags & SMALL_ENTRIES != 0);
        let bytes = fs.read_index(inode, at, division.len_bytes().unwrap_or(u64::MAX), 1)?;
        self.end = at + bytes.len() as u64;
        self.entries = compact_index::entries(&bytes, division, self.has_big_clusters());
        Ok(())
    }

    /// Where in the file each cluster begins, in order. What begins at the end of the file is only a mark.
    fn heads(&self, inode: &Inode, block_len: u64) -> Result<Vec<(u64, usize)>, Error> {
        let mut heads: Vec<(u64, usize)> = Vec::new();
        for (number, entry) in self.entries.iter().enumerate() {
            if matches!(entry.kind, Kind::NotHead { .. }) {
                continue;
            }
            let position = u64::from(entry.position);
            if position >= block_len {
                return Err(Error::format(
                    inode.place(),
                    "start in a block",
                    Expected::AtMost(block_len - 1),
                    position,
                ));
            }
            let start = number as u64 * block_len + position;
            if start < inode.len_bytes {
                heads.push((start, number));
            }
        }
        match heads.first() {
            Some((0, _)) => Ok(heads),
            other => {
                let found = other.map_or(inode.len_bytes, |head| head.0);
                Err(Error::format(inode.place(), "start of the first cluster", Expected::Exactly(0), found))
            }
        }
    }

    /// Blocks of the cluster that begins with entry `number`.
    fn block_count(&self, number: usize) -> u64 {
        match self.entries.get(number + 1).map(|entry| entry.kind) {
            Some(Kind::NotHead { block_count: Some(count) }) if self.has_big_clusters() => u64::from(count),
            _ => 1,
        }
    }
}

/// The extents that an index says.
pub(super) fn extents(
    fs: &FileSystem<'_>,
    inode: &Inode,
    index: &ClusterIndex,
) -> Result<Vec<Extent>, Error> {
    let block_len = fs.superblock.block_len;
    let heads = index.heads(inode, block_len)?;
    let mut extents = Vec::with_capacity(heads.len());
    for (nth, (start, number)) in heads.iter().enumerate() {
        let (start, last) = (*start, nth + 1 == heads.len());
        let end = heads.get(nth + 1).map_or(inode.len_bytes, |next| next.0);
        let inline = last && index.inline_len > 0;
        let entry = index.entries[*number];
        let (device_offset, stored_len) = if inline {
            (index.end, index.inline_len)
        } else {
            (entry.block.saturating_mul(block_len), index.block_count(*number) * block_len)
        };
        fs.check_range(inode.place(), "cluster in bytes", device_offset, stored_len)?;
        let stored = match entry.kind {
            Kind::Packed { second } => Stored::Packed(Packed {
                device_offset,
                stored_len_bytes: stored_len,
                algorithm: Algorithm::of_code(index.algorithms[usize::from(second)]),
                inline,
                zero_padding: fs.superblock.zero_padding,
            }),
            _ if end - start > stored_len => {
                let expected = Expected::AtMost(stored_len);
                return Err(Error::format(inode.place(), "length of a plain cluster", expected, end - start));
            }
            _ => Stored::Plain { device_offset },
        };
        extents.push(Extent { file_offset: start, len_bytes: end - start, stored });
    }
    Ok(extents)
}
