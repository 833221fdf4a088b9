//! Payload archives that are unpacked and compressed anew on their way.

use std::io::{self, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use super::Target;
use super::carry::{Passage, write};
use super::front::header_for;
use super::split::Member;
use crate::compression::Compression;
use crate::compression::encoder::{Effort, Encoder};
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::manifest::payload_index;
use crate::read::codec::{Decompress, Decompressors, Progress};
use crate::read::parallel::{InParallel, ParallelUnpacker};
use crate::tar::writer::padding;
use crate::write::progress::OnProgress;

/// How payload archives are compressed anew.
#[derive(Clone, Copy)]
pub struct Recompression<'p> {
    /// What they get.
    pub compression: Compression,
    /// How hard it tries.
    pub effort: Effort,
    /// Threads that compress.
    pub threads: NonZeroUsize,
    /// Where the temporary file is made that holds the archive until its size is known.
    pub spool_directory: &'p Path,
    /// Called with the bytes read of the old Artifact so far, and its size, where that is known.
    pub on_progress: Option<OnProgress<'p>>,
}

/// Tells how much has passed.
pub(super) struct Counted<'p, R> {
    pub(super) inner: R,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) on_progress: Option<OnProgress<'p>>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.done = self.done.saturating_add(len as u64);
        if let Some(on_progress) = self.on_progress {
            on_progress(self.done, self.total);
        }
        Ok(len)
    }
}

/// Archives that are being compressed anew.
pub(super) struct Recompressed<'p> {
    how: &'p Recompression<'p>,
    entry: Entry,
    member: Option<Member>,
    unpacker: Option<ParallelUnpacker>,
    encoder: Option<Encoder<tempfile::SpooledTempFile>>,
    buffer: Vec<u8>,
}

/// Unpacked bytes at once.
const BUFFER_LEN_BYTES: usize = 256 << 10;
/// An archive up to this size stays in memory.
const MEMORY_MAX_BYTES: usize = 1 << 20;

impl<'p> Recompressed<'p> {
    pub(super) fn new(how: &'p Recompression<'p>) -> Self {
        let buffer = vec![0; BUFFER_LEN_BYTES];
        Self { how, entry: Entry::Artifact, member: None, unpacker: None, encoder: None, buffer }
    }

    fn spool_failed(&self, error: io::Error) -> Error {
        Error::io(self.entry, error).with_path(self.how.spool_directory)
    }

    fn encode(&mut self, len: usize) -> Result<(), Error> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let written = encoder.write_all(&self.buffer[..len]);
        written.map_err(|error| self.spool_failed(error))
    }
}

impl Passage for Recompressed<'_> {
    fn begin(&mut self, name: &str, raw: &[u8], _: &mut Target<'_>) -> Result<(), Error> {
        let parts = name.strip_prefix("data/").and_then(|rest| rest.split_once(".tar"));
        let parts = parts.and_then(|(digits, suffix)| {
            Some((payload_index(digits)?, digits, Compression::from_suffix(suffix)?))
        });
        let Some((payload, digits, compression)) = parts else {
            return Err(Error::new(Defect::Order, Entry::Artifact).found(name.as_bytes()));
        };
        self.entry = Entry::Data(payload);
        let name = format!("data/{digits}.tar{}", self.how.compression.suffix());
        self.member = Some(Member { raw: raw.to_vec(), name, is_directory: false, contents: Vec::new() });
        self.unpacker = if compression == Compression::None {
            None
        } else {
            let opened = InParallel.open(compression, Limits::computer().decoder_bytes);
            Some(opened.map_err(|error| error.in_entry(self.entry))?)
        };
        let spool = tempfile::spooled_tempfile_in(MEMORY_MAX_BYTES, self.how.spool_directory);
        let encoder = Encoder::new(spool, self.how.compression, self.how.effort, self.how.threads);
        self.encoder = Some(encoder.map_err(|error| self.spool_failed(error))?);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], _: &mut Target<'_>) -> Result<(), Error> {
        let Some(unpacker) = &mut self.unpacker else {
            let Some(encoder) = &mut self.encoder else { return Ok(()) };
            return encoder.write_all(bytes).map_err(|error| self.spool_failed(error));
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let progress = unpacker.decompress(rest, &mut self.buffer);
            let progress = progress.map_err(|error| error.in_entry(self.entry))?;
            if progress == Progress::default() {
                return Err(Error::new(Defect::Compressed, self.entry).expected("progress"));
            }
            rest = &rest[progress.consumed.min(rest.len())..];
            let Some(encoder) = &mut self.encoder else { continue };
            let written = encoder.write_all(&self.buffer[..progress.produced]);
            written.map_err(|error| Error::io(self.entry, error).with_path(self.how.spool_directory))?;
        }
        Ok(())
    }

    fn end(&mut self, _: u64, output: &mut Target<'_>) -> Result<(), Error> {
        if let Some(mut unpacker) = self.unpacker.take() {
            loop {
                let produced = unpacker.finish(&mut self.buffer);
                match produced.map_err(|error| error.in_entry(self.entry))? {
                    0 => break,
                    produced => self.encode(produced)?,
                }
            }
        }
        let (Some(encoder), Some(member)) = (self.encoder.take(), self.member.take()) else { return Ok(()) };
        let mut spool = encoder.finish().map_err(|error| self.spool_failed(error))?;
        let size = spool.stream_position().map_err(|error| self.spool_failed(error))?;
        spool.rewind().map_err(|error| self.spool_failed(error))?;
        write(output, &header_for(&member, size)?)?;
        let copied = io::copy(&mut spool, output).map_err(|error| Error::io(self.entry, error))?;
        if copied != size {
            return Err(Error::new(Defect::Changed, self.entry));
        }
        write(output, &[0; 512][..padding(size)])
    }
}
