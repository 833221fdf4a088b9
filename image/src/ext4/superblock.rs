//! The superblock: 1,024 bytes at offset 1,024, little-endian.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0x00 | 4 | inodes |
//! | 0x04 | 4 | blocks, low half |
//! | 0x14 | 4 | first data block: 1 for blocks of 1 KiB, else 0 |
//! | 0x18 | 4 | block length as a power of two, less 10 |
//! | 0x20 | 4 | blocks in a group |
//! | 0x28 | 4 | inodes in a group |
//! | 0x38 | 2 | magic |
//! | 0x4c | 4 | revision: 0 has fixed inodes and no features |
//! | 0x54 | 4 | first inode that is not reserved |
//! | 0x58 | 2 | inode length in bytes |
//! | 0x5c, 0x60, 0x64 | 4 each | features: compatible, incompatible, read-only compatible |
//! | 0xce | 2 | blocks kept for descriptors |
//! | 0xe0 | 4 | journal inode |
//! | 0xfe | 2 | descriptor length in bytes, with `64bit` |
//! | 0x104 | 4 | first descriptor block that is placed by `meta_bg` |
//! | 0x150 | 4 | blocks, high half, with `64bit` |
//! | 0x168 | 8 | block of multiple-mount protection |
//! | 0x175 | 1 | kind of checksum: 1 is CRC-32C |
//! | 0x240, 0x244, 0x26c | 4 each | quota inodes: users, groups, projects |
//! | 0x24c | 4 + 4 | the two groups with backups, with `sparse_super2` |
//! | 0x27c | 2 | character encoding of names, with `casefold` |
//! | 0x280 | 4 | inode of the orphan list |
//! | 0x3fc | 4 | checksum of all before it |

use super::crc32c::crc32c;
use super::features::{CompatFeatures, IncompatFeatures, RoCompatFeatures};
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{join, u16_at, u32_at, u64_at};

pub(crate) const SUPERBLOCK_OFFSET: u64 = 1024;
pub(crate) const SUPERBLOCK_LEN: usize = 1024;
pub(crate) const MAGIC: u16 = 0xef53;

/// What the rest needs of a superblock, checked.
#[derive(Debug, Clone)]
pub(crate) struct Superblock {
    pub(crate) block_len: u64,
    pub(crate) blocks_count: u64,
    pub(crate) inodes_count: u32,
    pub(crate) first_data_block: u64,
    pub(crate) blocks_per_group: u64,
    pub(crate) inodes_per_group: u32,
    pub(crate) inode_len: u16,
    pub(crate) first_inode: u32,
    pub(crate) descriptor_len: u64,
    pub(crate) reserved_descriptor_blocks: u64,
    pub(crate) first_meta_group: u64,
    pub(crate) backup_groups: [u64; 2],
    pub(crate) journal_inode: u32,
    /// Quota and orphan list; 0 where there is none.
    pub(crate) internal_inodes: [u32; 4],
    pub(crate) protection_block: u64,
    pub(crate) compat: CompatFeatures,
    pub(crate) incompat: IncompatFeatures,
    pub(crate) ro_compat: RoCompatFeatures,
}

impl Superblock {
    pub(crate) fn read(device: &dyn BlockDevice) -> Result<Self, Error> {
        let mut bytes = [0; SUPERBLOCK_LEN];
        device.read_at(SUPERBLOCK_OFFSET, &mut bytes)?;
        let superblock = Self::parse(&bytes)?;
        let covered = superblock.blocks_count.checked_mul(superblock.block_len);
        if covered.is_none_or(|covered| covered > device.len_bytes()) {
            let most = device.len_bytes() / superblock.block_len;
            return Err(wrong("number of blocks", Expected::AtMost(most), superblock.blocks_count));
        }
        Ok(superblock)
    }

    fn parse(bytes: &[u8; SUPERBLOCK_LEN]) -> Result<Self, Error> {
        let magic = u16_at(bytes, 0x38);
        exactly("magic", u64::from(MAGIC), u64::from(magic))?;
        let revision = u32_at(bytes, 0x4c);
        at_most("revision", 1, revision)?;
        let flags = |at| if revision == 0 { 0 } else { u32_at(bytes, at) };
        let compat = CompatFeatures(flags(0x5c));
        let incompat = IncompatFeatures(flags(0x60));
        let ro_compat = RoCompatFeatures(flags(0x64));
        check_features(bytes, incompat, ro_compat)?;

        let log_block_len = u32_at(bytes, 0x18);
        at_most("logarithm of the block length", 6, log_block_len)?;
        let block_len = 1024u64 << log_block_len;
        let (inode_len, first_inode) = match revision {
            0 => (128, 11),
            _ => (u16_at(bytes, 0x58), u32_at(bytes, 0x54)),
        };
        if !inode_len.is_power_of_two() || inode_len < 128 || u64::from(inode_len) > block_len {
            let expected = Expected::Described("a power of two from 128 to the block length");
            return Err(wrong("inode length", expected, u64::from(inode_len)));
        }
        let wide = incompat.contains(IncompatFeatures::BITS_64);
        let superblock = Self {
            block_len,
            blocks_count: join(u32_at(bytes, 0x4), if wide { u32_at(bytes, 0x150) } else { 0 }),
            inodes_count: u32_at(bytes, 0),
            first_data_block: u64::from(u32_at(bytes, 0x14)),
            blocks_per_group: u64::from(u32_at(bytes, 0x20)),
            inodes_per_group: u32_at(bytes, 0x28),
            inode_len,
            first_inode,
            descriptor_len: if wide { u64::from(u16_at(bytes, 0xfe)) } else { 32 },
            reserved_descriptor_blocks: if compat.contains(CompatFeatures::RESIZE_INODE) {
                u64::from(u16_at(bytes, 0xce))
            } else {
                0
            },
            first_meta_group: u64::from(u32_at(bytes, 0x104)),
            backup_groups: [u64::from(u32_at(bytes, 0x24c)), u64::from(u32_at(bytes, 0x250))],
            journal_inode: if compat.contains(CompatFeatures::HAS_JOURNAL) { u32_at(bytes, 0xe0) } else { 0 },
            internal_inodes: internal_inodes(bytes, compat, ro_compat),
            protection_block: if incompat.contains(IncompatFeatures::MMP) { u64_at(bytes, 0x168) } else { 0 },
            compat,
            incompat,
            ro_compat,
        };
        superblock.check_numbers(wide)?;
        Ok(superblock)
    }

    fn check_numbers(&self, wide: bool) -> Result<(), Error> {
        let clustered = self.ro_compat.contains(RoCompatFeatures::BIGALLOC);
        let first = u64::from(self.block_len == 1024 && !clustered);
        exactly("first data block", first, self.first_data_block)?;
        if wide && !(64..=1024).contains(&self.descriptor_len) || !self.descriptor_len.is_power_of_two() {
            let expected = Expected::Described("a power of two from 64 to 1024");
            return Err(wrong("descriptor length", expected, self.descriptor_len));
        }
        // A bitmap is one block; with clusters each of its bits stands for up to 2^15 blocks.
        let bits = self.block_len * 8;
        let most = if clustered { bits << 15 } else { bits };
        within("blocks per group", self.blocks_per_group, 8, most)?;
        within("inodes per group", u64::from(self.inodes_per_group), 1, bits)?;
        within("number of blocks", self.blocks_count, self.first_data_block + 1, u64::MAX >> 16)?;
        let inodes = self.group_count().saturating_mul(u64::from(self.inodes_per_group));
        exactly("number of inodes", inodes, u64::from(self.inodes_count))?;
        within("first free inode", u64::from(self.first_inode), 11, inodes)?;
        let reserved = self.block_len / 4;
        within("blocks kept for descriptors", self.reserved_descriptor_blocks, 0, reserved)
    }

    /// Number of block groups; the last may be shorter.
    pub(crate) fn group_count(&self) -> u64 {
        (self.blocks_count - self.first_data_block).div_ceil(self.blocks_per_group)
    }

    /// Length of the file system in bytes.
    pub(crate) fn len_bytes(&self) -> u64 {
        self.blocks_count.saturating_mul(self.block_len)
    }

    /// The block length, at most 64 KiB.
    pub(crate) fn block_len_in_memory(&self) -> usize {
        usize::try_from(self.block_len).unwrap_or(65536)
    }

    /// Refuses blocks that do not lie in the file system. Block 0 holds the boot area or the superblock and is
    /// nobody else's.
    pub(crate) fn check_blocks(
        &self,
        place: Place,
        field: &'static str,
        first: u64,
        count: u64,
    ) -> Result<(), Error> {
        if first == 0 {
            return Err(Error::format(place, field, Expected::AtLeast(1), first));
        }
        match first.checked_add(count) {
            Some(end) if end <= self.blocks_count => Ok(()),
            _ => {
                let expected = Expected::AtMost(self.blocks_count.saturating_sub(count));
                Err(Error::format(place, field, expected, first))
            }
        }
    }
}

fn check_features(
    bytes: &[u8; SUPERBLOCK_LEN],
    incompat: IncompatFeatures,
    ro_compat: RoCompatFeatures,
) -> Result<(), Error> {
    let unread = incompat.without(IncompatFeatures::READ);
    if unread != IncompatFeatures::default() {
        let found = unread.to_string();
        return Err(Error::unsupported(Place::Superblock, "incompatible features", "only known ones", found));
    }
    if incompat.contains(IncompatFeatures::CASEFOLD) && u16_at(bytes, 0x27c) != 1 {
        let found = format!("encoding {}", u16_at(bytes, 0x27c));
        return Err(Error::unsupported(Place::Superblock, "casefold", "encoding 1 (utf-8)", found));
    }
    if ro_compat.contains(RoCompatFeatures::METADATA_CSUM) {
        if bytes[0x175] != 1 {
            let found = format!("type {}", bytes[0x175]);
            return Err(Error::unsupported(Place::Superblock, "checksum", "type 1 (crc32c)", found));
        }
        let checksum = u64::from(crc32c(!0, &bytes[..0x3fc]));
        exactly("checksum", checksum, u64::from(u32_at(bytes, 0x3fc)))?;
    }
    Ok(())
}

fn internal_inodes(
    bytes: &[u8; SUPERBLOCK_LEN],
    compat: CompatFeatures,
    ro_compat: RoCompatFeatures,
) -> [u32; 4] {
    let when = |present: bool, at| if present { u32_at(bytes, at) } else { 0 };
    let quota = ro_compat.contains(RoCompatFeatures::QUOTA);
    [
        when(quota, 0x240),
        when(quota, 0x244),
        when(quota && ro_compat.contains(RoCompatFeatures::PROJECT), 0x26c),
        when(compat.contains(CompatFeatures::ORPHAN_FILE), 0x280),
    ]
}

fn wrong(field: &'static str, expected: Expected, found: u64) -> Error {
    Error::format(Place::Superblock, field, expected, found)
}

fn exactly(field: &'static str, expected: u64, found: u64) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(wrong(field, Expected::Exactly(expected), found)) }
}

fn at_most(field: &'static str, most: u64, found: u32) -> Result<(), Error> {
    within(field, u64::from(found), 0, most)
}

fn within(field: &'static str, found: u64, least: u64, most: u64) -> Result<(), Error> {
    if found < least {
        Err(wrong(field, Expected::AtLeast(least), found))
    } else if found > most {
        Err(wrong(field, Expected::AtMost(most), found))
    } else {
        Ok(())
    }
}
