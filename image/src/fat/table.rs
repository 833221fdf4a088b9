//! The allocation table: for each cluster the next one of its chain.

use std::collections::BTreeSet;

use super::geometry::{FIRST_CLUSTER, Geometry};
use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::{Error, Expected, FullError, Place};
use crate::limits::Limits;
use crate::little_endian::u32_at;
use crate::probe::FatWidth;

/// Unit in which changes of the table are written.
const CHUNK_LEN: usize = 512;
/// Marks of the sector with the number of free clusters: byte and value.
const INFO_MARKS: [(usize, u32); 3] = [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xaa55_0000)];
/// Free clusters, where nobody has counted them.
const UNKNOWN: u32 = u32::MAX;

/// The first table of a file system, in memory.
pub(super) struct Table {
    width: FatWidth,
    clusters: u32,
    bytes: Vec<u8>,
    /// Chunks that have changed.
    changed: BTreeSet<usize>,
    /// Below it no cluster is free.
    free_from: u32,
    /// The cluster that was taken last.
    last_taken: u32,
}

impl Table {
    pub(super) fn read(
        device: &dyn BlockDevice,
        geometry: &Geometry,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let bits = u64::from(geometry.clusters + FIRST_CLUSTER) * bits(geometry.width);
        let len = bits.div_ceil(8);
        if len > limits.allocation_table_bytes {
            return Err(Error::limit(Place::BootSector, "table bytes", limits.allocation_table_bytes, len));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        device.read_at(geometry.table_offset, &mut bytes)?;
        Ok(Self {
            width: geometry.width,
            clusters: geometry.clusters,
            bytes,
            changed: BTreeSet::new(),
            free_from: FIRST_CLUSTER,
            last_taken: 0,
        })
    }

    /// Refuses to go on where the second table differs, or the file system was not unmounted cleanly: whoever
    /// repairs it could undo what is changed here.
    pub(super) fn check_sound(&self, device: &dyn BlockDevice, geometry: &Geometry) -> Result<(), Error> {
        let flag = match self.width {
            FatWidth::Fat12 => None,
            FatWidth::Fat16 => Some(self.get(1) & 0x8000),
            FatWidth::Fat32 => Some(self.get(1) & 0x0800_0000),
        };
        if geometry.dirty || flag == Some(0) {
            let expected = "a file system that was unmounted cleanly, as fsck.vfat leaves it";
            return Err(Error::unsupported(Place::BootSector, "state", expected, "changes under way"));
        }
        if geometry.tables > 1 {
            let mut second = vec![0; self.bytes.len()];
            device.read_at(geometry.table_offset + geometry.table_len, &mut second)?;
            if let Some(at) = self.bytes.iter().zip(&second).position(|(first, second)| first != second) {
                let expected = Expected::Described("two equal tables");
                return Err(Error::format(Place::BootSector, "byte of the tables", expected, at as u64));
            }
        }
        Ok(())
    }

    /// The entry of a cluster that exists, or of the two before the first.
    fn get(&self, cluster: u32) -> u32 {
        let at = usize::try_from(cluster).unwrap_or(0);
        let byte = |at: usize| u32::from(self.bytes.get(at).copied().unwrap_or(0));
        match self.width {
            FatWidth::Fat12 => {
                let pair = byte(at + at / 2) | byte(at + at / 2 + 1) << 8;
                if at % 2 == 0 { pair & 0xfff } else { pair >> 4 }
            }
            FatWidth::Fat16 => byte(at * 2) | byte(at * 2 + 1) << 8,
            FatWidth::Fat32 => {
                (byte(at * 4) | byte(at * 4 + 1) << 8 | byte(at * 4 + 2) << 16 | byte(at * 4 + 3) << 24)
                    & 0x0fff_ffff
            }
        }
    }

    fn put(&mut self, cluster: u32, value: u32) {
        let at = usize::try_from(cluster).unwrap_or(0);
        let [low, high, third, fourth] = value.to_le_bytes();
        match self.width {
            FatWidth::Fat12 => {
                let first = at + at / 2;
                let there = (self.byte(first), self.byte(first + 1));
                let (one, two) = if at % 2 == 0 {
                    (low, there.1 & 0xf0 | high & 0x0f)
                } else {
                    (there.0 & 0x0f | low << 4, low >> 4 | high << 4)
                };
                self.set_byte(first, one);
                self.set_byte(first + 1, two);
            }
            FatWidth::Fat16 => {
                self.set_byte(at * 2, low);
                self.set_byte(at * 2 + 1, high);
            }
            FatWidth::Fat32 => {
                // The upper four bits are not ours.
                let fourth = fourth & 0x0f | self.byte(at * 4 + 3) & 0xf0;
                for (byte, value) in (at * 4..).zip([low, high, third, fourth]) {
                    self.set_byte(byte, value);
                }
            }
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn set_byte(&mut self, at: usize, value: u8) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = value;
            self.changed.insert(at / CHUNK_LEN);
        }
    }

    /// The value that ends a chain. Any from the eighth below it on does.
    fn end_mark(&self) -> u32 {
        match self.width {
            FatWidth::Fat12 => 0xfff,
            FatWidth::Fat16 => 0xffff,
            FatWidth::Fat32 => 0x0fff_ffff,
        }
    }

    /// The clusters from `first` to the end of the chain, of which there must be no more than `most`. A chain without
    /// end has more than there are clusters.
    pub(super) fn chain(&self, geometry: &Geometry, first: u32, most: u64) -> Result<Vec<u32>, Error> {
        let mut chain = Vec::new();
        let mut here = first;
        loop {
            geometry.check_cluster("next cluster", here)?;
            if chain.len() as u64 >= most.min(u64::from(self.clusters)) {
                let expected = Expected::AtMost(most.min(u64::from(self.clusters)));
                return Err(Error::format(
                    Place::Cluster(first),
                    "clusters of the chain",
                    expected,
                    most + 1,
                ));
            }
            chain.push(here);
            let next = self.get(here);
            if next >= self.end_mark() - 7 {
                return Ok(chain);
            }
            here = next;
        }
    }

    /// Number of free clusters.
    pub(super) fn free(&self) -> u32 {
        let all = FIRST_CLUSTER..self.clusters + FIRST_CLUSTER;
        let free = all.filter(|cluster| self.get(*cluster) == 0).count();
        u32::try_from(free).unwrap_or(0)
    }

    /// Takes `count` free clusters and makes them a chain.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u32>, Error> {
        let mut chain = Vec::new();
        let mut cluster = self.free_from;
        while (chain.len() as u64) < count && cluster < self.clusters + FIRST_CLUSTER {
            if self.get(cluster) == 0 {
                chain.push(cluster);
            }
            cluster += 1;
        }
        if (chain.len() as u64) < count {
            return Err(Error::Full(FullError { what: "clusters", needed: count, free: chain.len() as u64 }));
        }
        self.free_from = cluster;
        let nexts = chain.iter().skip(1).copied().chain([self.end_mark()]).collect::<Vec<_>>();
        for (cluster, next) in chain.iter().zip(nexts) {
            self.put(*cluster, next);
            self.last_taken = *cluster;
        }
        Ok(chain)
    }

    /// Puts a chain behind a cluster that ended one.
    pub(super) fn append(&mut self, last: u32, more: &[u32]) {
        if let Some(first) = more.first() {
            self.put(last, *first);
        }
    }

    /// Gives clusters back.
    pub(super) fn release(&mut self, chain: &[u32]) {
        for cluster in chain {
            self.put(*cluster, 0);
            self.free_from = self.free_from.min(*cluster);
        }
    }

    /// Writes what has changed into all tables, and the number of free clusters where it is kept.
    pub(super) fn write(
        &mut self,
        device: &mut dyn WritableDevice,
        geometry: &Geometry,
    ) -> Result<(), Error> {
        if self.changed.is_empty() {
            return Ok(());
        }
        for chunk in &self.changed {
            let start = chunk * CHUNK_LEN;
            let bytes = &self.bytes[start..self.bytes.len().min(start + CHUNK_LEN)];
            for table in 0..geometry.tables {
                let offset = geometry.table_offset + table * geometry.table_len + start as u64;
                device.write_at(offset, bytes)?;
            }
        }
        self.changed.clear();
        let Some(offset) = geometry.info_offset else { return Ok(()) };
        let mut info = [0; 512];
        device.read_at(offset, &mut info)?;
        let is_info = INFO_MARKS.iter().all(|(at, mark)| u32_at(&info, *at) == *mark);
        if is_info && u32_at(&info, 488) != UNKNOWN {
            info[488..492].copy_from_slice(&self.free().to_le_bytes());
            if self.last_taken != 0 {
                info[492..496].copy_from_slice(&self.last_taken.to_le_bytes());
            }
            device.write_at(offset, &info)?;
        }
        Ok(())
    }
}

fn bits(width: FatWidth) -> u64 {
    match width {
        FatWidth::Fat12 => 12,
        FatWidth::Fat16 => 16,
        FatWidth::Fat32 => 32,
    }
}
