//! Writes tar archives in the one dialect that Artifacts use, byte for byte as Go's archive/tar does.
//!
//! USTAR headers (POSIX.1-1988). All numbers are octal ASCII, padded with zeros, ended by NUL:
//!
//! | offset | len | field | here |
//! |---|---|---|---|
//! | 0 | 100 | name | ASCII, or what follows the prefix |
//! | 100 | 8 | mode | permission bits |
//! | 108 | 8 | uid | 0 |
//! | 116 | 8 | gid | 0 |
//! | 124 | 12 | size | bytes; 0 where a PAX header says it |
//! | 136 | 12 | mtime | seconds since 1970 |
//! | 148 | 8 | checksum | sum of all bytes, this field taken as blanks: six digits, NUL, blank |
//! | 156 | 1 | kind | `0` file, `x` PAX header |
//! | 157 | 100 | link name | empty |
//! | 257 | 8 | magic, version | `ustar` NUL `00` |
//! | 265 | 32 | user name | empty |
//! | 297 | 32 | group name | empty |
//! | 329 | 16 | device numbers | 0, 0 |
//! | 345 | 155 | prefix | directories of a long name |
//! | 500 | 12 | | NUL |
//!
//! A PAX header stands before a member only where this does not hold its name or size.

use std::io::{self, Write};

use crate::error::{Defect, Entry, Error};

/// Headers and contents are padded to this.
const BLOCK_LEN_BYTES: usize = 512;
/// Longest name or end of a name in a header.
const NAME_LEN_BYTES: usize = 100;
/// Longest beginning of a name in a header.
const PREFIX_LEN_BYTES: usize = 155;
/// Largest size or time in twelve bytes of octal digits.
const OCTAL_11_MAX: u64 = 0o777_7777_7777;
/// Longest name that is written at all.
const NAME_MAX_BYTES: usize = 1024;

/// What the header of one regular file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name, 1 to 1024 bytes, without NUL.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits; more than `0o7777` is cut off.
    pub mode: u32,
    /// Seconds since 1970-01-01 UTC; what a header cannot hold becomes the nearest that it can.
    pub modified: i64,
}

impl Member<'_> {
    /// The header blocks of this member: one, or three to six where a PAX header is needed.
    ///
    /// # Errors
    /// [`Defect::Name`] if the name is empty, longer than 1024 bytes or has a NUL.
    pub fn to_header(&self) -> Result<Vec<u8>, Error> {
        let name = self.name.as_bytes();
        if name.is_empty() || name.len() > NAME_MAX_BYTES || name.contains(&0) {
            return Err(Error::new(Defect::Name, Entry::Artifact)
                .named(name)
                .expected("1 to 1024 bytes without NUL"));
        }
        let mut header = Vec::with_capacity(BLOCK_LEN_BYTES);
        let (prefix, rest) = match split_name(self.name) {
            Some(parts) => parts,
            None => (&b""[..], &b""[..]),
        };
        let mut records = Vec::new();
        if rest.is_empty() {
            records.extend(pax_record("path", self.name));
        }
        if self.size > OCTAL_11_MAX {
            records.extend(pax_record("size", &self.size.to_string()));
        }
        // Without PAX support a reader still sees the beginning of the name.
        let ascii: Vec<u8> = name.iter().copied().filter(u8::is_ascii).take(NAME_LEN_BYTES).collect();
        let rest = if rest.is_empty() { &ascii[..] } else { rest };
        if !records.is_empty() {
            let (directory, base) = self.name.rsplit_once('/').unwrap_or(("", self.name));
            let slash = if directory.is_empty() { "" } else { "/" };
            let pax_name = format!("{directory}{slash}PaxHeaders.0/{base}");
            let pax_name: Vec<u8> = pax_name.bytes().filter(u8::is_ascii).take(NAME_LEN_BYTES).collect();
            header.extend(block(b"", &pax_name, b'x', records.len() as u64, 0, 0));
            header.extend(&records);
            pad(&mut header);
        }
        let size = if self.size > OCTAL_11_MAX { 0 } else { self.size };
        let modified = u64::try_from(self.modified).unwrap_or(0).min(OCTAL_11_MAX);
        header.extend(block(prefix, rest, b'0', size, self.mode & 0o7777, modified));
        Ok(header)
    }
}

/// Splits a name into prefix and rest if a header can hold it.
fn split_name(name: &str) -> Option<(&[u8], &[u8])> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME_LEN_BYTES {
        return Some((b"", name.as_bytes()));
    }
    // The last slash that leaves a prefix of at most 155 bytes.
    let end = name.len().min(PREFIX_LEN_BYTES + 1);
    let slash = name.as_bytes()[..end].iter().rposition(|&b| b == b'/')?;
    let (prefix, rest) = (&name.as_bytes()[..slash], &name.as_bytes()[slash + 1..]);
    if prefix.is_empty() || rest.is_empty() || rest.len() > NAME_LEN_BYTES {
        return None;
    }
    Some((prefix, rest))
}

/// `LEN KEY=VALUE` and a line feed, where LEN counts itself and the line feed.
fn pax_record(key: &str, value: &str) -> Vec<u8> {
    let without_len = key.len() + value.len() + 3;
    let mut len = without_len + 1;
    while len.to_string().len() + without_len != len {
        len += 1;
    }
    format!("{len} {key}={value}\n").into_bytes()
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK_LEN_BYTES), 0);
}

/// One header block. The caller has checked that the texts fit their fields and the numbers theirs.
fn block(prefix: &[u8], name: &[u8], kind: u8, size: u64, mode: u32, modified: u64) -> [u8; 512] {
    let mut block = [0; BLOCK_LEN_BYTES];
    put(&mut block, 0, name);
    put(&mut block, 100, format!("{mode:07o}").as_bytes());
    put(&mut block, 108, b"0000000");
    put(&mut block, 116, b"0000000");
    put(&mut block, 124, format!("{size:011o}").as_bytes());
    put(&mut block, 136, format!("{modified:011o}").as_bytes());
    put(&mut block, 148, b"        ");
    put(&mut block, 156, &[kind]);
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 329, b"0000000");
    put(&mut block, 337, b"0000000");
    put(&mut block, 345, prefix);
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

fn put(block: &mut [u8; BLOCK_LEN_BYTES], offset: usize, bytes: &[u8]) {
    block[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Writes one tar archive: [`begin`](Self::begin), the contents through [`Write`], and so on,
/// then [`finish`](Self::finish).
#[derive(Debug)]
pub struct TarWriter<W: Write> {
    output: W,
    remaining: u64,
    padding: usize,
}

impl<W: Write> TarWriter<W> {
    /// Writes nothing yet.
    pub fn new(output: W) -> Self {
        Self { output, remaining: 0, padding: 0 }
    }

    /// Begins a member, of which exactly `member.size` bytes must be written before the next one.
    ///
    /// # Errors
    /// When the member before is not complete, the name cannot be written, or writing fails.
    pub fn begin(&mut self, member: &Member<'_>) -> io::Result<()> {
        self.end_member()?;
        self.output.write_all(&member.to_header().map_err(io::Error::other)?)?;
        self.remaining = member.size;
        self.padding = padding(member.size);
        Ok(())
    }

    /// Writes a whole member.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); also when `contents` is not of the size that `member` says.
    pub fn append(&mut self, member: &Member<'_>, contents: &[u8]) -> io::Result<()> {
        self.begin(member)?;
        self.write_all(contents)?;
        self.end_member()
    }

    /// Ends the archive with two blocks of zeros and gives the output back.
    ///
    /// # Errors
    /// When the last member is not complete or writing fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_member()?;
        self.output.write_all(&[0; 2 * BLOCK_LEN_BYTES])?;
        Ok(self.output)
    }

    fn end_member(&mut self) -> io::Result<()> {
        if self.remaining != 0 {
            let message = format!("{} bytes of a tar member were not written", self.remaining);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.output.write_all(&[0; BLOCK_LEN_BYTES][..self.padding])?;
        self.padding = 0;
        Ok(())
    }
}

/// How many zeros follow contents of this size.
pub(crate) fn padding(size: u64) -> usize {
    let used = usize::try_from(size % 512).unwrap_or(0);
    (BLOCK_LEN_BYTES - used) % BLOCK_LEN_BYTES
}

impl<W: Write> Write for TarWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let allowed = bytes.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        if allowed == 0 && !bytes.is_empty() {
            let message = "more bytes than the tar header says";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let written = self.output.write(&bytes[..allowed])?;
        self.remaining -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, size: u64) -> Member<'_> {
        Member { name, size, mode: 0o600, modified: 0 }
    }

    #[test]
    fn a_plain_header_has_the_layout_of_the_reference_tool() {
        // The header of `version` as the Go tool writes it, field by field.
        let header = member("version", 31).to_header().unwrap();
        assert_eq!(header.len(), 512);
        assert_eq!(&header[..8], b"version\0");
        assert_eq!(
            &header[100..156],
            b"0000600\x000000000\x000000000\x0000000000037\x0000000000000\x00010605\x00 "
        );
        assert_eq!(header[156], b'0');
        assert_eq!(&header[257..265], b"ustar\x0000");
        assert!(header[265..329].iter().all(|&b| b == 0));
        assert_eq!(&header[329..345], b"0000000\x000000000\x00");
        assert!(header[345..].iter().all(|&b| b == 0));
    }

    #[test]
    fn long_names_are_split_where_that_is_enough() {
        let name = format!("scripts/{}", "a".repeat(100));
        let header = member(&name, 0).to_header().unwrap();
        assert_eq!(header.len(), 512);
        assert_eq!(&header[..100], "a".repeat(100).as_bytes());
        assert_eq!(&header[345..353], b"scripts\0");
    }

    #[test]
    fn longer_names_and_sizes_go_into_a_pax_header() {
        let name = "b".repeat(101);
        let header = member(&name, OCTAL_11_MAX + 1).to_header().unwrap();
        assert_eq!(header.len(), 3 * 512);
        assert!(header.starts_with(b"PaxHeaders.0/bbb"));
        assert_eq!(header[156], b'x');
        let records = format!("111 path={name}\n19 size=8589934592\n");
        assert_eq!(&header[512..512 + records.len()], records.as_bytes());
        assert_eq!(&header[124..135], format!("{:011o}", records.len()).as_bytes());
        assert_eq!(&header[1024..1124], "b".repeat(100).as_bytes());
        assert_eq!(&header[1024 + 124..1024 + 136], b"00000000000\0");
        assert_eq!(member("c", OCTAL_11_MAX).to_header().unwrap().len(), 512);
    }

    #[test]
    fn the_length_of_a_pax_record_counts_its_own_digits() {
        for value_len in 1..300 {
            let record = pax_record("path", &"x".repeat(value_len));
            let text = String::from_utf8(record.clone()).unwrap();
            let len: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(len, record.len());
        }
    }

    #[test]
    fn an_archive_is_padded_and_ended() {
        let mut tar = TarWriter::new(Vec::new());
        tar.append(&member("a", 3), b"abc").unwrap();
        tar.append(&member("b", 512), &[1; 512]).unwrap();
        tar.append(&member("c", 0), b"").unwrap();
        let bytes = tar.finish().unwrap();
        assert_eq!(bytes.len(), 512 * (2 + 2 + 1 + 2));
        assert!(bytes[512 + 3..1024].iter().all(|&b| b == 0));
    }

    #[test]
    fn contents_of_the_wrong_size_are_refused() {
        let mut tar = TarWriter::new(Vec::new());
        assert!(tar.append(&member("a", 3), b"ab").is_err());
        let mut tar = TarWriter::new(Vec::new());
        assert!(tar.append(&member("a", 3), b"abcd").is_err());
        let mut tar = TarWriter::new(Vec::new());
        tar.begin(&member("a", 1)).unwrap();
        assert!(tar.begin(&member("b", 1)).is_err());
    }

    #[test]
    fn impossible_names_are_refused_and_times_are_clamped() {
        for name in ["", "a\0b", &"a".repeat(1025)] {
            assert!(member(name, 0).to_header().is_err());
        }
        let header = Member { modified: -5, ..member("a", 0) }.to_header().unwrap();
        assert_eq!(&header[136..148], b"00000000000\0");
        let header = Member { modified: i64::MAX, ..member("a", 0) }.to_header().unwrap();
        assert_eq!(&header[136..148], b"77777777777\0");
    }
}
