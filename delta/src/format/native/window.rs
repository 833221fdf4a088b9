//! Header of a window and the numbers of its control stream. Layout: docs/delta-format.md, section "Window".

use super::crc32::crc32;
use super::header::Header;
use crate::error::Error;

/// Which stream of a window; also the index into the arrays of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Operations.
    Control = 0,
    /// Bytes to add to the base.
    Difference = 1,
    /// New bytes.
    Literal = 2,
}

/// Lengths of a window, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowHeader {
    /// Target bytes that the window yields.
    pub target_len: u64,
    /// Length of each stream after unpacking.
    pub plain: [u32; 3],
    /// Length of each stream in the delta.
    pub packed: [u32; 3],
    /// CRC-32 of the fields above and the body.
    pub check: u32,
}

impl WindowHeader {
    /// Bytes of an encoded window header.
    pub const LEN: usize = 36;

    /// Bytes that follow the header.
    pub fn body_len(&self) -> u64 {
        self.packed.iter().map(|&len| u64::from(len)).sum()
    }

    /// The same once [`WindowHeader::check_lengths`] has held it within the delta's `window_body`.
    pub(crate) fn checked_body_len(&self) -> usize {
        self.packed.iter().map(|&len| len as usize).sum()
    }

    fn fields(&self) -> [u8; Self::LEN - 4] {
        let mut out = [0; Self::LEN - 4];
        out[..8].copy_from_slice(&self.target_len.to_le_bytes());
        for i in 0..3 {
            out[8 + 8 * i..12 + 8 * i].copy_from_slice(&self.plain[i].to_le_bytes());
            out[12 + 8 * i..16 + 8 * i].copy_from_slice(&self.packed[i].to_le_bytes());
        }
        out
    }

    /// Check value of this header with `body`.
    pub(crate) fn check_of(&self, body: &[u8]) -> u32 {
        crc32(crc32(0, &self.fields()), body)
    }

    /// Checks the lengths against the delta's header, where `written` bytes of target came before; `at` is where in
    /// the delta the window begins.
    ///
    /// # Errors
    /// `Format`.
    pub fn check_lengths(&self, header: &Header, written: u64, at: u64) -> Result<(), Error> {
        let left = header.target_size.saturating_sub(written);
        if self.target_len == 0 || self.target_len > left {
            return Err(Error::format("window length", at, left, self.target_len));
        }
        if self.body_len() > u64::from(header.window_body) {
            return Err(Error::format("window body", at, header.window_body.into(), self.body_len()));
        }
        Ok(())
    }

    /// Checks the check value; `at` is where in the delta the window begins.
    ///
    /// # Errors
    /// `Format`.
    pub fn check_body(&self, body: &[u8], at: u64) -> Result<(), Error> {
        let check = self.check_of(body);
        if check != self.check {
            return Err(Error::format("window check value", at, check.into(), self.check.into()));
        }
        Ok(())
    }

    /// Writes the header.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..Self::LEN - 4].copy_from_slice(&self.fields());
        out[Self::LEN - 4..].copy_from_slice(&self.check.to_le_bytes());
        out
    }

    /// Reads a header; the caller checks the lengths against the delta's header.
    pub fn decode(bytes: &[u8; Self::LEN]) -> WindowHeader {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        WindowHeader {
            target_len: u64::from(u32_at(0)) | u64::from(u32_at(4)) << 32,
            plain: core::array::from_fn(|i| u32_at(8 + 8 * i)),
            packed: core::array::from_fn(|i| u32_at(12 + 8 * i)),
            check: u32_at(32),
        }
    }
}

/// Appends `value` in LEB128: seven bits a byte, low ones first, the high bit set on all but the last byte.
#[cfg(feature = "generate")]
pub fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trip() {
        let header =
            WindowHeader { target_len: 1 << 40, plain: [1, 2, 3], packed: [4, 5, u32::MAX], check: 7 };
        assert_eq!(WindowHeader::decode(&header.encode()), header);
        assert_eq!(header.body_len(), 9 + u64::from(u32::MAX));
    }
}
