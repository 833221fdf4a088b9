//! Directory entries. Hashed directories are read linearly: their index blocks look like blocks of deleted entries.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 4 | inode; 0 for an entry that is deleted |
//! | 4 | 2 | length of the entry |
//! | 6 | 1 | length of the name |
//! | 7 | 1 | kind with `filetype`, else the high byte of the name's length |
//! | 8 | | name |

use super::FileSystem;
use super::block_map::BlockMap;
use super::inline;
use super::inode::{Inode, ROOT_LEN};
use crate::error::{Error, Expected, Place};
use crate::file_map::FileRange;
use crate::little_endian::{u16_at, u32_at};

const HEADER_LEN: usize = 8;
/// At the start of inline entries: the parent's inode number.
const INLINE_PARENT_LEN: usize = 4;

/// Where a directory's entries are.
pub(super) enum Entries {
    Inline(Vec<u8>, Vec<FileRange>),
    Blocks(BlockMap),
}

impl Entries {
    pub(super) fn of(fs: &FileSystem<'_>, inode: &Inode) -> Result<Self, Error> {
        if inode.has_inline_data() {
            let (bytes, ranges) = inline::content(inode)?;
            return Ok(Self::Inline(bytes, ranges));
        }
        Ok(Self::Blocks(BlockMap::of(fs, inode)?))
    }

    /// Calls `each` with name and inode number of each entry except `.` and `..`, in stored order. Goes on until
    /// `each` returns an error.
    pub(super) fn each(
        &self,
        fs: &FileSystem<'_>,
        inode: &Inode,
        mut each: impl FnMut(&[u8], u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let map = match self {
            Self::Inline(bytes, _) => {
                let (first, rest) = bytes.split_at(bytes.len().min(ROOT_LEN));
                parse(inode.place(), first.get(INLINE_PARENT_LEN..).unwrap_or(&[]), &mut each)?;
                return parse(inode.place(), rest, &mut each);
            }
            Self::Blocks(map) => map,
        };
        let block_len = fs.superblock.block_len;
        let blocks = inode.len_bytes.div_ceil(block_len);
        let mut block = vec![0; fs.superblock.block_len_in_memory()];
        for run in map.runs.iter().filter(|run| run.written && run.logical < blocks) {
            for index in 0..run.count.min(blocks - run.logical) {
                let number = run.physical + index;
                fs.read_block_into(number, &mut block)?;
                parse(Place::Block(number), &block, &mut each)?;
            }
        }
        Ok(())
    }
}

/// Reads entries that fill `bytes` exactly.
fn parse(
    place: Place,
    bytes: &[u8],
    each: &mut impl FnMut(&[u8], u32) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let wrong = |field, expected, found| Err(Error::format(place, field, expected, found));
        if rest.len() < HEADER_LEN {
            return wrong("rest of a directory", Expected::Described("0 or at least 8"), as_u64(rest.len()));
        }
        let entry_len = entry_len(u16_at(rest, 4), bytes.len());
        let name_len = usize::from(rest[6]);
        if entry_len < HEADER_LEN || entry_len % 4 != 0 {
            let expected = Expected::Described("a multiple of 4, at least 8");
            return wrong("length of a directory entry", expected, as_u64(entry_len));
        }
        if entry_len > rest.len() {
            return wrong(
                "length of a directory entry",
                Expected::AtMost(as_u64(rest.len())),
                as_u64(entry_len),
            );
        }
        let (entry, after) = rest.split_at(entry_len);
        rest = after;
        let inode = u32_at(entry, 0);
        if inode == 0 {
            continue;
        }
        let Some(name) = entry.get(HEADER_LEN..HEADER_LEN + name_len).filter(|name| !name.is_empty()) else {
            let expected = Expected::Described("at least 1, within its entry");
            return wrong("length of a name", expected, as_u64(name_len));
        };
        if let Some(byte) = name.iter().find(|byte| matches!(byte, b'/' | 0)) {
            let expected = Expected::Described("neither slash nor zero");
            return wrong("byte of a name", expected, u64::from(*byte));
        }
        if name != b"." && name != b".." {
            each(name, inode)?;
        }
    }
    Ok(())
}

/// The stored length; blocks of 64 KiB do not fit 16 bits, and their lengths use the two lowest bits, which are
/// free, for bits 16 and 17.
pub(super) fn entry_len(stored: u16, block_len: usize) -> usize {
    let stored = usize::from(stored);
    if block_len < 65536 {
        stored
    } else if stored == 65535 || stored == 0 {
        block_len
    } else {
        stored & 0xfffc | (stored & 3) << 16
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(inode: u32, len: u16, name: &[u8]) -> Vec<u8> {
        let mut bytes = inode.to_le_bytes().to_vec();
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&[u8::try_from(name.len()).unwrap(), 1]);
        bytes.extend_from_slice(name);
        bytes.resize(usize::from(len), 0);
        bytes
    }

    fn names(bytes: &[u8]) -> Result<Vec<(Vec<u8>, u32)>, Error> {
        let mut found = Vec::new();
        parse(Place::Block(7), bytes, &mut |name, inode| {
            found.push((name.to_vec(), inode));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn deleted_entries_and_dots_are_left_out() {
        let bytes =
            [entry(2, 12, b"."), entry(2, 12, b".."), entry(0, 16, b"gone"), entry(12, 20, b"kept")].concat();
        assert_eq!(names(&bytes).unwrap(), [(b"kept".to_vec(), 12)]);
    }

    #[test]
    fn an_entry_that_ends_past_the_block_is_refused() {
        let error = names(&entry(12, 16, b"name")[..12]).unwrap_err();
        assert_eq!(error.to_string(), "block 7: length of a directory entry: expected at most 12, found 16");
    }

    #[test]
    fn lengths_that_would_not_advance_are_refused() {
        for len in [0u16, 4, 7, 9] {
            let mut bytes = entry(12, 16, b"name");
            bytes[4..6].copy_from_slice(&len.to_le_bytes());
            assert!(matches!(names(&bytes), Err(Error::Format(_))), "{len}");
        }
    }

    #[test]
    fn names_that_would_be_paths_are_refused() {
        for name in [&b"a/b"[..], b"a\0b", b""] {
            assert!(matches!(names(&entry(12, 16, name)), Err(Error::Format(_))), "{name:?}");
        }
    }

    #[test]
    fn lengths_in_blocks_of_64_kib_use_the_low_bits() {
        assert_eq!(entry_len(65535, 65536), 65536);
        assert_eq!(entry_len(0, 65536), 65536);
        assert_eq!(entry_len(16, 65536), 16);
        assert_eq!(entry_len(16, 4096), 16);
    }
}
