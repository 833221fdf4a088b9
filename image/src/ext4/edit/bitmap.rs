//! The bitmaps of block groups: one bit for each block, and for each inode, of the group; set where it is in use.

use std::ops::Range;

use super::Editor;
use super::descriptor::{
    BLOCK_BITMAP_CHECKSUM, BLOCKS_UNWRITTEN, Descriptor, FREE_BLOCKS, FREE_INODES, INODE_BITMAP_CHECKSUM,
    INODES_UNWRITTEN,
};
use crate::error::{Error, Expected, Place};

/// Which of the two bitmaps of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BitmapKind {
    Blocks,
    Inodes,
}

/// A bitmap in memory.
pub(super) struct Bitmap {
    kind: BitmapKind,
    bytes: Vec<u8>,
    /// How many bits stand for something.
    len: u32,
}

impl Bitmap {
    fn new(kind: BitmapKind, mut bytes: Vec<u8>, len: u32, written: bool) -> Self {
        if !written {
            // What stands for nothing is in use.
            let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_mul(8);
            set(&mut bytes, len..end);
        }
        Self { kind, bytes, len }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_set(&self, bit: u32) -> bool {
        let byte = usize::try_from(bit / 8).ok().and_then(|index| self.bytes.get(index));
        byte.is_none_or(|byte| byte & 1 << (bit % 8) != 0)
    }

    /// The first run of free bits at or behind `from`, cut at `most` bits.
    pub(super) fn free_run(&self, from: u32, most: u32) -> Option<Range<u32>> {
        let mut start = from;
        while start < self.len && self.is_set(start) {
            // Whole bytes in use are passed at once.
            let full = start % 8 == 0
                && usize::try_from(start / 8).ok().and_then(|index| self.bytes.get(index)) == Some(&0xff);
            start = start.saturating_add(if full { 8 } else { 1 });
        }
        if start >= self.len {
            return None;
        }
        let most = start.saturating_add(most).min(self.len);
        let end = (start..most).find(|bit| self.is_set(*bit)).unwrap_or(most);
        Some(start..end)
    }

    /// Takes bits, all of which must be free, or gives bits, all of which must be in use.
    pub(super) fn change(&mut self, place: Place, bits: Range<u32>, take: bool) -> Result<(), Error> {
        let what = match self.kind {
            BitmapKind::Blocks => "bit of the block bitmap",
            BitmapKind::Inodes => "bit of the inode bitmap",
        };
        for bit in bits {
            if bit >= self.len || self.is_set(bit) == take {
                let expected = Expected::Described(if take { "a free one" } else { "one in use" });
                return Err(Error::format(place, what, expected, bit.into()));
            }
            if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|index| self.bytes.get_mut(index)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Ok(())
    }

    fn free(&self) -> u32 {
        let whole = usize::try_from(self.len / 8).unwrap_or(0).min(self.bytes.len());
        let used: u32 = self.bytes[..whole].iter().map(|byte| byte.count_ones()).sum();
        let rest = (self.len / 8 * 8..self.len).filter(|bit| self.is_set(*bit)).count();
        self.len - used.min(self.len) - u32::try_from(rest).unwrap_or(0)
    }
}

fn set(bytes: &mut [u8], bits: Range<u32>) {
    for bit in bits {
        if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|index| bytes.get_mut(index)) {
            *byte |= 1 << (bit % 8);
        }
    }
}

impl Editor<'_> {
    /// The blocks of a group: the first, and how many; the last group may be short.
    pub(super) fn blocks_of_group(&self, group: u64) -> (u64, u32) {
        let sb = &self.superblock;
        let first = sb.first_data_block + group * sb.blocks_per_group;
        let count = sb.blocks_per_group.min(sb.blocks_count.saturating_sub(first));
        (first, u32::try_from(count).unwrap_or(0))
    }

    fn bitmap_block(&self, group: u64, kind: BitmapKind) -> Result<u64, Error> {
        let place = || Error::format(Place::Group(group), "number", Expected::AtMost(0), group);
        let group = usize::try_from(group).ok().and_then(|index| self.groups.get(index)).ok_or_else(place)?;
        Ok(match kind {
            BitmapKind::Blocks => group.block_bitmap,
            BitmapKind::Inodes => group.inode_bitmap,
        })
    }

    /// The bitmap of a group, which must agree with its checksum and with the descriptor's count.
    pub(super) fn bitmap(&self, descriptor: &Descriptor, kind: BitmapKind) -> Result<Bitmap, Error> {
        let group = descriptor.group;
        let (unwritten, checksum_field, len, count) = match kind {
            BitmapKind::Blocks => {
                let len = self.blocks_of_group(group).1;
                (BLOCKS_UNWRITTEN, BLOCK_BITMAP_CHECKSUM, len, FREE_BLOCKS)
            }
            BitmapKind::Inodes => {
                (INODES_UNWRITTEN, INODE_BITMAP_CHECKSUM, self.superblock.inodes_per_group, FREE_INODES)
            }
        };
        let written = !(self.checksums.of_descriptors() && descriptor.has(unwritten));
        let bytes = if written {
            let bytes = self.overlay.block(self.bitmap_block(group, kind)?)?;
            if let Some(checksum) = self.checksums.bitmap(self.checked_bits(&bytes, kind)) {
                let (expected, found) = (descriptor.kept(checksum), descriptor.get(checksum_field));
                if found != expected {
                    let expected = Expected::Exactly(expected.into());
                    return Err(Error::format(
                        descriptor.place(),
                        "checksum of a bitmap",
                        expected,
                        found.into(),
                    ));
                }
            }
            bytes
        } else {
            self.unwritten_bitmap(group, kind)
        };
        let bitmap = Bitmap::new(kind, bytes, len, written);
        let (free, counted) = (bitmap.free(), descriptor.get(count));
        if free != counted {
            let field = match kind {
                BitmapKind::Blocks => "free blocks",
                BitmapKind::Inodes => "free inodes",
            };
            return Err(Error::format(
                descriptor.place(),
                field,
                Expected::Exactly(free.into()),
                counted.into(),
            ));
        }
        Ok(bitmap)
    }

    /// Puts a changed bitmap back, and its checksum into the descriptor.
    pub(super) fn store_bitmap(&mut self, descriptor: &mut Descriptor, bitmap: Bitmap) -> Result<(), Error> {
        let block = self.bitmap_block(descriptor.group, bitmap.kind)?;
        let (flag, field) = match bitmap.kind {
            BitmapKind::Blocks => (BLOCKS_UNWRITTEN, BLOCK_BITMAP_CHECKSUM),
            BitmapKind::Inodes => (INODES_UNWRITTEN, INODE_BITMAP_CHECKSUM),
        };
        if self.checksums.of_descriptors() {
            descriptor.clear(flag);
        }
        if let Some(checksum) = self.checksums.bitmap(self.checked_bits(&bitmap.bytes, bitmap.kind)) {
            descriptor.set(field, checksum);
        }
        self.overlay.set_block(block, bitmap.bytes);
        Ok(())
    }

    /// The bytes that the checksum is of.
    fn checked_bits<'b>(&self, bytes: &'b [u8], kind: BitmapKind) -> &'b [u8] {
        let bits = match kind {
            BitmapKind::Blocks => self.superblock.blocks_per_group,
            BitmapKind::Inodes => u64::from(self.superblock.inodes_per_group),
        };
        let len = usize::try_from(bits / 8).unwrap_or(usize::MAX).min(bytes.len());
        &bytes[..len]
    }

    /// A bitmap that was never written: nothing but metadata is in use.
    fn unwritten_bitmap(&self, group: u64, kind: BitmapKind) -> Vec<u8> {
        let mut bytes = vec![0; self.overlay.block_len_in_memory()];
        if kind == BitmapKind::Blocks {
            let (first, count) = self.blocks_of_group(group);
            for (start, end) in self.zones.within(first, first + u64::from(count)) {
                let bit = |block: u64| u32::try_from(block - first).unwrap_or(u32::MAX);
                set(&mut bytes, bit(start)..bit(end));
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_free_bits_are_found_between_used_ones() {
        let mut bytes = vec![0xff, 0xff, 0b1000_1111, 0x00, 0xfe, 0xff];
        let bitmap = Bitmap::new(BitmapKind::Blocks, bytes.clone(), 40, true);
        assert_eq!(bitmap.free_run(0, 100), Some(20..23));
        assert_eq!(bitmap.free_run(0, 2), Some(20..22));
        assert_eq!(bitmap.free_run(23, 100), Some(24..33));
        assert_eq!(bitmap.free_run(33, 100), None);
        assert_eq!(bitmap.free(), 12);
        bytes[4] = 0;
        assert_eq!(Bitmap::new(BitmapKind::Blocks, bytes, 35, false).free_run(33, 100), Some(33..35));
    }

    #[test]
    fn a_bit_is_taken_once_and_given_once() {
        let mut bitmap = Bitmap::new(BitmapKind::Inodes, vec![0; 4], 30, true);
        bitmap.change(Place::Group(1), 3..5, true).unwrap();
        let error = bitmap.change(Place::Group(1), 4..5, true).unwrap_err();
        assert_eq!(error.to_string(), "block group 1: bit of the inode bitmap: expected a free one, found 4");
        bitmap.change(Place::Group(1), 3..5, false).unwrap();
        assert!(bitmap.change(Place::Group(1), 4..5, false).is_err());
        assert!(bitmap.change(Place::Group(1), 29..31, true).is_err());
    }
}
