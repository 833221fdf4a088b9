//! The delta as it comes in: any source of bytes, with a first part of it that was looked at before.

use std::io::Read;
use std::path::Path;

use mender_delta::error::Error as DeltaError;

use super::error::Error;

/// How much is read at once: what a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// A delta that is being read.
pub(crate) struct DeltaStream<'s> {
    from: &'s mut dyn Read,
    path: &'s Path,
    begin: Vec<u8>,
}

impl<'s> DeltaStream<'s> {
    /// `path` is for messages.
    pub(crate) fn new(from: &'s mut dyn Read, path: &'s Path) -> Self {
        Self { from, path, begin: Vec::new() }
    }

    /// The first bytes, at least `length` of them.
    ///
    /// # Errors
    ///
    /// The delta is shorter, or cannot be read.
    pub(crate) fn begin(&mut self, length: usize) -> Result<&[u8], Error> {
        let mut filled = self.begin.len();
        if filled < length {
            self.begin.resize(length, 0);
        }
        while filled < length {
            match self.from.read(&mut self.begin[filled..]) {
                Ok(0) => return Err(DeltaError::Truncated { offset: filled as u64 }.into()),
                Ok(count) => filled += count,
                Err(error) => return Err(Error::io("read", self.path, error)),
            }
        }
        Ok(&self.begin)
    }

    /// Hands all bytes behind the first `skip` to `take`, piece by piece; `skip` of them have been looked at.
    ///
    /// # Errors
    ///
    /// Those of `take`, and of reading.
    pub(crate) fn for_each(
        self,
        skip: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        take(self.begin.get(skip..).unwrap_or_default())?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => take(&buffer[..count])?,
                Err(error) => return Err(Error::io("read", self.path, error)),
            }
        }
    }
}
