//! Where changed blocks are kept: in memory, and past a bound in a file.

use std::borrow::Cow;

use super::len;
use crate::error::{Error, Place};
use crate::spill::Spill;

/// Bytes that are kept.
#[derive(Debug)]
pub(super) enum Held {
    /// So many zeros.
    Zeros(usize),
    Memory(Vec<u8>),
    /// At this byte of the spill file, of this length.
    Spilled(u64, usize),
}

/// Where bytes are kept: in memory, and past a bound in a file.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) in_memory: u64,
    pub(super) memory_max_bytes: u64,
    pub(super) spill: Spill,
    pub(super) spilled: u64,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Zeros(len) | Self::Spilled(_, len) => *len,
        }
    }
}

impl Room {
    /// Keeps bytes in a place of their own.
    pub(super) fn hold(&mut self, bytes: Vec<u8>) -> Result<Held, Error> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Held::Zeros(bytes.len()));
        }
        let in_memory = self.in_memory.saturating_add(len(&bytes));
        if in_memory <= self.memory_max_bytes {
            self.in_memory = in_memory;
            return Ok(Held::Memory(bytes));
        }
        if !self.spill.is_possible() {
            return Err(Error::limit(Place::Image, "length of changes", self.memory_max_bytes, in_memory));
        }
        let at = self.spilled;
        self.spill.write_at(at, &bytes)?;
        self.spilled = at.saturating_add(len(&bytes));
        Ok(Held::Spilled(at, bytes.len()))
    }

    /// What is kept.
    pub(super) fn get<'h>(&self, held: &'h Held) -> Result<Cow<'h, [u8]>, Error> {
        match held {
            Held::Zeros(len) => Ok(Cow::Owned(vec![0; *len])),
            Held::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Held::Spilled(at, len) => {
                let mut bytes = vec![0; *len];
                self.spill.read_at(*at, &mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}
