//! Recognises file systems of flash memory: F2FS, UBIFS and UBI.

use super::{Content, Found, power, window};
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::little_endian::{u32_at, u64_at};

/// F2FS: superblock at 1,024 with magic at 0, logarithm of the block length at 16, number of blocks at 36.
pub(super) fn detect_f2fs(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<64>(device, 1024)? else { return Ok(None) };
    let Some(block_len) = power(u32_at(&bytes, 16)).filter(|_| u32_at(&bytes, 0) == 0xf2f5_2010) else {
        return Ok(None);
    };
    Ok(Some(Found {
        content: Content::F2fs,
        block_len_bytes: Some(block_len),
        covers_bytes: u64_at(&bytes, 36).checked_mul(block_len),
    }))
}

/// UBI: the magic of an erase counter header, big-endian as all of UBI, with version 1.
pub(super) fn detect_ubi(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let found = window::<64>(device, 0)?.is_some_and(|bytes| &bytes[..5] == b"UBI#\x01");
    Ok(found.then_some(Found { content: Content::Ubi, block_len_bytes: None, covers_bytes: None }))
}

/// UBIFS: a superblock node (type 6 at 20) with its magic at 0 and the length of an erase block at 36. How many
/// of its erase blocks the image has is not told.
pub(super) fn detect_ubifs(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<64>(device, 0)? else { return Ok(None) };
    if u32_at(&bytes, 0) != 0x0610_1831 || bytes[20] != 6 {
        return Ok(None);
    }
    Ok(Some(Found {
        content: Content::Ubifs,
        block_len_bytes: Some(u64::from(u32_at(&bytes, 36))),
        covers_bytes: None,
    }))
}
