//! The archives inside an Artifact: unpacked, taken apart, and compared with the manifest.

use super::{Reader, Signal, same, tell_or_end};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::entry_name::check_payload_file;
use crate::error::{Defect, Entry, Error};
use crate::read::codec::{Decompress, Decompressors, Progress};
use crate::read::documents::Checker;
use crate::read::file_hash::FileHash;
#[cfg(feature = "std")]
use crate::read::file_hash::beside::{HashThread, LEAST_BYTES};
use crate::read::order::Member;
use crate::tar::block::Kind as TarKind;
use crate::tar::reader::Step;

impl<D: Decompressors> Reader<'_, '_, D> {
    /// An archive begins.
    pub(super) fn open_archive(&mut self, member: Member, compression: Compression) -> Result<(), Error> {
        self.inner.restart(member.entry());
        self.unpacked_total = 0;
        self.draining = false;
        self.decompressor = None;
        if compression != Compression::None {
            let opened = self.decompressors.open(compression, self.limits.decoder_bytes);
            self.decompressor = Some(opened.map_err(|error| error.in_entry(member.entry()))?);
            if self.unpacked.is_empty() {
                let error = Error::new(Defect::Memory, member.entry()).named(b"unpacked_buffer_bytes");
                return Err(error.expected("more than 0"));
            }
        }
        Ok(())
    }

    /// Goes on in the header archive or in a payload archive.
    pub(super) fn archive(&mut self, member: Member, input: &mut &[u8]) -> Result<Option<Signal>, Error> {
        if self.unpacked_from < self.unpacked_to {
            return self.read_unpacked(member);
        }
        if self.draining {
            return self.drain(member);
        }
        let entry = member.entry();
        let available = match self.outer.step(input).map_err(|error| error.in_entry(entry))? {
            Step::NeedInput => return Ok(Some(Signal::NeedInput)),
            Step::Data(len) => len,
            Step::Entry | Step::EntryEnd => {
                self.draining = true;
                return Ok(None);
            }
        };
        let mut bytes = &input[..available];
        let signal = if let Some(decompressor) = &mut self.decompressor {
            let progress =
                decompressor.decompress(bytes, self.unpacked).map_err(|error| error.in_entry(entry))?;
            if progress == Progress::default() {
                return Err(Error::new(Defect::Compressed, entry).expected("progress"));
            }
            bytes = &bytes[progress.consumed.min(available)..];
            self.filled(member, progress.produced)?;
            None
        } else {
            self.inner_step(member, &mut bytes)?
        };
        let consumed = self.outer.consume(input, available - bytes.len());
        if let Member::Header(_) | Member::HeaderAugment(_) = member {
            self.member_hash.update(consumed);
        }
        Ok(signal.map(|signal| {
            if let Signal::Unpacked(from, to) = signal { Signal::Input(to - from) } else { signal }
        }))
    }

    /// So many bytes have been unpacked.
    fn filled(&mut self, member: Member, produced: usize) -> Result<(), Error> {
        self.unpacked_from = 0;
        self.unpacked_to = produced.min(self.unpacked.len());
        self.unpacked_total = self.unpacked_total.saturating_add(produced as u64);
        self.check_header_size(member)
    }

    fn check_header_size(&self, member: Member) -> Result<(), Error> {
        let is_header = matches!(member, Member::Header(_) | Member::HeaderAugment(_));
        if is_header && self.unpacked_total > self.limits.header_bytes {
            let error = Error::new(Defect::TooLarge, member.entry()).named(b"unpacked");
            return Err(error.expected(self.limits.header_bytes));
        }
        Ok(())
    }

    fn read_unpacked(&mut self, member: Member) -> Result<Option<Signal>, Error> {
        // The buffer is taken out while the rest of the reader works on it.
        let buffer = core::mem::take(&mut self.unpacked);
        let mut bytes = &buffer[self.unpacked_from..self.unpacked_to];
        let outcome = self.inner_step(member, &mut bytes);
        let end = self.unpacked_to - bytes.len();
        self.unpacked = buffer;
        self.unpacked_from = end;
        Ok(outcome?.map(|signal| match signal {
            Signal::Unpacked(from, to) => Signal::Unpacked(end - (to - from), end),
            signal => signal,
        }))
    }

    /// The outer member has no more bytes.
    fn drain(&mut self, member: Member) -> Result<Option<Signal>, Error> {
        let entry = member.entry();
        if let Some(decompressor) = &mut self.decompressor {
            let produced = decompressor.finish(self.unpacked).map_err(|error| error.in_entry(entry))?;
            if produced > 0 {
                self.filled(member, produced)?;
                return Ok(None);
            }
        }
        self.draining = false;
        self.decompressor = None;
        // Of a member without bytes the inner archive has not said that it needs input.
        self.inner_finish(member)?;
        self.member = None;
        if let Member::Header(_) | Member::HeaderAugment(_) = member {
            return self.end_header(member);
        }
        Ok(None)
    }

    /// A header archive is complete. The header is shown when the last of them is.
    fn end_header(&mut self, member: Member) -> Result<Option<Signal>, Error> {
        let (told, augmented) = (self.told, self.order.is_augmented());
        let tell = &mut move |error| tell_or_end(told, error);
        let found = self.member_hash.take();
        if let Some(expected) = self.header_digest.take() {
            same(&expected, &found, member.entry()).or_else(&mut *tell)?;
        }
        self.walk.finish(&self.manifest, &self.kept, augmented, tell)?;
        if augmented && matches!(member, Member::Header(_)) {
            self.walk.begin_augment();
            return Ok(None);
        }
        Ok(Some(Signal::Header))
    }

    fn inner_finish(&mut self, member: Member) -> Result<(), Error> {
        self.inner.finish().map_err(|error| error.in_entry(member.entry()))
    }

    /// Goes on in the archive inside a member. A signal of bytes is given as
    /// [`Signal::Unpacked`] from 0, wherever they lie: they were the last taken off `bytes`.
    fn inner_step(&mut self, member: Member, bytes: &mut &[u8]) -> Result<Option<Signal>, Error> {
        let step = self.inner.step(bytes)?;
        match (member, step) {
            (_, Step::NeedInput) => Ok(None),
            (Member::Data(payload, _), Step::Entry) => {
                self.begin_file(payload).map(|()| Some(Signal::FileBegin(payload)))
            }
            (Member::Data(..), Step::Data(len)) => {
                let data = self.inner.consume(bytes, len);
                self.file_hash.update(data);
                Ok(Some(Signal::Unpacked(0, data.len())))
            }
            (Member::Data(payload, _), Step::EntryEnd) => {
                let found = core::mem::take(&mut self.file_hash).finish()?;
                if let Some(expected) = self.file_digest {
                    let checked = same(&expected, &found, Entry::PayloadFile(payload));
                    checked.or_else(|error| tell_or_end(self.told, error.named(self.inner.name())))?;
                }
                Ok(Some(Signal::FileEnd))
            }
            (_, Step::Entry) => {
                let (told, offset) = (self.told, self.inner.offset());
                let tell = &mut move |error: Error| tell_or_end(told, at(error, offset));
                let begun = self.walk.begin(
                    self.inner.name(),
                    self.inner.header(),
                    &self.limits,
                    &mut self.kept,
                    tell,
                );
                begun.map(|()| None).map_err(|error| at(error, offset))
            }
            (_, Step::Data(len)) => {
                let data = self.inner.consume(bytes, len);
                self.walk.data(data, &mut self.kept);
                Ok(None)
            }
            (_, Step::EntryEnd) => {
                let told = self.told;
                let tell = &mut move |error| tell_or_end(told, error);
                let mut checker = Checker { depth: self.limits.json_depth, scratch: self.scratch };
                self.walk.end(&mut checker, &self.kept, tell).map(|()| None)
            }
        }
    }

    /// A payload file begins. Where problems are only told of, its bytes pass by unchecked.
    fn begin_file(&mut self, payload: u16) -> Result<(), Error> {
        self.file_hash = self.new_file_hash();
        self.file_digest = None;
        match self.promise(payload) {
            Ok(digest) => self.file_digest = Some(digest),
            Err(error) => tell_or_end(self.told, error)?,
        }
        Ok(())
    }

    fn new_file_hash(&self) -> FileHash {
        #[cfg(feature = "std")]
        if self.hashes_beside && self.inner.header().size >= LEAST_BYTES {
            return HashThread::start().map_or_else(FileHash::default, FileHash::Beside);
        }
        FileHash::default()
    }

    /// The checksum that the file that begins has to have.
    fn promise(&mut self, payload: u16) -> Result<Digest, Error> {
        let entry = Entry::PayloadFile(payload);
        let header = self.inner.header();
        let name = self.inner.name();
        let offset = self.inner.offset();
        if header.kind != TarKind::File {
            let error = Error::new(Defect::TarMemberKind, entry).named(name);
            return Err(at(error.expected("a regular file").found("a directory"), offset));
        }
        check_payload_file(name).map_err(|error| at(error.in_entry(entry), offset))?;
        if header.size > self.limits.payload_file_bytes {
            let error = Error::new(Defect::TooLarge, entry).named(name);
            return Err(error.expected(self.limits.payload_file_bytes).found(header.size));
        }
        let mut directory = *b"data/0000/";
        for (place, unit) in [(5, 1000), (6, 100), (7, 10), (8, 1)] {
            directory[place] = b'0' + (payload / unit % 10).to_le_bytes()[0];
        }
        self.manifest.come(entry, [&directory, self.inner.name(), b""])
    }
}

/// Says where an error is, if that is not known yet.
fn at(error: Error, offset: u64) -> Error {
    if error.offset().is_some() { error } else { error.at(offset) }
}
