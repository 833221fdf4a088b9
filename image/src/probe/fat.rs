//! Recognises FAT12, FAT16 and FAT32 by a boot sector whose numbers fit each other.

use std::fmt;

use super::{Content, Found, window};
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::little_endian::{u16_at, u32_at};

/// The width of an entry in the allocation table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FatWidth {
    /// 12 bits: at most 4,084 clusters.
    Fat12,
    /// 16 bits: at most 65,524 clusters.
    Fat16,
    /// 28 of 32 bits.
    Fat32,
}

impl fmt::Display for FatWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fat12 => "fat12",
            Self::Fat16 => "fat16",
            Self::Fat32 => "fat32",
        })
    }
}

/// The boot sector: jump at 0, sector length at 11, sectors per cluster at 13, reserved sectors at 14, tables at
/// 16, root entries at 17, sectors at 19 or 32, media at 21, sectors per table at 22 or 36, `55 aa` at 510.
pub(super) fn detect(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    Ok(window::<512>(device, 0)?.and_then(|bytes| boot_sector(&bytes)))
}

fn boot_sector(bytes: &[u8; 512]) -> Option<Found> {
    let sector_len = u64::from(u16_at(bytes, 11));
    let sectors_per_cluster = u64::from(bytes[13]);
    let reserved = u64::from(u16_at(bytes, 14));
    let tables = u64::from(bytes[16]);
    let root_entries = u64::from(u16_at(bytes, 17));
    let either = |short: u16, long: u32| if short == 0 { u64::from(long) } else { u64::from(short) };
    let sectors = either(u16_at(bytes, 19), u32_at(bytes, 32));
    let sectors_per_table = either(u16_at(bytes, 22), u32_at(bytes, 36));
    let plausible = (bytes[0] == 0xeb || bytes[0] == 0xe9)
        && bytes[510..] == [0x55, 0xaa]
        && matches!(sector_len, 512 | 1024 | 2048 | 4096)
        && sectors_per_cluster.is_power_of_two()
        && reserved > 0
        && matches!(tables, 1 | 2)
        && (bytes[21] == 0xf0 || bytes[21] >= 0xf8)
        && sectors_per_table > 0;
    if !plausible {
        return None;
    }
    let root_sectors = (root_entries * 32).div_ceil(sector_len);
    let clusters =
        sectors.checked_sub(reserved + tables * sectors_per_table + root_sectors)? / sectors_per_cluster;
    // Only FAT32 has no root directory of fixed length; between the other two the number of clusters decides.
    let width = match (root_entries, clusters) {
        (0, _) => FatWidth::Fat32,
        (_, 0..=4084) => FatWidth::Fat12,
        (_, 4085..=65524) => FatWidth::Fat16,
        _ => return None,
    };
    Some(Found {
        content: Content::Fat(width),
        block_len_bytes: Some(sector_len * sectors_per_cluster),
        covers_bytes: Some(sectors * sector_len),
    })
}
