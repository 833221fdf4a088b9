//! The superblock as it is changed: free blocks, free inodes, a feature that a large file brings, and its checksum.

use super::Editor;
use crate::block_device::BlockDevice as _;
use crate::error::{Error, Expected, Place};
use crate::ext4::crc32c::crc32c;
use crate::ext4::features::{IncompatFeatures, RoCompatFeatures};
use crate::ext4::superblock::{SUPERBLOCK_LEN, SUPERBLOCK_OFFSET};
use crate::little_endian::{join, part_u32, put_u32, u32_at};

const FREE_BLOCKS_AT: usize = 0x0c;
const FREE_BLOCKS_HIGH_AT: usize = 0x158;
const FREE_INODES_AT: usize = 0x10;
const REVISION_AT: usize = 0x4c;
const RO_COMPAT_AT: usize = 0x64;
const CHECKSUM_AT: usize = 0x3fc;

impl Editor<'_> {
    pub(super) fn superblock_bytes(&self) -> Result<[u8; SUPERBLOCK_LEN], Error> {
        let mut bytes = [0; SUPERBLOCK_LEN];
        self.overlay.read_at(SUPERBLOCK_OFFSET, &mut bytes)?;
        Ok(bytes)
    }

    fn store_superblock(&mut self, mut bytes: [u8; SUPERBLOCK_LEN]) -> Result<(), Error> {
        if self.checksums.everywhere() {
            let checksum = crc32c(!0, &bytes[..CHECKSUM_AT]);
            put_u32(&mut bytes, CHECKSUM_AT, checksum);
        }
        self.overlay.patch(SUPERBLOCK_OFFSET, &bytes)
    }

    fn has_wide_counts(&self) -> bool {
        self.superblock.incompat.contains(IncompatFeatures::BITS_64)
    }

    /// Free blocks as the superblock counts them.
    pub(super) fn free_blocks(&self) -> Result<u64, Error> {
        let bytes = self.superblock_bytes()?;
        let high = if self.has_wide_counts() { u32_at(&bytes, FREE_BLOCKS_HIGH_AT) } else { 0 };
        let free = join(u32_at(&bytes, FREE_BLOCKS_AT), high);
        let most = self.superblock.blocks_count;
        if free > most {
            return Err(Error::format(Place::Superblock, "free blocks", Expected::AtMost(most), free));
        }
        Ok(free)
    }

    pub(super) fn free_inodes(&self) -> Result<u32, Error> {
        Ok(u32_at(&self.superblock_bytes()?, FREE_INODES_AT))
    }

    /// Counts blocks that were taken (negative) or given.
    pub(super) fn count_free_blocks(&mut self, more: i64) -> Result<(), Error> {
        let before = self.free_blocks()?;
        let after = before.checked_add_signed(more).filter(|after| *after <= self.superblock.blocks_count);
        let after = after.ok_or_else(|| wrong("free blocks", before, more))?;
        let mut bytes = self.superblock_bytes()?;
        put_u32(&mut bytes, FREE_BLOCKS_AT, part_u32(after, 0));
        if self.has_wide_counts() {
            put_u32(&mut bytes, FREE_BLOCKS_HIGH_AT, part_u32(after, 32));
        }
        self.store_superblock(bytes)
    }

    /// Counts inodes that were taken (negative) or given.
    pub(super) fn count_free_inodes(&mut self, more: i32) -> Result<(), Error> {
        let mut bytes = self.superblock_bytes()?;
        let before = u32_at(&bytes, FREE_INODES_AT);
        let after = before.checked_add_signed(more).filter(|after| *after <= self.superblock.inodes_count);
        let after = after.ok_or_else(|| wrong("free inodes", before.into(), more.into()))?;
        put_u32(&mut bytes, FREE_INODES_AT, after);
        self.store_superblock(bytes)
    }

    /// Notes that there is a file of 2 GiB or more.
    pub(super) fn note_large_file(&mut self) -> Result<(), Error> {
        let mut bytes = self.superblock_bytes()?;
        if u32_at(&bytes, REVISION_AT) == 0 {
            return Err(Error::unsupported(
                Place::Superblock,
                "revision",
                "1 for a file of 2 GiB or more",
                "0",
            ));
        }
        let features = u32_at(&bytes, RO_COMPAT_AT);
        let with_large = features | RoCompatFeatures::LARGE_FILE.0;
        if with_large == features {
            return Ok(());
        }
        put_u32(&mut bytes, RO_COMPAT_AT, with_large);
        self.store_superblock(bytes)
    }
}

fn wrong(field: &'static str, before: u64, more: i64) -> Error {
    let expected = if more < 0 {
        Expected::AtLeast(more.unsigned_abs())
    } else {
        Expected::Described("no more than there are")
    };
    Error::format(Place::Superblock, field, expected, before)
}
