//! GUID partition tables: a header in the second sector, an array of entries, and a copy of both at the end.
//!
//! | byte of the header | length | |
//! |---|---|---|
//! | 0 | 8 | `EFI PART` |
//! | 12 | 4 | length of the header, 92 to a sector |
//! | 16 | 4 | CRC-32 of the header with this field zero |
//! | 24, 32 | 8 | sector of this header, sector of the other |
//! | 40, 48 | 8 | first and last sector that partitions may have |
//! | 56 | 16 | GUID of the disk |
//! | 72 | 8 | first sector of the entries |
//! | 80, 84 | 4 | number of entries, length of each: 128 times a power of two |
//! | 88 | 4 | CRC-32 of all entries |
//!
//! | byte of an entry | length | |
//! |---|---|---|
//! | 0 | 16 | type; zero for an unused entry |
//! | 32, 40 | 8 | first and last sector |
//! | 56 | 72 | name, UTF-16 |

use std::fmt;

use super::{Partition, PartitionKind, PartitionTable, Scheme};
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::limits::Limits;
use crate::little_endian::{u16_at, u32_at, u64_at};
use crate::partition::crc32::crc32;

const SIGNATURE: &[u8; 8] = b"EFI PART";
const HEADER_LEN_MIN: usize = 92;
const ENTRY_LEN_MIN: u64 = 128;
/// Largest entry that is read.
const ENTRY_LEN_MAX: u64 = 4096;

/// A GUID as it is stored: the first three fields little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub [u8; 16]);

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = &self.0;
        write!(f, "{:08x}-{:04x}-{:04x}-", u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6))?;
        for (at, byte) in bytes[8..].iter().enumerate() {
            write!(f, "{}{byte:02x}", if at == 2 { "-" } else { "" })?;
        }
        Ok(())
    }
}

/// In which state the two copies of a GPT are. At least one is sound, or there would be no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Copies {
    /// Both are sound and say the same.
    Both,
    /// The one at the end is damaged or not there, as in an image that was cut short.
    FirstOnly,
    /// The one at the beginning is damaged; partitions are those of the other.
    LastOnly,
    /// Both are sound and differ; partitions are those of the first, as for Linux.
    Different,
}

/// One copy of the table.
struct Copy {
    header_sector: u64,
    other_sector: u64,
    usable: (u64, u64),
    entry_len: usize,
    entries: Vec<u8>,
}

/// Reads the table of a disk that has a protective MBR.
pub(super) fn read(device: &dyn BlockDevice, limits: &Limits) -> Result<PartitionTable, Error> {
    let mut first_error = None;
    let mut found = None;
    for sector_len in [512, 4096] {
        match Copy::read(device, sector_len, 1, limits) {
            Ok(Some(copy)) => {
                found = Some((sector_len, copy));
                break;
            }
            Ok(None) => {}
            // A limit is no damage, and a device that fails will fail again.
            Err(error @ (Error::Limit(_) | Error::Io(_))) => return Err(error),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    if let Some((sector_len, first)) = found {
        let last = Copy::read(device, sector_len, first.other_sector, limits).ok().flatten();
        let copies = match last {
            None => Copies::FirstOnly,
            Some(last) if last.other_sector == 1 && last.says_the_same(&first) => Copies::Both,
            Some(_) => Copies::Different,
        };
        return first.into_table(sector_len, copies);
    }
    for sector_len in [512, 4096] {
        let Some(sector) = (device.len_bytes() / sector_len).checked_sub(1) else { continue };
        if let Some(last) = Copy::read(device, sector_len, sector, limits)? {
            return last.into_table(sector_len, Copies::LastOnly);
        }
    }
    Err(first_error.unwrap_or_else(|| {
        let expected = Expected::Described("a guid partition table, as the mbr promises one");
        Error::format(Place::PartitionTable, "signature", expected, 0)
    }))
}

impl Copy {
    /// The copy with its header in `sector`; `None` when there is no signature.
    fn read(
        device: &dyn BlockDevice,
        sector_len: u64,
        sector: u64,
        limits: &Limits,
    ) -> Result<Option<Self>, Error> {
        let wrong =
            |field, expected, found| Err(Error::format(Place::PartitionTable, field, expected, found));
        let sectors = device.len_bytes() / sector_len;
        if sector >= sectors {
            return Ok(None);
        }
        let mut header = vec![0; usize::try_from(sector_len).unwrap_or(512)];
        device.read_at(sector * sector_len, &mut header)?;
        if !header.starts_with(SIGNATURE) {
            return Ok(None);
        }
        let header_len = usize::try_from(u32_at(&header, 12)).unwrap_or(usize::MAX);
        if header_len < HEADER_LEN_MIN || header_len > header.len() {
            return wrong("header length", Expected::Described("92 to a sector"), header_len as u64);
        }
        let stored = u32_at(&header, 16);
        header.truncate(header_len);
        header[16..20].fill(0);
        let computed = crc32(&header);
        if stored != computed {
            return wrong("header checksum", Expected::Exactly(u64::from(computed)), u64::from(stored));
        }
        if u64_at(&header, 24) != sector {
            return wrong("header sector", Expected::Exactly(sector), u64_at(&header, 24));
        }
        let count = u32_at(&header, 80);
        if count > limits.partition_entries {
            let (maximum, found) = (u64::from(limits.partition_entries), u64::from(count));
            return Err(Error::limit(Place::PartitionTable, "entries", maximum, found));
        }
        let entry_len = u64::from(u32_at(&header, 84));
        if !entry_len.is_power_of_two() || !(ENTRY_LEN_MIN..=ENTRY_LEN_MAX).contains(&entry_len) {
            let expected = Expected::Described("128 times a power of two, at most 4096");
            return wrong("entry length", expected, entry_len);
        }
        // At most 2^32 times 4096.
        let len = u64::from(count) * entry_len;
        let at = u64_at(&header, 72);
        let offset = at
            .checked_mul(sector_len)
            .filter(|offset| at > 0 && offset.checked_add(len).is_some_and(|end| end <= device.len_bytes()));
        let Some(offset) = offset else {
            return wrong("sector of the entries", Expected::AtMost(sectors), at);
        };
        let mut entries = vec![0; usize::try_from(len).unwrap_or(0)];
        device.read_at(offset, &mut entries)?;
        let (stored, computed) = (u32_at(&header, 88), crc32(&entries));
        if stored != computed {
            return wrong(
                "checksum of the entries",
                Expected::Exactly(u64::from(computed)),
                u64::from(stored),
            );
        }
        Ok(Some(Self {
            header_sector: sector,
            other_sector: u64_at(&header, 32),
            usable: (u64_at(&header, 40), u64_at(&header, 48)),
            entry_len: usize::try_from(entry_len).unwrap_or(128),
            entries,
        }))
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let parts = |copy: &Self| (copy.usable, copy.entry_len);
        parts(self) == parts(other) && self.entries == other.entries
    }

    fn into_table(self, sector_len: u64, copies: Copies) -> Result<PartitionTable, Error> {
        let mut partitions = Vec::new();
        for (number, entry) in (1..).zip(self.entries.chunks_exact(self.entry_len)) {
            let mut kind = [0; 16];
            kind.copy_from_slice(&entry[..16]);
            if kind == [0; 16] {
                continue;
            }
            let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
            let (usable_first, usable_last) = self.usable;
            let place = Place::Partition(number);
            // The tables themselves lie outside of what is usable.
            if first < usable_first || first <= 1 || first == self.header_sector {
                return Err(Error::format(place, "first sector", Expected::AtLeast(usable_first), first));
            }
            if last < first || last > usable_last {
                return Err(Error::format(place, "last sector", Expected::AtMost(usable_last), last));
            }
            let len = (last - first).checked_add(1).and_then(|count| count.checked_mul(sector_len));
            let (Some(len_bytes), Some(offset)) = (len, first.checked_mul(sector_len)) else {
                return Err(Error::format(place, "last sector", Expected::AtMost(usable_last), last));
            };
            let label = name(&entry[56..128]);
            partitions.push(Partition {
                number,
                offset,
                len_bytes,
                kind: PartitionKind::Gpt(Guid(kind)),
                label,
            });
        }
        Ok(PartitionTable { scheme: Scheme::Gpt(copies), sector_len_bytes: sector_len, partitions })
    }
}

/// A name up to its first zero; what is no character becomes the replacement character.
fn name(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|unit| u16_at(unit, 0)).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
