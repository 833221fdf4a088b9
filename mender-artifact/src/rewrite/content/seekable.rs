//! The content of a payload where it lies: read at any place without unpacking the rest, changed in a file beside it that
//! holds nothing but the changes, and then gone through once.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::patches::Patches;
use super::unpack::{Sink, Unpacking, checksum_in};
use super::{ENTRY, Stretch, Unpacked};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::{Defect, Error};
use crate::limits::Limits;
use crate::read::file_hash::FileHash;
use crate::read::stretch::ahead::{Ahead, StretchUnpacker};
use crate::read::stretch::walk::{LOOK_MAX_BYTES, Next, PLAIN_MAX_BYTES, Walk};
use crate::rewrite::split::Member;
use crate::rewrite::{Original, Source, carry};
use crate::tar::block::Kind;
use crate::tar::reader::{Step, TarReader};
use crate::tar::writer::padding;

/// Bytes of an archive that is not compressed, read at once.
const CHUNK_LEN_BYTES: u64 = 1 << 20;
/// Bytes of unpacked stretches that are kept while the content is read here and there.
const CACHE_BYTES: u64 = 16 << 20;
/// More stretches than this are not looked for: the list of them is kept.
const STRETCHES_MAX: usize = 1 << 20;
/// Header blocks before the content are looked for in so many unpacked bytes.
const HEADERS_BYTES: u64 = 64 << 10;

/// A payload with one file, to be read and changed where it lies. What was changed is seen by who reads it; the Artifact
/// stays as it is.
pub struct SeekableContent {
    archive: Archive,
    /// The archive as a member of the Artifact.
    member: Member,
    /// Where the content begins in the unpacked archive.
    content_at: u64,
    len_bytes: u64,
    patches: Mutex<Patches>,
    recent: Mutex<Recent>,
    /// What the manifest says of the content, under its name.
    manifest: Vec<u8>,
}

/// An archive inside of an Artifact that is a file.
struct Archive {
    file: File,
    compression: Compression,
    packed_at: u64,
    packed_len: u64,
    /// All of it; none where it is not compressed.
    stretches: Vec<Stretch>,
}

/// Stretches that were unpacked last.
struct Recent {
    unpacker: StretchUnpacker,
    stretches: VecDeque<(usize, Vec<u8>)>,
    len_bytes: u64,
}

impl Original<'_> {
    /// The only file of the only payload, where it can be read and changed without unpacking all of it: where it is not
    /// compressed, or in pieces as this crate does it. `None` where that is not so, or anything about it is unusual:
    /// then [`unpack_content`](Self::unpack_content) tells. Changes wait in a file in `folder`.
    ///
    /// Nothing is checked that is not looked at. [`SeekableContent::settle`] checks everything.
    ///
    /// # Errors
    /// As [`unpack_content`](Self::unpack_content), but for damage.
    pub fn open_content(&mut self, folder: &Path) -> Result<Option<SeekableContent>, Error> {
        let compression = self.compression_of_content()?;
        let Source::File(file) = self.source else { return Ok(None) };
        let Some(member) = self.payload_member() else { return Ok(None) };
        let failed = |error| Error::io(ENTRY, error);
        let packed_len = self.first_payload.as_ref().map_or(0, |archive| archive.len);
        let packed_at = self.payload_at + member.raw.len() as u64;
        let only_end = packed_at.saturating_add(packed_len).saturating_add(padding(packed_len) as u64);
        if carry::end_of_payload(file, self.payload_at)? != only_end {
            return Ok(None);
        }
        let file = file.try_clone().map_err(failed)?;
        let mut archive = Archive { file, compression, packed_at, packed_len, stretches: Vec::new() };
        if compression != Compression::None && !archive.find_stretches().map_err(failed)? {
            return Ok(None);
        }
        let recent = Recent { unpacker: StretchUnpacker::new(), stretches: VecDeque::new(), len_bytes: 0 };
        let mut content = SeekableContent {
            archive,
            member,
            content_at: 0,
            len_bytes: 0,
            patches: Mutex::new(Patches::new(folder)),
            recent: Mutex::new(recent),
            manifest: self.front.manifest().to_vec(),
        };
        Ok(content.find_content().then_some(content))
    }

    /// The first payload archive, with its header blocks alone.
    fn payload_member(&self) -> Option<Member> {
        let limits = Limits::computer();
        let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
        let mut tar = TarReader::new(ENTRY, &mut name, &mut extension);
        let mut bytes = &self.ahead[..];
        if tar.step(&mut bytes).ok()? != Step::Entry || tar.header().kind != Kind::File {
            return None;
        }
        let raw = self.ahead.get(..usize::try_from(tar.offset()).ok()?)?.to_vec();
        let name = String::from_utf8(tar.name().to_vec()).ok()?;
        Some(Member { raw, name, is_directory: false, contents: Vec::new() })
    }
}

impl Archive {
    fn plain_len(&self) -> u64 {
        match self.compression {
            Compression::None => self.packed_len,
            _ => self.stretches.last().map_or(0, |last| last.plain.end),
        }
    }

    fn read_packed(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.packed_at + at))?;
        file.read_exact(buffer)
    }

    /// The packed bytes of a stretch, in `room`.
    fn packed(&self, stretch: &Stretch, mut room: Vec<u8>) -> io::Result<Vec<u8>> {
        room.resize(length(&stretch.packed)?, 0);
        self.read_packed(stretch.packed.start, &mut room)?;
        Ok(room)
    }

    /// Whether all of the archive consists of stretches, which are remembered.
    fn find_stretches(&mut self) -> io::Result<bool> {
        let mut look = [0; LOOK_MAX_BYTES];
        let (mut at, mut plain_at) = (0, 0);
        while at < self.packed_len {
            let mut walk = Walk::new(self.compression);
            loop {
                match walk.next() {
                    Next::Look { at: within, len } => {
                        let from = at + within;
                        if len > look.len() || from + len as u64 > self.packed_len {
                            return Ok(false);
                        }
                        self.read_packed(from, &mut look[..len])?;
                        walk.look(&look[..len]);
                    }
                    Next::Whole { packed_len, plain_len } => {
                        let (end, plain_end) = (at + packed_len, plain_at + plain_len);
                        self.stretches.push(Stretch { packed: at..end, plain: plain_at..plain_end });
                        (at, plain_at) = (end, plain_end);
                        break;
                    }
                    Next::Unknown => return Ok(false),
                }
            }
            if at > self.packed_len || self.stretches.len() > STRETCHES_MAX {
                return Ok(false);
            }
        }
        Ok(!self.stretches.is_empty())
    }
}

impl SeekableContent {
    /// Length of the content in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Fills `buffer` with the content from `offset` on, as it is with the changes so far.
    ///
    /// # Errors
    /// When the range is not in the content, the Artifact is damaged there, or reading fails.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.check_range(offset, buffer.len())?;
        self.read_plain(self.content_at + offset, buffer)?;
        locked(&self.patches).apply(offset, buffer)
    }

    /// Puts `bytes` in the place of those from `offset` on.
    ///
    /// # Errors
    /// When the range is not in the content, or writing fails.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check_range(offset, bytes.len())?;
        locked(&self.patches).write(offset, bytes)
    }

    fn check_range(&self, offset: u64, len: usize) -> io::Result<()> {
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len_bytes => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the range ends past the content")),
        }
    }

    /// The unpacked archive as it is.
    fn read_plain(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.archive.compression == Compression::None {
            return self.archive.read_packed(at, buffer);
        }
        let stretches = &self.archive.stretches;
        let (mut at, mut rest) = (at, buffer);
        while !rest.is_empty() {
            let index = stretches.partition_point(|stretch| stretch.plain.end <= at);
            let stretch = stretches.get(index).ok_or(io::ErrorKind::UnexpectedEof)?;
            let from = length(&(stretch.plain.start..at))?;
            let taken = length(&(at..stretch.plain.end))?.min(rest.len());
            let (now, later) = rest.split_at_mut(taken);
            locked(&self.recent).with(&self.archive, index, |plain| {
                plain.get(from..from + taken).map(|bytes| now.copy_from_slice(bytes))
            })?;
            at += taken as u64;
            rest = later;
        }
        Ok(())
    }

    /// Looks for the one file in the archive; whether it is where one expects it.
    fn find_content(&mut self) -> bool {
        let len = self.archive.plain_len().min(HEADERS_BYTES);
        let mut beginning = vec![0; usize::try_from(len).unwrap_or(0)];
        if self.read_plain(0, &mut beginning).is_err() {
            return false;
        }
        let limits = Limits::computer();
        let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
        let mut tar = TarReader::new(ENTRY, &mut name, &mut extension);
        let mut bytes = &beginning[..];
        if !matches!(tar.step(&mut bytes), Ok(Step::Entry)) || tar.header().kind != Kind::File {
            return false;
        }
        (self.content_at, self.len_bytes) = (tar.offset(), tar.header().size);
        self.content_at.checked_add(self.len_bytes).is_some_and(|end| end <= self.archive.plain_len())
    }

    /// Goes through all of it: compares the checksum of what was there with the manifest, and computes that of what is
    /// there now.
    ///
    /// # Errors
    /// When the archive is damaged or not as expected; when reading fails.
    pub fn settle(&self) -> Result<(Unpacked, Digest), Error> {
        let failed = |error| Error::io(ENTRY, error);
        let limits = Limits::computer();
        let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
        let tar = TarReader::new(ENTRY, &mut name, &mut extension);
        let patches = locked(&self.patches);
        let after = (!patches.is_empty()).then(FileHash::beside);
        let mut unpacking = Unpacking::new(Sink::Changed { patches: &patches, after }, tar, None);
        if self.archive.compression == Compression::None {
            let mut chunk = Vec::new();
            let mut at = 0;
            while at < self.archive.packed_len {
                let end = self.archive.packed_len.min(at + CHUNK_LEN_BYTES);
                chunk.resize(length(&(at..end)).map_err(failed)?, 0);
                self.archive.read_packed(at, &mut chunk).map_err(failed)?;
                unpacking.plain(&chunk)?;
                at = end;
            }
        } else {
            self.unpack_all(&mut unpacking)?;
        }
        let archive = &self.archive;
        let (mut unpacked, after) = unpacking.finish()?;
        unpacked.member = self.member.clone();
        unpacked.compression = archive.compression;
        (unpacked.packed_at, unpacked.packed_len) = (archive.packed_at, archive.packed_len);
        unpacked.stretches.clone_from(&archive.stretches);
        checksum_in(&self.manifest, &unpacked)?;
        let after = after.unwrap_or(unpacked.checksum);
        Ok((unpacked, after))
    }

    /// Gives all stretches in their order.
    fn unpack_all(&self, unpacking: &mut Unpacking<'_, '_>) -> Result<(), Error> {
        let failed = |error| Error::io(ENTRY, error);
        let mut ahead = Ahead::start(self.archive.compression).map_err(failed)?;
        // What was read here and there is not needed any more.
        locked(&self.recent).clear(|plain| ahead.give_back(plain));
        let mut waiting = self.archive.stretches.iter();
        loop {
            while !ahead.is_full() {
                let Some(stretch) = waiting.next() else { break };
                let packed = self.archive.packed(stretch, ahead.room()).map_err(failed)?;
                ahead.send(packed, length(&stretch.plain).map_err(failed)?).map_err(failed)?;
            }
            let Some(done) = ahead.receive().map_err(failed)? else { return Ok(()) };
            let Some(plain) = done.plain else {
                let error = Error::new(Defect::Compressed, ENTRY);
                return Err(error.expected("what the headers of its members or frames say"));
            };
            unpacking.plain(&plain)?;
            ahead.give_back_packed(done.packed);
            ahead.give_back(plain);
        }
    }
}

impl std::fmt::Debug for SeekableContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeekableContent").field("len_bytes", &self.len_bytes).finish_non_exhaustive()
    }
}

impl Recent {
    fn clear(&mut self, mut take_back: impl FnMut(Vec<u8>)) {
        self.stretches.drain(..).for_each(|(_, plain)| take_back(plain));
        self.len_bytes = 0;
    }

    /// Lets `take` look at what a stretch holds.
    fn with(
        &mut self,
        archive: &Archive,
        index: usize,
        take: impl FnOnce(&[u8]) -> Option<()>,
    ) -> io::Result<()> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "damaged compressed data");
        if let Some(place) = self.stretches.iter().position(|(of, _)| *of == index) {
            if let Some(found) = self.stretches.remove(place) {
                self.stretches.push_back(found);
            }
        } else {
            let stretch = archive.stretches.get(index).ok_or_else(damaged)?;
            let plain_len = length(&stretch.plain)?;
            let mut plain = Vec::new();
            while self.len_bytes + plain_len as u64 > CACHE_BYTES.max(PLAIN_MAX_BYTES) {
                let Some((_, oldest)) = self.stretches.pop_front() else { break };
                self.len_bytes -= oldest.len() as u64;
                plain = oldest;
            }
            plain.resize(plain_len, 0);
            if !self.unpacker.unpack(archive.compression, &archive.packed(stretch, Vec::new())?, &mut plain) {
                return Err(damaged());
            }
            self.len_bytes += plain.len() as u64;
            self.stretches.push_back((index, plain));
        }
        self.stretches.back().and_then(|(_, plain)| take(plain)).ok_or_else(damaged)
    }
}

fn length(range: &Range<u64>) -> io::Result<usize> {
    usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)
}

/// Nothing is left by a half where a thread panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
