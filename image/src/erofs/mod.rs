//! EROFS, read only: its files, and where in the image each piece of them lies and how it is packed.
//!
//! Read are flat, inline, chunk-based and compressed files with either form of index, with big clusters and
//! inline tails, as mkfs.erofs 1.5 makes them. Refused by name are extra devices and what came later, as fragments.
//! Content packed with LZ4 is unpacked; of other algorithms it is told where it lies.

mod cluster;
mod compact_index;
mod directory;
pub mod extent;
mod inode;
mod lz4;
pub mod map;
mod read_file;
mod superblock;

use crate::block_device::BlockDevice;
use crate::error::{Error, Place};
use crate::limits::Limits;
use inode::Inode;
use superblock::Superblock;

/// An opened file system: its superblock is in memory and consistent.
pub struct FileSystem<'d> {
    device: &'d dyn BlockDevice,
    superblock: Superblock,
    limits: Limits,
}

impl<'d> FileSystem<'d> {
    /// Opens the file system that `device` holds from its first byte on.
    ///
    /// ```no_run
    /// use mender_image::block_device::FileDevice;
    /// use mender_image::erofs::FileSystem;
    /// use mender_image::limits::Limits;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = FileDevice::new(std::fs::File::open("rootfs.erofs")?)?;
    /// let map = FileSystem::open(&device, &Limits::default())?.map()?;
    /// println!("{} files", map.files.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for what is no EROFS, contradicts itself or is longer than the image;
    /// [`Error::Unsupported`] for features that are not read; [`Error::Io`].
    pub fn open(device: &'d dyn BlockDevice, limits: &Limits) -> Result<Self, Error> {
        Ok(Self { device, superblock: Superblock::read(device)?, limits: limits.clone() })
    }

    /// Length of a block in bytes; a power of two from 512 to 65,536.
    #[must_use]
    pub fn block_len_bytes(&self) -> u64 {
        self.superblock.block_len
    }

    /// Length of the file system in bytes, at most that of the image.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.superblock.len_bytes
    }

    fn inode(&self, nid: u64) -> Result<Inode, Error> {
        Inode::read(self.device, &self.superblock, nid)
    }

    /// Refuses ranges that do not lie in the file system.
    fn check_range(&self, place: Place, field: &'static str, offset: u64, len: u64) -> Result<(), Error> {
        let last = self.superblock.len_bytes.checked_sub(len);
        match last {
            Some(last) if offset <= last => Ok(()),
            _ => Err(Error::format(place, field, crate::error::Expected::AtMost(last.unwrap_or(0)), offset)),
        }
    }
}
