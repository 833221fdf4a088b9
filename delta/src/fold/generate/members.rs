//! Files that are compressed one by one in a file system that is not: documentation, manual pages, kernels.

use super::layout::{Block, Layout};
use super::lz4_blocks;
use crate::fold::codec::deflate::wrapper::Wrapper;
use crate::fold::codec::deflate::{self, Encoder};
use crate::fold::codec::{Codec, Framing, Recipe};
use crate::generate::file_map;
use crate::reading::{AROUND, Reading};
use mender_image::file_map::MappedFile;

/// Families of blocks.
const GZIP: usize = 0;
const LZ4: usize = 1;
/// Longest plain content of a file, in bytes: a device keeps some of them unpacked.
const MAX_PLAIN: u32 = 512 << 10;
/// Shortest gzip file that is looked at: its header and end alone have 18 bytes.
const LEAST: u64 = 32;
/// Fixed part of a gzip header, and check value and length at the end (RFC 1952, section 2.3).
const HEADER: usize = 10;
const HAS_CHECK: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;
const ALL_FLAGS: u8 = 31;

/// How gzip files are made: GNU gzip at its best and its default level, then what Python and others do with zlib.
fn candidates() -> Vec<Recipe> {
    let gzip = [9, 6, 1, 8, 7, 5, 4, 3, 2].map(|level| (level, Encoder::Gzip));
    let zlib = [9, 6, 1].map(|level| (level, Encoder::Zlib));
    let recipe = |(level, encoder)| Recipe {
        codec: Codec::Deflate,
        framing: Framing::None,
        parameters: deflate::parameters(level, 8, Wrapper::GzipEnd, encoder),
    };
    gzip[..2].iter().chain(&zlib).chain(&gzip[2..]).copied().map(recipe).collect()
}

/// The compressed files of an ext file system; `None` when it cannot be read or has none.
pub(super) fn layout(image: &[u8], reading: &Reading<'_>) -> Option<Layout> {
    let map = file_map(image, reading)?;
    let (mut blocks, mut embedded) = (Vec::new(), Vec::new());
    for file in map.files.iter().filter(|file| !file.ranges.is_empty()) {
        blocks.extend(member(image, file));
        lz4_blocks::find(image, file, LZ4, &mut blocks, &mut embedded);
        // Its beginning, and perhaps its end.
        reading.touch(2 * AROUND);
    }
    blocks.sort_unstable_by_key(|block| block.at);
    // Files that share blocks.
    let mut reached = 0;
    blocks.retain(|block| {
        let is_beside = block.at >= reached;
        if is_beside {
            reached = block.at + u64::from(block.len);
        }
        is_beside
    });
    (!blocks.is_empty()).then(|| Layout {
        blocks,
        files: Vec::new(),
        families: vec![candidates(), lz4_blocks::candidates()],
        embedded,
        map: Some(map),
    })
}

/// The stream of a gzip file that lies in one piece and has one member.
fn member(image: &[u8], file: &MappedFile) -> Option<Block> {
    let [range] = file.ranges[..] else { return None };
    if range.file_offset != 0 || range.len_bytes != file.len_bytes || file.len_bytes < LEAST {
        return None;
    }
    let at = usize::try_from(range.device_offset).ok()?;
    let bytes = image.get(at..)?.get(..usize::try_from(range.len_bytes).ok()?)?;
    let header = header_len(bytes)?;
    let plain_max = u32::from_le_bytes(*bytes.last_chunk()?);
    let len = u32::try_from(bytes.len().checked_sub(header)?).ok()?;
    (1..=MAX_PLAIN).contains(&plain_max).then_some(Block {
        at: range.device_offset + header as u64,
        len,
        plain_max,
        framing: Framing::None,
        is_compressed: true,
        family: GZIP,
    })
}

/// Length of a gzip header.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, ..] = *bytes else { return None };
    if flags & !ALL_FLAGS != 0 {
        return None;
    }
    let mut len = HEADER;
    if flags & HAS_EXTRA != 0 {
        len += 2 + usize::from(u16::from_le_bytes(*bytes.get(len..)?.first_chunk()?));
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            len += bytes.get(len..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    Some(if flags & HAS_CHECK != 0 { len + 2 } else { len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_gzip_files() {
        let fixed = |flags| [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 2, 3];
        assert_eq!(header_len(&fixed(0)), Some(10));
        assert_eq!(header_len(&[&fixed(8)[..], b"name\0stream"].concat()), Some(15));
        assert_eq!(
            header_len(&[&fixed(4 | 16 | 2)[..], &[3, 0, 1, 2, 3], b"note\0ccstream"].concat()),
            Some(22)
        );
        for bad in [&fixed(8)[..], &fixed(32), &fixed(4), b"\x1f\x8b\x08", b"text", b""] {
            assert_eq!(header_len(bad), None, "{bad:?}");
        }
    }
}
