//! The boot sector of a FAT file system: which sectors are what.
//!
//! | byte | length | |
//! |---|---|---|
//! | 11 | 2 | bytes of a sector |
//! | 13 | 1 | sectors of a cluster |
//! | 14 | 2 | sectors before the first table |
//! | 16 | 1 | tables |
//! | 17 | 2 | entries of the root directory; zero in FAT32 |
//! | 19, 32 | 2, 4 | sectors, in one of both fields |
//! | 22, 36 | 2, 4 | sectors of a table; FAT32 has the second |
//! | 37 or 65 | 1 | bit 0: not unmounted cleanly |
//! | 40 | 2 | FAT32: bit 7 where only one table is kept up |
//! | 42 | 2 | FAT32: version, zero |
//! | 44 | 4 | FAT32: first cluster of the root directory |
//! | 48 | 2 | FAT32: sector with the number of free clusters |

use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u32_at};
use crate::probe::FatWidth;

/// Largest cluster that is read.
const CLUSTER_LEN_MAX: u64 = 512 << 10;
/// Number of the first cluster.
pub(super) const FIRST_CLUSTER: u32 = 2;

/// Where the parts of a FAT file system are. All of them lie in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Geometry {
    /// Width of an entry of the table.
    pub width: FatWidth,
    /// Length of a cluster in bytes.
    pub cluster_len_bytes: u64,
    /// Number of clusters.
    pub clusters: u32,
    /// Length of the file system in bytes; at most that of the image.
    pub len_bytes: u64,
    /// Its name, as the boot sector has it; may be empty.
    pub label: String,
    pub(super) sector_len: u64,
    pub(super) table_offset: u64,
    pub(super) table_len: u64,
    pub(super) tables: u64,
    pub(super) root: Root,
    pub(super) data_offset: u64,
    /// Where the sector with the number of free clusters is.
    pub(super) info_offset: Option<u64>,
    pub(super) dirty: bool,
}

/// Where the root directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// At a fixed place: offset and length in bytes.
    Fixed(u64, u64),
    /// From this cluster on.
    Chain(u32),
}

fn wrong<T>(field: &'static str, expected: Expected, found: u64) -> Result<T, Error> {
    Err(Error::format(Place::BootSector, field, expected, found))
}

impl Geometry {
    /// Reads and checks the boot sector.
    ///
    /// # Errors
    ///
    /// [`Error::Format`], [`Error::Unsupported`], [`Error::Io`].
    pub fn read(device: &dyn BlockDevice) -> Result<Self, Error> {
        let mut bytes = [0; 512];
        device.read_at(0, &mut bytes)?;
        if bytes[510..] != [0x55, 0xaa] {
            return wrong("signature", Expected::Exactly(0xaa55), u64::from(u16_at(&bytes, 510)));
        }
        let sector_len = u64::from(u16_at(&bytes, 11));
        if !matches!(sector_len, 512 | 1024 | 2048 | 4096) {
            return wrong("sector length", Expected::Described("512, 1024, 2048 or 4096"), sector_len);
        }
        let per_cluster = u64::from(bytes[13]);
        if !per_cluster.is_power_of_two() || per_cluster * sector_len > CLUSTER_LEN_MAX {
            let expected = Expected::Described("a power of two, and clusters of 512 KiB at most");
            return wrong("sectors of a cluster", expected, per_cluster);
        }
        let reserved = u64::from(u16_at(&bytes, 14));
        if reserved == 0 {
            return wrong("reserved sectors", Expected::AtLeast(1), 0);
        }
        let tables = u64::from(bytes[16]);
        if !matches!(tables, 1 | 2) {
            return wrong("tables", Expected::Described("1 or 2"), tables);
        }
        let root_entries = u64::from(u16_at(&bytes, 17));
        let is_fat32 = u16_at(&bytes, 22) == 0;
        if is_fat32 != (root_entries == 0) {
            let expected = Expected::Described("none in fat32, else some");
            return wrong("entries of the root directory", expected, root_entries);
        }
        let table_sectors =
            if is_fat32 { u64::from(u32_at(&bytes, 36)) } else { u64::from(u16_at(&bytes, 22)) };
        let sectors = match u16_at(&bytes, 19) {
            0 => u64::from(u32_at(&bytes, 32)),
            sectors => u64::from(sectors),
        };
        // Each a product of numbers of at most 32 and 16 bits.
        let len_bytes = sectors * sector_len;
        if len_bytes > device.len_bytes() {
            return wrong("sectors", Expected::AtMost(device.len_bytes() / sector_len), sectors);
        }
        let root_sectors = (root_entries * 32).div_ceil(sector_len);
        let before_data = reserved + tables * table_sectors + root_sectors;
        if table_sectors == 0 || before_data >= sectors {
            return wrong(
                "sectors of a table",
                Expected::Described("room for data behind them"),
                table_sectors,
            );
        }
        let clusters = (sectors - before_data) / per_cluster;
        let (width, bits) = match clusters {
            _ if is_fat32 => (FatWidth::Fat32, 32),
            0..=4084 => (FatWidth::Fat12, 12),
            _ => (FatWidth::Fat16, 16),
        };
        let most = match width {
            FatWidth::Fat12 => 4084,
            FatWidth::Fat16 => 65_524,
            FatWidth::Fat32 => 0x0fff_fff4,
        };
        let most = (table_sectors * sector_len * 8 / bits).saturating_sub(u64::from(FIRST_CLUSTER)).min(most);
        if clusters == 0 || clusters > most {
            return wrong("clusters", Expected::Described("some, and all of them in the table"), clusters);
        }
        let clusters = u32::try_from(clusters).unwrap_or(0);
        let mut geometry = Self {
            width,
            cluster_len_bytes: per_cluster * sector_len,
            clusters,
            len_bytes,
            label: label(&bytes, is_fat32),
            sector_len,
            table_offset: reserved * sector_len,
            table_len: table_sectors * sector_len,
            tables,
            root: Root::Fixed((reserved + tables * table_sectors) * sector_len, root_entries * 32),
            data_offset: before_data * sector_len,
            info_offset: None,
            dirty: bytes[if is_fat32 { 65 } else { 37 }] & 1 != 0,
        };
        if is_fat32 {
            geometry.take_fat32(&bytes, reserved)?;
        }
        Ok(geometry)
    }

    fn take_fat32(&mut self, bytes: &[u8; 512], reserved: u64) -> Result<(), Error> {
        let unsupported = |field, expected, found: u16| {
            Err(Error::unsupported(Place::BootSector, field, expected, format!("{found:#06x}")))
        };
        let (flags, version) = (u16_at(bytes, 40), u16_at(bytes, 42));
        if flags & 0x80 != 0 {
            return unsupported("flags", "all tables kept up", flags);
        }
        if version != 0 {
            return unsupported("version", "0x0000", version);
        }
        let root = u32_at(bytes, 44);
        self.check_cluster("first cluster of the root directory", root)?;
        self.root = Root::Chain(root);
        let info = u64::from(u16_at(bytes, 48));
        self.info_offset = (info > 0 && info < reserved).then_some(info * self.sector_len);
        Ok(())
    }

    /// Refuses a cluster that does not exist.
    pub(super) fn check_cluster(&self, what: &'static str, cluster: u32) -> Result<(), Error> {
        let last = self.clusters + FIRST_CLUSTER - 1;
        if cluster < FIRST_CLUSTER || cluster > last {
            let expected = Expected::Described("a cluster of the file system");
            return Err(Error::format(Place::Cluster(cluster), what, expected, u64::from(cluster)));
        }
        Ok(())
    }

    /// Where a cluster that exists lies in the image.
    pub(super) fn cluster_offset(&self, cluster: u32) -> u64 {
        self.data_offset + u64::from(cluster.saturating_sub(FIRST_CLUSTER)) * self.cluster_len_bytes
    }

    /// The length of a cluster in memory.
    pub(super) fn cluster_len(&self) -> usize {
        usize::try_from(self.cluster_len_bytes).unwrap_or(512)
    }
}

/// The name in the boot sector, where it has an extended one; without the placeholder for none.
fn label(bytes: &[u8; 512], is_fat32: bool) -> String {
    let at = if is_fat32 { 66 } else { 38 };
    if bytes[at] != 0x29 {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes[at + 5..at + 16]).trim_end().to_owned();
    if text == "NO NAME" { String::new() } else { text }
}
