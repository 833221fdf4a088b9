//! Recognises disks with a GPT or MBR partition table.

use super::{Content, Found, window};
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::little_endian::{u32_at, u64_at};

/// GPT: header in sector 1 with its signature at 0, its own sector at 24 and the backup's, the last, at 32.
pub(super) fn detect_gpt(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    for sector_len in [512, 4096] {
        let Some(bytes) = window::<92>(device, sector_len)? else { continue };
        if &bytes[..8] == b"EFI PART" && u64_at(&bytes, 24) == 1 {
            return Ok(Some(Found {
                content: Content::Gpt,
                block_len_bytes: Some(sector_len),
                covers_bytes: u64_at(&bytes, 32).checked_add(1).and_then(|n| n.checked_mul(sector_len)),
            }));
        }
    }
    Ok(None)
}

/// MBR: four entries of 16 bytes from 446 on, each with status at 0 (0 or 0x80), type at 4, first sector at 8 and
/// number of sectors at 12; `55 aa` at 510. It covers the disk to the end of the last partition.
pub(super) fn detect_mbr(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<512>(device, 0)? else { return Ok(None) };
    if bytes[510..] != [0x55, 0xaa] {
        return Ok(None);
    }
    let mut end_sector = 0;
    for entry in bytes[446..510].chunks_exact(16) {
        if entry[0] & 0x7f != 0 {
            return Ok(None);
        }
        if entry[4] != 0 {
            let (first, count) = (u32_at(entry, 8), u32_at(entry, 12));
            if first == 0 || count == 0 {
                return Ok(None);
            }
            end_sector = end_sector.max(u64::from(first) + u64::from(count));
        }
    }
    Ok((end_sector > 0).then_some(Found {
        content: Content::Mbr,
        block_len_bytes: Some(512),
        covers_bytes: Some(end_sector * 512),
    }))
}
