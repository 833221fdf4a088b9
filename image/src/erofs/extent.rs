//! Extents: which piece of a file lies where, and how it is packed.

use super::FileSystem;
use super::cluster::{self, ClusterIndex};
use super::inode::{Inode, Layout};
use crate::error::{Error, Expected};
use crate::little_endian::{u16_at, u32_at};

/// A contiguous piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extent {
    /// First byte in the file.
    pub file_offset: u64,
    /// Length in the file in bytes, at least 1.
    pub len_bytes: u64,
    /// Where it comes from.
    pub stored: Stored,
}

/// Where the bytes of an extent come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stored {
    /// They are zero.
    Hole,
    /// They lie in the image as they are.
    Plain {
        /// First byte in the image.
        device_offset: u64,
    },
    /// They are packed.
    Packed(Packed),
}

/// A cluster: content that is packed on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packed {
    /// First byte in the image, of a block unless it is inline.
    pub device_offset: u64,
    /// Length in the image in bytes: whole blocks unless it is inline.
    pub stored_len_bytes: u64,
    /// How it is packed.
    pub algorithm: Algorithm,
    /// It stands between the inodes, at the end of its file's index.
    pub inline: bool,
    /// The packed bytes stand at its end, with zeros before them; else at its start, with anything after them.
    pub zero_padding: bool,
}

/// How a cluster is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// An LZ4 block.
    Lz4,
    /// MicroLZMA.
    Lzma,
    /// Deflate.
    Deflate,
    /// Zstandard.
    Zstd,
    /// A number that is not known here.
    Other(u8),
}

impl Algorithm {
    pub(super) fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Lz4,
            1 => Self::Lzma,
            2 => Self::Deflate,
            3 => Self::Zstd,
            other => Self::Other(other),
        }
    }
}

/// Chunks of this number are holes.
const HOLE: u32 = u32::MAX;

impl FileSystem<'_> {
    /// The extents of an inode, in order, without gap, up to its size.
    pub(super) fn extents(&self, inode: &Inode) -> Result<Vec<Extent>, Error> {
        if inode.len_bytes == 0 {
            return Ok(Vec::new());
        }
        match inode.layout {
            Layout::Plain => self.flat(inode, 0),
            Layout::Inline => self.flat(inode, inode.len_bytes % self.superblock.block_len),
            Layout::Chunks => self.chunks(inode),
            Layout::Full | Layout::Compact => {
                let index = ClusterIndex::read(self, inode)?;
                cluster::extents(self, inode, &index)
            }
        }
    }

    fn flat(&self, inode: &Inode, inline_len: u64) -> Result<Vec<Extent>, Error> {
        let mut extents = Vec::new();
        let in_blocks = inode.len_bytes - inline_len;
        let mut push = |file_offset, len_bytes, device_offset, field| {
            self.check_range(inode.place(), field, device_offset, len_bytes)?;
            if len_bytes > 0 {
                extents.push(Extent { file_offset, len_bytes, stored: Stored::Plain { device_offset } });
            }
            Ok::<(), Error>(())
        };
        let first = u64::from(inode.first_block) * self.superblock.block_len;
        if in_blocks > 0 {
            push(0, in_blocks, first, "first block in bytes")?;
        }
        push(in_blocks, inline_len, inode.end, "inline content")?;
        Ok(extents)
    }

    fn chunks(&self, inode: &Inode) -> Result<Vec<Extent>, Error> {
        let format = inode.first_block;
        if format & !0x3f != 0 {
            return Err(Error::unsupported(
                inode.place(),
                "chunks",
                "format 0 to 0x3f",
                format!("{format:#x}"),
            ));
        }
        let with_devices = format & 0x20 != 0;
        let entry_len: usize = if with_devices { 8 } else { 4 };
        let chunk_len = self.superblock.block_len << (format & 0x1f);
        let index = inode.end.next_multiple_of(entry_len as u64);
        let count = inode.len_bytes.div_ceil(chunk_len);
        let entries = self.read_index(inode, index, count, entry_len)?;
        let mut extents: Vec<Extent> = Vec::new();
        let mut file_offset = 0;
        for entry in entries.chunks_exact(entry_len) {
            if with_devices && u16_at(entry, 2) != 0 {
                let found = u16_at(entry, 2).to_string();
                return Err(Error::unsupported(inode.place(), "device of a chunk", "0", found));
            }
            let block = u32_at(entry, entry_len - 4);
            let len_bytes = chunk_len.min(inode.len_bytes - file_offset);
            let stored = if block == HOLE {
                Stored::Hole
            } else {
                let device_offset = u64::from(block) * self.superblock.block_len;
                self.check_range(inode.place(), "chunk in bytes", device_offset, len_bytes)?;
                Stored::Plain { device_offset }
            };
            extents.push(Extent { file_offset, len_bytes, stored });
            file_offset += len_bytes;
        }
        Ok(extents)
    }

    /// Reads `count` entries of an index. The index lies in the file system, so that an image pays for each entry.
    pub(super) fn read_index(
        &self,
        inode: &Inode,
        offset: u64,
        count: u64,
        entry_len: usize,
    ) -> Result<Vec<u8>, Error> {
        let len = count.saturating_mul(entry_len as u64);
        self.check_range(inode.place(), "index in bytes", offset, len)?;
        let len_in_memory = usize::try_from(len).map_err(|_| {
            Error::format(inode.place(), "length of the index", Expected::AtMost(usize::MAX as u64), len)
        })?;
        let mut bytes = vec![0; len_in_memory];
        self.device.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }
}
