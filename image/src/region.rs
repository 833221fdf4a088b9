//! A tiling of the image: each byte in exactly one region.

use crate::file_map::{Kind, Region};

/// Sorts `claimed` and fills what lies between them, so that the result covers `0..image_len_bytes` without gap
/// or overlap. Where two regions overlap (files that share blocks) the one that begins first keeps the bytes.
/// Gaps before `file_system_len_bytes` are [`Kind::Unused`], after it [`Kind::PastFileSystem`].
pub(crate) fn tile(
    mut claimed: Vec<Region>,
    file_system_len_bytes: u64,
    image_len_bytes: u64,
) -> Vec<Region> {
    claimed.sort_unstable_by_key(|region| (region.offset, region.kind));
    let mut tiles: Vec<Region> = Vec::with_capacity(claimed.len().saturating_mul(2));
    let mut reached = 0;
    for region in claimed {
        let end = region.end().min(image_len_bytes);
        if end <= reached {
            continue;
        }
        if region.offset > reached {
            fill(&mut tiles, reached, region.offset, file_system_len_bytes);
        }
        let cut = reached.saturating_sub(region.offset);
        push(
            &mut tiles,
            Region {
                offset: region.offset + cut,
                len_bytes: end - region.offset - cut,
                kind: region.kind.moved(cut),
            },
        );
        reached = end;
    }
    fill(&mut tiles, reached, image_len_bytes, file_system_len_bytes);
    tiles.shrink_to_fit();
    tiles
}

fn fill(tiles: &mut Vec<Region>, start: u64, end: u64, file_system_len_bytes: u64) {
    let border = file_system_len_bytes.clamp(start, end);
    for (start, end, kind) in [(start, border, Kind::Unused), (border, end, Kind::PastFileSystem)] {
        if start < end {
            tiles.push(Region { offset: start, len_bytes: end - start, kind });
        }
    }
}

/// Appends a region, or lengthens the last one where it is of the same kind and goes on.
fn push(tiles: &mut Vec<Region>, region: Region) {
    if let Some(last) = tiles.last_mut() {
        if last.end() == region.offset && last.kind.moved(last.len_bytes) == region.kind {
            last.len_bytes += region.len_bytes;
            return;
        }
    }
    tiles.push(region);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(offset: u64, len_bytes: u64, kind: Kind) -> Region {
        Region { offset, len_bytes, kind }
    }

    #[test]
    fn gaps_are_filled_and_neighbours_joined() {
        let tiles = tile(
            vec![
                region(30, 10, Kind::InodeTable),
                region(10, 10, Kind::Superblock),
                region(40, 5, Kind::InodeTable),
            ],
            60,
            100,
        );
        assert_eq!(
            tiles,
            [
                region(0, 10, Kind::Unused),
                region(10, 10, Kind::Superblock),
                region(20, 10, Kind::Unused),
                region(30, 15, Kind::InodeTable),
                region(45, 15, Kind::Unused),
                region(60, 40, Kind::PastFileSystem),
            ]
        );
    }

    #[test]
    fn shared_bytes_belong_to_the_first_and_the_rest_keeps_its_file_offset() {
        let tiles = tile(
            vec![
                region(0, 20, Kind::File { file: 0, file_offset: 0 }),
                region(10, 20, Kind::File { file: 1, file_offset: 100 }),
            ],
            30,
            30,
        );
        assert_eq!(
            tiles,
            [
                region(0, 20, Kind::File { file: 0, file_offset: 0 }),
                region(20, 10, Kind::File { file: 1, file_offset: 110 }),
            ]
        );
    }
}
