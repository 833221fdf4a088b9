//! Inodes: what a file is, how long, and how its content is laid out.
//!
//! | compact | extended | bytes | field |
//! |---|---|---|---|
//! | 0 | 0 | 2 | bit 0: extended; bits 1 to 3: layout |
//! | 2 | 2 | 2 | length of the attributes |
//! | 4 | 4 | 2 | kind and permissions |
//! | 8 | 8 | 4, 8 | size in bytes |
//! | 16 | 16 | 4 | first block, or what chunks are like |

use super::superblock::Superblock;
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u32_at, u64_at};

/// Inode numbers count 32 bytes each; an extended inode takes two.
const SLOT_LEN: u64 = 32;
const COMPACT_LEN: usize = 32;
const EXTENDED_LEN: usize = 64;

/// What an inode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InodeKind {
    Regular,
    Directory,
    Symlink,
    /// Device, pipe or socket.
    Special,
}

/// How the content of an inode is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Whole blocks from `first_block` on.
    Plain,
    /// The same, but the bytes past the last whole block follow the inode.
    Inline,
    /// Compressed, with eight bytes of index for each block.
    Full,
    /// Compressed, with two or four.
    Compact,
    /// Chunks, each anywhere.
    Chunks,
}

/// An inode, its layout checked.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) nid: u64,
    pub(super) mode: u16,
    pub(super) len_bytes: u64,
    pub(super) layout: Layout,
    /// The field whose meaning depends on the layout.
    pub(super) first_block: u32,
    /// First byte after inode and attributes, from the start of the image.
    pub(super) end: u64,
}

impl Inode {
    pub(super) fn read(device: &dyn BlockDevice, superblock: &Superblock, nid: u64) -> Result<Self, Error> {
        let place = Place::Inode(nid);
        let offset = nid
            .checked_mul(SLOT_LEN)
            .and_then(|offset| offset.checked_add(superblock.inodes_offset))
            .filter(|offset| superblock.len_bytes.checked_sub(SLOT_LEN).is_some_and(|last| *offset <= last));
        let Some(offset) = offset else {
            let most = superblock.len_bytes.saturating_sub(superblock.inodes_offset) / SLOT_LEN;
            return Err(Error::format(place, "inode number", Expected::AtMost(most.saturating_sub(1)), nid));
        };
        let mut bytes = [0; EXTENDED_LEN];
        device.read_at(offset, &mut bytes[..COMPACT_LEN])?;
        let format = u16_at(&bytes, 0);
        let extended = format & 1 != 0;
        if extended {
            if offset + 2 * SLOT_LEN > superblock.len_bytes {
                let most = superblock.len_bytes.saturating_sub(2 * SLOT_LEN);
                return Err(Error::format(
                    place,
                    "offset of an extended inode",
                    Expected::AtMost(most),
                    offset,
                ));
            }
            device.read_at(offset + SLOT_LEN, &mut bytes[COMPACT_LEN..])?;
        }
        let layout = match format >> 1 & 7 {
            0 => Layout::Plain,
            1 => Layout::Full,
            2 => Layout::Inline,
            3 => Layout::Compact,
            4 => Layout::Chunks,
            other => return Err(Error::unsupported(place, "layout", "0 to 4", other.to_string())),
        };
        let attributes = match u64::from(u16_at(&bytes, 2)) {
            0 => 0,
            count => 12 + (count - 1) * 4,
        };
        let inode_len = if extended { EXTENDED_LEN } else { COMPACT_LEN } as u64;
        Ok(Self {
            nid,
            mode: u16_at(&bytes, 4),
            len_bytes: if extended { u64_at(&bytes, 8) } else { u64::from(u32_at(&bytes, 8)) },
            layout,
            first_block: u32_at(&bytes, 16),
            end: offset + inode_len + attributes,
        })
    }

    pub(super) fn place(&self) -> Place {
        Place::Inode(self.nid)
    }

    /// `None` for a kind that does not exist.
    pub(super) fn kind(&self) -> Option<InodeKind> {
        match self.mode & 0xf000 {
            0x8000 => Some(InodeKind::Regular),
            0x4000 => Some(InodeKind::Directory),
            0xa000 => Some(InodeKind::Symlink),
            0x1000 | 0x2000 | 0x6000 | 0xc000 => Some(InodeKind::Special),
            _ => None,
        }
    }
}
