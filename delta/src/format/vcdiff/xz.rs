//! The beginning of an .xz stream (XZ file format 1.1.0, sections 2.1.1 and 3.1): xdelta3 puts the sections of one
//! kind, over all windows, into one stream that never ends. Check values of the content are not used.

use crate::format::native::crc32::crc32;

/// Bytes of the stream header.
const STREAM_HEADER: usize = 12;
const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
const LZMA2: u8 = 0x21;
/// Bytes of a block header that names one filter, LZMA2.
const BLOCK_HEADER: usize = 12;
/// Bytes of both headers.
pub const LEN: usize = STREAM_HEADER + BLOCK_HEADER;
/// Largest code of a dictionary size.
const MAX_DICTIONARY: u8 = 40;

/// What is wrong with the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is damaged or short.
    Damaged,
    /// It names filters other than LZMA2, or sizes.
    Unsupported,
}

/// Bytes of history that the decoder has to keep, from the beginning of a stream: [`LEN`] bytes of `bytes`.
///
/// # Errors
/// `Wrong`.
pub fn history(bytes: &[u8]) -> Result<u32, Wrong> {
    let begin = bytes.get(..LEN).ok_or(Wrong::Damaged)?;
    let (stream, block) = begin.split_at(STREAM_HEADER);
    let crc_is_right = |bytes: &[u8], crc: &[u8]| crc32(0, bytes).to_le_bytes() == *crc;
    if stream[..6] != MAGIC || !crc_is_right(&stream[6..8], &stream[8..]) {
        return Err(Wrong::Damaged);
    }
    // The check value's kind is of no matter: it would stand behind the end.
    if stream[6] != 0 || stream[7] > 0x0f || usize::from(block[0]) != BLOCK_HEADER / 4 - 1 {
        return Err(Wrong::Unsupported);
    }
    if !crc_is_right(&block[..8], &block[8..]) {
        return Err(Wrong::Damaged);
    }
    if block[1..4] != [0, LZMA2, 1] || block[5..8] != [0; 3] {
        return Err(Wrong::Unsupported);
    }
    let bits = block[4];
    match bits {
        MAX_DICTIONARY => Ok(u32::MAX),
        0..MAX_DICTIONARY => Ok((2 | u32::from(bits & 1)) << (bits / 2 + 11)),
        _ => Err(Wrong::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What xdelta3 writes.
    const XDELTA3: [u8; LEN] = [
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0, 0xff, 0x12, 0xd9, 0x41, 2, 0, 0x21, 1, 0x0c, 0, 0, 0, 0x8f,
        0x98, 0x41, 0x9c,
    ];

    #[test]
    fn what_xdelta3_writes() {
        assert_eq!(history(&XDELTA3), Ok(256 << 10));
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        for bit in 0..8 * LEN {
            let mut bad = XDELTA3;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(history(&bad).is_err(), "{bit}");
        }
        for len in 0..LEN {
            assert_eq!(history(&XDELTA3[..len]), Err(Wrong::Damaged));
        }
    }
}
