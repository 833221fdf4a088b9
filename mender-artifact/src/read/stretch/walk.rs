//! Finds where a stretch ends by looking at its headers alone. What it finds is what the headers say: unpacking shows
//! whether it is so.

use crate::compression::Compression;
use crate::compression::gzip::{HEADER_LEN_BYTES, TRAILER_LEN_BYTES, member_len};
use crate::compression::zstd::FRAME_LEN_BYTES;

/// A stretch that unpacks to more is not for us: it is kept in memory.
pub(crate) const PLAIN_MAX_BYTES: u64 = FRAME_LEN_BYTES as u64;
/// A stretch may be longer than what it holds by so much.
const PACKED_MAX_BYTES: u64 = PLAIN_MAX_BYTES + (64 << 10);
/// Most that is looked at in one place.
pub(crate) const LOOK_MAX_BYTES: usize = HEADER_LEN_BYTES;
/// Length of the header of a block inside of a zstd frame.
const BLOCK_HEADER: usize = 3;
/// What zstd frames begin with (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Show `len` bytes, at most [`LOOK_MAX_BYTES`], from `at` on, counted from the beginning of the stretch.
    Look { at: u64, len: usize },
    /// This is all there is to see.
    Whole { packed_len: u64, plain_len: u64 },
    /// It cannot be told where the stretch ends, or it is too long.
    Unknown,
}

/// One stretch on the way to its end.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    next: Next,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    GzipHeader,
    GzipTrailer { packed_len: u64 },
    ZstdStart,
    ZstdHeader,
    ZstdBlock { plain_len: u64, checksum_len: u64 },
}

impl Walk {
    /// Begins with a stretch.
    pub(crate) fn new(compression: Compression) -> Self {
        let (next, state) = match compression {
            Compression::Gzip => (Next::Look { at: 0, len: HEADER_LEN_BYTES }, State::GzipHeader),
            // The magic and the byte that says how long the header is.
            Compression::Zstd => (Next::Look { at: 0, len: ZSTD_MAGIC.len() + 1 }, State::ZstdStart),
            Compression::None | Compression::Xz => (Next::Unknown, State::ZstdStart),
        };
        Self { next, state }
    }

    /// What is wanted now.
    pub(crate) fn next(&self) -> Next {
        self.next
    }

    /// Takes the bytes that were wanted.
    pub(crate) fn look(&mut self, bytes: &[u8]) {
        let Next::Look { at, .. } = self.next else { return };
        self.next = self.after(at, bytes).unwrap_or(Next::Unknown);
        let most = match self.next {
            Next::Look { at, len } => at.saturating_add(len as u64),
            Next::Whole { packed_len, .. } => packed_len,
            Next::Unknown => 0,
        };
        if most > PACKED_MAX_BYTES {
            self.next = Next::Unknown;
        }
    }

    fn after(&mut self, at: u64, bytes: &[u8]) -> Option<Next> {
        match self.state {
            State::GzipHeader => {
                let packed_len = member_len(bytes.first_chunk()?)?;
                if packed_len < (HEADER_LEN_BYTES + TRAILER_LEN_BYTES) as u64 {
                    return None;
                }
                self.state = State::GzipTrailer { packed_len };
                Some(Next::Look { at: packed_len - 4, len: 4 })
            }
            State::GzipTrailer { packed_len } => whole(packed_len, little_endian(bytes.get(..4)?)),
            State::ZstdStart => {
                let (magic, descriptor) = bytes.split_first_chunk()?;
                if *magic != ZSTD_MAGIC {
                    return None;
                }
                self.state = State::ZstdHeader;
                Some(Next::Look { at: 0, len: ZstdHeader::of(*descriptor.first()?)?.len })
            }
            State::ZstdHeader => {
                let header = ZstdHeader::of(*bytes.get(ZSTD_MAGIC.len())?)?;
                // Unpacking a frame at once has no limit of its own for windows.
                let window_log = bytes.get(ZSTD_MAGIC.len() + 1)? >> 3;
                if !header.is_one_segment && 10 + window_log > ZSTD_WINDOW_LOG_MAX {
                    return None;
                }
                let content = bytes.get(header.len - header.content_len..header.len)?;
                // Lengths of two bytes begin at 256.
                let plain_len = little_endian(content) + if header.content_len == 2 { 256 } else { 0 };
                if plain_len > PLAIN_MAX_BYTES {
                    return None;
                }
                self.state = State::ZstdBlock { plain_len, checksum_len: header.checksum_len };
                Some(Next::Look { at: header.len as u64, len: BLOCK_HEADER })
            }
            State::ZstdBlock { plain_len, checksum_len } => {
                let block = little_endian(bytes.get(..BLOCK_HEADER)?);
                let (is_last, kind, len) = (block & 1 == 1, block >> 1 & 3, block >> 3);
                let len = match kind {
                    // One byte that is repeated.
                    1 => 1,
                    0 | 2 => len,
                    _ => return None,
                };
                let end = at + BLOCK_HEADER as u64 + len;
                if is_last {
                    return whole(end + checksum_len, plain_len);
                }
                Some(Next::Look { at: end, len: BLOCK_HEADER })
            }
        }
    }
}

fn whole(packed_len: u64, plain_len: u64) -> Option<Next> {
    (plain_len <= PLAIN_MAX_BYTES).then_some(Next::Whole { packed_len, plain_len })
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What the first byte behind the magic says (RFC 8878, section 3.1.1.1.1).
struct ZstdHeader {
    /// Of the header, the magic included.
    len: usize,
    /// Of its last field.
    content_len: usize,
    checksum_len: u64,
    /// Whether the window is the content.
    is_one_segment: bool,
}

/// Largest window of a frame that is unpacked by itself: 64 MiB, which every decompressor here takes.
const ZSTD_WINDOW_LOG_MAX: u8 = 26;

impl ZstdHeader {
    /// `None` if the header does not say how long the content is, or a dictionary is needed.
    fn of(descriptor: u8) -> Option<Self> {
        let is_one_segment = descriptor & 0x20 != 0;
        let content_len = match descriptor >> 6 {
            0 if is_one_segment => 1,
            0 => return None,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        // A dictionary, or the bit that nothing uses yet.
        if descriptor & 0x0b != 0 {
            return None;
        }
        let window_len = usize::from(!is_one_segment);
        let len = ZSTD_MAGIC.len() + 1 + window_len + content_len;
        Some(Self { len, content_len, checksum_len: if descriptor & 4 == 0 { 0 } else { 4 }, is_one_segment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::encoder::{Effort, Encoder};
    use std::io::Write;
    use std::num::NonZeroUsize;

    /// The lengths of the stretches, as far as they can be told.
    fn stretches(packed: &[u8], compression: Compression) -> Vec<(u64, u64)> {
        let (mut found, mut rest) = (Vec::new(), packed);
        while !rest.is_empty() {
            let mut walk = Walk::new(compression);
            loop {
                match walk.next() {
                    Next::Look { at, len } => {
                        assert!(len <= LOOK_MAX_BYTES);
                        let at = usize::try_from(at).unwrap();
                        let Some(bytes) = rest.get(at..at + len) else { return found };
                        walk.look(bytes);
                    }
                    Next::Whole { packed_len, plain_len } => {
                        found.push((packed_len, plain_len));
                        let Some(after) = rest.get(usize::try_from(packed_len).unwrap()..) else {
                            return found;
                        };
                        rest = after;
                        break;
                    }
                    Next::Unknown => return found,
                }
            }
        }
        found
    }

    fn pack(content: &[u8], compression: Compression, effort: Effort) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), compression, effort, NonZeroUsize::MIN).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_that_the_writer_makes_is_found() {
        for (compression, block) in [(Compression::Gzip, 1 << 20), (Compression::Zstd, FRAME_LEN_BYTES)] {
            for len in [0, 1, 255, 256, 70_000, block, block + 1, 2 * block + 300_000] {
                let content: Vec<u8> =
                    (0..len as u64).map(|n| (n.wrapping_mul(n) >> 7).to_le_bytes()[0]).collect();
                let packed = pack(&content, compression, Effort::Fastest);
                let found = stretches(&packed, compression);
                let plain: Vec<u64> = found.iter().map(|it| it.1).collect();
                let expected: Vec<u64> = content.chunks(block).map(|block| block.len() as u64).collect();
                assert_eq!(plain, if len == 0 { vec![0] } else { expected }, "{compression:?} {len}");
                assert_eq!(found.iter().map(|it| it.0).sum::<u64>(), packed.len() as u64);
            }
        }
    }

    #[test]
    fn others_are_left_alone() {
        assert!(stretches(&pack(&[0; 1000], Compression::Xz, Effort::Fast), Compression::Xz).is_empty());
        // A member without its length.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"content").unwrap();
        assert!(stretches(&encoder.finish().unwrap(), Compression::Gzip).is_empty());
        // A frame that is too long, one without a length, one that may be skipped.
        assert!(stretches(&::zstd::encode_all(&[0; 9 << 20][..], 1).unwrap(), Compression::Zstd).is_empty());
        let content = vec![1; FRAME_LEN_BYTES + 1];
        assert!(stretches(&::zstd::bulk::compress(&content, 1).unwrap(), Compression::Zstd).is_empty());
        assert!(stretches(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], Compression::Zstd).is_empty());
        assert!(stretches(&[0xff; 100], Compression::Zstd).is_empty());
        let mut hostile = pack(b"x", Compression::Gzip, Effort::Fast);
        hostile[16..20].fill(0xff);
        assert!(stretches(&hostile, Compression::Gzip).is_empty());
        hostile[16..20].fill(0);
        assert!(stretches(&hostile, Compression::Gzip).is_empty());
    }
}
