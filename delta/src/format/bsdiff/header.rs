//! Header of a BSDIFF40 patch, and its numbers.
//!
//! ```text
//! "BSDIFF40", packed length of operations, packed length of differences, length of the target
//! ```
//!
//! Numbers have eight bytes, low ones first; the highest bit is the sign of the others. An operation is three of them:
//! bytes to add to the base, new bytes, how far to move in the base then.

use crate::error::Error;

/// How every patch begins.
pub const MAGIC: [u8; 8] = *b"BSDIFF40";

/// The header of a patch. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of the operations in the patch.
    pub control_len: u64,
    /// Of the differences in the patch; what is left are new bytes.
    pub difference_len: u64,
    /// Of the target.
    pub target_size: u64,
}

/// The number that eight bytes stand for.
pub fn number(bytes: [u8; 8]) -> i64 {
    let value = u64::from_le_bytes(bytes);
    let magnitude = (value & (u64::MAX >> 1)) as i64;
    if value >> 63 == 1 { -magnitude } else { magnitude }
}

/// The eight bytes that stand for a number; that of `i64::MIN` does not exist, and is not asked for.
#[cfg(feature = "generate")]
pub(super) fn encoded(number: i64) -> [u8; 8] {
    (number.unsigned_abs() | if number < 0 { 1 << 63 } else { 0 }).to_le_bytes()
}

impl Header {
    /// Bytes of an encoded header.
    pub const LEN: usize = 32;

    /// Reads the header.
    ///
    /// # Errors
    /// `Truncated`, `Format`.
    pub fn parse(bytes: &[u8]) -> Result<Header, Error> {
        let [magic, control, difference, target] = {
            let mut fields = [[0; 8]; 4];
            let there = bytes.get(..Self::LEN).ok_or(Error::Truncated { offset: bytes.len() as u64 })?;
            fields
                .iter_mut()
                .zip(there.chunks_exact(8))
                .for_each(|(field, bytes)| field.copy_from_slice(bytes));
            fields
        };
        if magic != MAGIC {
            let (expected, found) = (u64::from_be_bytes(MAGIC), u64::from_be_bytes(magic));
            return Err(Error::format("magic number", 0, expected, found));
        }
        let length = |field, at, bytes| {
            u64::try_from(number(bytes)).map_err(|_| Error::format(field, at, 0, u64::from_le_bytes(bytes)))
        };
        let header = Header {
            control_len: length("length of operations", 8, control)?,
            difference_len: length("length of differences", 16, difference)?,
            target_size: length("target size", 24, target)?,
        };
        header.extra_at()?;
        Ok(header)
    }

    /// Where in the patch the new bytes begin.
    ///
    /// # Errors
    /// `Format` when no patch is as long.
    pub fn extra_at(&self) -> Result<u64, Error> {
        let end = (Self::LEN as u64).checked_add(self.control_len);
        end.and_then(|end| end.checked_add(self.difference_len)).ok_or(Error::format(
            "length of differences",
            16,
            u64::MAX - self.control_len,
            self.difference_len,
        ))
    }

    /// Writes the header.
    #[cfg(feature = "generate")]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for length in [self.control_len, self.difference_len, self.target_size] {
            out.extend(encoded(i64::try_from(length).unwrap_or(i64::MAX)));
        }
        out
    }
}

#[cfg(all(test, feature = "generate"))]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for value in [0, 1, -1, 1 << 40, -(1 << 40), i64::MAX, -i64::MAX] {
            assert_eq!(number(encoded(value)), value);
        }
        assert_eq!(encoded(-2), [2, 0, 0, 0, 0, 0, 0, 0x80]);
        let header = Header { control_len: 5, difference_len: 6, target_size: 1 << 33 };
        assert_eq!(Header::parse(&header.encode()).unwrap(), header);
        assert!(matches!(Header::parse(&header.encode()[..31]), Err(Error::Truncated { offset: 31 })));
    }

    #[test]
    fn lengths_that_cannot_be() {
        let mut bytes = Header { control_len: 5, difference_len: 6, target_size: 7 }.encode();
        bytes[31] = 0x80;
        let error = Header::parse(&bytes).unwrap_err().to_string();
        assert_eq!(error, "malformed delta: target size at offset 24: expected 0, found 9223372036854775815");
        let huge = Header { control_len: i64::MAX as u64, difference_len: i64::MAX as u64, target_size: 7 };
        assert!(Header::parse(&huge.encode()).unwrap_err().to_string().contains("length of differences"));
        assert!(Header::parse(&[0; 32]).unwrap_err().to_string().contains("magic number"));
    }
}
