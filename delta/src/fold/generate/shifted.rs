//! A file with room left behind the header: what writes a delta does not see the fold.

use std::io::{Error, ErrorKind, Result, Seek, SeekFrom, Write};

/// Leaves out `gap` bytes of `out`, `front` bytes behind the start.
pub(crate) struct Shifted<'w, W> {
    out: &'w mut W,
    start: u64,
    front: u64,
    gap: u64,
    /// Position without the gap.
    at: u64,
}

impl<'w, W: Write + Seek> Shifted<'w, W> {
    /// Starts at the position of `out`.
    pub(super) fn new(out: &'w mut W, front: u64, gap: u64) -> Result<Self> {
        let start = out.stream_position()?;
        Ok(Shifted { out, start, front, gap, at: start })
    }
}

impl<W: Write + Seek> Write for Shifted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let border = self.start + self.front;
        if self.at == border {
            self.out.seek(SeekFrom::Start(border + self.gap))?;
        }
        let most = if self.at < border { border - self.at } else { u64::MAX };
        let len = usize::try_from(most).map_or(bytes.len(), |most| bytes.len().min(most));
        let len = self.out.write(&bytes[..len])?;
        self.at += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

impl<W: Write + Seek> Seek for Shifted<'_, W> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = at.ok_or(Error::from(ErrorKind::InvalidInput))?;
        let gap = if self.at > self.start + self.front { self.gap } else { 0 };
        self.out.seek(SeekFrom::Start(self.at + gap))?;
        Ok(self.at)
    }
}
