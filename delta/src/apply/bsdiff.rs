//! The applier of BSDIFF40 patches: three bzip2 streams of one file, read side by side; the target comes front to back.
//!
//! Takes some 12 MiB, whatever the images' sizes. The format has no digest of base or target: what is applied to
//! another base gives another image, and nothing tells.

use super::file::{ApplyOptions, FileBase, WriteTarget};
use super::{Base, Target};
use crate::error::Error;
use crate::format::bsdiff::header::{Header, number};
use crate::progress::Phase;
use bzip2::bufread::BzDecoder;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// What applying gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The patch's header.
    pub header: Header,
    /// SHA-256 of the target.
    pub target_sha256: [u8; 32],
    /// Bytes of operations and of differences after unpacking; the rest of the target are new bytes.
    pub unpacked: [u64; 2],
}

/// Bytes that base and target are read and written in.
const PIECE: usize = 1 << 16;
/// Buffer of one stream of the patch, in bytes.
const BUFFER: usize = 1 << 16;
const NAMES: [&str; 3] = ["operations", "differences", "new bytes"];

/// A range of a patch, read from where it left off.
struct Part<'p, R> {
    patch: &'p RefCell<R>,
    at: u64,
    end: u64,
}

impl<R: Read + Seek> Read for Part<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.end - self.at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let mut patch = self.patch.borrow_mut();
        patch.seek(SeekFrom::Start(self.at))?;
        let len = patch.read(&mut buffer[..room])?;
        self.at += len as u64;
        Ok(len)
    }
}

/// One unpacked stream.
struct Stream<'p, R> {
    decoder: BzDecoder<BufReader<Part<'p, R>>>,
    name: &'static str,
    /// Where in the patch it begins, for errors.
    at: u64,
    taken: u64,
}

impl<'p, R: Read + Seek> Stream<'p, R> {
    fn new(patch: &'p RefCell<R>, kind: usize, at: u64, end: u64) -> Self {
        let decoder = BzDecoder::new(BufReader::with_capacity(BUFFER, Part { patch, at, end }));
        Stream { decoder, name: NAMES[kind], at, taken: 0 }
    }

    fn take(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.decoder.read_exact(out).map_err(|error| self.failed(error, out.len()))?;
        self.taken += out.len() as u64;
        Ok(())
    }

    fn failed(&self, source: std::io::Error, wanted: usize) -> Error {
        match source.kind() {
            // What bzip2 says of bytes that are not its own.
            ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData
            | ErrorKind::InvalidInput
            | ErrorKind::Other => Error::format(self.name, self.at, self.taken + wanted as u64, self.taken),
            _ => Error::Io { action: "read the delta", path: "input".into(), source },
        }
    }

    /// Checks that there is nothing left.
    fn finish(&mut self) -> Result<(), Error> {
        match self.decoder.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::format(self.name, self.at, self.taken, self.taken + 1)),
            Err(error) => Err(self.failed(error, 0)),
        }
    }
}

/// Reads and checks the header at the start of a patch.
///
/// # Errors
/// `Truncated`, `Format`, `Io`.
pub fn read_header(patch: &mut (impl Read + Seek)) -> Result<Header, Error> {
    let reading = |source| Error::Io { action: "read the delta", path: "input".into(), source };
    let mut bytes = Vec::with_capacity(Header::LEN);
    patch.seek(SeekFrom::Start(0)).map_err(reading)?;
    patch.take(Header::LEN as u64).read_to_end(&mut bytes).map_err(reading)?;
    let header = Header::parse(&bytes)?;
    let len = patch.seek(SeekFrom::End(0)).map_err(reading)?;
    if header.extra_at()? > len {
        return Err(Error::Truncated { offset: len });
    }
    Ok(header)
}

/// Applies `patch`, from its start on, to `base`, of which `base_size` bytes may be read; `target` gets the new image
/// front to back. `options.memory_limit` is of no matter.
///
/// # Errors
/// `Truncated` and `Format` for a bad patch, `Base` and `Target` from the caller's own, `Io`, `Cancelled`.
pub fn apply_stream(
    patch: &mut (impl Read + Seek),
    base: &mut dyn Base,
    base_size: u64,
    target: &mut dyn Target,
    options: &ApplyOptions<'_>,
) -> Result<Applied, Error> {
    let header = read_header(patch)?;
    let (difference_at, extra_at) = (Header::LEN as u64 + header.control_len, header.extra_at()?);
    let patch = RefCell::new(patch);
    let mut control = Stream::new(&patch, 0, Header::LEN as u64, difference_at);
    let mut difference = Stream::new(&patch, 1, difference_at, extra_at);
    let mut extra = Stream::new(&patch, 2, extra_at, u64::MAX);
    let mut out = Output { target, options, size: header.target_size, written: 0, digest: Sha256::new() };
    let (mut from, mut empty) = (0_i64, 0);
    let (mut piece, mut old) = (vec![0; PIECE], vec![0; PIECE]);
    while out.written < header.target_size {
        let mut fields = [0; 24];
        control.take(&mut fields)?;
        let [add, more, seek] = [0, 8, 16].map(|at| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&fields[at..at + 8]);
            number(bytes)
        });
        let at = control.taken;
        let add = out.checked("bytes to add", at, 0, add)?;
        let more = out.checked("new bytes", at, add, more)?;
        // bsdiff begins with an empty operation at times; many of them would only take time.
        empty = if add + more == 0 { empty + 1 } else { 0 };
        if empty > 1 {
            return Err(Error::format("empty operations", at, 1, empty));
        }
        for (start, len) in pieces(add) {
            let (piece, old) = (&mut piece[..len], &mut old[..len]);
            difference.take(piece)?;
            read_base(base, base_size, from.checked_add_unsigned(start), old)?;
            piece.iter_mut().zip(old).for_each(|(byte, old)| *byte = byte.wrapping_add(*old));
            out.write(piece)?;
        }
        for (_, len) in pieces(more) {
            extra.take(&mut piece[..len])?;
            out.write(&piece[..len])?;
        }
        from = from
            .checked_add_unsigned(add)
            .and_then(|from| from.checked_add(seek))
            .ok_or(Error::format("move in the base", at, 0, seek.unsigned_abs()))?;
    }
    for stream in [&mut control, &mut difference, &mut extra] {
        stream.finish()?;
    }
    let unpacked = [control.taken, difference.taken];
    Ok(Applied { header, target_sha256: out.digest.finalize().into(), unpacked })
}

/// Cuts `len` bytes into pieces: where each begins, and its length.
fn pieces(len: u64) -> impl Iterator<Item = (u64, usize)> {
    (0..len.div_ceil(PIECE as u64)).map(move |i| {
        let start = i * PIECE as u64;
        (start, usize::try_from(len - start).map_or(PIECE, |left| left.min(PIECE)))
    })
}

/// Reads the base where there is one; elsewhere its bytes count as zero, as bspatch has it.
fn read_base(base: &mut dyn Base, size: u64, at: Option<i64>, out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    let Some(at) = at else { return Ok(()) };
    let before = usize::try_from(at.saturating_neg().max(0)).unwrap_or(usize::MAX).min(out.len());
    let start = at.max(0).unsigned_abs();
    let there = usize::try_from(size.saturating_sub(start)).unwrap_or(usize::MAX);
    let room = out.len() - before;
    let out = &mut out[before..before + room.min(there)];
    if out.is_empty() { Ok(()) } else { base.read_at(start, out).map_err(Error::Base) }
}

/// The target, hashed and bounded.
struct Output<'t> {
    target: &'t mut dyn Target,
    options: &'t ApplyOptions<'t>,
    size: u64,
    written: u64,
    digest: Sha256,
}

impl Output<'_> {
    /// A length that fits behind what is written and `before` more bytes.
    fn checked(&self, field: &'static str, at: u64, before: u64, len: i64) -> Result<u64, Error> {
        let left = self.size - self.written - before;
        u64::try_from(len).ok().filter(|&len| len <= left).ok_or(Error::format(field, at, left, len as u64))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::Cancelled);
        }
        self.target.write(bytes).map_err(Error::Target)?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        if let Some(progress) = self.options.progress {
            progress(Phase::Apply, self.written, self.size);
        }
        Ok(())
    }
}

/// Applies the patch in `patch` to the image `base` and writes the new image to `output`, which the caller puts in
/// place when this returns without error.
///
/// # Errors
/// As [`apply_stream`]; `Io` when the base cannot be opened.
pub fn apply_files(
    base: &Path,
    patch: &mut (impl Read + Seek),
    output: &mut dyn Write,
    options: &ApplyOptions<'_>,
) -> Result<Applied, Error> {
    let failed = |action| move |source| Error::Io { action, path: base.into(), source };
    let mut file = FileBase::new(File::open(base).map_err(failed("open"))?);
    let base_size = file.size().map_err(failed("find the size"))?;
    apply_stream(patch, &mut file, base_size, &mut WriteTarget(output), options)
}
