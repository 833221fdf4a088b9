//! Recognises squashfs, EROFS and btrfs.

use std::fmt;

use super::{Content, Found, power, window};
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::little_endian::{u16_at, u32_at, u64_at};

/// How the blocks of a squashfs are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SquashfsCompressor {
    /// zlib streams.
    Gzip,
    /// LZMA, from before version 4.
    Lzma,
    /// LZO.
    Lzo,
    /// xz.
    Xz,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
    /// A number that is not known here.
    Other(u16),
}

impl From<u16> for SquashfsCompressor {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::Gzip,
            2 => Self::Lzma,
            3 => Self::Lzo,
            4 => Self::Xz,
            5 => Self::Lz4,
            6 => Self::Zstd,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for SquashfsCompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip => f.write_str("gzip"),
            Self::Lzma => f.write_str("lzma"),
            Self::Lzo => f.write_str("lzo"),
            Self::Xz => f.write_str("xz"),
            Self::Lz4 => f.write_str("lz4"),
            Self::Zstd => f.write_str("zstd"),
            Self::Other(number) => write!(f, "compressor {number}"),
        }
    }
}

/// squashfs: magic at 0, block length at 12, compressor at 20, version at 28, bytes used at 40.
pub(super) fn detect_squashfs(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<96>(device, 0)? else { return Ok(None) };
    if &bytes[..4] != b"hsqs" || u16_at(&bytes, 28) != 4 {
        return Ok(None);
    }
    Ok(Some(Found {
        content: Content::Squashfs(u16_at(&bytes, 20).into()),
        block_len_bytes: Some(u64::from(u32_at(&bytes, 12))),
        covers_bytes: Some(u64_at(&bytes, 40)),
    }))
}

/// EROFS: superblock at 1,024 with magic at 0, logarithm of the block length at 12, number of blocks at 36.
pub(super) fn detect_erofs(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<128>(device, 1024)? else { return Ok(None) };
    let Some(block_len) = power(u32::from(bytes[12])).filter(|_| u32_at(&bytes, 0) == 0xe0f5_e1e2) else {
        return Ok(None);
    };
    Ok(Some(Found {
        content: Content::Erofs,
        block_len_bytes: Some(block_len),
        covers_bytes: u64::from(u32_at(&bytes, 36)).checked_mul(block_len),
    }))
}

/// btrfs: superblock at 64 KiB with magic at 64, total bytes at 112, sector length at 144. The total is only of
/// this image when the file system has one device (number at 136).
pub(super) fn detect_btrfs(device: &dyn BlockDevice) -> Result<Option<Found>, Error> {
    let Some(bytes) = window::<256>(device, 65536)? else { return Ok(None) };
    if &bytes[64..72] != b"_BHRfS_M" {
        return Ok(None);
    }
    Ok(Some(Found {
        content: Content::Btrfs,
        block_len_bytes: Some(u64::from(u32_at(&bytes, 144))),
        covers_bytes: (u64_at(&bytes, 136) == 1).then(|| u64_at(&bytes, 112)),
    }))
}
