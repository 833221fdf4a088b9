//! What stands around a deflate stream: nothing, the zlib format (RFC 1950), or the end of a gzip member (RFC 1952).

use crate::fold::codec::CodecError;
use crate::format::native::crc32::crc32;

/// Bytes around a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapper {
    /// None.
    None = 0,
    /// Two bytes of header, Adler-32 behind.
    Zlib = 1,
    /// CRC-32 and length behind. The header, which may hold a name and a time, is not part of the block.
    GzipEnd = 2,
}

/// A block in its parts.
pub(super) struct Opened<'p> {
    pub(super) deflate: &'p [u8],
    wrapper: Wrapper,
    check: &'p [u8],
}

impl Wrapper {
    pub(super) fn of_code(code: u8) -> Option<Self> {
        [Wrapper::None, Wrapper::Zlib, Wrapper::GzipEnd].into_iter().find(|&wrapper| wrapper as u8 == code)
    }

    /// Bytes before and behind.
    fn lens(self) -> (usize, usize) {
        match self {
            Wrapper::None => (0, 0),
            Wrapper::Zlib => (2, 4),
            Wrapper::GzipEnd => (0, 8),
        }
    }

    /// What zlib writes before a stream of this level with a window of 32 KiB.
    fn header(self, level: u8) -> [u8; 2] {
        let of_level = match level {
            0 | 1 => 0,
            2..=5 => 1,
            6 => 2,
            _ => 3,
        };
        let header = 0x7800 | of_level << 6;
        u16::to_be_bytes(header + 31 - header % 31)
    }

    fn check(self, plain: &[u8]) -> [u8; 8] {
        let mut check = [0; 8];
        match self {
            Wrapper::None => {}
            Wrapper::Zlib => check[..4].copy_from_slice(&adler32(plain).to_be_bytes()),
            Wrapper::GzipEnd => {
                check[..4].copy_from_slice(&crc32(0, plain).to_le_bytes());
                check[4..].copy_from_slice(&((plain.len() as u64 & 0xffff_ffff) as u32).to_le_bytes());
            }
        }
        check
    }

    /// Finds the parts of `packed`.
    pub(super) fn open(self, packed: &[u8]) -> Result<Opened<'_>, CodecError> {
        let (before, behind) = self.lens();
        let split = packed.len().checked_sub(behind).filter(|&split| split >= before);
        let (rest, check) = packed.split_at(split.ok_or(CodecError::Damaged)?);
        let (header, deflate) = rest.split_at(before);
        if let [method, flags] = *header {
            let is_deflate = method & 15 == 8 && method >> 4 <= 7;
            let has_dictionary = flags & 0x20 != 0;
            if !is_deflate || has_dictionary || u16::from_be_bytes([method, flags]) % 31 != 0 {
                return Err(CodecError::Damaged);
            }
        }
        Ok(Opened { deflate, wrapper: self, check })
    }

    /// Writes header and check value of `plain` around the stream that `deflate` writes into what is left of
    /// `packed`; returns the length of all.
    pub(super) fn close(
        self,
        level: u8,
        plain: &[u8],
        packed: &mut [u8],
        deflate: impl FnOnce(&mut [u8]) -> Result<usize, CodecError>,
    ) -> Result<usize, CodecError> {
        let (before, behind) = self.lens();
        if packed.len() < before + behind {
            return Err(CodecError::Room);
        }
        packed[..before].copy_from_slice(&self.header(level)[..before]);
        let room = packed.len() - behind;
        let end = before + deflate(&mut packed[before..room])?;
        packed[end..end + behind].copy_from_slice(&self.check(plain)[..behind]);
        Ok(end + behind)
    }
}

impl Opened<'_> {
    pub(super) fn is_check_of(&self, plain: &[u8]) -> bool {
        self.wrapper.check(plain)[..self.check.len()] == *self.check
    }
}

/// The check value of RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65521;
    // So many bytes fit between two divisions.
    let (a, b) = bytes.chunks(5552).fold((1, 0), |(a, b), piece| {
        let (a, b) = piece.iter().fold((a, b), |(a, b), &byte| {
            let a = a + u32::from(byte);
            (a, b + a)
        });
        (a % BASE, b % BASE)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 100_000]) >> 16, 0x149a);
        assert_eq!(Wrapper::Zlib.header(9), [0x78, 0xda]);
        assert_eq!(Wrapper::Zlib.header(6), [0x78, 0x9c]);
        assert_eq!(Wrapper::Zlib.header(1), [0x78, 0x01]);
        assert_eq!(Wrapper::Zlib.header(3), [0x78, 0x5e]);
    }
}
