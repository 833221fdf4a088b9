//! Numbered lines of a stream, of bounded length.

use std::io::{self, BufRead, BufReader, Read};

/// Most bytes of a line: the longest record, and the longest line of an access log, are far shorter.
pub const MAX_LINE_LEN: usize = 64 * 1024;
const BUFFER_LEN_BYTES: usize = 256 * 1024;

/// A line without its end.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// `None` if it is longer than [`MAX_LINE_LEN`].
    pub(super) bytes: Option<&'a [u8]>,
    /// Bytes of the line, also if it is too long.
    pub(super) len_bytes: u64,
    /// The stream ended without an end of this line.
    pub(super) is_torn: bool,
    /// To know more one has to wait for the stream.
    pub(super) is_last_buffered: bool,
}

/// Lines of a stream.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER_LEN_BYTES, input), line: Vec::new(), number: 0 }
    }

    /// The line that was read last or is being read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.number += 1;
        let mut len_bytes = 0_u64;
        let is_torn = loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                if len_bytes == 0 {
                    return Ok(None);
                }
                break true;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            len_bytes += part.len() as u64;
            let room = MAX_LINE_LEN + 1 - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break false;
            }
        };
        if !is_torn && self.line.last() == Some(&b'\r') && len_bytes == self.line.len() as u64 {
            self.line.pop();
        }
        Ok(Some(Line {
            number: self.number,
            bytes: (self.line.len() <= MAX_LINE_LEN).then_some(&self.line),
            len_bytes,
            is_torn,
            is_last_buffered: self.reader.buffer().is_empty(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_lengths() {
        let long = "x".repeat(MAX_LINE_LEN);
        let text = format!("a\r\n\n{long}\n{long}y\nend");
        let mut lines = Lines::new(text.as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.number, line.bytes.map(<[u8]>::len), line.len_bytes, line.is_torn));
        }
        let max = MAX_LINE_LEN;
        let expected = [
            (1, Some(1), 2, false),
            (2, Some(0), 0, false),
            (3, Some(max), max as u64, false),
            (4, None, max as u64 + 1, false),
            (5, Some(3), 3, true),
        ];
        assert_eq!(seen, expected);
    }
}
