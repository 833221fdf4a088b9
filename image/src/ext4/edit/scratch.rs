//! Where blocks wait: in memory, and past a bound in a file.

use std::io;

use crate::error::{Error, Place};
use crate::spill::Spill;

/// A block that waits.
pub(super) enum Held {
    /// Nothing but zeros.
    Zeros,
    Memory(Vec<u8>),
    /// In the file, from this offset on.
    Spilled(u64),
}

/// The file, and how much is where.
pub(super) struct Scratch {
    file: Spill,
    memory_max_bytes: u64,
    now: Used,
    /// When the last operation was done.
    accepted: Used,
}

#[derive(Clone, Copy, Default)]
struct Used {
    memory_bytes: u64,
    file_bytes: u64,
}

impl Scratch {
    pub(super) fn new(memory_max_bytes: u64) -> Self {
        Self { file: Spill::default(), memory_max_bytes, now: Used::default(), accepted: Used::default() }
    }

    pub(super) fn spill_to(&mut self, file: Spill) {
        // A second file would not have what the first one holds.
        if !self.file.is_possible() {
            self.file = file;
        }
    }

    /// Keeps one block of a content.
    pub(super) fn hold(&mut self, block: Vec<u8>) -> Result<Held, Error> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(Held::Zeros);
        }
        let len = as_u64(block.len());
        let memory = self.now.memory_bytes.saturating_add(len);
        if memory <= self.memory_max_bytes {
            self.now.memory_bytes = memory;
            return Ok(Held::Memory(block));
        }
        if !self.file.is_possible() {
            return Err(Error::limit(Place::Image, "length of changes", self.memory_max_bytes, memory));
        }
        let offset = self.now.file_bytes;
        self.file.write_at(offset, &block)?;
        self.now.file_bytes = offset.saturating_add(len);
        Ok(Held::Spilled(offset))
    }

    /// Reads from byte `at` of a block on.
    pub(super) fn read(&self, held: &Held, at: usize, buffer: &mut [u8]) -> Result<(), Error> {
        match held {
            Held::Zeros => {
                buffer.fill(0);
                Ok(())
            }
            Held::Memory(block) => {
                let piece = at.checked_add(buffer.len()).and_then(|end| block.get(at..end));
                buffer.copy_from_slice(
                    piece.ok_or_else(|| Error::Content(io::ErrorKind::InvalidInput.into()))?,
                );
                Ok(())
            }
            Held::Spilled(offset) => self.file.read_at(offset.saturating_add(as_u64(at)), buffer),
        }
    }

    /// A block of a content was taken back.
    pub(super) fn drop_held(&mut self, held: &Held, is_content: bool) {
        if let (Held::Memory(block), true) = (held, is_content) {
            self.now.memory_bytes = self.now.memory_bytes.saturating_sub(as_u64(block.len()));
        }
    }

    pub(super) fn accept(&mut self) {
        self.accepted = self.now;
    }

    pub(super) fn discard(&mut self) {
        self.now = self.accepted;
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
