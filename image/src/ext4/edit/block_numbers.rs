//! Makes block maps of ext2 and ext3; see [`crate::ext4::indirect`] for the layout.

use super::content_map::MapBlock;
use super::inode_bytes::RawInode;
use crate::error::{Error, Expected};
use crate::ext4::block_map::Run;
use crate::ext4::inode::ROOT_LEN;
use crate::little_endian::{part_u32, put_u32};

const DIRECT: usize = 12;
const LEVELS: u32 = 3;

/// The block of the content at each index, 0 for a hole.
fn numbers_of(inode: &RawInode, runs: &[Run], block_len: u64) -> Result<Vec<u32>, Error> {
    let per_block = block_len / 4;
    let most = (1..=LEVELS).map(|level| per_block.pow(level)).sum::<u64>() + 12;
    let end = runs.last().map_or(0, Run::logical_end);
    if end > most {
        return Err(Error::limit(inode.place(), "blocks of a file without extents", most, end));
    }
    let mut numbers = vec![0; usize::try_from(end).unwrap_or(0)];
    for run in runs {
        for (logical, physical) in (run.logical..run.logical_end()).zip(run.physical..) {
            let wrong = || {
                let expected = Expected::AtMost(u32::MAX.into());
                Error::format(inode.place(), "block of a file without extents", expected, physical)
            };
            let number = u32::try_from(physical).map_err(|_| wrong())?;
            if let Some(place) = usize::try_from(logical).ok().and_then(|index| numbers.get_mut(index)) {
                *place = number;
            }
        }
    }
    Ok(numbers)
}

/// What each of the three last entries of the root leads to.
fn indirect(numbers: &[u32], per_block: usize) -> [&[u32]; 3] {
    let mut rest = numbers.get(DIRECT..).unwrap_or(&[]);
    [1, 2, 3].map(|level| {
        let (these, after) = rest.split_at(per_block.saturating_pow(level).min(rest.len()));
        rest = after;
        these
    })
}

fn step(per_block: usize, level: u32) -> usize {
    per_block.saturating_pow(level - 1)
}

fn count(numbers: &[u32], per_block: usize, level: u32) -> u64 {
    if level == 0 || numbers.iter().all(|number| *number == 0) {
        return 0;
    }
    1 + numbers.chunks(step(per_block, level)).map(|below| count(below, per_block, level - 1)).sum::<u64>()
}

fn per_block(block_len: u64) -> usize {
    usize::try_from(block_len / 4).unwrap_or(256)
}

/// How many blocks of numbers the map takes.
pub(super) fn blocks_needed(inode: &RawInode, runs: &[Run], block_len: u64) -> Result<u64, Error> {
    let numbers = numbers_of(inode, runs, block_len)?;
    let per_block = per_block(block_len);
    Ok((1..).zip(indirect(&numbers, per_block)).map(|(level, part)| count(part, per_block, level)).sum())
}

/// The root, and the blocks of numbers at `places`, of which there are [`blocks_needed`].
pub(super) fn build(
    inode: &RawInode,
    runs: &[Run],
    block_len: u64,
    places: &[u64],
) -> Result<(Vec<u8>, Vec<MapBlock>), Error> {
    let numbers = numbers_of(inode, runs, block_len)?;
    let per_block = per_block(block_len);
    let mut root = vec![0; ROOT_LEN];
    for (index, number) in numbers.iter().take(DIRECT).enumerate() {
        put_u32(&mut root, index * 4, *number);
    }
    let mut tree = Tree { per_block, places: places.iter(), blocks: Vec::new() };
    for ((level, index), part) in (1..).zip(DIRECT..).zip(indirect(&numbers, per_block)) {
        put_u32(&mut root, index * 4, tree.add(part, level));
    }
    Ok((root, tree.blocks))
}

struct Tree<'p> {
    per_block: usize,
    places: std::slice::Iter<'p, u64>,
    blocks: Vec<MapBlock>,
}

impl Tree<'_> {
    /// Adds what leads to `numbers` and returns its number.
    fn add(&mut self, numbers: &[u32], level: u32) -> u32 {
        if numbers.iter().all(|number| *number == 0) {
            return 0;
        }
        if level == 0 {
            return numbers.first().copied().unwrap_or(0);
        }
        let Some(place) = self.places.next() else { return 0 };
        let mut bytes = vec![0; self.per_block * 4];
        for (index, below) in numbers.chunks(step(self.per_block, level)).enumerate() {
            put_u32(&mut bytes, index * 4, self.add(below, level - 1));
        }
        self.blocks.push(MapBlock { number: *place, bytes });
        part_u32(*place, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_begin_where_the_ones_before_end() {
        let inode = RawInode { number: 12, offset: 0, bytes: vec![0; 128] };
        for (count, blocks) in [(12, 0), (13, 1), (12 + 256, 1), (12 + 257, 3), (12 + 512, 3), (12 + 513, 4)]
        {
            let runs = [Run { logical: 0, physical: 1000, count, written: true }];
            assert_eq!(blocks_needed(&inode, &runs, 1024).unwrap(), blocks, "{count}");
            let places: Vec<u64> = (1..=blocks).collect();
            let (_, map) = build(&inode, &runs, 1024, &places).unwrap();
            assert_eq!(u64::try_from(map.len()).unwrap(), blocks);
        }
        let too_long = [Run { logical: 1 << 25, physical: 1, count: 1, written: true }];
        assert!(matches!(blocks_needed(&inode, &too_long, 1024), Err(Error::Limit(_))));
    }
}
