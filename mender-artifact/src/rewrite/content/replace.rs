//! Changed content on its way into a new Artifact.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::{ENTRY, SeekableContent, Stretch, Unpacked};
use crate::compression::Compression;
use crate::compression::encoder::Encoder;
use crate::digest::Digest;
use crate::error::{Defect, Entry, Error};
use crate::read::file_hash::FileHash;
use crate::rewrite::front::header_for;
use crate::rewrite::recompress::Recompression;
use crate::rewrite::{Original, Source, Target};
use crate::tar::writer::padding;

/// Bytes copied at once.
const CHUNK_LEN_BYTES: usize = 1 << 20;
/// New archive bytes stay in memory up to this size, all together.
const MEMORY_MAX_BYTES: usize = 16 << 20;

/// What comes in the place of bytes of the old archive.
struct Replacements {
    /// The new bytes, one part behind the other.
    new: tempfile::SpooledTempFile,
    /// The old bytes of each part, and how many new ones there are; in order.
    parts: Vec<(Range<u64>, u64)>,
}

/// The content as it is to be.
#[derive(Clone, Copy, Debug)]
pub enum NewPlain<'c> {
    /// All of it in a file.
    Spool(&'c File),
    /// Where it lies, with its changes.
    Seekable(&'c SeekableContent),
}

impl<'c> From<&'c File> for NewPlain<'c> {
    fn from(file: &'c File) -> Self {
        Self::Spool(file)
    }
}

impl<'c> From<&'c SeekableContent> for NewPlain<'c> {
    fn from(content: &'c SeekableContent) -> Self {
        Self::Seekable(content)
    }
}

impl NewPlain<'_> {
    fn len_bytes(self) -> io::Result<u64> {
        match self {
            Self::Spool(file) => Ok(file.metadata()?.len()),
            Self::Seekable(content) => Ok(content.len_bytes()),
        }
    }

    fn read_at(self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Spool(mut file) => {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(buffer)
            }
            Self::Seekable(content) => content.read_at(offset, buffer),
        }
    }
}

/// The SHA-256 of a file from its beginning.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn checksum(mut file: &File) -> Result<Digest, Error> {
    let mut hash = FileHash::beside();
    let mut buffer = vec![0; CHUNK_LEN_BYTES];
    let failed = |error| Error::io(ENTRY, error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return hash.finish(),
            Ok(len) => hash.update(&buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

impl Unpacked {
    /// The SHA-256 of the content as it is now in `spool`.
    ///
    /// # Errors
    /// When `spool` cannot be read.
    pub fn checksum_now(&self, spool: &File) -> Result<Digest, Error> {
        checksum(spool)
    }

    /// How the payload is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Parts of the archive that must be compressed anew when the content has changed in `changed`: neighbours
    /// together.
    fn touched(&self, changed: &[Range<u64>]) -> Vec<Stretch> {
        let at = self.before.len() as u64;
        let mut touched: Vec<Stretch> = Vec::new();
        let mut add = |stretch: Stretch| match touched.last_mut() {
            Some(last) if last.packed.end >= stretch.packed.start => {
                last.packed.end = last.packed.end.max(stretch.packed.end);
                last.plain.end = last.plain.end.max(stretch.plain.end);
            }
            _ => touched.push(stretch),
        };
        if self.compression == Compression::None {
            for range in changed {
                let plain = range.start + at..range.end.min(self.len_bytes) + at;
                add(Stretch { packed: plain.clone(), plain });
            }
            return touched;
        }
        // Both are in order: each range is looked for from where the last one was.
        let mut ranges = changed.iter().map(|range| range.start + at..range.end + at).peekable();
        for stretch in &self.stretches {
            while ranges.peek().is_some_and(|range| range.end <= stretch.plain.start) {
                ranges.next();
            }
            if ranges.peek().is_some_and(|range| range.start < stretch.plain.end) {
                add(stretch.clone());
            }
        }
        touched
    }

    /// Writes the bytes `range` of the unpacked archive as it is to be.
    fn write_plain(
        &self,
        content: NewPlain<'_>,
        range: Range<u64>,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        let content_at = self.before.len() as u64;
        let content_end = content_at + self.len_bytes;
        let part = |bytes: &[u8], at: u64, output: &mut dyn Write| {
            let end = at + bytes.len() as u64;
            let (from, to) = (range.start.clamp(at, end) - at, range.end.clamp(at, end) - at);
            let index = |at: u64| usize::try_from(at).map_err(io::Error::other);
            output.write_all(&bytes[index(from)?..index(to)?])
        };
        part(&self.before, 0, output)?;
        let from = range.start.clamp(content_at, content_end);
        let to = range.end.clamp(content_at, content_end);
        if from < to {
            let mut at = from;
            let mut buffer = vec![0; CHUNK_LEN_BYTES];
            while at < to {
                let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(buffer.len());
                content.read_at(at - content_at, &mut buffer[..len])?;
                output.write_all(&buffer[..len])?;
                at += len as u64;
            }
        }
        part(&self.behind, content_end, output)
    }

    /// Packs what has to be.
    fn replacements(
        &self,
        content: NewPlain<'_>,
        changed: &[Range<u64>],
        how: &Recompression<'_>,
    ) -> Result<Replacements, Error> {
        let plain_len = self.before.len() as u64 + self.len_bytes + self.behind.len() as u64;
        let parts = if how.compression == self.compression {
            self.touched(changed)
        } else {
            vec![Stretch { packed: 0..self.packed_len, plain: 0..plain_len }]
        };
        let failed = |error| Error::io(ENTRY, error).with_path(how.spool_directory);
        let pack = || {
            let mut new = tempfile::spooled_tempfile_in(MEMORY_MAX_BYTES, how.spool_directory);
            let (mut packed, mut begin) = (Vec::with_capacity(parts.len()), 0);
            for part in parts {
                let mut encoder = Encoder::new(new, how.compression, how.effort, how.threads)?;
                self.write_plain(content, part.plain, &mut encoder)?;
                new = encoder.finish()?;
                let end = new.stream_position()?;
                packed.push((part.packed, end - begin));
                begin = end;
            }
            new.rewind()?;
            Ok(Replacements { new, parts: packed })
        };
        pack().map_err(failed)
    }
}

impl Original<'_> {
    /// Writes the Artifact with its changed front and `content`, which differs from what was unpacked in
    /// the ranges `changed` alone: bytes of the content, sorted and without overlap. The front must have been given
    /// the new checksum. `target` must be thrown away after an error.
    ///
    /// # Errors
    /// When reading, compressing or writing fails, or `content` has another length than what was unpacked.
    pub fn write_with_content<'c>(
        self,
        unpacked: &Unpacked,
        content: impl Into<NewPlain<'c>>,
        changed: &[Range<u64>],
        how: &Recompression<'_>,
        mut target: Target<'_>,
    ) -> Result<(), Error> {
        let failed = |error| Error::io(ENTRY, error);
        let Source::File(from) = self.source else {
            return Err(Error::new(Defect::Misuse, Entry::Artifact).expected("an Artifact in a file"));
        };
        let content = content.into();
        let len_bytes = content.len_bytes().map_err(failed)?;
        if len_bytes != unpacked.len_bytes {
            let error = Error::new(Defect::Changed, ENTRY).named(b"length of the content");
            return Err(error.expected(unpacked.len_bytes).found(len_bytes));
        }
        let Replacements { mut new, parts } = unpacked.replacements(content, changed, how)?;
        let size = parts.iter().fold(unpacked.packed_len, |size, (old, new_len)| {
            (size + new_len).saturating_sub(old.end - old.start)
        });
        let mut member = unpacked.member.clone();
        member.name = format!("data/0000.tar{}", how.compression.suffix());
        target.write_all(&self.front.to_bytes()?).map_err(failed)?;
        target.write_all(&header_for(&member, size)?).map_err(failed)?;
        let mut at = 0;
        for (old, new_len) in parts {
            copy(from, unpacked.packed_at + at, old.start - at, &mut target)?;
            let copied = io::copy(&mut Read::by_ref(&mut new).take(new_len), &mut target).map_err(failed)?;
            if copied != new_len {
                return Err(Error::new(Defect::Changed, ENTRY));
            }
            at = old.end;
        }
        copy(from, unpacked.packed_at + at, unpacked.packed_len - at, &mut target)?;
        target.write_all(&[0; 512][..padding(size)]).map_err(failed)?;
        target.write_all(&[0; 1024]).map_err(failed)?;
        target.flush().map_err(failed)
    }
}

/// Copies bytes of the old Artifact; between files the system does it.
fn copy(mut from: &File, at: u64, len: u64, target: &mut Target<'_>) -> Result<(), Error> {
    let failed = |error| Error::io(ENTRY, error);
    from.seek(SeekFrom::Start(at)).map_err(failed)?;
    let copied = match target {
        Target::File(to) => {
            let mut to: &File = to;
            io::copy(&mut from.take(len), &mut to)
        }
        stream @ Target::Stream(_) => io::copy(&mut from.take(len), stream),
    };
    if copied.map_err(failed)? != len {
        return Err(Error::new(Defect::Changed, ENTRY));
    }
    Ok(())
}
