//! A header archive, unpacked into its files and packed again.

use std::io::Write;
use std::num::NonZeroUsize;

use crate::compression::Compression;
use crate::compression::encoder::{Effort, Encoder};
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::read::codec::{Decompress, Decompressors, Progress};
use crate::read::decompress::BuiltIn;
use crate::rewrite::front::{HeaderArchive, header_for};
use crate::rewrite::split::{self, Member};
use crate::tar::writer::padding;

/// Unpacked bytes at once.
const BUFFER_LEN_BYTES: usize = 64 << 10;
/// The first file of a header archive.
pub(crate) const HEADER_INFO: &str = "header-info";
/// The file of the first payload that says what it provides.
pub(crate) const TYPE_INFO: &str = "headers/0000/type-info";
/// The file of the first payload for its Update Module.
pub(crate) const META_DATA: &str = "headers/0000/meta-data";
/// Where state scripts lie.
pub(crate) const SCRIPTS: &str = "scripts/";

/// The files of a header archive in their order.
pub(crate) struct HeaderFiles {
    pub(crate) members: Vec<Member>,
    entry: Entry,
    changed: bool,
}

impl HeaderFiles {
    pub(crate) fn unpack(archive: HeaderArchive<'_>, entry: Entry) -> Result<Self, Error> {
        let unpacked = unpack(archive, entry)?;
        Ok(Self { members: split::all(&unpacked, entry)?, entry, changed: false })
    }

    /// The contents of a file.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|member| member.name == name).map(|member| member.contents.as_slice())
    }

    /// A document, which must be there.
    pub(crate) fn json(&self, name: &str) -> Result<serde_json::Value, Error> {
        let missing = || Error::new(Defect::Missing, self.entry).named(name.as_bytes());
        let text = self.get(name).ok_or_else(missing)?;
        serde_json::from_slice(text)
            .map_err(|error| Error::new(Defect::Json, self.entry).named(name.as_bytes()).caused_by(error))
    }

    /// Gives a file that is there other contents. Mode, owner and time stay.
    pub(crate) fn put(&mut self, name: &str, contents: Vec<u8>) -> Result<(), Error> {
        let Some(member) = self.members.iter_mut().find(|member| member.name == name) else {
            return Err(Error::new(Defect::Missing, self.entry).named(name.as_bytes()));
        };
        if member.contents != contents {
            member.raw = header_for(member, contents.len() as u64)?;
            member.contents = contents;
            self.changed = true;
        }
        Ok(())
    }

    /// Puts another file before the one at `at`, with mode, owner and time of the file at `like`.
    pub(crate) fn insert_like(
        &mut self,
        at: usize,
        name: &str,
        contents: Vec<u8>,
        like: usize,
    ) -> Result<(), Error> {
        let raw = self.members.get(like).map_or_else(Vec::new, |member| member.raw.clone());
        let mut member = Member { raw, name: name.into(), is_directory: false, contents };
        member.raw = header_for(&member, member.contents.len() as u64)?;
        self.insert(at, member);
        Ok(())
    }

    /// Puts another file before the one at `at`.
    pub(crate) fn insert(&mut self, at: usize, member: Member) {
        self.members.insert(at.min(self.members.len()), member);
        self.changed = true;
    }

    /// The archive anew if it has changed or is to be compressed otherwise than it was.
    pub(crate) fn pack_changed(
        &self,
        was: Compression,
        wanted: Option<(Compression, Effort)>,
    ) -> Result<Option<(Compression, Vec<u8>)>, Error> {
        let (compression, effort) = wanted.unwrap_or((was, Effort::default()));
        if !self.changed && wanted.is_none() {
            return Ok(None);
        }
        let pack = || {
            // A header is small; one thread is enough for it.
            let mut encoder = Encoder::new(Vec::new(), compression, effort, NonZeroUsize::MIN)?;
            for member in &self.members {
                encoder.write_all(&member.raw)?;
                encoder.write_all(&member.contents)?;
                encoder.write_all(&[0; 512][..padding(member.contents.len() as u64)])?;
            }
            encoder.write_all(&[0; 1024])?;
            encoder.finish()
        };
        let archive = pack().map_err(|error| Error::io(self.entry, error))?;
        Ok(Some((compression, archive)))
    }
}

/// Unpacks a header archive within the limit for such.
fn unpack(archive: HeaderArchive<'_>, entry: Entry) -> Result<Vec<u8>, Error> {
    if archive.compression == Compression::None {
        return Ok(archive.bytes.to_vec());
    }
    let limits = Limits::computer();
    let in_entry = |error: Error| error.in_entry(entry);
    let mut unpacker = BuiltIn.open(archive.compression, limits.decoder_bytes).map_err(in_entry)?;
    let (mut unpacked, mut rest) = (Vec::new(), archive.bytes);
    let mut buffer = vec![0; BUFFER_LEN_BYTES];
    loop {
        let produced = if rest.is_empty() {
            match unpacker.finish(&mut buffer).map_err(in_entry)? {
                0 => return Ok(unpacked),
                produced => produced,
            }
        } else {
            let progress = unpacker.decompress(rest, &mut buffer).map_err(in_entry)?;
            if progress == Progress::default() {
                return Err(Error::new(Defect::Compressed, entry).expected("progress"));
            }
            rest = &rest[progress.consumed.min(rest.len())..];
            progress.produced
        };
        unpacked.extend_from_slice(&buffer[..produced]);
        if unpacked.len() as u64 > limits.header_bytes {
            let error = Error::new(Defect::TooLarge, entry).named(b"unpacked");
            return Err(error.expected(limits.header_bytes));
        }
    }
}
