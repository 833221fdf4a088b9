//! Inodes: what is of use here of each kind, and how long each is.

#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths have been compared with those of buffers or blocks"
)]

use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u32_at, u64_at};

/// An inode.
pub(super) struct Inode {
    pub(super) number: u32,
    pub(super) content: Content,
}

/// What an inode holds.
pub(super) enum Content {
    /// A listing: the block of the directory table, the offset in it, and its length.
    Directory { block: u32, offset: u16, len: u32 },
    /// A file.
    File(File),
    /// Nothing that has blocks.
    Other,
}

/// A regular file.
pub(super) struct File {
    pub(super) len: u64,
    /// Where its first block stands; the others follow.
    pub(super) start: u64,
    /// Packed length of each block, and [`IS_PLAIN`].
    pub(super) blocks: Vec<u32>,
    /// The fragment that holds its end, and where in it.
    pub(super) fragment: Option<(u32, u32)>,
}

/// In the length of a block: it is not compressed.
pub(super) const IS_PLAIN: u32 = 1 << 24;
const NO_FRAGMENT: u32 = u32::MAX;

/// Reads the inode at `at` of the table; returns it and where the next one begins.
pub(super) fn read(table: &[u8], at: usize, block_len: u32) -> Result<(Inode, usize), Error> {
    let bytes = &table[at..];
    let need = |len: u64| -> Result<usize, Error> {
        let len_there = bytes.len() as u64;
        if len <= len_there {
            return Ok(len as usize);
        }
        let expected = Expected::AtMost(at as u64 + len_there);
        Err(Error::format(Place::Image, "end of an inode", expected, (at as u64).saturating_add(len)))
    };
    need(16)?;
    let (kind, number) = (u16_at(bytes, 0), u32_at(bytes, 12));
    let mut content = Content::Other;
    let len = match kind {
        1 => {
            need(32)?;
            content = Content::Directory {
                block: u32_at(bytes, 16),
                offset: u16_at(bytes, 26),
                len: u16_at(bytes, 24).into(),
            };
            32
        }
        8 => {
            need(40)?;
            content = Content::Directory {
                block: u32_at(bytes, 24),
                offset: u16_at(bytes, 34),
                len: u32_at(bytes, 20),
            };
            let mut end = 40;
            for _ in 0..u16_at(bytes, 32) {
                need(end + 12)?;
                end += 12 + u64::from(u32_at(bytes, end as usize + 8)) + 1;
                need(end)?;
            }
            end
        }
        2 | 9 => {
            let (fixed, start, len, fragment) = if kind == 2 {
                need(32)?;
                (32, u64::from(u32_at(bytes, 16)), u64::from(u32_at(bytes, 28)), 20)
            } else {
                need(56)?;
                (56, u64_at(bytes, 16), u64_at(bytes, 24), 44)
            };
            let fragment = Some((u32_at(bytes, fragment), u32_at(bytes, fragment + 4)));
            let fragment = fragment.filter(|fragment| fragment.0 != NO_FRAGMENT);
            let block_len = u64::from(block_len);
            let blocks = if fragment.is_some() { len / block_len } else { len.div_ceil(block_len) };
            let end = need(blocks.saturating_mul(4).saturating_add(fixed))?;
            let blocks = bytes[fixed as usize..end].chunks_exact(4).map(|word| u32_at(word, 0)).collect();
            content = Content::File(File { len, start, blocks, fragment });
            end as u64
        }
        3 | 10 => {
            need(24)?;
            24 + u64::from(u32_at(bytes, 20)) + if kind == 10 { 4 } else { 0 }
        }
        4 | 5 => 24,
        6 | 7 => 20,
        11 | 12 => 28,
        13 | 14 => 24,
        _ => {
            let place = Place::Inode(number.into());
            return Err(Error::format(place, "kind", Expected::Described("1 to 14"), kind.into()));
        }
    };
    Ok((Inode { number, content }, at + need(len)?))
}
