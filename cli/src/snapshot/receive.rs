//! What a device sends: perhaps a greeting, a marker on a line of its own, then the image. One buffered reader goes
//! through all of it, so that bytes that come together with the marker are not lost.

use super::remote::MARKER;
use crate::failure::plain;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};

/// A line before the marker, or of what the device provides, is not longer.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// What the device provides is not more.
const PROVIDES_MAX_BYTES: u64 = 1 << 20;
/// What a device provides about its root file system begins with it.
const PREFIX: &str = "rootfs-image.";
/// That one is made anew, from what was received.
const CHECKSUM: &str = "rootfs-image.checksum";

/// Why what a device sends is no snapshot.
#[derive(Debug)]
pub(super) enum Refused {
    /// It ended before the image began.
    Ended,
    /// A line that goes on and on.
    Line,
    /// It cannot be read.
    Read(io::Error),
    /// It cannot be kept.
    Kept(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => write!(formatter, "expected a line '{MARKER}' and an image, found the end"),
            Self::Line => write!(formatter, "expected lines of at most {LINE_MAX_BYTES} bytes, found more"),
            Self::Read(error) => write!(formatter, "cannot be read: {}", plain(error)),
            Self::Kept(error) => write!(formatter, "cannot be kept in a temporary file: {}", plain(error)),
        }
    }
}

/// Passes on what comes before the marker. What is returned begins right behind it.
pub(super) fn skip_to_marker<'s>(
    stream: &'s mut dyn BufRead,
    greeting: &mut dyn Write,
) -> Result<&'s mut dyn BufRead, Refused> {
    loop {
        let line = line(stream)?.ok_or(Refused::Ended)?;
        if line.trim_ascii_end().ends_with(MARKER.as_bytes()) {
            return Ok(stream);
        }
        // Nothing depends on it.
        let _ = greeting.write_all(&line);
    }
}

/// Keeps the rest; its size in bytes.
pub(super) fn keep(stream: &mut dyn Read, file: &mut File) -> Result<u64, Refused> {
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0_u64;
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Refused::Read(error)),
        };
        file.write_all(&buffer[..count]).map_err(Refused::Kept)?;
        size = size.saturating_add(count as u64);
    }
}

/// `KEY=VALUE` lines about the root file system; all other lines are about something else.
pub(super) fn provides(stream: &mut dyn BufRead) -> Result<Vec<(String, String)>, Refused> {
    let mut provides = Vec::new();
    let mut stream = stream.take(PROVIDES_MAX_BYTES);
    while let Some(line) = line(&mut stream)? {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if let Some((key, value)) = text.split_once('=').filter(|(key, _)| key.starts_with(PREFIX)) {
            if key != CHECKSUM {
                provides.push((key.to_owned(), value.to_owned()));
            }
        }
    }
    Ok(provides)
}

/// The next line with its end; `None` at the end of the stream.
fn line(stream: &mut dyn BufRead) -> Result<Option<Vec<u8>>, Refused> {
    let mut line = Vec::new();
    stream.take(LINE_MAX_BYTES).read_until(b'\n', &mut line).map_err(Refused::Read)?;
    match line.last() {
        None => Ok(None),
        Some(last) if *last != b'\n' && line.len() as u64 == LINE_MAX_BYTES => Err(Refused::Line),
        Some(_) => Ok(Some(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Hands out pieces one at a time, as a network does.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn received(pieces: &[&[u8]]) -> Result<Vec<u8>, Refused> {
        let mut stream = BufReader::new(Pieces(pieces.iter().map(|piece| piece.to_vec()).collect()));
        let mut rest = Vec::new();
        skip_to_marker(&mut stream, &mut io::sink())?.read_to_end(&mut rest).map_err(Refused::Read)?;
        Ok(rest)
    }

    #[test]
    fn nothing_behind_the_marker_is_lost_wherever_the_stream_is_cut() {
        let whole = format!("Welcome!\n{MARKER}\nimage\nwith lines\0").into_bytes();
        for cut in 1..whole.len() {
            let (head, tail) = whole.split_at(cut);
            assert_eq!(received(&[head, tail]).unwrap(), b"image\nwith lines\0", "{cut}");
        }
        assert_eq!(received(&[&whole]).unwrap(), b"image\nwith lines\0");
    }

    #[test]
    fn a_stream_without_marker() {
        assert!(matches!(received(&[b"command not found\n"]), Err(Refused::Ended)));
        assert!(matches!(received(&[&[b'a'; 4000][..]; 40]), Err(Refused::Line)));
    }

    #[test]
    fn only_lines_about_the_root_file_system_count() {
        let said =
            b"artifact_name=r1\nrootfs-image.version=r1\r\nrootfs-image.checksum=00\nrootfs-image.a.b=c=d";
        let found = provides(&mut &said[..]).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(found, [pair("rootfs-image.version", "r1"), pair("rootfs-image.a.b", "c=d")]);
    }
}
