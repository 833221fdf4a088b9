//! How much of a file system is free, as it says itself.

use super::layout::Part;
use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::fat;
use crate::limits::Limits;
use crate::little_endian::{join, u32_at};

/// Where an ext file system has its superblock.
const SUPERBLOCK_OFFSET: u64 = 1024;
/// Bit of the incompatible features for numbers of 64 bits.
const BITS_64: u32 = 0x80;

impl Part {
    /// Free room in bytes; `None` for what is no file system that is written here.
    ///
    /// # Errors
    ///
    /// When the file system is damaged or cannot be read.
    pub fn free_bytes(&self, device: &dyn BlockDevice, limits: &Limits) -> Result<Option<u64>, Error> {
        let window = self.window(device)?;
        if self.is_fat() {
            return Ok(Some(fat::volume::Volume::open(&window, limits)?.free_bytes()));
        }
        if !self.is_ext() {
            return Ok(None);
        }
        let mut superblock = [0; 1024];
        window.read_at(SUPERBLOCK_OFFSET, &mut superblock)?;
        let high = if u32_at(&superblock, 0x60) & BITS_64 == 0 { 0 } else { u32_at(&superblock, 0x158) };
        let blocks = join(u32_at(&superblock, 0x0c), high);
        Ok(self
            .probe
            .block_len_bytes
            .and_then(|len| blocks.checked_mul(len))
            .filter(|free| *free <= self.len_bytes))
    }
}
