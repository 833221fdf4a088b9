//! Inodes: what a file is, how long, and the 60 bytes that lead to its content.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0x00 | 2 | kind and permissions |
//! | 0x02, 0x78 | 2, 2 | owner: low half, high half |
//! | 0x04, 0x6c | 4, 4 | size in bytes: low half, high half |
//! | 0x10 | 4 | time of the last change of the content: seconds since 1970, signed |
//! | 0x18, 0x7a | 2, 2 | group: low half, high half |
//! | 0x1a | 2 | number of names |
//! | 0x20 | 4 | flags |
//! | 0x28 | 60 | extent tree, block numbers, or content |
//! | 0x68, 0x76 | 4, 2 | block of extended attributes: low half, high half |
//! | 0x80 | 2 | length of the fields after 128 bytes; then attributes |
//! | 0x88 | 4 | of the time at 0x10: bits 32 and 33 of the seconds, then 30 bits of nanoseconds |

use super::FileSystem;
use super::features::IncompatFeatures;
use super::metadata::FileKind;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{join, u16_at, u32_at};

/// Attributes past this length of an inode are not looked at: inodes are as long as a block at most, and in
/// practice 256 bytes.
pub(crate) const INODE_LEN_MAX: usize = 4096;

/// Where the 60 bytes begin.
pub(crate) const ROOT_AT: usize = 0x28;
pub(crate) const ROOT_LEN: usize = 60;

const MTIME_AT: usize = 0x10;
const MTIME_EXTRA_AT: usize = 0x88;

/// An inode. Its numbers are as stored, except that those of features which are off are zero.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    pub(crate) number: u32,
    /// Where it lies, in bytes from the start of the image.
    pub(crate) offset: u64,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime_seconds: i64,
    pub(crate) links: u16,
    pub(crate) len_bytes: u64,
    pub(crate) attribute_block: u64,
    pub(crate) root: [u8; ROOT_LEN],
    /// From byte 128 on.
    pub(crate) extra: Vec<u8>,
    flags: u32,
}

impl Inode {
    const ENCRYPTED: u32 = 0x800;
    const EXTENTS: u32 = 0x8_0000;
    const INLINE_DATA: u32 = 0x1000_0000;

    pub(crate) fn parse(number: u32, offset: u64, bytes: &[u8], fs: &FileSystem<'_>) -> Result<Self, Error> {
        let incompat = fs.superblock.incompat;
        let mut root = [0; ROOT_LEN];
        root.copy_from_slice(&bytes[ROOT_AT..ROOT_AT + ROOT_LEN]);
        let wide = incompat.contains(IncompatFeatures::BITS_64);
        let mut inode = Self {
            number,
            offset,
            mode: u16_at(bytes, 0),
            uid: u32::from(u16_at(bytes, 0x02)) | u32::from(u16_at(bytes, 0x78)) << 16,
            gid: u32::from(u16_at(bytes, 0x18)) | u32::from(u16_at(bytes, 0x7a)) << 16,
            mtime_seconds: seconds(bytes, MTIME_AT, MTIME_EXTRA_AT),
            links: u16_at(bytes, 0x1a),
            len_bytes: u64::from(u32_at(bytes, 0x4)),
            attribute_block: join(u32_at(bytes, 0x68), if wide { u32::from(u16_at(bytes, 0x76)) } else { 0 }),
            root,
            extra: bytes[128..].to_vec(),
            flags: u32_at(bytes, 0x20),
        };
        // In directories the high half of the size was something else before `large_dir`.
        let large = incompat.contains(IncompatFeatures::LARGEDIR);
        if inode.kind() == Some(FileKind::Regular) || inode.kind() == Some(FileKind::Directory) && large {
            inode.len_bytes = join(u32_at(bytes, 0x4), u32_at(bytes, 0x6c));
        }
        inode.check_flags()?;
        inode.check_len(fs.superblock.block_len)?;
        Ok(inode)
    }

    /// Blocks of a file are counted with 32 bits; what is longer would be zeros without end.
    fn check_len(&self, block_len: u64) -> Result<(), Error> {
        let maximum = block_len << 32;
        if self.len_bytes > maximum {
            return Err(Error::format(self.place(), "size", Expected::AtMost(maximum), self.len_bytes));
        }
        Ok(())
    }

    fn check_flags(&self) -> Result<(), Error> {
        if self.flags & Self::ENCRYPTED != 0 {
            return Err(Error::unsupported(self.place(), "flags", "plain content", "encrypt"));
        }
        Ok(())
    }

    pub(crate) fn place(&self) -> Place {
        Place::Inode(u64::from(self.number))
    }

    /// `None` for a kind that does not exist.
    pub(crate) fn kind(&self) -> Option<FileKind> {
        match self.mode & 0xf000 {
            0x8000 => Some(FileKind::Regular),
            0x4000 => Some(FileKind::Directory),
            0xa000 => Some(FileKind::Symlink),
            0x1000 | 0x2000 | 0x6000 | 0xc000 => Some(FileKind::Special),
            _ => None,
        }
    }

    pub(crate) fn has_extents(&self) -> bool {
        self.flags & Self::EXTENTS != 0
    }

    pub(crate) fn has_inline_data(&self) -> bool {
        self.flags & Self::INLINE_DATA != 0
    }
}

/// The seconds of a time, with the two high bits behind the first 128 bytes where the inode has them.
fn seconds(bytes: &[u8], at: usize, extra_at: usize) -> i64 {
    let low = i64::from(i32::from_le_bytes(u32_at(bytes, at).to_le_bytes()));
    let extra_len = if bytes.len() > 130 { usize::from(u16_at(bytes, 128)) } else { 0 };
    let end = extra_at + 4;
    if 128 + extra_len < end || bytes.len() < end {
        return low;
    }
    low + (i64::from(u32_at(bytes, extra_at) & 3) << 32)
}
