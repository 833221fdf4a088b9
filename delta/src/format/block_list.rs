//! Block lists: the digest of each block of an image, by which a device finds out which of its blocks have changed without
//! having the image. docs/block-list-format.md defines them.

use super::native::crc32::crc32;
use crate::error::Error;

/// First bytes of a block list.
pub const MAGIC: [u8; 8] = *b"\x89MDBLKS\n";
/// The only version so far.
pub const VERSION: u16 = 1;
/// Smallest and largest block, in bytes; a power of two.
pub const BLOCK_BYTES: core::ops::RangeInclusive<u32> = 1 << 12..=1 << 20;
/// What is written where nothing else is asked for: 32 bytes of list for each 64 KiB of image.
pub const DEFAULT_BLOCK_BYTES: u32 = 1 << 16;
/// Bytes of one digest (SHA-256).
pub const DIGEST_LEN: usize = 32;

/// What stands before the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of each block but the last one, which may be shorter.
    pub block_bytes: u32,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// SHA-256 of the image.
    pub image_sha256: [u8; 32],
}

impl Header {
    /// Bytes of an encoded header.
    pub const LEN: usize = 60;

    /// How many digests follow.
    pub fn blocks(&self) -> u64 {
        self.image_bytes.div_ceil(u64::from(self.block_bytes.max(1)))
    }

    /// Bytes of the whole list; what no number can hold is the largest one.
    pub fn list_bytes(&self) -> u64 {
        self.blocks().saturating_mul(DIGEST_LEN as u64).saturating_add(Self::LEN as u64)
    }

    /// Writes the header.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.block_bytes.to_le_bytes());
        out[16..24].copy_from_slice(&self.image_bytes.to_le_bytes());
        out[24..56].copy_from_slice(&self.image_sha256);
        let check = crc32(0, &out[..56]);
        out[56..].copy_from_slice(&check.to_le_bytes());
        out
    }

    /// Reads a header from the first [`Header::LEN`] bytes of a list.
    ///
    /// # Errors
    ///
    /// `Truncated` for fewer bytes, `Format` for a wrong magic, check value or bound, `Unsupported` for another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some(bytes) = bytes.get(..Self::LEN) else {
            return Err(Error::Truncated { offset: bytes.len() as u64 });
        };
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if bytes[..8] != MAGIC {
            return Err(Error::format("magic", 0, u64::from_be_bytes(MAGIC), u64_at(0).swap_bytes()));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(Error::Unsupported { field: "format version", found: version.into() });
        }
        let check = crc32(0, &bytes[..56]);
        if check != u32_at(56) {
            return Err(Error::format("header check value", 56, check.into(), u32_at(56).into()));
        }
        let reserved = u16::from_le_bytes([bytes[10], bytes[11]]);
        if reserved != 0 {
            return Err(Error::format("reserved bytes", 10, 0, reserved.into()));
        }
        let block_bytes = u32_at(12);
        if !BLOCK_BYTES.contains(&block_bytes) || !block_bytes.is_power_of_two() {
            return Err(Error::format("block size", 12, (*BLOCK_BYTES.end()).into(), block_bytes.into()));
        }
        let image_bytes = u64_at(16);
        if image_bytes > i64::MAX as u64 {
            return Err(Error::format("image size", 16, i64::MAX as u64, image_bytes));
        }
        let image_sha256 = core::array::from_fn(|at| bytes[24 + at]);
        Ok(Self { block_bytes, image_bytes, image_sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_and_damage_is_refused() {
        let header = Header { block_bytes: 1 << 16, image_bytes: (5 << 32) + 1, image_sha256: [7; 32] };
        let encoded = header.encode();
        assert_eq!(Header::parse(&encoded).unwrap(), header);
        assert_eq!(header.blocks(), (5 << 16) + 1);
        assert_eq!(header.list_bytes(), 60 + 32 * ((5 << 16) + 1));
        for at in 0..Header::LEN {
            let mut damaged = encoded;
            damaged[at] ^= 1;
            assert!(Header::parse(&damaged).is_err(), "{at}");
            assert!(matches!(Header::parse(&encoded[..at]), Err(Error::Truncated { .. })));
        }
        for at in [10, 11] {
            let mut reserved = encoded;
            reserved[at] = 1;
            let check = crc32(0, &reserved[..56]);
            reserved[56..].copy_from_slice(&check.to_le_bytes());
            assert!(matches!(Header::parse(&reserved), Err(Error::Format(_))), "{at}");
        }
        for (block_bytes, image_bytes) in
            [(0, 1), (1 << 11, 1), (12_345, 1), (1 << 21, 1), (1 << 16, 1 << 63)]
        {
            let wrong = Header { block_bytes, image_bytes, image_sha256: [0; 32] };
            assert!(matches!(Header::parse(&wrong.encode()), Err(Error::Format(_))), "{block_bytes}");
        }
    }
}
