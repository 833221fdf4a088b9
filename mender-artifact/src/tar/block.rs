//! One 512-byte tar header block: its checksum, its kind, its numbers and its name.
//!
//! | offset | length | field | |
//! |---|---|---|---|
//! | 0 | 100 | name | ends at the first NUL, or fills the field |
//! | 100 | 8 | mode | octal, or base-256 if the first bit is set |
//! | 124 | 12 | size | the same |
//! | 136 | 12 | mtime | the same, seconds since 1970-01-01 UTC |
//! | 148 | 8 | checksum | octal sum of all bytes, with blanks in this field |
//! | 156 | 1 | kind | `0` or NUL: file, `5`: directory, `x`, `L`: about the next member |
//! | 257 | 8 | magic | `ustar\0` `00` (POSIX) or `ustar  \0` (GNU) |
//! | 345 | 155 | prefix | POSIX only: stands before the name, with a slash between |

use crate::error::{Defect, Entry, Error};

/// Size of a header block, and the unit to which members are padded.
pub(crate) const BLOCK: usize = 512;

/// The largest size that the octal field can say: 8 GiB less one byte.
pub(crate) const OCTAL_SIZE_MAX: u64 = 0o777_7777_7777;

/// What kind of member a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Extended attributes (PAX) of the next member.
    Pax,
    /// The name of the next member, as GNU tar writes long ones.
    GnuName,
}

/// A header block that has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) modified: i64,
}

impl Header {
    /// Checks a block and takes its numbers.
    pub(crate) fn parse(block: &[u8; BLOCK]) -> Result<Self, Error> {
        let stated = unsigned(&block[148..156])
            .ok_or_else(|| bad("checksum").expected("an octal number").found(&block[148..156]))?;
        let blank = 8 * u64::from(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        let sum = sum - block[148..156].iter().map(|byte| u64::from(*byte)).sum::<u64>() + blank;
        if sum != stated {
            return Err(bad("checksum").expected(sum).found(stated));
        }
        if &block[257..262] != b"ustar" || !(is_posix(block) || &block[262..265] == b"  \0") {
            return Err(bad("magic").expected("a POSIX or GNU tar header").found(&block[257..265]));
        }
        let kind = match block[156] {
            b'0' | 0 => Kind::File,
            b'5' => Kind::Directory,
            b'x' => Kind::Pax,
            b'L' => Kind::GnuName,
            b'g' => return Err(feature("global extended header")),
            b'S' => return Err(feature("sparse member")),
            b'1' | b'2' | b'K' => return Err(kind_error("a link")),
            b'3' | b'4' | b'6' => return Err(kind_error("a device or pipe")),
            _ => return Err(kind_error("another kind")),
        };
        let number = |range: core::ops::Range<usize>, field| {
            signed(&block[range.clone()])
                .ok_or_else(|| bad(field).expected("an octal or base-256 number").found(&block[range]))
        };
        let size = number(124..136, "size")?;
        let size = u64::try_from(size).map_err(|_| bad("size").expected("0 or more").found("less than 0"))?;
        let mode = number(100..108, "mode")?;
        // The high bits repeat the kind in archives of old tools.
        let mode = u32::try_from(mode & 0o7777).unwrap_or(0);
        Ok(Self { kind, size, mode, modified: number(136..148, "mtime")? })
    }
}

/// The two parts of the name in a header block; the first is empty or stands before a slash.
pub(crate) fn name_parts(block: &[u8; BLOCK]) -> (&[u8], &[u8]) {
    let prefix = if is_posix(block) { until_nul(&block[345..500]) } else { &[] };
    (prefix, until_nul(&block[..100]))
}

/// Of another version some readers would take the prefix for a part of the name, others not.
fn is_posix(block: &[u8; BLOCK]) -> bool {
    &block[262..265] == b"\x0000"
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// An octal number: blanks, digits, then nothing but NULs and blanks. An empty field is 0.
fn unsigned(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let len = digits.iter().take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    if digits[len..].iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return None;
    }
    digits[..len].iter().try_fold(0_u64, |value, digit| Some(value.checked_mul(8)? + u64::from(digit - b'0')))
}

/// A number of a header: octal, or base-256 in two's complement if the first bit is set.
fn signed(field: &[u8]) -> Option<i64> {
    let first = *field.first()?;
    if first & 0x80 == 0 {
        return unsigned(field).and_then(|value| i64::try_from(value).ok());
    }
    // The first bit only marks the encoding; the second is the sign.
    let start = i128::from(first & 0x3f) - i128::from(first & 0x40);
    let value = field[1..]
        .iter()
        .try_fold(start, |value, byte| value.checked_mul(256)?.checked_add(i128::from(*byte)))?;
    i64::try_from(value).ok()
}

fn bad(field: &'static str) -> Error {
    Error::new(Defect::TarHeader, Entry::Artifact).named(field.as_bytes())
}

fn feature(found: &'static str) -> Error {
    Error::new(Defect::TarFeature, Entry::Artifact).found(found)
}

fn kind_error(found: &'static str) -> Error {
    Error::new(Defect::TarMemberKind, Entry::Artifact).expected("a regular file").found(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_numbers() {
        assert_eq!(unsigned(b"0000644\0"), Some(0o644));
        assert_eq!(unsigned(b"   644 \0"), Some(0o644));
        assert_eq!(unsigned(b"77777777777\0"), Some(OCTAL_SIZE_MAX));
        assert_eq!(unsigned(b"\0\0\0\0"), Some(0));
        assert_eq!(unsigned(b"0000648\0"), None);
        assert_eq!(unsigned(b"644\0x"), None);
        assert_eq!(unsigned(b"-1\0"), None);
        assert_eq!(unsigned(b"7777777777777777777777777"), None);
    }

    #[test]
    fn base_256_numbers() {
        assert_eq!(signed(&[0x80, 0, 0, 0, 2, 0, 0, 0, 0]), Some(2 << 32));
        assert_eq!(signed(&[0xff; 12]), Some(-1));
        assert_eq!(signed(&[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some(i64::MAX));
        assert_eq!(signed(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(signed(&[0xbf; 12]), None);
    }
}
