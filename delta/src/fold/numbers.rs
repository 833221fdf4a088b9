//! Numbers of the fold: LEB128, seven bits a byte, low ones first.

use crate::error::Error;

/// Reads numbers from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'s> {
    pub(super) bytes: &'s [u8],
    /// How many bytes have been read.
    pub(super) at: usize,
}

impl<'s> Numbers<'s> {
    pub(super) fn new(bytes: &'s [u8]) -> Self {
        Numbers { bytes, at: 0 }
    }

    pub(super) fn take(&mut self, field: &'static str) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.array::<1>(field)?.first().unwrap_or(&0);
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::format(field, HERE, u64::MAX, value))
    }

    /// A number that is at least 1 and at most `most`.
    pub(super) fn take_len(&mut self, field: &'static str, most: u64) -> Result<u64, Error> {
        let len = self.take(field)?;
        if (1..=most).contains(&len) { Ok(len) } else { Err(Error::format(field, HERE, most, len)) }
    }

    /// `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let len = self.bytes.len() as u64;
        let bytes = bytes.ok_or(Error::format(field, HERE, len, (self.at + N) as u64))?;
        self.at += N;
        Ok(*bytes)
    }
}

/// Where the fold begins in a delta, for errors.
pub(super) const HERE: u64 = crate::format::native::header::Header::LEN as u64;
