//! Headers of a VCDIFF file and of its windows (RFC 3284, sections 4.1 and 4.2, and xdelta3's additions).
//!
//! ```text
//! file:   d6 c3 c4 00, indicator, [secondary compressor], [length, application header]
//! window: indicator, [segment length, segment position], length of the rest,
//!         target length, sections packed, length of data, instructions, addresses, [Adler-32]
//! ```

use super::number;
use crate::error::Error;

/// How every VCDIFF file begins; the fourth byte is the version.
pub const MAGIC: [u8; 4] = [0xd6, 0xc3, 0xc4, 0];

const HAS_SECONDARY: u8 = 1;
const HAS_CODE_TABLE: u8 = 2;
const HAS_APPLICATION_HEADER: u8 = 4;

/// How sections are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secondary {
    /// Static Huffman codes of groups, xdelta3's own.
    Djw = 1,
    /// LZMA2 in one .xz stream for each kind of section.
    Lzma = 2,
}

/// The file header up to the application header's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// The secondary compressor, if there is one.
    pub secondary: Option<Secondary>,
    /// Bytes of application header that follow.
    pub application_header_len: u64,
    /// Bytes of this header.
    pub len: usize,
}

impl FileHeader {
    /// Most bytes of an encoded header.
    pub const MAX_LEN: usize = 6 + number::MAX_LEN;

    /// Reads the header from the beginning of `bytes`; none when more of them are needed.
    ///
    /// # Errors
    /// `Format`, and `Unsupported` for other versions, compressors and for code tables.
    pub fn parse(bytes: &[u8]) -> Result<Option<FileHeader>, Error> {
        let mut fields = Fields { rest: bytes, at: 0, of: bytes.len() };
        match fields.file_header() {
            Ok(header) => Ok(Some(header)),
            Err(Stop::Short) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}

/// Where a window's segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The base.
    Source,
    /// What came before in the target.
    Target,
}

/// The bytes that a window may copy from besides its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// In what.
    pub of: Of,
    /// Where it begins.
    pub at: u64,
    /// Bytes.
    pub len: u64,
}

/// Sections of a window, in their order; also the index into arrays of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// Bytes of adds and runs.
    Data = 0,
    /// Instructions and sizes.
    Instructions = 1,
    /// Addresses of copies.
    Addresses = 2,
}

/// Header of a window. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowHeader {
    /// What the window copies from.
    pub segment: Option<Segment>,
    /// Bytes of target.
    pub target_len: u64,
    /// Which sections are packed.
    pub packed: [bool; 3],
    /// The sections' lengths in the file.
    pub lens: [u64; 3],
    /// Check value of the target bytes.
    pub adler32: Option<u32>,
    /// Bytes of this header.
    pub len: usize,
}

const SOURCE: u8 = 1;
const TARGET: u8 = 2;
const ADLER32: u8 = 4;

impl WindowHeader {
    /// Most bytes of an encoded header.
    pub const MAX_LEN: usize = 6 + 7 * number::MAX_LEN;

    /// Bytes of all sections; their sum is checked when the header is read.
    pub fn body_len(&self) -> u64 {
        self.lens.iter().sum()
    }

    /// Reads the header from the beginning of `bytes`; none when more of them are needed. `at` is where in the file
    /// they are.
    ///
    /// # Errors
    /// `Format`.
    pub fn parse(bytes: &[u8], secondary: Option<Secondary>, at: u64) -> Result<Option<WindowHeader>, Error> {
        let mut fields = Fields { rest: bytes, at, of: bytes.len() };
        match fields.window_header(secondary) {
            Ok(header) => Ok(Some(header)),
            Err(Stop::Short) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// Writes the header; of `len` nothing is taken.
    #[cfg(feature = "generate")]
    pub fn encode(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        number::put(&mut rest, self.target_len);
        rest.push((0..3).map(|i| u8::from(self.packed[i]) << i).sum());
        self.lens.iter().for_each(|&len| number::put(&mut rest, len));
        rest.extend(self.adler32.iter().flat_map(|check| check.to_be_bytes()));

        let segment = match self.segment.map(|segment| segment.of) {
            None => 0,
            Some(Of::Source) => SOURCE,
            Some(Of::Target) => TARGET,
        };
        let mut out = vec![segment | if self.adler32.is_some() { ADLER32 } else { 0 }];
        if let Some(segment) = &self.segment {
            number::put(&mut out, segment.len);
            number::put(&mut out, segment.at);
        }
        number::put(&mut out, rest.len() as u64 + self.body_len());
        out.extend(rest);
        out
    }
}

/// Why a header cannot be read.
enum Stop {
    /// It goes on behind the bytes that are there.
    Short,
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

/// Fields, taken from the front.
struct Fields<'b> {
    rest: &'b [u8],
    /// Where in the file they begin.
    at: u64,
    /// Bytes that there were.
    of: usize,
}

impl Fields<'_> {
    fn used(&self) -> usize {
        self.of - self.rest.len()
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.rest.split_first().ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self, field: &'static str) -> Result<u64, Stop> {
        number::take(&mut self.rest).map_err(|wrong| match wrong {
            number::Wrong::Short => Stop::Short,
            number::Wrong::Large => Error::format(field, self.at, u64::MAX >> 1, u64::MAX).into(),
        })
    }

    /// Bits that no one has given a meaning are an error.
    fn flags(&mut self, field: &'static str, known: u8) -> Result<u8, Stop> {
        let flags = self.byte()?;
        if flags & !known != 0 {
            return Err(Error::format(field, self.at, known.into(), flags.into()).into());
        }
        Ok(flags)
    }

    fn file_header(&mut self) -> Result<FileHeader, Stop> {
        for expected in &MAGIC[..3] {
            let found = self.byte()?;
            if found != *expected {
                return Err(Error::format("magic number", self.at, (*expected).into(), found.into()).into());
            }
        }
        let version = self.byte()?;
        if version != MAGIC[3] {
            return Err(Error::Unsupported { field: "VCDIFF version", found: version.into() }.into());
        }
        let known = HAS_SECONDARY | HAS_CODE_TABLE | HAS_APPLICATION_HEADER;
        let flags = self.flags("header indicator", known)?;
        let mut secondary = None;
        if flags & HAS_SECONDARY != 0 {
            secondary = Some(match self.byte()? {
                1 => Secondary::Djw,
                2 => Secondary::Lzma,
                16 => {
                    return Err(Error::Unsupported { field: "secondary compression FGK", found: 16 }.into());
                }
                other => {
                    let (field, found) = ("secondary compression", other.into());
                    return Err(Error::Unsupported { field, found }.into());
                }
            });
        }
        if flags & HAS_CODE_TABLE != 0 {
            return Err(Error::Unsupported { field: "code table of its own", found: 1 }.into());
        }
        let mut application_header_len = 0;
        if flags & HAS_APPLICATION_HEADER != 0 {
            application_header_len = self.number("application header length")?;
        }
        Ok(FileHeader { secondary, application_header_len, len: self.used() })
    }

    fn window_header(&mut self, secondary: Option<Secondary>) -> Result<WindowHeader, Stop> {
        let flags = self.flags("window indicator", SOURCE | TARGET | ADLER32)?;
        let of = match flags & (SOURCE | TARGET) {
            0 => None,
            SOURCE => Some(Of::Source),
            TARGET => Some(Of::Target),
            both => return Err(Error::format("window indicator", self.at, 1, both.into()).into()),
        };
        let segment = match of {
            None => None,
            Some(of) => {
                let (len, at) = (self.number("segment length")?, self.number("segment position")?);
                if at.checked_add(len).is_none() {
                    return Err(Error::format("segment position", self.at, u64::MAX - len, at).into());
                }
                Some(Segment { of, at, len })
            }
        };
        let rest_len = self.number("window length")?;
        let before = self.used();
        let target_len = self.number("target length")?;
        if segment.map_or(0, |segment| segment.len).checked_add(target_len).is_none() {
            return Err(Error::format("target length", self.at, 0, target_len).into());
        }
        let known = if secondary.is_some() { 7 } else { 0 };
        let packed = self.flags("packed sections", known)?;
        let packed = [packed & 1 != 0, packed & 2 != 0, packed & 4 != 0];
        let mut lens = [0; 3];
        for len in &mut lens {
            *len = self.number("section length")?;
        }
        let mut adler32 = None;
        if flags & ADLER32 != 0 {
            adler32 = Some(u32::from_be_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]));
        }
        let header_len = (self.used() - before) as u64;
        let sum = lens.iter().try_fold(header_len, |sum, &len| sum.checked_add(len));
        if sum != Some(rest_len) {
            let found = sum.unwrap_or(u64::MAX);
            return Err(Error::format("window length", self.at, rest_len, found).into());
        }
        Ok(WindowHeader { segment, target_len, packed, lens, adler32, len: self.used() })
    }
}

#[cfg(all(test, feature = "generate"))]
mod tests {
    use super::*;

    #[test]
    fn window_there_and_back() {
        let window = WindowHeader {
            segment: Some(Segment { of: Of::Source, at: 1 << 40, len: 300_000 }),
            target_len: 8 << 20,
            packed: [true, false, true],
            lens: [1, 200, 3_000_000],
            adler32: Some(0x1234_5678),
            len: 0,
        };
        let bytes = window.encode();
        let read = WindowHeader::parse(&bytes, Some(Secondary::Lzma), 0).unwrap().unwrap();
        assert_eq!(read, WindowHeader { len: bytes.len(), ..window });
        for len in 0..bytes.len() {
            assert!(WindowHeader::parse(&bytes[..len], Some(Secondary::Lzma), 0).unwrap().is_none());
        }
        let error = WindowHeader::parse(&bytes, None, 77).unwrap_err().to_string();
        assert_eq!(error, "malformed delta: packed sections at offset 77: expected 0, found 5");
    }

    #[test]
    fn lengths_that_lie() {
        let window = WindowHeader {
            segment: None,
            target_len: 5,
            packed: [false; 3],
            lens: [1, 2, 3],
            adler32: None,
            len: 0,
        };
        let mut bytes = window.encode();
        bytes[1] += 1;
        let error = WindowHeader::parse(&bytes, None, 0).unwrap_err().to_string();
        assert_eq!(error, "malformed delta: window length at offset 0: expected 12, found 11");
        let huge = WindowHeader { lens: [u64::MAX, 1, 1], ..window };
        assert!(
            WindowHeader::parse(
                &{
                    let mut bytes = vec![0, 9, 5, 0];
                    huge.lens.iter().for_each(|&len| number::put(&mut bytes, len));
                    bytes
                },
                None,
                0
            )
            .is_err()
        );
        let segment = [1, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 5];
        let error = WindowHeader::parse(&segment, None, 0).unwrap_err().to_string();
        assert!(error.contains("segment position"), "{error}");
    }

    #[test]
    fn files_that_cannot_be_read() {
        let text = |bytes: &[u8]| FileHeader::parse(bytes).unwrap_err().to_string();
        assert_eq!(text(&[0xd6, 0xc3, 0xc4, 0, 2]), "unsupported delta: code table of its own 1");
        assert_eq!(text(&[0xd6, 0xc3, 0xc4, 0, 1, 16]), "unsupported delta: secondary compression FGK 16");
        assert_eq!(text(&[0xd6, 0xc3, 0xc4, 0, 1, 7]), "unsupported delta: secondary compression 7");
        assert_eq!(text(&[0xd6, 0xc3, 0xc4, b'S', 0]), "unsupported delta: VCDIFF version 83");
        assert_eq!(text(b"BSDIFF40"), "malformed delta: magic number at offset 0: expected 214, found 66");
        assert_eq!(
            text(&[0xd6, 0xc3, 0xc4, 0, 8]),
            "malformed delta: header indicator at offset 0: expected 7, found 8"
        );
        let header = FileHeader::parse(&[0xd6, 0xc3, 0xc4, 0, 5, 2, 0x81, 1, b'x']).unwrap().unwrap();
        assert_eq!(
            header,
            FileHeader { secondary: Some(Secondary::Lzma), application_header_len: 129, len: 8 }
        );
    }
}
