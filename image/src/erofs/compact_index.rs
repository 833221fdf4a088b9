//! The compact index: packs of 2 or 16 entries of 16 or 14 bits, each pack followed by the number of a block.
//!
//! Entry bits: 12 of position or distance, then 2 of kind. The packs of 16 (32 bytes) are aligned; before and after
//! them are packs of 2 (8 bytes). Blocks count up from the pack's number with each cluster that begins in it.

use super::cluster::{Entry, KIND_NOT_HEAD, Kind};
use crate::little_endian::u32_at;

/// A position within a block, or a distance, has this many bits.
const LOW_BITS: u32 = 12;
/// Marks, in an entry that is no head, the count of blocks of the cluster instead of a distance.
const BLOCK_COUNT: u32 = 1 << 11;

/// How an index is divided: entries in packs of two, in packs of 16, and in packs of two again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Division {
    pub(super) before: u64,
    pub(super) small: u64,
    pub(super) after: u64,
}

impl Division {
    /// For `count` entries from byte `offset` of the image on.
    pub(super) fn of(offset: u64, count: u64, small_allowed: bool) -> Self {
        let to_alignment = (32 - offset % 32) % 32 / 4;
        if !small_allowed || to_alignment >= count {
            return Self { before: 0, small: 0, after: count };
        }
        let small = (count - to_alignment) / 16 * 16;
        Self { before: to_alignment, small, after: count - to_alignment - small }
    }

    /// Bytes of the whole index; `None` when that is more than a number can say.
    pub(super) fn len_bytes(self) -> Option<u64> {
        let large = self.before.div_ceil(2).checked_add(self.after.div_ceil(2))?;
        large.checked_mul(8)?.checked_add(self.small.checked_mul(2)?)
    }
}

/// Reads the entries of an index whose bytes are as long as `division` says.
pub(super) fn entries(bytes: &[u8], division: Division, big_clusters: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    for (count, per_pack, pack_len) in
        [(division.before, 2, 8), (division.small, 16, 32), (division.after, 2, 8)]
    {
        let mut left = count;
        while left > 0 && rest.len() >= pack_len {
            let (pack, after) = rest.split_at(pack_len);
            rest = after;
            read_pack(pack, left.min(per_pack), per_pack, big_clusters, &mut entries);
            left -= left.min(per_pack);
        }
    }
    entries
}

fn read_pack(pack: &[u8], count: u64, per_pack: u64, big_clusters: bool, entries: &mut Vec<Entry>) {
    let entry_bits = if per_pack == 16 { 14 } else { 16 };
    let mut block = u64::from(u32_at(pack, pack.len() - 4));
    let mut head_before = false;
    let mut bit = 0usize;
    for _ in 0..count {
        // Entries end before the number of the block, so that four bytes are always there.
        let value = u32_at(pack, (bit / 8).min(pack.len() - 4)) >> (bit % 8);
        bit += entry_bits;
        let low = value & ((1 << LOW_BITS) - 1);
        let kind = value >> LOW_BITS & 3;
        if kind == KIND_NOT_HEAD {
            let block_count = (big_clusters && low & BLOCK_COUNT != 0).then_some(low & !BLOCK_COUNT);
            block += u64::from(block_count.unwrap_or(0));
            head_before = false;
            entries.push(Entry { kind: Kind::NotHead { block_count }, position: 0, block: 0 });
        } else {
            // Without big clusters the number is that of the cluster before the pack's first.
            if !big_clusters || head_before {
                block += 1;
            }
            head_before = true;
            entries.push(Entry { kind: Kind::head(kind), position: low, block });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_divided_at_multiples_of_32() {
        assert_eq!(Division::of(64, 40, true), Division { before: 0, small: 32, after: 8 });
        assert_eq!(Division::of(72, 40, true), Division { before: 6, small: 32, after: 2 });
        assert_eq!(Division::of(72, 5, true), Division { before: 0, small: 0, after: 5 });
        assert_eq!(Division::of(72, 40, false), Division { before: 0, small: 0, after: 40 });
        assert_eq!(Division::of(72, 40, true).len_bytes(), Some(24 + 64 + 8));
        assert_eq!(Division::of(72, u64::MAX, false).len_bytes(), None);
    }

    #[test]
    fn blocks_count_up_within_a_pack() {
        // Heads at 5 and 9 of their blocks, in clusters 101 and 102.
        let mut pack = vec![5, 0x10, 9, 0x10];
        pack.extend_from_slice(&100u32.to_le_bytes());
        let read = entries(&pack, Division { before: 0, small: 0, after: 2 }, false);
        assert_eq!(
            read.iter().map(|entry| (entry.position, entry.block)).collect::<Vec<_>>(),
            [(5, 101), (9, 102)]
        );
        let big = entries(&pack, Division { before: 0, small: 0, after: 2 }, true);
        assert_eq!(big.iter().map(|entry| entry.block).collect::<Vec<_>>(), [100, 101]);
    }
}
