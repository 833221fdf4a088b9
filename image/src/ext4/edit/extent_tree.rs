//! Makes extent trees; see [`crate::ext4::extent`] for the layout. A node that is a block of its own has room for as
//! many entries as fit, and ends with its checksum where metadata has them.

use super::content_map::MapBlock;
use crate::ext4::block_map::Run;
use crate::ext4::crc32c::crc32c;
use crate::ext4::inode::ROOT_LEN;
use crate::little_endian::{part_u16, part_u32, put_u16, put_u32};

const MAGIC: u16 = 0xf30a;
const ENTRY_LEN: usize = 12;
/// Entries in the root.
const ROOT_ENTRIES: usize = ROOT_LEN / ENTRY_LEN - 1;
const WRITTEN_MAX: u64 = 32768;
/// An extent that is not written has this added to its length.
const UNWRITTEN: u64 = 32768;

/// How many entries fit a node of `len` bytes.
fn room(len: usize) -> usize {
    len / ENTRY_LEN - 1
}

/// The entries of all leaves.
fn leaf_entries(runs: &[Run]) -> impl Iterator<Item = (u64, [u8; ENTRY_LEN])> + '_ {
    runs.iter().flat_map(|run| {
        let most = if run.written { WRITTEN_MAX } else { UNWRITTEN - 1 };
        (0..run.count.div_ceil(most)).map(move |piece| {
            let from = piece * most;
            let count = most.min(run.count - from) + if run.written { 0 } else { UNWRITTEN };
            let (logical, physical) = (run.logical + from, run.physical + from);
            let mut entry = [0; ENTRY_LEN];
            put_u32(&mut entry, 0, part_u32(logical, 0));
            put_u16(&mut entry, 4, part_u16(count, 0));
            put_u16(&mut entry, 6, part_u16(physical, 32));
            put_u32(&mut entry, 8, part_u32(physical, 0));
            (logical, entry)
        })
    })
}

/// How many blocks the tree takes besides its root.
pub(super) fn blocks_needed(runs: &[Run], block_len: usize) -> u64 {
    let mut entries = leaf_entries(runs).count();
    let mut blocks = 0;
    while entries > ROOT_ENTRIES {
        entries = entries.div_ceil(room(block_len));
        blocks += u64::try_from(entries).unwrap_or(u64::MAX);
    }
    blocks
}

/// The root, and the other nodes at `numbers`, of which there are [`blocks_needed`].
pub(super) fn build(
    runs: &[Run],
    block_len: usize,
    numbers: &[u64],
    seed: Option<u32>,
) -> (Vec<u8>, Vec<MapBlock>) {
    let mut entries: Vec<(u64, [u8; ENTRY_LEN])> = leaf_entries(runs).collect();
    let mut blocks = Vec::new();
    let mut numbers = numbers.iter();
    let mut depth = 0;
    while entries.len() > ROOT_ENTRIES {
        let nodes = entries.chunks(room(block_len)).zip(&mut numbers);
        entries = nodes
            .map(|(entries, number)| {
                let mut bytes = node(entries, block_len, depth);
                if let Some(seed) = seed {
                    let end = ENTRY_LEN * (room(block_len) + 1);
                    let checksum = crc32c(seed, &bytes[..end]);
                    put_u32(&mut bytes, end, checksum);
                }
                blocks.push(MapBlock { number: *number, bytes });
                let logical = entries.first().map_or(0, |entry| entry.0);
                let mut entry = [0; ENTRY_LEN];
                put_u32(&mut entry, 0, part_u32(logical, 0));
                put_u32(&mut entry, 4, part_u32(*number, 0));
                put_u16(&mut entry, 8, part_u16(*number, 32));
                (logical, entry)
            })
            .collect();
        depth += 1;
    }
    (node(&entries, ROOT_LEN, depth), blocks)
}

fn node(entries: &[(u64, [u8; ENTRY_LEN])], len: usize, depth: u16) -> Vec<u8> {
    let mut bytes = vec![0; len];
    put_u16(&mut bytes, 0, MAGIC);
    put_u16(&mut bytes, 2, u16::try_from(entries.len()).unwrap_or(0));
    put_u16(&mut bytes, 4, u16::try_from(room(len)).unwrap_or(0));
    put_u16(&mut bytes, 6, depth);
    for ((_, entry), place) in entries.iter().zip(bytes[ENTRY_LEN..].chunks_exact_mut(ENTRY_LEN)) {
        place.copy_from_slice(entry);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_grows_by_levels_and_counts_its_blocks() {
        let runs = |count: u64| -> Vec<Run> {
            (0..count).map(|n| Run { logical: n, physical: 100 + 2 * n, count: 1, written: true }).collect()
        };
        for (count, blocks, depth) in [(0, 0, 0), (4, 0, 0), (5, 1, 1), (85, 2, 1), (337, 6, 2)] {
            let runs = runs(count);
            assert_eq!(blocks_needed(&runs, 1024), blocks);
            let numbers: Vec<u64> = (0..blocks).collect();
            let (root, nodes) = build(&runs, 1024, &numbers, Some(0));
            assert_eq!(u64::try_from(nodes.len()).unwrap(), blocks);
            assert_eq!(root[6], depth);
        }
        let long = [Run { logical: 0, physical: 7, count: 70_000, written: true }];
        assert_eq!(leaf_entries(&long).count(), 3);
    }
}
