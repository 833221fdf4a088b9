//! The entries in one block of a directory, or in one part of an inode; see [`crate::ext4::directory`] for the layout.

use crate::error::{Error, Expected, Place};
use crate::ext4::directory::entry_len;
use crate::ext4::metadata::FileKind;
use crate::little_endian::{put_u16, put_u32, u16_at, u32_at};

pub(super) const HEADER_LEN: usize = 8;

/// An entry that is to be made.
#[derive(Debug, Clone)]
pub(super) struct NewEntry<'n> {
    pub(super) name: &'n [u8],
    pub(super) inode: u32,
    /// The byte that tells the kind; 0 in file systems that do not.
    pub(super) kind: u8,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) at: usize,
    pub(super) len: usize,
    /// 0 for one that is deleted.
    pub(super) inode: u32,
    pub(super) name_len: usize,
    pub(super) kind: u8,
}

impl Slot {
    pub(super) fn name<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.at + HEADER_LEN..self.at + HEADER_LEN + self.name_len).unwrap_or(&[])
    }

    /// What of it is taken.
    fn used(&self) -> usize {
        if self.inode == 0 { 0 } else { needed(self.name_len) }
    }
}

/// The byte for a kind.
pub(super) fn kind_byte(kind: FileKind, has_kinds: bool) -> u8 {
    match kind {
        _ if !has_kinds => 0,
        FileKind::Regular => 1,
        FileKind::Directory => 2,
        FileKind::Symlink => 7,
        FileKind::Special => 0,
    }
}

/// Length of an entry with a name of this length.
pub(super) fn needed(name_len: usize) -> usize {
    HEADER_LEN + name_len.next_multiple_of(4)
}

/// All entries that fill `bytes`. `block_len` tells how lengths are written.
pub(super) fn slots(place: Place, bytes: &[u8], block_len: usize) -> Result<Vec<Slot>, Error> {
    let mut slots = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.len() - at;
        let wrong = |field, found| {
            let expected = Expected::Described("an entry that lies in its block");
            Err(Error::format(place, field, expected, u64::try_from(found).unwrap_or(u64::MAX)))
        };
        if rest < HEADER_LEN {
            return wrong("rest of a directory", rest);
        }
        let len = entry_len(u16_at(bytes, at + 4), block_len);
        let name_len = usize::from(bytes[at + 6]);
        if len < HEADER_LEN || len % 4 != 0 || len > rest {
            return wrong("length of a directory entry", len);
        }
        let inode = u32_at(bytes, at);
        if inode != 0 && (name_len == 0 || needed(name_len) > len) {
            return wrong("length of a name", name_len);
        }
        slots.push(Slot { at, len, inode, name_len, kind: bytes[at + 7] });
        at += len;
    }
    Ok(slots)
}

/// Puts an entry where there is room. Returns whether there was.
pub(super) fn insert(
    place: Place,
    bytes: &mut [u8],
    block_len: usize,
    entry: &NewEntry<'_>,
) -> Result<bool, Error> {
    let wanted = needed(entry.name.len());
    let Some(slot) =
        slots(place, bytes, block_len)?.into_iter().find(|slot| slot.len - slot.used() >= wanted)
    else {
        return Ok(false);
    };
    let used = slot.used();
    if used > 0 {
        set_len(bytes, slot.at, used, block_len);
    }
    write(bytes, slot.at + used, slot.len - used, block_len, entry);
    Ok(true)
}

/// Takes the entry out that leads by `name` to `inode`. Returns whether it was there.
pub(super) fn remove(
    place: Place,
    bytes: &mut [u8],
    block_len: usize,
    name: &[u8],
    inode: u32,
) -> Result<bool, Error> {
    let slots = slots(place, bytes, block_len)?;
    let Some(index) = slots.iter().position(|slot| slot.inode == inode && slot.name(bytes) == name) else {
        return Ok(false);
    };
    let slot = slots[index];
    bytes[slot.at..slot.at + needed(slot.name_len)].fill(0);
    match index.checked_sub(1).and_then(|before| slots.get(before)) {
        Some(before) => set_len(bytes, before.at, before.len + slot.len, block_len),
        None => set_len(bytes, slot.at, slot.len, block_len),
    }
    Ok(true)
}

/// Leads an entry that led to `inode` elsewhere. Returns whether it was there.
pub(super) fn replace(
    place: Place,
    bytes: &mut [u8],
    block_len: usize,
    entry: &NewEntry<'_>,
    inode: u32,
) -> Result<bool, Error> {
    let slots = slots(place, bytes, block_len)?;
    let Some(slot) = slots.iter().find(|slot| slot.inode == inode && slot.name(bytes) == entry.name) else {
        return Ok(false);
    };
    put_u32(bytes, slot.at, entry.inode);
    bytes[slot.at + 7] = entry.kind;
    Ok(true)
}

/// Writes entries behind each other over all of `bytes`, the last one as long as the rest. They fit.
pub(super) fn fill(bytes: &mut [u8], block_len: usize, entries: &[NewEntry<'_>]) {
    bytes.fill(0);
    let whole = bytes.len();
    let mut at = 0;
    for (index, entry) in entries.iter().enumerate() {
        let len = if index + 1 == entries.len() { whole - at } else { needed(entry.name.len()) };
        write(bytes, at, len, block_len, entry);
        at += len;
    }
    if entries.is_empty() {
        set_len(bytes, 0, whole, block_len);
    }
}

fn write(bytes: &mut [u8], at: usize, len: usize, block_len: usize, entry: &NewEntry<'_>) {
    put_u32(bytes, at, entry.inode);
    set_len(bytes, at, len, block_len);
    bytes[at + 6] = u8::try_from(entry.name.len()).unwrap_or(u8::MAX);
    bytes[at + 7] = entry.kind;
    let name = &mut bytes[at + HEADER_LEN..at + needed(entry.name.len())];
    name.fill(0);
    name[..entry.name.len()].copy_from_slice(entry.name);
}

/// The inverse of [`entry_len`].
pub(super) fn set_len(bytes: &mut [u8], at: usize, len: usize, block_len: usize) {
    let stored = if block_len < 65536 {
        len
    } else if len >= 65536 {
        65535
    } else {
        len
    };
    put_u16(bytes, at + 4, u16::try_from(stored).unwrap_or(u16::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place::Block(7);

    fn names(bytes: &[u8]) -> Vec<(Vec<u8>, u32)> {
        let slots = slots(PLACE, bytes, 1024).unwrap();
        assert_eq!(slots.iter().map(|slot| slot.len).sum::<usize>(), bytes.len());
        let used = slots.iter().filter(|slot| slot.inode != 0);
        used.map(|slot| (slot.name(bytes).to_vec(), slot.inode)).collect()
    }

    #[test]
    fn entries_go_in_and_out_until_the_block_is_full() {
        let mut bytes = vec![0; 64];
        fill(&mut bytes, 1024, &[NewEntry { name: b".", inode: 2, kind: 2 }]);
        let entry = |name: &'static [u8], inode| NewEntry { name, inode, kind: 1 };
        for (name, inode) in [(&b"one"[..], 11), (b"two--", 12), (b"three", 13)] {
            assert!(insert(PLACE, &mut bytes, 1024, &entry(name, inode)).unwrap());
        }
        assert!(!insert(PLACE, &mut bytes, 1024, &entry(b"four", 14)).unwrap());
        assert!(!remove(PLACE, &mut bytes, 1024, b"two--", 13).unwrap());
        assert!(remove(PLACE, &mut bytes, 1024, b"two--", 12).unwrap());
        assert!(!remove(PLACE, &mut bytes, 1024, b"two--", 12).unwrap());
        assert!(insert(PLACE, &mut bytes, 1024, &entry(b"four", 14)).unwrap());
        assert!(remove(PLACE, &mut bytes, 1024, b".", 2).unwrap());
        assert!(replace(PLACE, &mut bytes, 1024, &entry(b"one", 21), 11).unwrap());
        assert_eq!(names(&bytes), [(b"one".to_vec(), 21), (b"four".to_vec(), 14), (b"three".to_vec(), 13)]);
        assert!(insert(PLACE, &mut bytes, 1024, &entry(b"1234", 15)).unwrap());
        assert_eq!(names(&bytes)[0], (b"1234".to_vec(), 15));
    }

    #[test]
    fn entries_that_leave_their_block_are_refused() {
        let mut bytes = vec![0; 32];
        fill(&mut bytes, 1024, &[NewEntry { name: b"name", inode: 12, kind: 1 }]);
        for (at, value) in [(4, 31), (4, 36), (4, 4), (6, 30), (6, 0)] {
            let mut bad = bytes.clone();
            bad[at] = value;
            assert!(slots(PLACE, &bad, 1024).is_err(), "{at} {value}");
        }
    }
}
