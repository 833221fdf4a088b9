//! Block groups: their descriptors, and where each keeps its metadata.
//!
//! | at | bytes | field of a descriptor |
//! |---|---|---|
//! | 0x00, 0x20 | 4, 4 | block of the block bitmap: low half, high half (with descriptors of 64 bytes) |
//! | 0x04, 0x24 | 4, 4 | block of the inode bitmap |
//! | 0x08, 0x28 | 4, 4 | first block of the inode table |

use super::features::{CompatFeatures, IncompatFeatures, RoCompatFeatures};
use super::superblock::Superblock;
use crate::block_device::BlockDevice;
use crate::error::{Error, Place};
use crate::file_map::Kind;
use crate::little_endian::{join, u32_at};

/// A block group: block numbers of its bitmaps and inode table, which lie in the file system.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) block_bitmap: u64,
    pub(crate) inode_bitmap: u64,
    pub(crate) inode_table: u64,
}

/// Blocks of one kind of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetadataBlocks {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) kind: Kind,
}

/// Reads all descriptors. Their number is bounded by the blocks of the image, eight of which make a group.
pub(crate) fn read_all(device: &dyn BlockDevice, sb: &Superblock) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    let mut block = vec![0; sb.block_len_in_memory()];
    let step = usize::try_from(sb.descriptor_len).unwrap_or(usize::MAX);
    for index in 0..descriptor_blocks(sb) {
        let number = descriptor_block(sb, index);
        sb.check_blocks(Place::Superblock, "block of group descriptors", number, 1)?;
        device.read_at(number * sb.block_len, &mut block)?;
        let first_group = index * descriptors_per_block(sb);
        for (descriptor, number) in block.chunks_exact(step).zip(first_group..sb.group_count()) {
            groups.push(Group::parse(descriptor, number, sb)?);
        }
    }
    Ok(groups)
}

impl Group {
    fn parse(bytes: &[u8], number: u64, sb: &Superblock) -> Result<Self, Error> {
        let block =
            |at| join(u32_at(bytes, at), if bytes.len() >= 64 { u32_at(bytes, at + 0x20) } else { 0 });
        let group = Self { block_bitmap: block(0), inode_bitmap: block(4), inode_table: block(8) };
        let place = Place::Group(number);
        sb.check_blocks(place, "block of the block bitmap", group.block_bitmap, 1)?;
        sb.check_blocks(place, "block of the inode bitmap", group.inode_bitmap, 1)?;
        sb.check_blocks(place, "first block of the inode table", group.inode_table, inode_table_blocks(sb))?;
        Ok(group)
    }
}

/// All metadata of a group, with backups of superblock and descriptors. Blocks past the end of a short last group
/// are cut off.
pub(crate) fn metadata(sb: &Superblock, number: u64, group: &Group) -> Vec<MetadataBlocks> {
    let mut all = vec![
        MetadataBlocks { first: group.block_bitmap, count: 1, kind: Kind::BlockBitmap },
        MetadataBlocks { first: group.inode_bitmap, count: 1, kind: Kind::InodeBitmap },
        MetadataBlocks { first: group.inode_table, count: inode_table_blocks(sb), kind: Kind::InodeTable },
    ];
    let mut next = first_block(sb, number);
    let mut add = |count: u64, kind: Kind| {
        let count = count.min(sb.blocks_count.saturating_sub(next));
        if count > 0 {
            all.push(MetadataBlocks { first: next, count, kind });
        }
        next = next.saturating_add(count);
    };
    let with_superblock = has_superblock(sb, number);
    if with_superblock {
        add(1, Kind::Superblock);
    }
    let meta_group = number / descriptors_per_block(sb);
    if !sb.incompat.contains(IncompatFeatures::META_BG) {
        if with_superblock {
            add(descriptor_blocks(sb), Kind::GroupDescriptors);
            add(sb.reserved_descriptor_blocks, Kind::ReservedGroupDescriptors);
        }
    } else if meta_group < sb.first_meta_group {
        if with_superblock {
            add(sb.first_meta_group.min(descriptor_blocks(sb)), Kind::GroupDescriptors);
        }
    } else if matches!(number % descriptors_per_block(sb), 0 | 1)
        || number % descriptors_per_block(sb) == descriptors_per_block(sb) - 1
    {
        add(1, Kind::GroupDescriptors);
    }
    all
}

pub(super) fn inode_table_blocks(sb: &Superblock) -> u64 {
    (u64::from(sb.inodes_per_group) * u64::from(sb.inode_len)).div_ceil(sb.block_len)
}

pub(super) fn descriptors_per_block(sb: &Superblock) -> u64 {
    sb.block_len / sb.descriptor_len
}

fn descriptor_blocks(sb: &Superblock) -> u64 {
    sb.group_count().div_ceil(descriptors_per_block(sb))
}

/// The block of the descriptors with this index: behind the superblock, or with `meta_bg` in the first group that
/// it describes.
pub(super) fn descriptor_block(sb: &Superblock, index: u64) -> u64 {
    if !sb.incompat.contains(IncompatFeatures::META_BG) || index < sb.first_meta_group {
        return first_block(sb, 0) + 1 + index;
    }
    let group = index * descriptors_per_block(sb);
    first_block(sb, group) + u64::from(has_superblock(sb, group))
}

/// The first block of a group. With clusters and blocks of 1 KiB group 0 begins with the boot area in block 0.
fn first_block(sb: &Superblock, group: u64) -> u64 {
    match sb.first_data_block + group * sb.blocks_per_group {
        0 if sb.block_len == 1024 => 1,
        block => block,
    }
}

fn has_superblock(sb: &Superblock, group: u64) -> bool {
    if group == 0 {
        true
    } else if sb.compat.contains(CompatFeatures::SPARSE_SUPER2) {
        sb.backup_groups.contains(&group)
    } else if sb.ro_compat.contains(RoCompatFeatures::SPARSE_SUPER) {
        // Group 1 among them, as power 0.
        [3, 5, 7].into_iter().any(|base| is_power_of(base, group))
    } else {
        true
    }
}

fn is_power_of(base: u64, mut number: u64) -> bool {
    while number > 1 && number % base == 0 {
        number /= base;
    }
    number == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_lie_in_powers_of_three_five_and_seven() {
        let powers: Vec<u64> =
            (1..130).filter(|n| [3, 5, 7].iter().any(|base| is_power_of(*base, *n))).collect();
        assert_eq!(powers, [1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }
}
