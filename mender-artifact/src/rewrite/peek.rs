//! The first bytes of the first payload file, without the rest.

use std::io::Read;

use super::Original;
use crate::compression::Compression;
use crate::error::{Entry, Error};
use crate::limits::Limits;
use crate::read::codec::{Decompress, Decompressors, Progress};
use crate::read::decompress::BuiltIn;
use crate::tar::block::Kind;
use crate::tar::reader::{Step, TarReader};

/// Packed bytes that are looked at: more than a block of any compression.
const LOOK_LEN_BYTES: u64 = 1 << 20;
/// Header blocks before the contents of a payload file, at most.
const HEADERS_BYTES: usize = 64 << 10;

impl Original<'_> {
    /// At most `len` bytes from the beginning of the first payload file; fewer where it is shorter or hard to unpack.
    /// What they are is not checked in any way. The Artifact can be written as before.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn first_payload_bytes(&mut self, len: usize) -> Result<Vec<u8>, Error> {
        let Some(compression) = self.payload_compression() else { return Ok(Vec::new()) };
        let room = LOOK_LEN_BYTES.saturating_sub(self.ahead.len() as u64);
        let read = (&mut self.source).take(room).read_to_end(&mut self.ahead);
        read.map_err(|error| Error::io(Entry::Artifact, error))?;
        Ok(contents(&self.ahead)
            .and_then(|packed| unpack(compression, packed, len.saturating_add(HEADERS_BYTES)))
            .and_then(|archive| first_file(&archive, len))
            .unwrap_or_default())
    }
}

/// As much as there is of the contents of the member that begins at `ahead`.
fn contents(ahead: &[u8]) -> Option<&[u8]> {
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(Entry::Artifact, &mut name, &mut extension);
    let mut bytes = ahead;
    if tar.step(&mut bytes).ok()? != Step::Entry {
        return None;
    }
    match tar.step(&mut bytes).ok()? {
        Step::Data(len) => Some(&bytes[..len]),
        _ => None,
    }
}

fn unpack(compression: Compression, packed: &[u8], most: usize) -> Option<Vec<u8>> {
    if compression == Compression::None {
        return Some(packed[..packed.len().min(most)].to_vec());
    }
    let mut unpacker = BuiltIn.open(compression, Limits::computer().decoder_bytes).ok()?;
    let (mut unpacked, mut filled, mut rest) = (vec![0; most], 0, packed);
    while !rest.is_empty() && filled < most {
        let progress = unpacker.decompress(rest, &mut unpacked[filled..]).ok()?;
        if progress == Progress::default() {
            break;
        }
        rest = &rest[progress.consumed.min(rest.len())..];
        filled += progress.produced;
    }
    unpacked.truncate(filled);
    Some(unpacked)
}

fn first_file(archive: &[u8], len: usize) -> Option<Vec<u8>> {
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(Entry::Data(0), &mut name, &mut extension);
    let mut bytes = archive;
    let mut found = None;
    loop {
        match tar.step(&mut bytes).ok()? {
            Step::NeedInput => return found,
            Step::Entry if found.is_none() && tar.header().kind == Kind::File => found = Some(Vec::new()),
            Step::Entry => {}
            Step::EntryEnd if found.is_some() => return found,
            Step::EntryEnd => {}
            Step::Data(here) => {
                let data = tar.consume(&mut bytes, here);
                let Some(file) = &mut found else { continue };
                let room = len.saturating_sub(file.len());
                file.extend_from_slice(&data[..data.len().min(room)]);
                if file.len() == len {
                    return found;
                }
            }
        }
    }
}
