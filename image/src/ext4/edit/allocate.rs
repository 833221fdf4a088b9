//! Takes blocks and inodes out of the bitmaps, and gives them back.

use std::ops::Range;

use super::Editor;
use super::bitmap::BitmapKind;
use super::descriptor::{BLOCKS_UNWRITTEN, DIRECTORIES, Descriptor, FREE_BLOCKS, FREE_INODES, UNUSED_INODES};
use crate::error::{Error, Expected, Place};

impl Editor<'_> {
    /// The group that a block is in.
    fn group_of_block(&self, block: u64) -> u64 {
        block.saturating_sub(self.superblock.first_data_block) / self.superblock.blocks_per_group
    }

    /// The group that an inode is in.
    pub(super) fn group_of_inode(&self, number: u32) -> u64 {
        u64::from(number.saturating_sub(1) / self.superblock.inodes_per_group)
    }

    /// All groups, from `goal` on and then from the first.
    fn groups_from(&self, goal: u64) -> impl Iterator<Item = u64> + use<> {
        let count = self.superblock.group_count();
        let goal = goal.min(count.saturating_sub(1));
        (goal..count).chain(0..goal)
    }

    /// Takes `count` blocks, in one piece where there is one, near the group `goal`. Returns ranges of block numbers,
    /// sorted.
    pub(super) fn take_blocks(&mut self, goal: u64, count: u64) -> Result<Vec<Range<u64>>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let free = self.free_blocks()?;
        if free < count {
            return Err(Error::full("blocks", count, free));
        }
        let ranges = match self.one_piece(goal, count)? {
            Some(range) => vec![range],
            None => self.many_pieces(goal, count)?,
        };
        self.change_blocks(&ranges, true)?;
        Ok(ranges)
    }

    fn one_piece(&self, goal: u64, count: u64) -> Result<Option<Range<u64>>, Error> {
        let Ok(wanted) = u32::try_from(count) else { return Ok(None) };
        if count > self.superblock.blocks_per_group {
            return Ok(None);
        }
        for group in self.groups_from(goal) {
            let descriptor = self.descriptor(group)?;
            if descriptor.get(FREE_BLOCKS) < wanted {
                continue;
            }
            let bitmap = self.bitmap(&descriptor, BitmapKind::Blocks)?;
            let mut from = 0;
            while let Some(run) = bitmap.free_run(from, wanted) {
                if run.end - run.start == wanted {
                    return Ok(Some(self.blocks(group, run)));
                }
                from = run.end;
            }
        }
        Ok(None)
    }

    /// The longest free pieces of each group until there are enough.
    fn many_pieces(&self, goal: u64, count: u64) -> Result<Vec<Range<u64>>, Error> {
        let mut ranges = Vec::new();
        let mut missing = count;
        for group in self.groups_from(goal) {
            let descriptor = self.descriptor(group)?;
            if descriptor.get(FREE_BLOCKS) == 0 {
                continue;
            }
            let bitmap = self.bitmap(&descriptor, BitmapKind::Blocks)?;
            let mut runs = Vec::new();
            let mut from = 0;
            while let Some(run) = bitmap.free_run(from, u32::MAX) {
                from = run.end;
                runs.push(run);
            }
            runs.sort_by_key(|run| std::cmp::Reverse(run.end - run.start));
            for run in runs {
                let most = u32::try_from(missing).unwrap_or(u32::MAX);
                let end = run.end.min(run.start.saturating_add(most));
                missing -= u64::from(end - run.start);
                ranges.push(self.blocks(group, run.start..end));
                if missing == 0 {
                    ranges.sort_unstable_by_key(|range| range.start);
                    return Ok(ranges);
                }
            }
        }
        Err(Error::full("blocks", count, count - missing))
    }

    fn blocks(&self, group: u64, bits: Range<u32>) -> Range<u64> {
        let first = self.blocks_of_group(group).0;
        first + u64::from(bits.start)..first + u64::from(bits.end)
    }

    /// Gives blocks back that nothing uses any more.
    pub(super) fn give_blocks(&mut self, mut ranges: Vec<Range<u64>>) -> Result<(), Error> {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable_by_key(|range| range.start);
        self.change_blocks(&ranges, false)?;
        for range in ranges {
            self.overlay.forget(range.start, range.end - range.start);
        }
        Ok(())
    }

    /// Sets or clears the bits of sorted ranges, each group's bitmap once.
    fn change_blocks(&mut self, ranges: &[Range<u64>], take: bool) -> Result<(), Error> {
        let mut total = 0u64;
        let mut pieces = Vec::new();
        for range in ranges {
            let mut start = range.start;
            while start < range.end {
                let group = self.group_of_block(start);
                let (first, len) = self.blocks_of_group(group);
                let end = range.end.min(first + u64::from(len));
                if start < first || end <= start {
                    let expected = Expected::AtMost(self.superblock.blocks_count.saturating_sub(1));
                    return Err(Error::format(Place::Block(start), "number", expected, start));
                }
                self.zones.check_outside(Place::Group(group), start, end - start)?;
                total += end - start;
                let bit = |block: u64| u32::try_from(block - first).unwrap_or(u32::MAX);
                pieces.push((group, bit(start)..bit(end)));
                start = end;
            }
        }
        for pieces in pieces.chunk_by(|a, b| a.0 == b.0) {
            let Some((group, _)) = pieces.first() else { continue };
            let mut descriptor = self.descriptor(*group)?;
            let mut bitmap = self.bitmap(&descriptor, BitmapKind::Blocks)?;
            let mut count = 0;
            for (_, bits) in pieces {
                bitmap.change(descriptor.place(), bits.clone(), take)?;
                count += i64::from(bits.end - bits.start);
            }
            descriptor.count(FREE_BLOCKS, "free blocks", if take { -count } else { count })?;
            self.store_bitmap(&mut descriptor, bitmap)?;
            self.store_descriptor(descriptor)?;
        }
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        self.count_free_blocks(if take { -total } else { total })
    }

    /// Takes the first free inode at or behind the group `goal`.
    pub(super) fn take_inode(&mut self, goal: u64, directory: bool) -> Result<u32, Error> {
        let per_group = self.superblock.inodes_per_group;
        for group in self.groups_from(goal) {
            let mut descriptor = self.descriptor(group)?;
            if descriptor.get(FREE_INODES) == 0 {
                continue;
            }
            let mut bitmap = self.bitmap(&descriptor, BitmapKind::Inodes)?;
            let first = u32::try_from(group * u64::from(per_group)).unwrap_or(u32::MAX);
            // Numbers begin with 1, and the first are reserved.
            let from = (self.superblock.first_inode - 1).saturating_sub(first).min(bitmap.len());
            let Some(Range { start: bit, .. }) = bitmap.free_run(from, 1) else { continue };
            bitmap.change(descriptor.place(), bit..bit + 1, true)?;
            descriptor.count(FREE_INODES, "free inodes", -1)?;
            if directory {
                descriptor.count(DIRECTORIES, "directories", 1)?;
            }
            if self.checksums.of_descriptors() {
                let unused = descriptor.get(UNUSED_INODES).min(per_group - (bit + 1));
                descriptor.set(UNUSED_INODES, unused);
            }
            self.store_bitmap(&mut descriptor, bitmap)?;
            self.write_unwritten_blocks(&mut descriptor)?;
            self.store_descriptor(descriptor)?;
            self.count_free_inodes(-1)?;
            return Ok(first + bit + 1);
        }
        Err(Error::full("inodes", 1, self.free_inodes()?.into()))
    }

    /// A group whose inodes are used has its block bitmap written, too.
    fn write_unwritten_blocks(&mut self, descriptor: &mut Descriptor) -> Result<(), Error> {
        if self.checksums.of_descriptors() && descriptor.has(BLOCKS_UNWRITTEN) {
            let bitmap = self.bitmap(descriptor, BitmapKind::Blocks)?;
            self.store_bitmap(descriptor, bitmap)?;
        }
        Ok(())
    }

    /// Gives an inode back. What it holds is the caller's to clear.
    pub(super) fn give_inode(&mut self, number: u32, directory: bool) -> Result<(), Error> {
        let mut descriptor = self.descriptor(self.group_of_inode(number))?;
        let mut bitmap = self.bitmap(&descriptor, BitmapKind::Inodes)?;
        let bit = number.saturating_sub(1) % self.superblock.inodes_per_group;
        bitmap.change(descriptor.place(), bit..bit + 1, false)?;
        descriptor.count(FREE_INODES, "free inodes", 1)?;
        if directory {
            descriptor.count(DIRECTORIES, "directories", -1)?;
        }
        self.store_bitmap(&mut descriptor, bitmap)?;
        self.store_descriptor(descriptor)?;
        self.count_free_inodes(1)
    }
}
