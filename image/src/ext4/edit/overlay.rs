//! The changes that wait: whole blocks over those of the device, in two layers, so that an operation that fails leaves
//! nothing behind.

use std::collections::BTreeMap;

use super::scratch::{Held, Scratch};
use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::Error;
use crate::spill::Spill;

/// A block that will be written.
pub(super) struct Change {
    /// Content of a file, which is written before all metadata.
    pub(super) is_content: bool,
    pub(super) held: Held,
}

/// A device with changes over it. Reads see them.
pub(super) struct Overlay<'d> {
    pub(super) device: &'d mut dyn WritableDevice,
    pub(super) block_len: u64,
    /// Of the operations that are done.
    pub(super) accepted: BTreeMap<u64, Change>,
    /// Of the operation under way. `None` takes a change back: the block is free again.
    staged: BTreeMap<u64, Option<Change>>,
    pub(super) scratch: Scratch,
}

impl<'d> Overlay<'d> {
    pub(super) fn new(device: &'d mut dyn WritableDevice, block_len: u64, memory_max_bytes: u64) -> Self {
        Self {
            device,
            block_len,
            accepted: BTreeMap::new(),
            staged: BTreeMap::new(),
            scratch: Scratch::new(memory_max_bytes),
        }
    }

    pub(super) fn spill_to(&mut self, file: Spill) {
        self.scratch.spill_to(file);
    }

    pub(super) fn block_len_in_memory(&self) -> usize {
        usize::try_from(self.block_len).unwrap_or(65536)
    }

    fn change(&self, block: u64) -> Option<&Change> {
        match self.staged.get(&block) {
            Some(change) => change.as_ref(),
            None => self.accepted.get(&block),
        }
    }

    /// The whole block `number`.
    pub(super) fn block(&self, number: u64) -> Result<Vec<u8>, Error> {
        let mut block = vec![0; self.block_len_in_memory()];
        self.read_at(number.saturating_mul(self.block_len), &mut block)?;
        Ok(block)
    }

    /// Puts a block of metadata, which is whole.
    pub(super) fn set_block(&mut self, number: u64, block: Vec<u8>) {
        self.staged.insert(number, Some(Change { is_content: false, held: Held::Memory(block) }));
    }

    /// Puts a block of a file's content.
    pub(super) fn set_content(&mut self, number: u64, held: Held) {
        self.staged.insert(number, Some(Change { is_content: true, held }));
    }

    /// Puts `bytes` of metadata, which lie in one block, from `offset` on.
    pub(super) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let number = offset / self.block_len;
        let at = usize::try_from(offset % self.block_len).unwrap_or(0);
        let mut block = self.block(number)?;
        match at.checked_add(bytes.len()).and_then(|end| block.get_mut(at..end)) {
            Some(place) => place.copy_from_slice(bytes),
            None => return Err(Error::io(offset, bytes.len(), std::io::ErrorKind::InvalidInput.into())),
        }
        self.set_block(number, block);
        Ok(())
    }

    /// Takes back what waits for blocks that nothing uses any more.
    pub(super) fn forget(&mut self, first: u64, count: u64) {
        let range = first..first.saturating_add(count);
        let mut waiting: Vec<u64> = self.accepted.range(range.clone()).map(|(block, _)| *block).collect();
        waiting.extend(self.staged.range(range).map(|(block, _)| *block));
        for block in waiting {
            self.staged.insert(block, None);
        }
    }

    /// Ends an operation that is done.
    pub(super) fn accept(&mut self) {
        for (block, change) in std::mem::take(&mut self.staged) {
            let before = match change {
                Some(change) => self.accepted.insert(block, change),
                None => self.accepted.remove(&block),
            };
            if let Some(before) = before {
                self.scratch.drop_held(&before.held, before.is_content);
            }
        }
        self.scratch.accept();
    }

    /// Ends an operation that failed.
    pub(super) fn discard(&mut self) {
        self.staged.clear();
        self.scratch.discard();
    }
}

impl BlockDevice for Overlay<'_> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let len = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let (first, end) = (offset / self.block_len, offset.saturating_add(len).div_ceil(self.block_len));
        let untouched = self.staged.range(first..end).next().is_none()
            && self.accepted.range(first..end).next().is_none();
        if untouched {
            return self.device.read_at(offset, buffer);
        }
        let (mut offset, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let within = offset % self.block_len;
            let step = usize::try_from(self.block_len - within).unwrap_or(usize::MAX).min(rest.len());
            let (piece, after) = rest.split_at_mut(step);
            match self.change(offset / self.block_len) {
                Some(change) => {
                    self.scratch.read(&change.held, usize::try_from(within).unwrap_or(0), piece)?;
                }
                None => self.device.read_at(offset, piece)?,
            }
            offset += u64::try_from(step).unwrap_or(0);
            rest = after;
        }
        Ok(())
    }
}
