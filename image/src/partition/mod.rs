//! Partition tables: which ranges of a disk image are partitions. Read and checked, never written.
//!
//! | scheme | source | checked besides ranges and overlaps |
//! |---|---|---|
//! | MBR | UEFI specification, section 5.2; extended partitions as all systems have them | the chain of logical partitions |
//! | GPT | UEFI specification, section 5.3 | protective MBR, both checksums, the backup |

mod crc32;
pub mod gpt;
pub mod mbr;

use std::fmt;

use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::limits::Limits;
use crate::partition::gpt::{Copies, Guid};

/// The partitions of a disk image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionTable {
    /// What kind of table it is.
    pub scheme: Scheme,
    /// Unit in which the table counts, in bytes: 512, or 4096 where a GPT says so.
    pub sector_len_bytes: u64,
    /// Partitions in use, sorted by number; without those that only hold others.
    pub partitions: Vec<Partition>,
}

/// The kind of a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// The four entries in the first sector, and the chain of an extended partition.
    Mbr,
    /// GUID partition table, and in which state its two copies are.
    Gpt(Copies),
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Partition {
    /// Its number, as in the names of devices: from 1; logical partitions of an MBR from 5.
    pub number: u32,
    /// First byte in the image.
    pub offset: u64,
    /// Length in bytes, at least one sector.
    pub len_bytes: u64,
    /// What the table says that it is for.
    pub kind: PartitionKind,
    /// Its name; empty in an MBR, which has none.
    pub label: String,
}

/// What a partition table says that a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionKind {
    /// The type byte of an MBR.
    Mbr(u8),
    /// The type of a GPT.
    Gpt(Guid),
}

impl Partition {
    /// First byte after it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.len_bytes)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mbr => "mbr",
            Self::Gpt(_) => "gpt",
        })
    }
}

impl fmt::Display for PartitionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mbr(kind) => write!(f, "{kind:02x}"),
            Self::Gpt(kind) => write!(f, "{kind}"),
        }
    }
}

/// Reads the partition table of `device`; `None` when it has none. A GPT without protective MBR is none, as for Linux.
///
/// ```
/// let no_disk = vec![0u8; 4096];
/// let table = mender_image::partition::read(&&no_disk[..], &Default::default()).unwrap();
/// assert!(table.is_none());
/// ```
///
/// # Errors
///
/// [`Error::Format`] when both copies of a GPT are damaged, or partitions overlap or do not lie in the image;
/// [`Error::Limit`] past [`Limits::partition_entries`]; [`Error::Io`].
pub fn read(device: &dyn BlockDevice, limits: &Limits) -> Result<Option<PartitionTable>, Error> {
    let Some(sector) = mbr::Sector::read(device, 0)? else { return Ok(None) };
    let table = if sector.is_protective() {
        Some(gpt::read(device, limits)?)
    } else {
        mbr::read(device, &sector, limits)?
    };
    if let Some(table) = &table {
        check_ranges(table, device.len_bytes())?;
    }
    Ok(table)
}

/// Every partition in the image, and no byte in two of them.
fn check_ranges(table: &PartitionTable, image_len_bytes: u64) -> Result<(), Error> {
    let mut sorted: Vec<&Partition> = table.partitions.iter().collect();
    sorted.sort_unstable_by_key(|partition| partition.offset);
    let mut reached = 0;
    for partition in sorted {
        let place = Place::Partition(partition.number);
        if partition.end() > image_len_bytes {
            return Err(Error::format(place, "end", Expected::AtMost(image_len_bytes), partition.end()));
        }
        if partition.offset < reached {
            let expected = Expected::AtLeast(reached);
            return Err(Error::format(
                place,
                "start behind the partition before it",
                expected,
                partition.offset,
            ));
        }
        reached = partition.end();
    }
    Ok(())
}
