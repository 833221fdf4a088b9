//! The payload on its way from one Artifact into another.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::Target;
use super::align::BLOCK_LEN_BYTES;
use super::place::Place;
use super::split::{Between, read};
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::tar::reader::{Step, TarReader};
use crate::tar::writer::padding;

/// Bytes that are copied at once where the system does not do it.
const CHUNK_LEN_BYTES: usize = 1 << 20;
/// Bytes read at once to find the next header.
const LOOK_LEN_BYTES: usize = 4096;
/// The two blocks that end an archive.
const END: [u8; 1024] = [0; 1024];

/// Carries what begins at `payload_at` in `from` to where `to` is, and ends the archive. The system is asked to share or
/// move the bytes.
pub(super) fn between_files(mut from: &File, payload_at: u64, mut to: &File) -> Result<(), Error> {
    let end = end_of_payload(from, payload_at)?;
    let failed = |error| Error::io(Entry::Artifact, error);
    from.seek(SeekFrom::Start(payload_at)).map_err(failed)?;
    let len = end - payload_at;
    // Sharing begins on a boundary; the target is at the same place within a block.
    let before_boundary = (BLOCK_LEN_BYTES - payload_at % BLOCK_LEN_BYTES) % BLOCK_LEN_BYTES;
    let first = before_boundary.min(len);
    for part in [first, len - first] {
        // On Linux this is copy_file_range, which shares blocks where the file system can.
        let copied = io::copy(&mut from.take(part), &mut to).map_err(failed)?;
        if copied != part {
            return Err(Error::new(Defect::Changed, Entry::Artifact));
        }
    }
    to.write_all(&END).map_err(failed)
}

/// Goes from header to header, and gives the end of the last member. What is in the members is not read.
pub(super) fn end_of_payload(mut file: &File, payload_at: u64) -> Result<u64, Error> {
    let failed = |error| Error::io(Entry::Artifact, error);
    let file_len = file.metadata().map_err(failed)?.len();
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(Entry::Artifact, &mut name, &mut extension);
    let mut place = Place::Header;
    let mut buffer = vec![0; LOOK_LEN_BYTES];
    // Where the reader began anew.
    let mut start = payload_at;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    loop {
        let len = read(&mut file, &mut buffer, Entry::Artifact)?;
        if len == 0 {
            tar.finish()?;
            return Ok(start);
        }
        let mut bytes = &buffer[..len];
        if tar.step(&mut bytes)? != Step::Entry {
            continue;
        }
        place = place.next(tar.name())?;
        let size = tar.header().size;
        let len = tar.offset().saturating_add(size).saturating_add(padding(size) as u64);
        start = start.saturating_add(len);
        if start > file_len {
            let error = Error::new(Defect::Truncated, place.entry());
            return Err(error.expected("the rest of a member").at(file_len));
        }
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        tar.restart(Entry::Artifact);
    }
}

/// What becomes of a payload archive.
pub(super) trait Passage {
    /// A member begins; `raw` are its header blocks.
    fn begin(&mut self, name: &str, raw: &[u8], output: &mut Target<'_>) -> Result<(), Error>;
    /// Its next bytes.
    fn data(&mut self, bytes: &[u8], output: &mut Target<'_>) -> Result<(), Error>;
    /// It is complete; `size` bytes have come.
    fn end(&mut self, size: u64, output: &mut Target<'_>) -> Result<(), Error>;
}

/// Leaves everything as it is.
pub(super) struct Verbatim;

impl Passage for Verbatim {
    fn begin(&mut self, _: &str, raw: &[u8], output: &mut Target<'_>) -> Result<(), Error> {
        write(output, raw)
    }

    fn data(&mut self, bytes: &[u8], output: &mut Target<'_>) -> Result<(), Error> {
        write(output, bytes)
    }

    fn end(&mut self, size: u64, output: &mut Target<'_>) -> Result<(), Error> {
        write(output, &END[..padding(size)])
    }
}

/// Sends the payload archives at the beginning of `input` through `passage`, and ends the archive.
pub(super) fn stream(
    mut input: impl Read,
    output: &mut Target<'_>,
    passage: &mut dyn Passage,
) -> Result<(), Error> {
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(Entry::Artifact, &mut name, &mut extension);
    let mut place = Place::Header;
    let mut between = Between::default();
    let mut buffer = vec![0; CHUNK_LEN_BYTES];
    loop {
        let len = read(&mut input, &mut buffer, place.entry())?;
        if len == 0 {
            break;
        }
        let mut bytes = &buffer[..len];
        loop {
            let before = bytes;
            let step = tar.step(&mut bytes)?;
            between.add(&before[..before.len() - bytes.len()]);
            match step {
                Step::NeedInput => break,
                Step::Entry => {
                    place = place.next(tar.name())?;
                    let name = String::from_utf8_lossy(tar.name());
                    passage.begin(&name, &std::mem::take(&mut between.blocks), output)?;
                }
                Step::Data(len) => passage.data(tar.consume(&mut bytes, len), output)?,
                Step::EntryEnd => {
                    let size = tar.header().size;
                    between.padding = padding(size);
                    passage.end(size, output)?;
                }
            }
        }
    }
    tar.finish()?;
    write(output, &END)
}

pub(super) fn write(output: &mut Target<'_>, bytes: &[u8]) -> Result<(), Error> {
    output.write_all(bytes).map_err(|error| Error::io(Entry::Artifact, error))
}
