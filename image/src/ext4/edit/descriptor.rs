//! Group descriptors as they are changed.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0x0c, 0x2c | 2, 2 | free blocks: low half, high half (with descriptors of 64 bytes) |
//! | 0x0e, 0x2e | 2, 2 | free inodes |
//! | 0x10, 0x30 | 2, 2 | directories |
//! | 0x12 | 2 | flags: 1 inode bitmap not written, 2 block bitmap not written, 4 inode table zeroed |
//! | 0x18, 0x38 | 2, 2 | checksum of the block bitmap |
//! | 0x1a, 0x3a | 2, 2 | checksum of the inode bitmap |
//! | 0x1c, 0x32 | 2, 2 | inodes at the end of the table that were never used |
//! | 0x1e | 2 | checksum |

use super::Editor;
use crate::block_device::BlockDevice as _;
use crate::error::{Error, Expected, Place};
use crate::ext4::group;
use crate::little_endian::{part_u16, put_u16, u16_at};

const HIGH_HALVES: usize = 64;
const CHECKSUM_AT: usize = 0x1e;
const FLAGS_AT: usize = 0x12;

/// A number in a descriptor: where its low and high halves are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(usize, usize);

pub(super) const FREE_BLOCKS: Field = Field(0x0c, 0x2c);
pub(super) const FREE_INODES: Field = Field(0x0e, 0x2e);
pub(super) const DIRECTORIES: Field = Field(0x10, 0x30);
pub(super) const BLOCK_BITMAP_CHECKSUM: Field = Field(0x18, 0x38);
pub(super) const INODE_BITMAP_CHECKSUM: Field = Field(0x1a, 0x3a);
pub(super) const UNUSED_INODES: Field = Field(0x1c, 0x32);

pub(super) const INODES_UNWRITTEN: u16 = 1;
pub(super) const BLOCKS_UNWRITTEN: u16 = 2;

/// A descriptor in memory.
pub(super) struct Descriptor {
    pub(super) group: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl Descriptor {
    pub(super) fn place(&self) -> Place {
        Place::Group(self.group)
    }

    pub(super) fn get(&self, Field(low, high): Field) -> u32 {
        let wide = self.bytes.len() >= HIGH_HALVES;
        u32::from(u16_at(&self.bytes, low))
            | if wide { u32::from(u16_at(&self.bytes, high)) << 16 } else { 0 }
    }

    pub(super) fn set(&mut self, Field(low, high): Field, value: u32) {
        put_u16(&mut self.bytes, low, part_u16(value.into(), 0));
        if self.bytes.len() >= HIGH_HALVES {
            put_u16(&mut self.bytes, high, part_u16(value.into(), 16));
        }
    }

    /// The part of a checksum that there is room for.
    pub(super) fn kept(&self, checksum: u32) -> u32 {
        if self.bytes.len() >= HIGH_HALVES { checksum } else { checksum & 0xffff }
    }

    /// Adds to a count, or takes from it.
    pub(super) fn count(&mut self, field: Field, what: &'static str, more: i64) -> Result<(), Error> {
        let before = self.get(field);
        match i64::from(before).checked_add(more).map(u32::try_from) {
            Some(Ok(after)) => {
                self.set(field, after);
                Ok(())
            }
            _ => {
                let expected = Expected::AtLeast(more.unsigned_abs());
                Err(Error::format(self.place(), what, expected, before.into()))
            }
        }
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        u16_at(&self.bytes, FLAGS_AT) & flag != 0
    }

    pub(super) fn clear(&mut self, flag: u16) {
        let flags = u16_at(&self.bytes, FLAGS_AT) & !flag;
        put_u16(&mut self.bytes, FLAGS_AT, flags);
    }
}

impl Editor<'_> {
    pub(super) fn descriptor(&self, group: u64) -> Result<Descriptor, Error> {
        let sb = &self.superblock;
        let per_block = group::descriptors_per_block(sb);
        let block = group::descriptor_block(sb, group / per_block);
        let offset = block * sb.block_len + group % per_block * sb.descriptor_len;
        let mut bytes = vec![0; usize::try_from(sb.descriptor_len).unwrap_or(32)];
        self.overlay.read_at(offset, &mut bytes)?;
        if let Some(checksum) = self.checksums.descriptor(group, &bytes) {
            let found = u16_at(&bytes, CHECKSUM_AT);
            if found != checksum {
                let expected = Expected::Exactly(checksum.into());
                return Err(Error::format(Place::Group(group), "checksum", expected, found.into()));
            }
        }
        Ok(Descriptor { group, offset, bytes })
    }

    pub(super) fn store_descriptor(&mut self, mut descriptor: Descriptor) -> Result<(), Error> {
        if let Some(checksum) = self.checksums.descriptor(descriptor.group, &descriptor.bytes) {
            put_u16(&mut descriptor.bytes, CHECKSUM_AT, checksum);
        }
        self.overlay.patch(descriptor.offset, &descriptor.bytes)
    }
}
