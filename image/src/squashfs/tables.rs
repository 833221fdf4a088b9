//! Tables of metadata: sequences of blocks of 8 KiB, each with its packed length before it.

#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths have been compared with those of buffers or blocks"
)]

use super::map::{BlockKind, SquashfsBlock, Unpack};
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::little_endian::u64_at;

/// Plain length of a metadata block; only the last one of a table is shorter.
pub(super) const METADATA_LEN: usize = 8192;
/// The highest bit of a length says that the block is not compressed.
const IS_PLAIN: u16 = 0x8000;

/// What tables are read with.
pub(super) struct Tables<'d> {
    pub(super) device: &'d dyn BlockDevice,
    pub(super) unpack: Unpack<'d>,
    /// End of the file system.
    pub(super) end: u64,
    /// Most plain bytes of all tables.
    pub(super) limit: u64,
    /// Plain bytes so far.
    pub(super) total: u64,
    /// All blocks that were met.
    pub(super) blocks: Vec<SquashfsBlock>,
}

/// A table, unpacked.
#[derive(Default)]
pub(super) struct Table {
    pub(super) plain: Vec<u8>,
    /// Where each block stands: bytes from the start of the table, and of its plain content.
    starts: Vec<(u64, usize)>,
}

impl Table {
    /// Where in the plain content `offset` bytes behind the start of the block at `block` are.
    pub(super) fn position(&self, block: u64, offset: usize) -> Option<usize> {
        let index = self.starts.binary_search_by_key(&block, |start| start.0).ok()?;
        self.starts[index].1.checked_add(offset).filter(|&at| at <= self.plain.len())
    }
}

impl Tables<'_> {
    /// Reads all blocks from `start` up to `end`.
    pub(super) fn read(&mut self, start: u64, end: u64) -> Result<Table, Error> {
        let (mut at, mut table) = (start, Table::default());
        while at < end {
            table.starts.push((at - start, table.plain.len()));
            at = self.block(at, end, &mut table.plain)?;
        }
        Ok(table)
    }

    /// Reads the blocks that `count` pointers at `pointers` lead to, and forgets their content unless it is wanted.
    pub(super) fn read_pointed(&mut self, pointers: u64, count: usize) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::new();
        for start in self.pointers(pointers, count)? {
            self.block(start, self.end, &mut plain)?;
        }
        Ok(plain)
    }

    /// `count` offsets at `at`.
    pub(super) fn pointers(&self, at: u64, count: usize) -> Result<Vec<u64>, Error> {
        let len = count.checked_mul(8).filter(|&len| at.saturating_add(len as u64) <= self.end);
        let Some(len) = len else {
            let expected = Expected::AtMost(self.end.saturating_sub(at) / 8);
            return Err(Error::format(Place::Image, "pointers to metadata blocks", expected, count as u64));
        };
        let mut bytes = vec![0; len];
        self.device.read_at(at, &mut bytes)?;
        Ok((0..count).map(|i| u64_at(&bytes, 8 * i)).collect())
    }

    /// Appends the content of the block at `at`; returns where the next one begins.
    fn block(&mut self, at: u64, end: u64, plain: &mut Vec<u8>) -> Result<u64, Error> {
        let outside =
            |found| Error::format(Place::Image, "end of a metadata block", Expected::AtMost(end), found);
        let mut header = [0; 2];
        if at.checked_add(2).is_none_or(|after| after > end) {
            return Err(outside(at.saturating_add(2)));
        }
        self.device.read_at(at, &mut header)?;
        let header = u16::from_le_bytes(header);
        let len = header & !IS_PLAIN;
        let next = at + 2 + u64::from(len);
        if next > end {
            return Err(outside(next));
        }
        if len == 0 || usize::from(len) > METADATA_LEN {
            let expected = Expected::Described("1 to 8,192");
            return Err(Error::format(Place::Image, "length of a metadata block", expected, len.into()));
        }
        let mut packed = vec![0; len.into()];
        self.device.read_at(at + 2, &mut packed)?;
        let is_compressed = header & IS_PLAIN == 0;
        let content = if is_compressed {
            let mut content = vec![0; METADATA_LEN];
            let unpacked = (self.unpack)(&packed, &mut content).filter(|&len| len <= METADATA_LEN);
            let Some(len) = unpacked else {
                let expected = Expected::Described("one that can be unpacked");
                return Err(Error::format(Place::Image, "metadata block", expected, at));
            };
            content.truncate(len);
            content
        } else {
            packed
        };
        self.total += content.len() as u64;
        if self.total > self.limit {
            return Err(Error::limit(Place::Image, "length of all metadata", self.limit, self.total));
        }
        self.blocks.push(SquashfsBlock {
            device_offset: at,
            len_bytes: 2 + u32::from(len),
            plain_len_bytes: content.len() as u32,
            kind: BlockKind::Metadata,
            is_compressed,
        });
        plain.extend_from_slice(&content);
        Ok(next)
    }
}
