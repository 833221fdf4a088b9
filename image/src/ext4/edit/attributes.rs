//! Extended attributes: those in an inode are rearranged, those in a block are shared and counted.
//!
//! | at | bytes | field of an entry |
//! |---|---|---|
//! | 0 | 1 | length of the name |
//! | 1 | 1 | which prefix the name has |
//! | 2 | 2 | where the value is, from the first entry on |
//! | 4 | 4 | inode of the value; 0 |
//! | 8 | 4 | length of the value |
//! | 12 | 4 | hash |
//! | 16 | | name |
//!
//! Inside an inode the entries follow four bytes of magic behind the inode's fields; a block begins with 32 bytes:
//! magic, number of inodes that share it (at 4), number of blocks (at 8; 1), hash of all (at 12), checksum (at 16).

use super::Editor;
use super::inode_bytes::RawInode;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{put_u16, put_u32, u16_at, u32_at};

const MAGIC: u32 = 0xea02_0000;
const ENTRY_LEN: usize = 16;
const BLOCK_HEADER_LEN: usize = 32;
/// The same as part of an offset.
const HEADER_LEN: u16 = 32;
const SHARED_AT: usize = 4;
const BLOCKS_AT: usize = 8;
const HASH_AT: usize = 12;
const CHECKSUM_AT: usize = 0x10;

const USER: u8 = 1;
const TRUSTED: u8 = 4;
const SECURITY: u8 = 6;
const SYSTEM: u8 = 7;

/// An attribute in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    prefix: u8,
    name: Vec<u8>,
    value: Vec<u8>,
    hash: u32,
}

impl Attribute {
    /// Content of the file itself.
    pub(super) fn is_inline_data(&self) -> bool {
        self.prefix == SYSTEM && self.name == b"data"
    }

    /// Whether it says something of the file that stays true when its content and permissions become others: labels
    /// do; capabilities, signatures and access lists do not.
    pub(super) fn outlives_content(&self) -> bool {
        match self.prefix {
            USER | TRUSTED => true,
            SECURITY => self.name == b"selinux" || self.name.starts_with(b"SMACK64"),
            _ => false,
        }
    }
}

/// Reads entries and values, which begin with the first entry.
fn parse(place: Place, bytes: &[u8]) -> Result<Vec<Attribute>, Error> {
    let wrong = |field, found: usize| {
        let expected = Expected::Described("one that lies in its place");
        Error::format(place, field, expected, u64::try_from(found).unwrap_or(u64::MAX))
    };
    let mut attributes = Vec::new();
    let mut at = 0;
    while bytes.get(at..at + 4).is_some_and(|start| start != [0; 4]) {
        let Some(entry) = bytes.get(at..at + ENTRY_LEN) else { return Err(wrong("attribute", at)) };
        let name_len = usize::from(entry[0]);
        let name = bytes.get(at + ENTRY_LEN..at + ENTRY_LEN + name_len);
        let name = name.ok_or_else(|| wrong("name of an attribute", name_len))?.to_vec();
        if u32_at(entry, 4) != 0 {
            let found = "a value in an inode of its own";
            return Err(Error::unsupported(place, "attribute", "values beside their names", found));
        }
        let (value_at, value_len) = (usize::from(u16_at(entry, 2)), u32_at(entry, 8));
        let value_len = usize::try_from(value_len).unwrap_or(usize::MAX);
        let value = value_at.checked_add(value_len).and_then(|end| bytes.get(value_at..end));
        let value = value.ok_or_else(|| wrong("value of an attribute", value_len))?.to_vec();
        attributes.push(Attribute { prefix: entry[1], name, value, hash: u32_at(entry, 12) });
        at += ENTRY_LEN + name_len.next_multiple_of(4);
    }
    Ok(attributes)
}

/// Writes entries from the start of `bytes` and values from its end. Returns whether they fit: values that shared
/// their place may not.
fn write(bytes: &mut [u8], attributes: &[Attribute]) -> bool {
    bytes.fill(0);
    let (mut at, mut value_end) = (0, bytes.len() / 4 * 4);
    for attribute in attributes {
        let value_at = value_end.saturating_sub(attribute.value.len().next_multiple_of(4));
        let name_end = at + ENTRY_LEN + attribute.name.len();
        // Four zero bytes end the entries.
        if name_end.next_multiple_of(4) + 4 > value_at {
            return false;
        }
        value_end = value_at;
        bytes[at] = u8::try_from(attribute.name.len()).unwrap_or(0);
        bytes[at + 1] = attribute.prefix;
        if !attribute.value.is_empty() {
            put_u16(bytes, at + 2, u16::try_from(value_at).unwrap_or(0));
            put_u32(bytes, at + 8, u32::try_from(attribute.value.len()).unwrap_or(0));
            bytes[value_at..value_at + attribute.value.len()].copy_from_slice(&attribute.value);
        }
        put_u32(bytes, at + 12, attribute.hash);
        bytes[at + ENTRY_LEN..name_end].copy_from_slice(&attribute.name);
        at += ENTRY_LEN + attribute.name.len().next_multiple_of(4);
    }
    true
}

/// Where in an inode the entries begin, if there are any.
fn inside(inode: &RawInode) -> Option<usize> {
    let start = 128 + inode.extra_len();
    let magic = inode.bytes.get(start..start + 4)?;
    (inode.extra_len() > 0 && u32_at(magic, 0) == MAGIC).then_some(start + 4)
}

/// Keeps only those attributes in an inode that `keep` names.
pub(super) fn retain_inside(inode: &mut RawInode, keep: impl FnMut(&Attribute) -> bool) -> Result<(), Error> {
    let Some(start) = inside(inode) else { return Ok(()) };
    let mut attributes = parse(inode.place(), &inode.bytes[start..])?;
    attributes.retain(keep);
    if attributes.is_empty() {
        inode.bytes[start - 4..].fill(0);
    } else if !write(&mut inode.bytes[start..], &attributes) {
        let expected = Expected::Described("values that do not overlap");
        let count = u64::try_from(attributes.len()).unwrap_or(u64::MAX);
        return Err(Error::format(inode.place(), "attributes", expected, count));
    }
    Ok(())
}

/// The length of the fields before the attributes in an inode, if it has any.
pub(super) fn fields_before(inode: &RawInode) -> Option<usize> {
    inside(inode).map(|_| inode.extra_len())
}

/// Gives `new` the attributes in `old` that outlive its content. Both have fields of the same length.
pub(super) fn carry_inside(old: &RawInode, new: &mut RawInode) -> Result<(), Error> {
    let mut kept = old.clone();
    retain_inside(&mut kept, Attribute::outlives_content)?;
    if let Some(start) = inside(&kept).filter(|_| kept.extra_len() == new.extra_len()) {
        new.bytes[start - 4..].copy_from_slice(&kept.bytes[start - 4..]);
    }
    Ok(())
}

impl Editor<'_> {
    /// The block of attributes of an inode: its number and bytes, checked.
    fn attribute_block(&self, inode: &RawInode) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let number = self.parsed(inode)?.attribute_block;
        if number == 0 {
            return Ok(None);
        }
        self.superblock.check_blocks(inode.place(), "block of attributes", number, 1)?;
        self.zones.check_outside(inode.place(), number, 1)?;
        let bytes = self.overlay.block(number)?;
        let exactly = |field, expected: u32, found: u32| match expected == found {
            true => Ok(()),
            false => {
                let expected = Expected::Exactly(expected.into());
                Err(Error::format(Place::Block(number), field, expected, found.into()))
            }
        };
        exactly("magic of attributes", MAGIC, u32_at(&bytes, 0))?;
        if let Some(checksum) = self.checksums.attributes(number, &bytes) {
            exactly("checksum", checksum, u32_at(&bytes, CHECKSUM_AT))?;
        }
        Ok(Some((number, bytes)))
    }

    /// The attributes in the bytes of a block.
    fn in_block(number: u64, bytes: &[u8]) -> Result<Vec<Attribute>, Error> {
        // Offsets of values in a block count from its start.
        let mut shifted = bytes[BLOCK_HEADER_LEN..].to_vec();
        shift_values(&mut shifted, |at| at.checked_sub(HEADER_LEN)).map_err(|at| {
            let expected = Expected::AtLeast(HEADER_LEN.into());
            Error::format(Place::Block(number), "offset of a value", expected, at.into())
        })?;
        parse(Place::Block(number), &shifted)
    }

    /// Gives `new`, whose number says where it is, those attributes in the block of `old` that outlive its content; and
    /// ends `old`'s use of it where `replaces` says that it gets none of its own any more. Returns a block that nothing
    /// uses now.
    pub(super) fn carry_block(
        &mut self,
        old: &RawInode,
        new: &mut RawInode,
        replaces: bool,
    ) -> Result<Option<u64>, Error> {
        let Some((number, bytes)) = self.attribute_block(old)? else { return Ok(None) };
        let mut kept = Self::in_block(number, &bytes)?;
        let all = kept.len();
        kept.retain(Attribute::outlives_content);
        if replaces && kept.len() == all {
            new.set_attribute_block(number);
            return Ok(None);
        }
        let free = if replaces { self.release_attribute_block(old)? } else { None };
        if kept.is_empty() {
            return Ok(free);
        }
        let place = match free {
            Some(number) => number,
            None => {
                let group = self.group_of_inode(new.number);
                let taken = self.take_blocks(group, 1)?;
                taken.first().map_or(number, |range| range.start)
            }
        };
        let mut block = vec![0; bytes.len()];
        put_u32(&mut block, 0, MAGIC);
        put_u32(&mut block, SHARED_AT, 1);
        put_u32(&mut block, BLOCKS_AT, 1);
        put_u32(&mut block, HASH_AT, hash_of(&kept));
        let entries = &mut block[BLOCK_HEADER_LEN..];
        let fits = write(entries, &kept) && shift_values(entries, |at| at.checked_add(HEADER_LEN)).is_ok();
        if !fits {
            let expected = Expected::Described("values that do not overlap");
            let count = u64::try_from(kept.len()).unwrap_or(u64::MAX);
            return Err(Error::format(Place::Block(number), "attributes", expected, count));
        }
        if let Some(checksum) = self.checksums.attributes(place, &block) {
            put_u32(&mut block, CHECKSUM_AT, checksum);
        }
        self.overlay.set_block(place, block);
        new.set_attribute_block(place);
        Ok(None)
    }

    /// Ends an inode's use of its block of attributes, which may be shared. Returns the block if nothing uses it now.
    pub(super) fn release_attribute_block(&mut self, inode: &RawInode) -> Result<Option<u64>, Error> {
        let Some((number, mut bytes)) = self.attribute_block(inode)? else { return Ok(None) };
        let shared = u32_at(&bytes, SHARED_AT);
        if shared <= 1 {
            return Ok(Some(number));
        }
        put_u32(&mut bytes, SHARED_AT, shared - 1);
        if let Some(checksum) = self.checksums.attributes(number, &bytes) {
            put_u32(&mut bytes, CHECKSUM_AT, checksum);
        }
        self.overlay.set_block(number, bytes);
        Ok(None)
    }
}

/// What the kernel finds equal blocks by; zero where an attribute has no hash.
fn hash_of(attributes: &[Attribute]) -> u32 {
    if attributes.iter().any(|attribute| attribute.hash == 0) {
        return 0;
    }
    attributes.iter().fold(0u32, |hash, attribute| hash.rotate_left(16) ^ attribute.hash)
}

/// Makes offsets of values count from another place. What cannot be is returned.
fn shift_values(bytes: &mut [u8], shifted: impl Fn(u16) -> Option<u16>) -> Result<(), u16> {
    let mut at = 0;
    while bytes.get(at..at + ENTRY_LEN).is_some_and(|entry| u32_at(entry, 0) != 0) {
        // One without a value has no place for it.
        if u32_at(bytes, at + 8) != 0 {
            let value_at = u16_at(bytes, at + 2);
            put_u16(bytes, at + 2, shifted(value_at).ok_or(value_at)?);
        }
        at += ENTRY_LEN + usize::from(bytes[at]).next_multiple_of(4);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_packed_again_when_one_goes() {
        let attribute = |prefix, name: &[u8], value: &[u8]| Attribute {
            prefix,
            name: name.to_vec(),
            value: value.to_vec(),
            hash: 0,
        };
        let all = [
            attribute(SYSTEM, b"data", b"content in the inode"),
            attribute(SECURITY, b"selinux", b"label"),
            attribute(USER, b"empty", b""),
            attribute(SECURITY, b"capability", b"1234"),
        ];
        let mut inode = RawInode { number: 12, offset: 0, bytes: vec![0; 512] };
        put_u16(&mut inode.bytes, 128, 32);
        put_u32(&mut inode.bytes, 160, MAGIC);
        assert!(write(&mut inode.bytes[164..], &all));
        assert_eq!(parse(inode.place(), &inode.bytes[164..]).unwrap(), all);
        let mut new = RawInode { number: 13, offset: 0, bytes: vec![0; 512] };
        put_u16(&mut new.bytes, 128, 32);
        carry_inside(&inode, &mut new).unwrap();
        assert_eq!(parse(new.place(), &new.bytes[164..]).unwrap(), all[1..3]);
        retain_inside(&mut inode, |_| false).unwrap();
        assert!(inside(&inode).is_none());
    }
}
