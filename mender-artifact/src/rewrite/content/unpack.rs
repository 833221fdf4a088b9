//! The content of a payload on its way out.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::patches::Patches;
use super::{ENTRY, Stretch, Unpacked};
use crate::compression::Compression;
use crate::digest::{Digest, from_hex};
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::read::codec::{Decompress, Decompressors, Progress};
use crate::read::decompress::{BuiltIn, Unpacker};
use crate::read::file_hash::FileHash;
use crate::rewrite::carry::{self, Passage};
use crate::rewrite::place::archive_compression;
use crate::rewrite::split::Member;
use crate::rewrite::{Original, Source, Target};
use crate::tar::block::Kind;
use crate::tar::reader::{Step, TarReader};

/// Unpacked bytes at once.
const BUFFER_LEN_BYTES: usize = 256 << 10;
/// What may stand before and behind the content: headers, the end of the archive.
const AROUND_MAX_BYTES: usize = 1 << 20;
/// Zeros of this length become a hole.
const HOLE_LEN_BYTES: usize = 4096;
/// Unpacked bytes that are worth remembering where they are: shorter neighbours are taken together.
const STRETCH_MIN_LEN_BYTES: u64 = 64 << 10;

impl Original<'_> {
    /// Unpacks the only file of the only payload into `spool`, an empty file. Its checksum is compared with that of
    /// the manifest.
    ///
    /// # Errors
    /// When the Artifact is no file, is augmented, has not exactly one payload with exactly one file, or is damaged;
    /// when reading or writing fails.
    pub fn unpack_content(&mut self, spool: &File) -> Result<Unpacked, Error> {
        let compression = self.compression_of_content()?;
        let Source::File(mut file) = self.source else { return Err(misuse("an Artifact in a file")) };
        file.seek(SeekFrom::Start(self.payload_at)).map_err(|error| Error::io(ENTRY, error))?;
        let limits = Limits::computer();
        let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
        let tar = TarReader::new(ENTRY, &mut name, &mut extension);
        let unpacker = match compression {
            Compression::None => None,
            other => {
                let opened = BuiltIn.open(other, limits.decoder_bytes);
                Some(opened.map_err(|error| error.in_entry(ENTRY))?)
            }
        };
        let mut unpacking = Unpacking::new(Sink::Spool { file: spool, hole: 0 }, tar, unpacker);
        unpacking.result.compression = compression;
        unpacking.result.packed_at = self.payload_at;
        carry::stream(file, &mut Target::Stream(&mut io::sink()), &mut unpacking)?;
        let (unpacked, _) = unpacking.finish()?;
        checksum_in(self.front.manifest(), &unpacked)?;
        Ok(unpacked)
    }

    /// How the payload is compressed whose content is to change, if it is of the kind where that can be done.
    pub(super) fn compression_of_content(&self) -> Result<Compression, Error> {
        let Source::File(_) = self.source else { return Err(misuse("an Artifact in a file")) };
        if self.front.manifest_augment().is_some() {
            return Err(misuse("no augmented Artifact where the content of the payload is to change"));
        }
        self.payload_compression().ok_or_else(|| misuse("a payload where its content is to change"))
    }
}

fn misuse(expected: &'static str) -> Error {
    Error::new(Defect::Misuse, Entry::Artifact).expected(expected)
}

/// Compares the checksum of what was unpacked with that in the manifest.
pub(super) fn checksum_in(manifest: &[u8], unpacked: &Unpacked) -> Result<(), Error> {
    let path = format!("data/0000/{}", unpacked.name);
    let expected = checksum_of(manifest, &path);
    let missing = || Error::new(Defect::Missing, Entry::Manifest).named(path.as_bytes());
    let expected = expected.ok_or_else(missing)?;
    if expected != unpacked.checksum {
        let error = Error::new(Defect::Checksum, ENTRY).named(unpacked.name.as_bytes());
        return Err(error.expected(&expected).found(&unpacked.checksum));
    }
    Ok(())
}

/// What a manifest says of a file.
fn checksum_of(manifest: &[u8], path: &str) -> Option<Digest> {
    let lines = manifest.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split_at_checked(64)).find_map(|(checksum, name)| {
        (name.strip_prefix(b"  ") == Some(path.as_bytes())).then(|| from_hex(checksum)).flatten()
    })
}

/// Adds a stretch behind the others, or to the last of them: how many there are is bounded by what they hold, however
/// many members an archive has.
fn add_stretch(stretches: &mut Vec<Stretch>, next: Stretch) {
    match stretches.last_mut() {
        Some(last) if next.plain.is_empty() || last.plain.end - last.plain.start < STRETCH_MIN_LEN_BYTES => {
            last.packed.end = next.packed.end;
            last.plain.end = next.plain.end;
        }
        _ => stretches.push(next),
    }
}

/// Where the content goes.
pub(super) enum Sink<'s> {
    /// Into an empty file, but for zeros; so many were not written yet.
    Spool { file: &'s File, hole: u64 },
    /// Nowhere: the SHA-256 is computed that it has with these changes, if there are any.
    Changed { patches: &'s Patches, after: Option<FileHash> },
}

/// An archive that is being unpacked.
pub(super) struct Unpacking<'s, 'm> {
    sink: Sink<'s>,
    tar: TarReader<'m>,
    unpacker: Option<Unpacker>,
    buffer: Vec<u8>,
    result: Unpacked,
    hash: FileHash,
    /// Whether the file has come, and whether all of it.
    file: Progression,
    /// Bytes of content so far.
    content_len: u64,
    /// Unpacked bytes so far.
    plain_len: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progression {
    Before,
    Inside,
    Behind,
}

impl<'s, 'm> Unpacking<'s, 'm> {
    pub(super) fn new(sink: Sink<'s>, tar: TarReader<'m>, unpacker: Option<Unpacker>) -> Self {
        let member =
            Member { raw: Vec::new(), name: String::new(), is_directory: false, contents: Vec::new() };
        let result = Unpacked {
            name: String::new(),
            len_bytes: 0,
            checksum: [0; 32],
            member,
            compression: Compression::None,
            before: Vec::new(),
            behind: Vec::new(),
            packed_at: 0,
            packed_len: 0,
            stretches: Vec::new(),
        };
        let buffer = if unpacker.is_some() { vec![0; BUFFER_LEN_BYTES] } else { Vec::new() };
        Self {
            sink,
            tar,
            unpacker,
            buffer,
            result,
            hash: FileHash::beside(),
            file: Progression::Before,
            content_len: 0,
            plain_len: 0,
        }
    }

    /// Takes unpacked bytes.
    pub(super) fn plain(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.plain_len += bytes.len() as u64;
        loop {
            let (was, before) = (bytes, self.file);
            let step = self.tar.step(&mut bytes)?;
            let around = &was[..was.len() - bytes.len()];
            let kept =
                if before == Progression::Behind { &mut self.result.behind } else { &mut self.result.before };
            kept.extend_from_slice(around);
            if kept.len() > AROUND_MAX_BYTES {
                let error = Error::new(Defect::TooLarge, ENTRY).named(b"what is not content");
                return Err(error.expected(AROUND_MAX_BYTES).found(kept.len()));
            }
            match step {
                Step::NeedInput => return Ok(()),
                Step::Entry => {
                    if self.file != Progression::Before || self.tar.header().kind != Kind::File {
                        let error = Error::new(Defect::Misuse, ENTRY).found(self.tar.name());
                        return Err(error.expected("one file where the content is to change"));
                    }
                    self.file = Progression::Inside;
                    self.result.name = String::from_utf8_lossy(self.tar.name()).into_owned();
                    self.result.len_bytes = self.tar.header().size;
                }
                Step::Data(len) => {
                    let content = self.tar.consume(&mut bytes, len);
                    self.hash.update(content);
                    self.sink.take(self.content_len, content).map_err(|error| Error::io(ENTRY, error))?;
                    self.content_len += content.len() as u64;
                }
                Step::EntryEnd => self.file = Progression::Behind,
            }
        }
    }

    /// A member, stream or frame has ended.
    fn end_stretch(&mut self) {
        let start = self.result.stretches.last().map_or((0, 0), |last| (last.packed.end, last.plain.end));
        let (packed, plain) = (start.0..self.result.packed_len, start.1..self.plain_len);
        if !packed.is_empty() {
            add_stretch(&mut self.result.stretches, Stretch { packed, plain });
        }
    }

    /// What was unpacked, and the SHA-256 that the content has with the changes, if there are any.
    pub(super) fn finish(mut self) -> Result<(Unpacked, Option<Digest>), Error> {
        self.tar.finish()?;
        if self.file != Progression::Behind {
            let error = Error::new(Defect::Misuse, ENTRY);
            return Err(error.expected("one file where the content is to change").found("none"));
        }
        self.result.checksum = self.hash.finish()?;
        let after = match self.sink {
            Sink::Spool { file, .. } => {
                file.set_len(self.result.len_bytes).map_err(|error| Error::io(ENTRY, error))?;
                None
            }
            Sink::Changed { after, .. } => after.map(FileHash::finish).transpose()?,
        };
        Ok((self.result, after))
    }
}

impl Sink<'_> {
    /// Takes content, which begins at `offset`.
    fn take(&mut self, offset: u64, content: &[u8]) -> io::Result<()> {
        match self {
            Self::Spool { file, hole } => spool(file, hole, content),
            Self::Changed { after: None, .. } => Ok(()),
            Self::Changed { patches, after: Some(after) } => {
                if !patches.touches(&(offset..offset.saturating_add(content.len() as u64))) {
                    after.update(content);
                    return Ok(());
                }
                let mut changed = content.to_vec();
                patches.apply(offset, &mut changed)?;
                after.update(&changed);
                Ok(())
            }
        }
    }
}

/// Writes content, but for zeros.
fn spool(mut file: &File, hole: &mut u64, content: &[u8]) -> io::Result<()> {
    const ZEROS: [u8; HOLE_LEN_BYTES] = [0; HOLE_LEN_BYTES];
    for piece in content.chunks(HOLE_LEN_BYTES) {
        if *piece == ZEROS[..piece.len()] {
            *hole += piece.len() as u64;
            continue;
        }
        if *hole > 0 {
            file.seek(SeekFrom::Current(i64::try_from(*hole).map_err(io::Error::other)?))?;
            *hole = 0;
        }
        file.write_all(piece)?;
    }
    Ok(())
}

impl Passage for Unpacking<'_, '_> {
    fn begin(&mut self, name: &str, raw: &[u8], _: &mut Target<'_>) -> Result<(), Error> {
        if !self.result.member.name.is_empty() || archive_compression(name, "data/0000.tar").is_none() {
            let error = Error::new(Defect::Misuse, Entry::Artifact).found(name.as_bytes());
            return Err(error.expected("one payload where the content is to change"));
        }
        self.result.member.name = name.to_owned();
        self.result.member.raw = raw.to_vec();
        self.result.packed_at += raw.len() as u64;
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], _: &mut Target<'_>) -> Result<(), Error> {
        let Some(mut unpacker) = self.unpacker.take() else {
            self.result.packed_len += bytes.len() as u64;
            return self.plain(bytes);
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut rest = bytes;
        while !rest.is_empty() {
            let progress = unpacker.decompress(rest, &mut buffer);
            let progress = progress.map_err(|error| error.in_entry(ENTRY))?;
            if progress == Progress::default() {
                return Err(Error::new(Defect::Compressed, ENTRY).expected("progress"));
            }
            rest = &rest[progress.consumed.min(rest.len())..];
            self.result.packed_len += progress.consumed as u64;
            self.plain(&buffer[..progress.produced])?;
            if unpacker.is_at_end() {
                self.end_stretch();
            }
        }
        self.unpacker = Some(unpacker);
        self.buffer = buffer;
        Ok(())
    }

    fn end(&mut self, _: u64, _: &mut Target<'_>) -> Result<(), Error> {
        if let Some(mut unpacker) = self.unpacker.take() {
            let mut buffer = std::mem::take(&mut self.buffer);
            loop {
                match unpacker.finish(&mut buffer).map_err(|error| error.in_entry(ENTRY))? {
                    0 => break,
                    produced => self.plain(&buffer[..produced])?,
                }
            }
            // What came behind the end of the last belongs to it.
            match self.result.stretches.last_mut() {
                Some(last) if last.packed.end == self.result.packed_len => last.plain.end = self.plain_len,
                _ => self.end_stretch(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_empty_members_are_taken_together() {
        let mut stretches = Vec::new();
        let mut add = |count: u64, len: u64| {
            for _ in 0..count {
                let (packed, plain) =
                    stretches.last().map_or((0, 0), |last: &Stretch| (last.packed.end, last.plain.end));
                add_stretch(
                    &mut stretches,
                    Stretch { packed: packed..packed + 20, plain: plain..plain + len },
                );
            }
            stretches.len()
        };
        assert_eq!(add(1000, 0), 1);
        assert_eq!(add(65_536, 1), 1);
        assert_eq!(add(1000, 0), 1);
        // Long ones stay by themselves.
        assert_eq!(add(3, 1 << 20), 4);
        assert_eq!(add(1000, 0), 4);
        let last = stretches.last().unwrap();
        assert_eq!((last.packed.end, last.plain.end), (20 * 68_539, 65_536 + (3 << 20)));
        assert!(stretches.windows(2).all(|two| two[0].packed.end == two[1].packed.start));
        assert!(stretches.windows(2).all(|two| two[0].plain.end == two[1].plain.start));
    }
}
