//! ext2, ext3 and ext4: reading, and changing files in place in [`edit`].
//!
//! Checked: the superblock's own checksum, and of every number whatever would let a reader run away with it. Not
//! checked: the other checksums, and the allocation bitmaps.

mod block_map;
mod claims;
pub(crate) mod crc32c;
mod directory;
pub mod edit;
mod extent;
pub mod features;
pub mod file_reader;
mod group;
mod indirect;
mod inline;
pub(crate) mod inode;
pub mod metadata;
mod ownership;
pub(crate) mod path;
pub mod read_file;
pub(crate) mod superblock;
mod symlink;
pub(crate) mod walk;

use std::sync::Arc;

use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::limits::Limits;
use group::Group;
use inode::{INODE_LEN_MAX, Inode};
use superblock::Superblock;

/// Number of the root directory's inode.
const ROOT_INODE: u32 = 2;

/// An opened file system: its superblock and group descriptors are in memory and consistent.
pub struct FileSystem<'d> {
    device: &'d dyn BlockDevice,
    superblock: Superblock,
    groups: Arc<[Group]>,
    limits: Limits,
}

impl<'d> FileSystem<'d> {
    /// Opens the file system that `device` holds from its first byte on.
    ///
    /// ```no_run
    /// use mender_image::block_device::FileDevice;
    /// use mender_image::ext4::FileSystem;
    /// use mender_image::limits::Limits;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = FileDevice::new(std::fs::File::open("rootfs.ext4")?)?;
    /// let file_system = FileSystem::open(&device, &Limits::default())?;
    /// let artifact_info = file_system.read_file(b"/etc/mender/artifact_info")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`crate::file_map::FileMap::of`].
    pub fn open(device: &'d dyn BlockDevice, limits: &Limits) -> Result<Self, Error> {
        let superblock = Superblock::read(device)?;
        let groups = group::read_all(device, &superblock)?.into();
        Ok(Self { device, superblock, groups, limits: limits.clone() })
    }

    /// Whether the journal holds changes that have not reached their place. They are not seen here.
    #[must_use]
    pub fn needs_recovery(&self) -> bool {
        self.superblock.incompat.contains(features::IncompatFeatures::RECOVER)
    }

    /// Where an inode lies, in bytes from the start of the image.
    fn inode_offset(&self, number: u32) -> Result<u64, Error> {
        let sb = &self.superblock;
        if number == 0 || number > sb.inodes_count {
            let expected = Expected::AtMost(u64::from(sb.inodes_count));
            return Err(Error::format(Place::Superblock, "inode number", expected, u64::from(number)));
        }
        let index = u64::from(number - 1);
        let per_group = u64::from(sb.inodes_per_group);
        let group = usize::try_from(index / per_group).ok().and_then(|n| self.groups.get(n));
        let Some(group) = group else {
            return Err(Error::format(
                Place::Inode(u64::from(number)),
                "block group",
                Expected::AtMost(0),
                index,
            ));
        };
        // Whole inode tables have been checked to lie in the file system.
        Ok(group.inode_table * sb.block_len + index % per_group * u64::from(sb.inode_len))
    }

    fn inode(&self, number: u32) -> Result<Inode, Error> {
        let offset = self.inode_offset(number)?;
        let mut bytes = [0; INODE_LEN_MAX];
        let len = usize::from(self.superblock.inode_len).min(INODE_LEN_MAX);
        self.device.read_at(offset, &mut bytes[..len])?;
        Inode::parse(number, offset, &bytes[..len], self)
    }

    /// Reads one block, whose number must lie in the file system.
    fn read_block(&self, number: u64) -> Result<Vec<u8>, Error> {
        let mut block = vec![0; self.superblock.block_len_in_memory()];
        self.read_block_into(number, &mut block)?;
        Ok(block)
    }

    fn read_block_into(&self, number: u64, block: &mut [u8]) -> Result<(), Error> {
        let sb = &self.superblock;
        sb.check_blocks(Place::Block(number), "block number", number, 1)?;
        self.device.read_at(number * sb.block_len, block)
    }
}
