//! Unpacks gzip (RFC 1952), one member or several, in memory of the caller's.

use crate::crc32::crc32;
use crate::inflate::{Damaged, Inflate, Stop, WINDOW};
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::read::codec::{Decompress, Progress};

const HAS_HEADER_CHECK: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

#[derive(Clone, Copy)]
enum State {
    /// The ten bytes that each member begins with.
    Fixed {
        at: u8,
    },
    ExtraLen {
        low: Option<u8>,
    },
    Extra {
        left: u16,
    },
    Name,
    Comment,
    HeaderCheck {
        left: u8,
    },
    Content,
    /// CRC-32 and length.
    Check {
        at: usize,
    },
    /// A member is complete; there may be another.
    End,
}

/// A gzip stream that is being unpacked.
pub(crate) struct Gunzip {
    window: &'static mut [u8],
    inflate: Inflate,
    state: State,
    flags: u8,
    crc: u32,
    len: u32,
}

impl Gunzip {
    /// In a window of [`WINDOW`] bytes.
    pub(crate) fn new(window: &'static mut [u8]) -> Result<Self, Error> {
        if window.len() < WINDOW {
            let error = Error::new(Defect::TooLarge, Entry::Artifact).named(b"memory to unpack");
            return Err(error.expected(window.len()).found(WINDOW));
        }
        let inflate = Inflate::new();
        Ok(Gunzip { window, inflate, state: State::Fixed { at: 0 }, flags: 0, crc: 0, len: 0 })
    }

    /// The state behind the optional part of a header with the flag `part`; 0 for the fixed one.
    fn behind(&self, part: u8) -> State {
        let has = |flag: u8| self.flags & flag != 0;
        if part < HAS_EXTRA && has(HAS_EXTRA) {
            State::ExtraLen { low: None }
        } else if part < HAS_NAME && has(HAS_NAME) {
            State::Name
        } else if part < HAS_COMMENT && has(HAS_COMMENT) {
            State::Comment
        } else if has(HAS_HEADER_CHECK) {
            State::HeaderCheck { left: 2 }
        } else {
            State::Content
        }
    }

    fn run(&mut self, input: &mut &[u8], out: &mut [u8], written: &mut usize) -> Result<(), Damaged> {
        loop {
            if let State::Content = self.state {
                let before = *written;
                let stop = self.inflate.run(input, out, written, self.window)?;
                self.crc = crc32(self.crc, &out[before..*written]);
                let len = u32::try_from(*written - before).map_err(|_| Damaged)?;
                self.len = self.len.wrapping_add(len);
                if stop != Stop::End {
                    return Ok(());
                }
                self.state = State::Check { at: 0 };
            }
            if let (State::End, false) = (self.state, input.is_empty()) {
                self.inflate = Inflate::new();
                (self.crc, self.len, self.state) = (0, 0, State::Fixed { at: 0 });
            }
            let Some(byte) = self.inflate.bits.byte(input) else { return Ok(()) };
            self.state = self.header_or_check(byte)?;
        }
    }

    fn header_or_check(&mut self, byte: u8) -> Result<State, Damaged> {
        Ok(match self.state {
            State::Fixed { at } => {
                let wrong = match at {
                    0 => byte != 0x1f,
                    1 => byte != 0x8b,
                    2 => byte != 8,
                    3 => byte & 0xe0 != 0,
                    _ => false,
                };
                if wrong {
                    return Err(Damaged);
                }
                if at == 3 {
                    self.flags = byte;
                }
                if at == 9 { self.behind(0) } else { State::Fixed { at: at + 1 } }
            }
            State::ExtraLen { low: None } => State::ExtraLen { low: Some(byte) },
            State::ExtraLen { low: Some(low) } => match u16::from_le_bytes([low, byte]) {
                0 => self.behind(HAS_EXTRA),
                left => State::Extra { left },
            },
            State::Extra { left: 1 } => self.behind(HAS_EXTRA),
            State::Extra { left } => State::Extra { left: left - 1 },
            State::Name if byte == 0 => self.behind(HAS_NAME),
            State::Comment if byte == 0 => self.behind(HAS_COMMENT),
            State::HeaderCheck { left: 2 } => State::HeaderCheck { left: 1 },
            State::HeaderCheck { .. } => State::Content,
            State::Check { at } => {
                let expected = if at < 4 { self.crc } else { self.len };
                if byte != expected.to_le_bytes()[at % 4] {
                    return Err(Damaged);
                }
                if at == 7 { State::End } else { State::Check { at: at + 1 } }
            }
            State::Name | State::Comment | State::Content | State::End => self.state,
        })
    }
}

fn damaged(_: Damaged) -> Error {
    Error::new(Defect::Compressed, Entry::Artifact)
}

impl Decompress for Gunzip {
    fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let (mut rest, mut produced) = (input, 0);
        self.run(&mut rest, output, &mut produced).map_err(damaged)?;
        Ok(Progress { consumed: input.len() - rest.len(), produced })
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        if let State::End = self.state {
            return Ok(0);
        }
        let mut produced = 0;
        self.run(&mut &[][..], output, &mut produced).map_err(damaged)?;
        if produced == 0 && !matches!(self.state, State::End) {
            let error = Error::new(Defect::Truncated, Entry::Artifact);
            return Err(error.expected("the rest of a compressed stream"));
        }
        Ok(produced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    fn gunzip(packed: &[u8], input: usize, output: usize) -> Result<Vec<u8>, Error> {
        let mut gunzip = Gunzip::new(Box::leak(vec![0; WINDOW].into_boxed_slice()))?;
        let (mut out, mut buffer) = (Vec::new(), vec![0; output]);
        for mut piece in packed.chunks(input) {
            while !piece.is_empty() {
                let progress = gunzip.decompress(piece, &mut buffer)?;
                assert_ne!(progress, Progress::default());
                piece = &piece[progress.consumed..];
                out.extend_from_slice(&buffer[..progress.produced]);
            }
        }
        loop {
            match gunzip.finish(&mut buffer)? {
                0 => return Ok(out),
                n => out.extend_from_slice(&buffer[..n]),
            }
        }
    }

    fn sample(len: u32) -> Vec<u8> {
        (0..len).flat_map(|n| (n / 7 * n).to_le_bytes()).collect()
    }

    #[test]
    fn unpacks_all_kinds_of_blocks_in_any_pieces() {
        let plain = sample(20_000);
        let noise: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(n) >> 9).to_le_bytes()[0]).collect();
        for plain in [&plain[..], &noise, b"", b"a"] {
            for level in [0, 1, 6, 9] {
                let packed = pack(plain, level);
                for (input, output) in [(1, 100_000), (1000, 1), (77, 77), (1 << 20, 1 << 20)] {
                    assert!(gunzip(&packed, input, output).unwrap() == plain, "level {level}");
                }
            }
        }
    }

    #[test]
    fn members_follow_each_other_and_headers_have_parts() {
        let packed = pack(b"hello", 6);
        let twice = [&packed[..], &packed].concat();
        assert_eq!(gunzip(&twice, 3, 5).unwrap(), b"hellohello");
        let mut header = packed[..10].to_vec();
        header[3] = HAS_EXTRA | HAS_NAME | HAS_COMMENT | HAS_HEADER_CHECK;
        header.extend_from_slice(b"\x03\0xyzname\0comment\0cc");
        let parts = [&header[..], &packed[10..]].concat();
        assert_eq!(gunzip(&parts, 1, 5).unwrap(), b"hello");
        header.truncate(10);
        header[3] = HAS_COMMENT;
        header.push(0);
        assert_eq!(gunzip(&[&header[..], &packed[10..]].concat(), 1, 5).unwrap(), b"hello");
    }

    #[test]
    fn every_truncation_and_wrong_check_is_noticed() {
        let packed = pack(&sample(300), 6);
        for len in 0..packed.len() {
            let error = gunzip(&packed[..len], 64, 64).unwrap_err();
            assert_eq!(error.defect(), Defect::Truncated, "{len}");
        }
        for place in packed.len() - 8..packed.len() {
            let mut bad = packed.clone();
            bad[place] ^= 0x10;
            assert_eq!(gunzip(&bad, 64, 64).unwrap_err().defect(), Defect::Compressed);
        }
        assert!(gunzip(&[&packed[..], b"x"].concat(), 64, 64).is_err());
    }

    fn pack(plain: &[u8], level: u32) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }
}
