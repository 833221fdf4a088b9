//! What the fuzz targets of this workspace look at and nobody else needs; no part of the interface.

use crate::error::{Defect, Entry, Error};
use crate::read::verify::decode_base64;
use crate::tar::block::Kind;
use crate::tar::reader::{Step, TarReader};

/// A member of a tar archive, as the reader understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarMember {
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it is a directory; else a regular file.
    pub is_directory: bool,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// All members of an archive that comes in these pieces.
///
/// # Errors
/// Whatever is wrong with the archive.
pub fn tar_members<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<TarMember>, Error> {
    let (mut name, mut extension) = ([0xa5; 1024], [0xa5; 4096]);
    let mut reader = TarReader::new(Entry::Artifact, &mut name, &mut extension);
    let mut members: Vec<TarMember> = Vec::new();
    for mut piece in pieces {
        loop {
            match reader.step(&mut piece)? {
                Step::NeedInput => break,
                Step::Entry => {
                    let header = reader.header();
                    members.push(TarMember {
                        name: reader.name().to_vec(),
                        is_directory: header.kind == Kind::Directory,
                        mode: header.mode,
                        modified: header.modified,
                        contents: Vec::new(),
                    });
                }
                Step::Data(len) => {
                    let bytes = reader.consume(&mut piece, len);
                    let member = members.last_mut().ok_or(Error::new(Defect::Missing, Entry::Artifact))?;
                    member.contents.extend_from_slice(bytes);
                }
                Step::EntryEnd => {}
            }
        }
    }
    reader.finish()?;
    Ok(members)
}

/// Decodes the text of a `manifest.sig`.
///
/// # Errors
/// [`Defect::SignatureEncoding`].
pub fn signature_text(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = text.to_vec();
    let len = decode_base64(&mut bytes)?;
    bytes.truncate(len);
    Ok(bytes)
}
