//! Directory blocks: entries of 12 bytes, then their names.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 8 | number of the inode |
//! | 8 | 2 | where in the block the name begins; it ends where the next begins |
//! | 10 | 1 | kind |
//!
//! The first name begins after the last entry. The last name ends with the block, or with a zero.

use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u64_at};

const ENTRY_LEN: usize = 12;
const NAME_LEN_MAX: usize = 255;

/// Calls `each` with name and inode number of each entry of one block except `.` and `..`, in stored order.
pub(super) fn each(
    place: Place,
    block: &[u8],
    each: &mut impl FnMut(&[u8], u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let wrong = |field, expected, found: usize| Err(Error::format(place, field, expected, found as u64));
    if block.len() < ENTRY_LEN {
        return wrong("rest of a directory", Expected::Described("0 or at least 12"), block.len());
    }
    let names_at = usize::from(u16_at(block, 8));
    if names_at < ENTRY_LEN || names_at % ENTRY_LEN != 0 || names_at >= block.len() {
        return wrong("start of names", Expected::Described("a multiple of 12 within the block"), names_at);
    }
    for at in (0..names_at).step_by(ENTRY_LEN) {
        let start = usize::from(u16_at(block, at + 8));
        let last = at + ENTRY_LEN == names_at;
        let end = if last { block.len() } else { usize::from(u16_at(block, at + ENTRY_LEN + 8)) };
        let Some(name) = block.get(start..end).filter(|_| start >= names_at) else {
            return wrong("start of a name", Expected::Described("past the entries, in order"), start);
        };
        let name = match name.iter().position(|byte| *byte == 0) {
            Some(len) if last => &name[..len],
            _ => name,
        };
        if name.is_empty() || name.len() > NAME_LEN_MAX {
            return wrong("length of a name", Expected::Described("1 to 255"), name.len());
        }
        if let Some(byte) = name.iter().find(|byte| matches!(byte, b'/' | 0)) {
            return wrong(
                "byte of a name",
                Expected::Described("neither slash nor zero"),
                usize::from(*byte),
            );
        }
        if name != b"." && name != b".." {
            each(name, u64_at(block, at))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(entries: &[(&[u8], u64)], len: usize) -> Vec<u8> {
        let mut start = entries.len() * ENTRY_LEN;
        let (mut bytes, mut names) = (Vec::new(), Vec::new());
        for (name, nid) in entries {
            bytes.extend_from_slice(&nid.to_le_bytes());
            bytes.extend_from_slice(&u16::try_from(start).unwrap().to_le_bytes());
            bytes.extend_from_slice(&[1, 0]);
            names.extend_from_slice(name);
            start += name.len();
        }
        bytes.extend_from_slice(&names);
        bytes.resize(bytes.len().max(len), 0);
        bytes
    }

    fn names(bytes: &[u8]) -> Result<Vec<(Vec<u8>, u64)>, Error> {
        let mut found = Vec::new();
        each(Place::Inode(7), bytes, &mut |name, nid| {
            found.push((name.to_vec(), nid));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn names_end_where_the_next_begins_or_with_the_block() {
        let entries: [(&[u8], u64); 4] = [(b".", 36), (b"..", 36), (b"a", 40), (b"bc", 50)];
        for len in [0, 100] {
            assert_eq!(names(&block(&entries, len)).unwrap(), [(b"a".to_vec(), 40), (b"bc".to_vec(), 50)]);
        }
    }

    #[test]
    fn names_out_of_order_or_of_the_entries_are_refused() {
        let good = block(&[(b"aa", 1), (b"bb", 2), (b"cc", 3)], 64);
        for (at, value) in [(8, 0u16), (8, 13), (8, 64), (20, 10), (20, 63), (20, 65), (32, 37), (32, 64)] {
            let mut bad = good.clone();
            bad[at..at + 2].copy_from_slice(&value.to_le_bytes());
            assert!(matches!(names(&bad), Err(Error::Format(_))), "{at} {value}: {:?}", names(&bad));
        }
        for name in [&b"a/b"[..], b""] {
            assert!(matches!(names(&block(&[(name, 1), (b"x", 2)], 64)), Err(Error::Format(_))), "{name:?}");
        }
    }
}
