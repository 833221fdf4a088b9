//! Master boot records: four entries in the first sector, and a chain of further ones in an extended partition.
//!
//! | byte of the sector | length | |
//! |---|---|---|
//! | 446 | 4 × 16 | entries |
//! | 510 | 2 | `55 aa` |
//!
//! | byte of an entry | length | |
//! |---|---|---|
//! | 0 | 1 | status: `00` or `80` |
//! | 4 | 1 | type; `00` for an unused entry |
//! | 8 | 4 | first sector |
//! | 12 | 4 | number of sectors |
//!
//! Cylinders, heads and sectors in the other bytes are not looked at.

use std::collections::BTreeSet;

use super::{Partition, PartitionKind, PartitionTable, Scheme};
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::limits::Limits;
use crate::little_endian::u32_at;

/// The unit of an MBR.
const SECTOR_LEN_BYTES: u64 = 512;
/// Type of the entry that tells old programs to leave a GPT alone.
const PROTECTIVE: u8 = 0xee;
/// Types of entries that hold others: by cylinders, by blocks, and Linux's own.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// Number of the first logical partition.
const FIRST_LOGICAL: u32 = 5;

/// A sector with a partition table.
pub(super) struct Sector {
    entries: [Entry; 4],
}

#[derive(Clone, Copy)]
struct Entry {
    status: u8,
    kind: u8,
    first: u64,
    count: u64,
}

impl Sector {
    /// The table in the sector at byte `offset`; `None` when there is none.
    pub(super) fn read(device: &dyn BlockDevice, offset: u64) -> Result<Option<Self>, Error> {
        let mut bytes = [0; 512];
        if offset.checked_add(SECTOR_LEN_BYTES).is_none_or(|end| end > device.len_bytes()) {
            return Ok(None);
        }
        device.read_at(offset, &mut bytes)?;
        if bytes[510..] != [0x55, 0xaa] {
            return Ok(None);
        }
        let entry = |at: usize| Entry {
            status: bytes[at],
            kind: bytes[at + 4],
            first: u64::from(u32_at(&bytes, at + 8)),
            count: u64::from(u32_at(&bytes, at + 12)),
        };
        Ok(Some(Self { entries: [entry(446), entry(462), entry(478), entry(494)] }))
    }

    /// Whether it stands before a GPT.
    pub(super) fn is_protective(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == PROTECTIVE)
    }

    /// Whether this is a table at all: a file system's boot sector ends with the same two bytes.
    fn is_table(&self) -> bool {
        let plausible = |entry: &Entry| entry.status & 0x7f == 0 && (entry.kind == 0 || entry.first > 0);
        self.entries.iter().all(plausible) && self.entries.iter().any(|entry| entry.kind != 0)
    }
}

/// Reads the partitions that `sector` begins with; `None` when it is no partition table.
pub(super) fn read(
    device: &dyn BlockDevice,
    sector: &Sector,
    limits: &Limits,
) -> Result<Option<PartitionTable>, Error> {
    if !sector.is_table() {
        return Ok(None);
    }
    let mut partitions = Vec::new();
    let mut extended = None;
    for (number, entry) in (1..).zip(sector.entries).filter(|(_, entry)| entry.kind != 0) {
        if !EXTENDED.contains(&entry.kind) {
            partitions.push(partition(number, entry.first, entry)?);
        } else if extended.replace(entry).is_some() {
            let expected = Expected::Described("one extended partition at most");
            return Err(Error::format(Place::Partition(number), "type", expected, u64::from(entry.kind)));
        }
    }
    if let Some(extended) = extended {
        // What lies between the logical partitions is the extended one's; nothing else may lie there.
        let end = extended.first + extended.count;
        let inside = partitions.iter().find(|partition| {
            partition.offset < end * SECTOR_LEN_BYTES && partition.end() > extended.first * SECTOR_LEN_BYTES
        });
        if let Some(inside) = inside {
            let expected = Expected::Described("nothing in the extended partition but logical ones");
            return Err(Error::format(Place::Partition(inside.number), "start", expected, inside.offset));
        }
        read_logical(device, extended, limits, &mut partitions)?;
    }
    Ok(Some(PartitionTable { scheme: Scheme::Mbr, sector_len_bytes: SECTOR_LEN_BYTES, partitions }))
}

/// Follows the chain: each of its sectors has a partition, counted from the sector itself, and where the next such
/// sector is, counted from the start of the extended partition.
fn read_logical(
    device: &dyn BlockDevice,
    extended: Entry,
    limits: &Limits,
    partitions: &mut Vec<Partition>,
) -> Result<(), Error> {
    let end = extended.first + extended.count;
    let mut seen = BTreeSet::new();
    let mut number = FIRST_LOGICAL;
    let mut next = Some(extended.first);
    while let Some(here) = next {
        let broken = |what, found| {
            let expected =
                Expected::Described("each sector of the chain once, inside of the extended partition");
            Err(Error::format(Place::PartitionTable, what, expected, found))
        };
        if !seen.insert(here) || here < extended.first || here >= end {
            return broken("logical partitions", here);
        }
        let maximum = limits.partition_entries;
        if seen.len() as u64 > u64::from(maximum) {
            let (maximum, found) = (u64::from(maximum), seen.len() as u64);
            return Err(Error::limit(Place::PartitionTable, "logical partitions", maximum, found));
        }
        let Some(sector) = Sector::read(device, here * SECTOR_LEN_BYTES)? else {
            return broken("signature of the sector", here);
        };
        let [data, link, ..] = sector.entries;
        if data.kind != 0 {
            let logical = partition(number, here + data.first, data)?;
            if data.first == 0 || here + data.first + data.count > end {
                let expected = Expected::Described("a place inside of the extended partition");
                return Err(Error::format(Place::Partition(number), "start", expected, logical.offset));
            }
            partitions.push(logical);
            number += 1;
        }
        next = (link.kind != 0).then_some(extended.first + link.first);
    }
    Ok(())
}

fn partition(number: u32, first: u64, entry: Entry) -> Result<Partition, Error> {
    if entry.count == 0 {
        return Err(Error::format(Place::Partition(number), "sectors", Expected::AtLeast(1), 0));
    }
    // Both are sums of few 32-bit numbers.
    Ok(Partition {
        number,
        offset: first * SECTOR_LEN_BYTES,
        len_bytes: entry.count * SECTOR_LEN_BYTES,
        kind: PartitionKind::Mbr(entry.kind),
        label: String::new(),
    })
}
