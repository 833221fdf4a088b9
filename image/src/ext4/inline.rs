//! Content that lies in the inode: the first 60 bytes in place of block numbers, the rest as the value of the
//! attribute `system.data` behind the inode's fields.

use super::inode::{Inode, ROOT_AT, ROOT_LEN};
use super::metadata::FileKind;
use crate::error::{Error, Expected};
use crate::file_map::FileRange;
use crate::little_endian::{u16_at, u32_at};

const ATTRIBUTE_MAGIC: u32 = 0xea02_0000;
const ENTRY_LEN: usize = 16;
const SYSTEM_INDEX: u8 = 7;

/// The content of an inode with inline data, cut to its size, and where it lies. A regular file may be longer than
/// that and is zero from there on: a file that is one large hole is made so.
pub(super) fn content(inode: &Inode) -> Result<(Vec<u8>, Vec<FileRange>), Error> {
    let mut len = usize::try_from(inode.len_bytes).unwrap_or(usize::MAX);
    let (rest_at, rest) = if len > ROOT_LEN { system_data(inode)? } else { (0, &[][..]) };
    let sparse = inode.kind() == Some(FileKind::Regular);
    if sparse {
        len = len.min(ROOT_LEN + rest.len());
    } else if len > ROOT_LEN + rest.len() {
        let most = u64::try_from(ROOT_LEN + rest.len()).unwrap_or(u64::MAX);
        return Err(wrong(inode, "size of inline data", Expected::AtMost(most), inode.len_bytes));
    }
    let mut bytes = inode.root.to_vec();
    bytes.extend_from_slice(rest);
    bytes.truncate(len);
    let mut ranges = Vec::new();
    let mut file_offset = 0;
    for (at, part_len) in [(ROOT_AT, len.min(ROOT_LEN)), (128 + rest_at, len.saturating_sub(ROOT_LEN))] {
        let (at, len_bytes) = (as_u64(at), as_u64(part_len));
        if len_bytes > 0 {
            ranges.push(FileRange { file_offset, device_offset: inode.offset + at, len_bytes });
        }
        file_offset += len_bytes;
    }
    Ok((bytes, ranges))
}

/// The value of `system.data` and where it begins in the part of the inode after 128 bytes.
fn system_data(inode: &Inode) -> Result<(usize, &[u8]), Error> {
    let extra = &inode.extra;
    let missing = || wrong(inode, "attribute system.data", Expected::Exactly(1), 0);
    if extra.len() < 8 {
        return Err(missing());
    }
    let start = usize::from(u16_at(extra, 0));
    if start.checked_add(4).is_none_or(|end| end > extra.len()) || u32_at(extra, start) != ATTRIBUTE_MAGIC {
        return Err(missing());
    }
    // Offsets of values count from the first entry, behind the magic.
    let entries = &extra[start + 4..];
    let mut at = 0;
    while let Some(entry) = entries.get(at..at + ENTRY_LEN).filter(|entry| u32_at(entry, 0) != 0) {
        let name_len = usize::from(entry[0]);
        let name = entries.get(at + ENTRY_LEN..at + ENTRY_LEN + name_len).ok_or_else(missing)?;
        if entry[1] == SYSTEM_INDEX && name == b"data" {
            let value_at = usize::from(u16_at(entry, 2));
            let value_len = usize::try_from(u32_at(entry, 8)).unwrap_or(usize::MAX);
            let value = value_at.checked_add(value_len).and_then(|end| entries.get(value_at..end));
            return value.map(|value| (start + 4 + value_at, value)).ok_or_else(|| {
                wrong(
                    inode,
                    "length of system.data",
                    Expected::AtMost(as_u64(entries.len())),
                    as_u64(value_len),
                )
            });
        }
        at += ENTRY_LEN + name_len.next_multiple_of(4);
    }
    Err(missing())
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn wrong(inode: &Inode, field: &'static str, expected: Expected, found: u64) -> Error {
    Error::format(inode.place(), field, expected, found)
}
