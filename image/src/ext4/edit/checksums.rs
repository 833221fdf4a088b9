//! The checksums of metadata: CRC-32C of everything with `metadata_csum`, CRC-16 of group descriptors with `uninit_bg`
//! (<https://docs.kernel.org/filesystems/ext4/overview.html#checksums>).
//!
//! | structure | checksum of |
//! |---|---|
//! | superblock | all before the checksum |
//! | group descriptor | UUID, group number, descriptor with zeros in place of the checksum; the low half |
//! | bitmap | UUID, the bits of the group |
//! | inode | UUID, inode number, generation, inode with zeros in place of the checksum |
//! | block of a directory or an extent tree | UUID, inode number, generation, block up to the checksum |
//! | block of attributes | UUID, block number, block with zeros in place of the checksum |

use super::crc16::crc16;
use crate::ext4::crc32c::crc32c;
use crate::ext4::features::{IncompatFeatures, RoCompatFeatures};
use crate::ext4::superblock::{SUPERBLOCK_LEN, Superblock};
use crate::little_endian::{part_u16, u32_at};

const DESCRIPTOR_CHECKSUM_AT: usize = 0x1e;
const ATTRIBUTES_CHECKSUM_AT: usize = 0x10;

/// What checksums a file system has, and where they begin.
#[derive(Debug, Clone)]
pub(super) struct Checksums {
    uuid: [u8; 16],
    /// The state after the UUID; none without `metadata_csum`.
    seed: Option<u32>,
    descriptors: bool,
}

impl Checksums {
    pub(super) fn of(sb: &Superblock, bytes: &[u8; SUPERBLOCK_LEN]) -> Self {
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&bytes[0x68..0x78]);
        let all = sb.ro_compat.contains(RoCompatFeatures::METADATA_CSUM);
        let seed = if sb.incompat.contains(IncompatFeatures::CSUM_SEED) {
            u32_at(bytes, 0x270)
        } else {
            crc32c(!0, &uuid)
        };
        Self {
            uuid,
            seed: all.then_some(seed),
            descriptors: all || sb.ro_compat.contains(RoCompatFeatures::GDT_CSUM),
        }
    }

    /// Whether all metadata has checksums.
    pub(super) fn everywhere(&self) -> bool {
        self.seed.is_some()
    }

    /// Whether group descriptors have them, and with them flags for parts that were never written.
    pub(super) fn of_descriptors(&self) -> bool {
        self.descriptors
    }

    pub(super) fn descriptor(&self, group: u64, bytes: &[u8]) -> Option<u16> {
        if !self.descriptors {
            return None;
        }
        let number = crate::little_endian::part_u32(group, 0).to_le_bytes();
        let (before, after) =
            (&bytes[..DESCRIPTOR_CHECKSUM_AT], bytes.get(DESCRIPTOR_CHECKSUM_AT + 2..).unwrap_or(&[]));
        Some(match self.seed {
            Some(seed) => {
                let state = crc32c(crc32c(crc32c(seed, &number), before), &[0, 0]);
                part_u16(u64::from(crc32c(state, after)), 0)
            }
            None => {
                let state = crc16(crc16(crc16(!0, &self.uuid), &number), before);
                crc16(state, after)
            }
        })
    }

    pub(super) fn bitmap(&self, bits: &[u8]) -> Option<u32> {
        self.seed.map(|seed| crc32c(seed, bits))
    }

    /// Where the checksums of an inode and of its blocks begin.
    pub(super) fn inode_seed(&self, number: u32, generation: u32) -> Option<u32> {
        self.seed.map(|seed| crc32c(crc32c(seed, &number.to_le_bytes()), &generation.to_le_bytes()))
    }

    pub(super) fn attributes(&self, block: u64, bytes: &[u8]) -> Option<u32> {
        let state = crc32c(self.seed?, &block.to_le_bytes());
        let state = crc32c(crc32c(state, &bytes[..ATTRIBUTES_CHECKSUM_AT]), &[0; 4]);
        Some(crc32c(state, &bytes[ATTRIBUTES_CHECKSUM_AT + 4..]))
    }
}
