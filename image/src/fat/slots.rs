//! A directory: entries of 32 bytes, a long name in several before the short one.
//!
//! | byte of an entry | length | |
//! |---|---|---|
//! | 0 | 11 | short name; first byte 0: nothing from here on, `e5`: deleted |
//! | 11 | 1 | attributes; `0f`: a part of a long name |
//! | 12 | 1 | case bits |
//! | 14, 16 | 2 | time and date of its making |
//! | 18 | 2 | date of the last access |
//! | 20, 26 | 2 | first cluster, upper and lower half |
//! | 22, 24 | 2 | time and date of the last change |
//! | 28 | 4 | size in bytes |
//!
//! | byte of a part of a long name | length | |
//! |---|---|---|
//! | 0 | 1 | number of the part from 1, `40` added to the last, which comes first |
//! | 1, 14, 28 | 10, 12, 4 | UTF-16 |
//! | 13 | 1 | checksum of the short name |

use super::name::{self, Short, Stored, UNITS_PER_SLOT};
use crate::little_endian::{u16_at, u32_at};

/// Length of an entry.
pub(super) const SLOT_LEN: usize = 32;
const ATTRIBUTE_LONG: u8 = 0x0f;
const ATTRIBUTE_LABEL: u8 = 0x08;
pub(super) const ATTRIBUTE_FOLDER: u8 = 0x10;
pub(super) const ATTRIBUTE_ARCHIVE: u8 = 0x20;
const DELETED: u8 = 0xe5;
const LAST_PART: u8 = 0x40;

/// An entry with its name.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) short: Short,
    pub(super) is_folder: bool,
    pub(super) first_cluster: u32,
    pub(super) len_bytes: u32,
    pub(super) date: u16,
    pub(super) time: u16,
    /// Its slots: the first of the long name, and how many there are with the short one.
    pub(super) first_slot: usize,
    pub(super) slots: usize,
}

impl Found {
    /// Whether `name` means this entry, by its long or its short name.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        name::same(&self.name, wanted) || name::same(&name::shown(&self.short, 0), wanted)
    }
}

/// The entries of a directory, without `.`, `..` and the label of the file system.
pub(super) fn read(bytes: &[u8], is_fat32: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let mut long = LongName::default();
    for (at, slot) in bytes.chunks_exact(SLOT_LEN).enumerate() {
        match slot[0] {
            0 => break,
            DELETED => long = LongName::default(),
            _ if slot[11] & 0x3f == ATTRIBUTE_LONG => long.add(at, slot),
            _ if slot[11] & ATTRIBUTE_LABEL != 0 || slot[0] == b'.' => long = LongName::default(),
            _ => {
                let mut short = [0; 11];
                short.copy_from_slice(&slot[..11]);
                let name = std::mem::take(&mut long).complete(&short);
                let first_slot = name.as_ref().map_or(at, |(first, _)| *first);
                let high = if is_fat32 { u32::from(u16_at(slot, 20)) << 16 } else { 0 };
                found.push(Found {
                    name: name.map_or_else(|| name::shown(&short, slot[12]), |(_, name)| name),
                    short,
                    is_folder: slot[11] & ATTRIBUTE_FOLDER != 0,
                    first_cluster: high | u32::from(u16_at(slot, 26)),
                    len_bytes: u32_at(slot, 28),
                    time: u16_at(slot, 22),
                    date: u16_at(slot, 24),
                    first_slot,
                    slots: at - first_slot + 1,
                });
            }
        }
    }
    found
}

/// A long name that is being put together, from its end to its beginning.
#[derive(Default)]
struct LongName {
    first_slot: usize,
    /// Number of the part that came last; 0 before the first.
    part: u8,
    checksum: u8,
    /// Parts, the last first.
    parts: Vec<[u16; UNITS_PER_SLOT]>,
}

impl LongName {
    fn add(&mut self, at: usize, slot: &[u8]) {
        let number = slot[0] & !LAST_PART;
        let begins = slot[0] & LAST_PART != 0;
        if begins && (1..=20).contains(&number) {
            *self = Self { first_slot: at, part: number, checksum: slot[13], parts: Vec::new() };
        } else if begins || self.part < 2 || number != self.part - 1 || slot[13] != self.checksum {
            *self = Self::default();
            return;
        }
        self.part = number;
        let mut units = [0; UNITS_PER_SLOT];
        for (unit, place) in units.iter_mut().zip((1..11).chain(14..26).chain(28..32).step_by(2)) {
            *unit = u16_at(slot, place);
        }
        self.parts.push(units);
    }

    /// The name and its first slot, if all parts have come and belong to `short`.
    fn complete(self, short: &Short) -> Option<(usize, String)> {
        if self.part != 1 || self.checksum != name::checksum(short) {
            return None;
        }
        let units = self.parts.iter().rev().flatten().copied().take_while(|unit| *unit != 0);
        let name = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        Some((self.first_slot, name.collect()))
    }
}

/// What an entry says besides its name.
pub(super) struct Content {
    pub(super) attributes: u8,
    pub(super) first_cluster: u32,
    pub(super) len_bytes: u32,
    pub(super) date: u16,
    pub(super) time: u16,
}

impl Content {
    /// The slot with the short name.
    pub(super) fn slot(&self, short: &Short, case: u8) -> [u8; SLOT_LEN] {
        let mut slot = [0; SLOT_LEN];
        slot[..11].copy_from_slice(short);
        slot[11] = self.attributes;
        slot[12] = case;
        let (date, time) = (self.date.to_le_bytes(), self.time.to_le_bytes());
        for (at, value) in [(14, time), (16, date), (18, date), (22, time), (24, date)] {
            slot[at..at + 2].copy_from_slice(&value);
        }
        let [one, two, three, four] = self.first_cluster.to_le_bytes();
        slot[26..28].copy_from_slice(&[one, two]);
        slot[20..22].copy_from_slice(&[three, four]);
        slot[28..].copy_from_slice(&self.len_bytes.to_le_bytes());
        slot
    }
}

/// All slots of an entry, those of the long name first.
pub(super) fn slots_of(name: &Stored, content: &Content) -> Vec<[u8; SLOT_LEN]> {
    let checksum = name::checksum(&name.short);
    let parts: Vec<&[u16]> = name.long.chunks(UNITS_PER_SLOT).collect();
    let mut slots = Vec::new();
    // At most 20 of them.
    for (number, part) in (1u8..=20).zip(&parts).collect::<Vec<_>>().into_iter().rev() {
        let mut slot = [0; SLOT_LEN];
        let is_last = usize::from(number) == parts.len();
        slot[0] = if is_last { number | LAST_PART } else { number };
        slot[11] = ATTRIBUTE_LONG;
        slot[13] = checksum;
        // Ended by a zero where there is room, and filled with ones.
        let units = part.iter().copied().chain([0]).chain(std::iter::repeat(u16::MAX));
        for (place, unit) in (1..11).chain(14..26).chain(28..32).step_by(2).zip(units) {
            slot[place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        slots.push(slot);
    }
    slots.push(content.slot(&name.short, name.case));
    slots
}

/// The first place with room for `count` entries: in slots that are free, or from the end on, where slots may be missing.
pub(super) fn room(bytes: &[u8], count: usize) -> usize {
    let mut free = 0;
    for (at, slot) in bytes.chunks_exact(SLOT_LEN).enumerate() {
        match slot[0] {
            0 => return at - free,
            DELETED => free += 1,
            _ => free = 0,
        }
        if free == count {
            return at + 1 - count;
        }
    }
    bytes.len() / SLOT_LEN - free
}

/// Puts slots in place, and an end behind them where the end was before. There is room.
pub(super) fn put(bytes: &mut [u8], at: usize, slots: &[[u8; SLOT_LEN]]) {
    let end = bytes.chunks_exact(SLOT_LEN).position(|slot| slot[0] == 0);
    for (place, slot) in bytes.chunks_exact_mut(SLOT_LEN).skip(at).zip(slots) {
        place.copy_from_slice(slot);
    }
    let behind = at + slots.len();
    if end.is_some_and(|end| behind > end) {
        if let Some(slot) = bytes.chunks_exact_mut(SLOT_LEN).nth(behind) {
            slot.fill(0);
        }
    }
}

/// Marks the slots of an entry as deleted.
pub(super) fn delete(bytes: &mut [u8], entry: &Found) {
    for slot in bytes.chunks_exact_mut(SLOT_LEN).skip(entry.first_slot).take(entry.slots) {
        slot[0] = DELETED;
    }
}
