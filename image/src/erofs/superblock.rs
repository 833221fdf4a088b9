//! The superblock: 128 bytes at offset 1,024, little-endian.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic |
//! | 4 | 4 | checksum of the rest of its block, with `sb_csum` |
//! | 8 | 4 | compatible features |
//! | 12 | 1 | block length as a power of two |
//! | 14 | 2 | number of the root directory |
//! | 36 | 4 | blocks |
//! | 40 | 4 | block that numbers of inodes count from |
//! | 80 | 4 | incompatible features |
//! | 86 | 2 | extra devices |
//! | 90 | 1 | length of directory blocks as a power of two of blocks |

use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::ext4::crc32c::crc32c;
use crate::little_endian::{u16_at, u32_at};

const OFFSET: u64 = 1024;
const OFFSET_IN_MEMORY: usize = 1024;
const LEN: usize = 128;
const MAGIC: u32 = 0xe0f5_e1e2;
const CHECKSUM: u32 = 1;

/// Incompatible features that are read: zero padding, big clusters (and lists of algorithms, the same bit), chunks, a
/// second algorithm (and devices, the same bit), inline tails of compressed files.
const READ: u32 = ZERO_PADDING | 0x2 | 0x4 | 0x8 | 0x10;
const ZERO_PADDING: u32 = 0x1;

/// What the rest needs of a superblock, checked.
#[derive(Debug, Clone)]
pub(super) struct Superblock {
    pub(super) block_len: u64,
    pub(super) len_bytes: u64,
    /// Where inode number 0 would be, in bytes.
    pub(super) inodes_offset: u64,
    pub(super) root_nid: u64,
    /// Compressed content stands at the end of its clusters.
    pub(super) zero_padding: bool,
}

impl Superblock {
    pub(super) fn read(device: &dyn BlockDevice) -> Result<Self, Error> {
        if device.len_bytes() < OFFSET + LEN as u64 {
            return Err(wrong(
                "length of the image",
                Expected::AtLeast(OFFSET + LEN as u64),
                device.len_bytes(),
            ));
        }
        let mut bytes = [0; LEN];
        device.read_at(OFFSET, &mut bytes)?;
        if u32_at(&bytes, 0) != MAGIC {
            return Err(wrong("magic", Expected::Exactly(u64::from(MAGIC)), u64::from(u32_at(&bytes, 0))));
        }
        let bits = bytes[12];
        if !(9..=16).contains(&bits) {
            return Err(wrong(
                "block length as a power of two",
                Expected::Described("9 to 16"),
                u64::from(bits),
            ));
        }
        let block_len = 1u64 << bits;
        let len_bytes = u64::from(u32_at(&bytes, 36)) * block_len;
        if len_bytes > device.len_bytes() {
            let most = device.len_bytes() / block_len;
            return Err(wrong("number of blocks", Expected::AtMost(most), len_bytes / block_len));
        }
        if u32_at(&bytes, 8) & CHECKSUM != 0 {
            check_checksum(device, u32_at(&bytes, 4), 1usize << bits)?;
        }
        let incompat = u32_at(&bytes, 80);
        if incompat & !READ != 0 {
            let found = format!("{:#x}", incompat & !READ);
            return Err(unsupported("incompatible features", "only known ones", found));
        }
        if u16_at(&bytes, 86) != 0 {
            return Err(unsupported("extra devices", "none", u16_at(&bytes, 86).to_string()));
        }
        if bytes[90] != 0 {
            return Err(unsupported(
                "directory blocks",
                "of one block",
                format!("of 2^{} blocks", bytes[90]),
            ));
        }
        Ok(Self {
            block_len,
            len_bytes,
            inodes_offset: u64::from(u32_at(&bytes, 40)) * block_len,
            root_nid: u64::from(u16_at(&bytes, 14)),
            zero_padding: incompat & ZERO_PADDING != 0,
        })
    }
}

/// The checksum is over the superblock's block from the superblock on, its own field taken as zero.
fn check_checksum(device: &dyn BlockDevice, stored: u32, block_len: usize) -> Result<(), Error> {
    // Blocks that end before the superblock count as the whole kilobyte that it has.
    let len = block_len.checked_sub(OFFSET_IN_MEMORY).filter(|len| *len >= LEN).unwrap_or(block_len);
    let mut block = vec![0; len];
    device.read_at(OFFSET, &mut block)?;
    block[4..8].fill(0);
    let computed = crc32c(!0, &block);
    if computed != stored {
        return Err(wrong("checksum", Expected::Exactly(u64::from(computed)), u64::from(stored)));
    }
    Ok(())
}

fn wrong(field: &'static str, expected: Expected, found: u64) -> Error {
    Error::format(Place::Superblock, field, expected, found)
}

fn unsupported(field: &'static str, expected: &'static str, found: String) -> Error {
    Error::unsupported(Place::Superblock, field, expected, found)
}
