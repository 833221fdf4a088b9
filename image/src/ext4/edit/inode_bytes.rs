//! Inodes as they are changed, field by field.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0x00 | 2 | kind and permissions |
//! | 0x02, 0x78 | 2, 2 | owner: low half, high half |
//! | 0x04, 0x6c | 4, 4 | size: low half, high half |
//! | 0x08, 0x0c, 0x10 | 4 each | times: of access, of the inode, of the content |
//! | 0x18, 0x7a | 2, 2 | group: low half, high half |
//! | 0x1a | 2 | number of names |
//! | 0x1c, 0x74 | 4, 2 | units of 512 bytes: low half, high half |
//! | 0x20 | 4 | flags |
//! | 0x28 | 60 | extent tree, block numbers, or content |
//! | 0x64 | 4 | generation |
//! | 0x7c, 0x82 | 2, 2 | checksum: low half, high half |
//! | 0x80 | 2 | length of the fields after 128 bytes |
//! | 0x84, 0x88, 0x8c | 4 each | the rest of the times: of the inode, of the content, of access |
//! | 0x90, 0x94 | 4, 4 | time when it was made |

use super::{Attributes, Editor};
use crate::block_device::BlockDevice as _;
use crate::error::{Error, Expected, Place};
use crate::ext4::crc32c::crc32c;
use crate::ext4::inode::{Inode, ROOT_AT, ROOT_LEN};
use crate::ext4::metadata::FileKind;
use crate::little_endian::{part_u16, part_u32, put_u16, put_u32, u16_at, u32_at};

pub(super) const EXTENTS: u32 = 0x8_0000;
pub(super) const INLINE_DATA: u32 = 0x1000_0000;
/// The directory has a hash tree.
pub(super) const INDEXED: u32 = 0x1000;

const FLAGS_AT: usize = 0x20;
const LINKS_AT: usize = 0x1a;
const GENERATION_AT: usize = 0x64;
const CHECKSUM_LOW_AT: usize = 0x7c;
const EXTRA_LEN_AT: usize = 0x80;
const CHECKSUM_HIGH_AT: usize = 0x82;
const WANTED_EXTRA_LEN_AT: usize = 0x15e;
/// All fields that are known.
const EXTRA_LEN: u16 = 32;

/// An inode in memory, all of it.
#[derive(Debug, Clone)]
pub(super) struct RawInode {
    pub(super) number: u32,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl RawInode {
    pub(super) fn place(&self) -> Place {
        Place::Inode(u64::from(self.number))
    }

    pub(super) fn flags(&self) -> u32 {
        u32_at(&self.bytes, FLAGS_AT)
    }

    pub(super) fn set_flags(&mut self, flags: u32) {
        put_u32(&mut self.bytes, FLAGS_AT, flags);
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags() & flag != 0
    }

    pub(super) fn links(&self) -> u16 {
        u16_at(&self.bytes, LINKS_AT)
    }

    pub(super) fn set_links(&mut self, links: u16) {
        put_u16(&mut self.bytes, LINKS_AT, links);
    }

    pub(super) fn generation(&self) -> u32 {
        u32_at(&self.bytes, GENERATION_AT)
    }

    pub(super) fn root(&self) -> &[u8] {
        &self.bytes[ROOT_AT..ROOT_AT + ROOT_LEN]
    }

    pub(super) fn set_root(&mut self, root: &[u8]) {
        self.bytes[ROOT_AT..ROOT_AT + ROOT_LEN].fill(0);
        self.bytes[ROOT_AT..ROOT_AT + root.len()].copy_from_slice(root);
    }

    pub(super) fn attribute_block(&self) -> u64 {
        u64::from(u32_at(&self.bytes, 0x68)) | u64::from(u16_at(&self.bytes, 0x76)) << 32
    }

    pub(super) fn set_attribute_block(&mut self, number: u64) {
        put_u32(&mut self.bytes, 0x68, part_u32(number, 0));
        put_u16(&mut self.bytes, 0x76, part_u16(number, 32));
    }

    pub(super) fn set_len(&mut self, len_bytes: u64) {
        put_u32(&mut self.bytes, 0x04, part_u32(len_bytes, 0));
        put_u32(&mut self.bytes, 0x6c, part_u32(len_bytes, 32));
    }

    /// Sets how much it takes, in units of 512 bytes.
    pub(super) fn set_units(&mut self, units: u64) {
        put_u32(&mut self.bytes, 0x1c, part_u32(units, 0));
        put_u16(&mut self.bytes, 0x74, part_u16(units, 32));
    }

    pub(super) fn set_kind(&mut self, kind: FileKind) {
        let bits = match kind {
            FileKind::Regular => 0x8000,
            FileKind::Directory => 0x4000,
            FileKind::Symlink => 0xa000,
            // Never made here.
            FileKind::Special => 0x1000,
        };
        let mode = u16_at(&self.bytes, 0) & 0o7777 | bits;
        put_u16(&mut self.bytes, 0, mode);
    }

    /// How many bytes of fields follow the first 128.
    pub(super) fn extra_len(&self) -> usize {
        match self.bytes.get(EXTRA_LEN_AT..EXTRA_LEN_AT + 2) {
            Some(_) => usize::from(u16_at(&self.bytes, EXTRA_LEN_AT)),
            None => 0,
        }
    }

    fn has_field(&self, end: usize) -> bool {
        128 + self.extra_len() >= end && self.bytes.len() >= end
    }

    /// Sets permissions, owner, and the times of content and inode.
    pub(super) fn set_attributes(&mut self, attributes: &Attributes) {
        let mode = u16_at(&self.bytes, 0) & 0xf000 | attributes.mode & 0o7777;
        put_u16(&mut self.bytes, 0, mode);
        put_u16(&mut self.bytes, 0x02, part_u16(attributes.uid.into(), 0));
        put_u16(&mut self.bytes, 0x78, part_u16(attributes.uid.into(), 16));
        put_u16(&mut self.bytes, 0x18, part_u16(attributes.gid.into(), 0));
        put_u16(&mut self.bytes, 0x7a, part_u16(attributes.gid.into(), 16));
        self.set_time(0x0c, 0x84, attributes.mtime_seconds);
        self.set_time(0x10, 0x88, attributes.mtime_seconds);
    }

    /// Sets the times that an existing file keeps.
    fn set_birth(&mut self, seconds: i64) {
        self.set_time(0x08, 0x8c, seconds);
        if self.has_field(0x98) {
            self.set_time(0x90, 0x94, seconds);
        }
    }

    /// Sets a time, or the nearest that there is room for, as the kernel does.
    fn set_time(&mut self, at: usize, extra_at: usize, seconds: i64) {
        let wide = self.has_field(extra_at + 4);
        let end = if wide { (1 << 34) - (1 << 31) } else { 1 << 31 };
        let seconds = seconds.clamp(-(1 << 31), end - 1);
        let [a, b, c, d, high @ ..] = seconds.to_le_bytes();
        let low = [a, b, c, d];
        put_u32(&mut self.bytes, at, u32::from_le_bytes(low));
        if wide {
            // What the low half, as a signed number, is short of: 0 to 3 times 2^32.
            let high = i32::from_le_bytes(high).wrapping_add(i32::from(i32::from_le_bytes(low) < 0));
            put_u32(&mut self.bytes, extra_at, u32::from_le_bytes(high.to_le_bytes()) & 3);
        }
    }

    fn checksum(&self, seed: u32) -> (u16, Option<u16>) {
        let wide = self.has_field(CHECKSUM_HIGH_AT + 2);
        let state = crc32c(seed, &self.bytes[..CHECKSUM_LOW_AT]);
        let mut state = crc32c(crc32c(state, &[0, 0]), &self.bytes[CHECKSUM_LOW_AT + 2..128]);
        if wide {
            state = crc32c(state, &self.bytes[128..CHECKSUM_HIGH_AT]);
            state = crc32c(crc32c(state, &[0, 0]), &self.bytes[CHECKSUM_HIGH_AT + 2..]);
        } else {
            state = crc32c(state, &self.bytes[128..]);
        }
        (part_u16(state.into(), 0), wide.then_some(part_u16(state.into(), 16)))
    }
}

impl Editor<'_> {
    /// Reads an inode, which must agree with its checksum.
    pub(super) fn load_inode(&self, number: u32) -> Result<RawInode, Error> {
        let offset = self.fs().inode_offset(number)?;
        let mut bytes = vec![0; usize::from(self.superblock.inode_len)];
        self.overlay.read_at(offset, &mut bytes)?;
        let inode = RawInode { number, offset, bytes };
        if inode.extra_len() > inode.bytes.len() - 128 {
            let most = u64::try_from(inode.bytes.len() - 128).unwrap_or(0);
            let found = u64::try_from(inode.extra_len()).unwrap_or(u64::MAX);
            return Err(Error::format(inode.place(), "length of its fields", Expected::AtMost(most), found));
        }
        if let Some(seed) = self.checksums.inode_seed(number, inode.generation()) {
            let (low, high) = inode.checksum(seed);
            let found_low = u16_at(&inode.bytes, CHECKSUM_LOW_AT);
            let found_high = high.map(|_| u16_at(&inode.bytes, CHECKSUM_HIGH_AT));
            if (low, high) != (found_low, found_high) {
                let whole = |low: u16, high: Option<u16>| u64::from(low) | u64::from(high.unwrap_or(0)) << 16;
                let expected = Expected::Exactly(whole(low, high));
                return Err(Error::format(inode.place(), "checksum", expected, whole(found_low, found_high)));
            }
        }
        Ok(inode)
    }

    /// What the reader makes of it.
    pub(super) fn parsed(&self, inode: &RawInode) -> Result<Inode, Error> {
        Inode::parse(inode.number, inode.offset, &inode.bytes, &self.fs())
    }

    pub(super) fn store_inode(&mut self, inode: &mut RawInode) -> Result<(), Error> {
        if let Some(seed) = self.checksums.inode_seed(inode.number, inode.generation()) {
            let (low, high) = inode.checksum(seed);
            put_u16(&mut inode.bytes, CHECKSUM_LOW_AT, low);
            if let Some(high) = high {
                put_u16(&mut inode.bytes, CHECKSUM_HIGH_AT, high);
            }
        }
        self.overlay.patch(inode.offset, &inode.bytes)
    }

    /// An inode that has no content yet, in place of whatever was there. With `extra_len`, which another inode has, its
    /// fields are as long as those.
    pub(super) fn fresh_inode(
        &self,
        number: u32,
        kind: FileKind,
        attributes: &Attributes,
        extra_len: Option<usize>,
    ) -> Result<RawInode, Error> {
        let offset = self.fs().inode_offset(number)?;
        let mut inode = RawInode { number, offset, bytes: vec![0; usize::from(self.superblock.inode_len)] };
        let room = self.superblock.inode_len - 128;
        if room > 0 {
            let wanted = u16_at(&self.superblock_bytes()?, WANTED_EXTRA_LEN_AT);
            let wanted = if wanted == 0 || wanted % 4 != 0 { EXTRA_LEN } else { wanted };
            let same = extra_len.and_then(|len| u16::try_from(len).ok());
            put_u16(&mut inode.bytes, EXTRA_LEN_AT, same.unwrap_or(wanted).min(room));
        }
        inode.set_attributes(attributes);
        inode.set_birth(attributes.mtime_seconds);
        inode.set_kind(kind);
        inode.set_links(1);
        Ok(inode)
    }

    /// Clears an inode that is given back.
    pub(super) fn clear_inode(&mut self, number: u32) -> Result<(), Error> {
        let offset = self.fs().inode_offset(number)?;
        self.overlay.patch(offset, &vec![0; usize::from(self.superblock.inode_len)])
    }
}
