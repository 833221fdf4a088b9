//! Recognises ext2, ext3 and ext4 and names the version by the features.

use std::fmt;

use super::{Content, Found, power, window};
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::ext4::features::{CompatFeatures, IncompatFeatures, RoCompatFeatures};
use crate::ext4::superblock::{MAGIC, SUPERBLOCK_LEN, SUPERBLOCK_OFFSET};
use crate::little_endian::{join, u16_at, u32_at};

/// The feature flags of an ext2, ext3 or ext4 file system, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtFeatures {
    /// Features that others may ignore.
    pub compat: CompatFeatures,
    /// Features without which it cannot be read.
    pub incompat: IncompatFeatures,
    /// Features without which it can be read but not written.
    pub ro_compat: RoCompatFeatures,
}

/// Which of the three a file system is commonly called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtVersion {
    /// No journal, nothing newer.
    Ext2,
    /// A journal, nothing newer.
    Ext3,
    /// Features that only ext4 has.
    Ext4,
}

impl ExtFeatures {
    /// The name of what needs these features.
    #[must_use]
    pub fn version(&self) -> ExtVersion {
        if self.incompat.needs_ext4() || self.ro_compat.needs_ext4() {
            ExtVersion::Ext4
        } else if self.compat.contains(CompatFeatures::HAS_JOURNAL) {
            ExtVersion::Ext3
        } else {
            ExtVersion::Ext2
        }
    }
}

impl fmt::Display for ExtVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
        })
    }
}

pub(super) fn detect(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<SUPERBLOCK_LEN>(device, SUPERBLOCK_OFFSET)? else { return Ok(None) };
    let log_block_len = u32_at(&bytes, 0x18);
    let plausible = u16_at(&bytes, 0x38) == MAGIC && log_block_len <= 6 && u32_at(&bytes, 0x4c) <= 1;
    let Some(block_len) = log_block_len.checked_add(10).and_then(power).filter(|_| plausible) else {
        return Ok(None);
    };
    let incompat = IncompatFeatures(u32_at(&bytes, 0x60));
    let high = if incompat.contains(IncompatFeatures::BITS_64) { u32_at(&bytes, 0x150) } else { 0 };
    Ok(Some(Found {
        content: Content::Ext(ExtFeatures {
            compat: CompatFeatures(u32_at(&bytes, 0x5c)),
            incompat,
            ro_compat: RoCompatFeatures(u32_at(&bytes, 0x64)),
        }),
        block_len_bytes: Some(block_len),
        covers_bytes: join(u32_at(&bytes, 0x4), high).checked_mul(block_len),
    }))
}
