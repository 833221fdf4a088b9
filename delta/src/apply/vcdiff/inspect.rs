//! What a VCDIFF delta says of itself: read to its end, not applied.

use super::memory::Need;
use crate::error::Error;
use crate::format::vcdiff::header::{FileHeader, Of, Secondary, WindowHeader};
use crate::format::vcdiff::{number, xz};
use std::io::{BufRead, BufReader, Read};

/// Most of an application header that is kept, in bytes.
const APPLICATION_HEADER: u64 = 1 << 12;

/// The contents of a VCDIFF delta, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcdiffInfo {
    /// How sections are packed.
    pub secondary: Option<Secondary>,
    /// What its maker wrote into it, 4 KiB of it at most; xdelta3 writes file names.
    pub application_header: Vec<u8>,
    /// Its length.
    pub delta_len: u64,
    /// How many windows it has.
    pub windows: u64,
    /// How many of them have a check value.
    pub checked_windows: u64,
    /// Bytes of target.
    pub target_size: u64,
    /// Bytes that the base must have at least.
    pub base_size: u64,
    /// Whether windows copy from what comes before them in the target.
    pub reads_target: bool,
    /// Length of the data, instruction and address sections in the delta.
    pub packed: [u64; 3],
    /// The same after unpacking.
    pub plain: [u64; 3],
    /// Memory that applying takes.
    pub need: Need,
}

/// Reads a delta to its end and checks its structure, not its instructions.
///
/// # Errors
/// `Truncated`, `Format`, `Unsupported` for a bad delta, `Io` when reading fails.
pub fn inspect(delta: &mut dyn Read) -> Result<VcdiffInfo, Error> {
    let mut delta = Counted { from: BufReader::with_capacity(1 << 16, delta), taken: 0 };
    let mut header = [0; FileHeader::MAX_LEN];
    let parsed = delta.header(&mut header, FileHeader::parse)?;
    let Some(FileHeader { secondary, application_header_len, .. }) = parsed else {
        return Err(Error::Truncated { offset: 0 });
    };
    let application_header = delta.bytes(application_header_len.min(APPLICATION_HEADER))?;
    delta.skip(application_header_len - application_header.len() as u64)?;
    let mut info = VcdiffInfo {
        secondary,
        application_header,
        delta_len: 0,
        windows: 0,
        checked_windows: 0,
        target_size: 0,
        base_size: 0,
        reads_target: false,
        packed: [0; 3],
        plain: [0; 3],
        need: Need { secondary, ..Need::default() },
    };
    // What LZMA streams unpack to, and the history that they ask for.
    let (mut unpacked, mut histories) = ([0_u64; 3], [None; 3]);
    loop {
        let mut header = [0; WindowHeader::MAX_LEN];
        let at = delta.taken;
        let parsed = delta.header(&mut header, |bytes| WindowHeader::parse(bytes, secondary, at))?;
        let Some(window) = parsed else { break };
        info.windows += 1;
        info.checked_windows += u64::from(window.adler32.is_some());
        info.target_size = info.target_size.checked_add(window.target_len).ok_or(Error::format(
            "target length",
            at,
            u64::MAX - info.target_size,
            window.target_len,
        ))?;
        if let Some(segment) = &window.segment {
            match segment.of {
                Of::Source => info.base_size = info.base_size.max(segment.at + segment.len),
                Of::Target => info.reads_target = true,
            }
        }
        let whole = window.target_len.saturating_add(window.body_len());
        info.need.window = info.need.window.max(whole);
        for (i, &len) in window.lens.iter().enumerate() {
            let begin = delta.bytes(len.min((number::MAX_LEN + xz::LEN) as u64))?;
            delta.skip(len - begin.len() as u64)?;
            info.packed[i] += len;
            let mut rest = &begin[..];
            let mut plain = len;
            if window.packed[i] {
                plain = number::take(&mut rest).map_err(|_| Error::format("section", at, 1, 0))?;
                if secondary == Some(Secondary::Lzma) {
                    unpacked[i] = unpacked[i].saturating_add(plain);
                    // A damaged beginning is for the applier to refuse.
                    histories[i] = histories[i].or(Some(xz::history(rest).unwrap_or_default()));
                }
            }
            info.plain[i] = info.plain[i].saturating_add(plain);
        }
    }
    info.need.histories = std::array::from_fn(|i| unpacked[i].min(histories[i].unwrap_or_default().into()));
    info.delta_len = delta.taken;
    Ok(info)
}

/// A reader that counts.
struct Counted<R> {
    from: R,
    taken: u64,
}

fn reading(source: std::io::Error) -> Error {
    Error::Io { action: "read the delta", path: "input".into(), source }
}

impl<R: BufRead> Counted<R> {
    /// Reads as many bytes into `room` as a header takes; none when there is not one.
    fn header<T>(
        &mut self,
        room: &mut [u8],
        parse: impl Fn(&[u8]) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        for filled in 0..room.len() {
            let one = self.bytes_there(1)?;
            match (one.first(), filled) {
                (Some(&byte), _) => room[filled] = byte,
                (None, 0) => return Ok(None),
                (None, _) => return Err(Error::Truncated { offset: self.taken }),
            }
            if let Some(header) = parse(&room[..=filled])? {
                return Ok(Some(header));
            }
        }
        Err(Error::format("header", self.taken, room.len() as u64, room.len() as u64 + 1))
    }

    fn bytes_there(&mut self, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.from.by_ref().take(len).read_to_end(&mut bytes).map_err(reading)?;
        self.taken += bytes.len() as u64;
        Ok(bytes)
    }

    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, Error> {
        let bytes = self.bytes_there(len)?;
        if (bytes.len() as u64) < len {
            return Err(Error::Truncated { offset: self.taken });
        }
        Ok(bytes)
    }

    fn skip(&mut self, len: u64) -> Result<(), Error> {
        let skipped =
            std::io::copy(&mut self.from.by_ref().take(len), &mut std::io::sink()).map_err(reading)?;
        self.taken += skipped;
        if skipped < len {
            return Err(Error::Truncated { offset: self.taken });
        }
        Ok(())
    }
}
