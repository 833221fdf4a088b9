//! Everything before the payload: read, changed and written again.

use super::align;
use super::place::{Place, archive_compression};
use super::split::Member;
use crate::compression::Compression;
use crate::digest::{Digest, digest, from_hex, to_hex};
use crate::error::{Defect, Entry, Error};
use crate::sign::manifest_sig;
use crate::tar::writer::{Member as NewMember, padding};

/// Mode of a `manifest.sig` that is put into an existing Artifact, as the reference tool has it.
const SIGNATURE_MODE: u32 = 0o644;
/// Length of a checksum in a manifest.
const HEX_LEN: usize = 64;

/// The members before the payload. What is not changed is written as it was, to the last byte.
#[derive(Clone, Debug)]
pub struct Front {
    members: Vec<FrontMember>,
    version: u64,
}

#[derive(Clone, Debug)]
struct FrontMember {
    place: Place,
    member: Member,
    changed: bool,
}

/// An archive of descriptions, `header.tar` or `header-augment.tar`, still compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderArchive<'f> {
    pub(crate) compression: Compression,
    pub(crate) bytes: &'f [u8],
}

impl Front {
    /// Takes members that are in order, and checks what can be checked without unpacking.
    pub(super) fn new(members: Vec<Member>) -> Result<Self, Error> {
        let mut place = Place::Start;
        let mut front = Self { members: Vec::new(), version: 0 };
        for member in members {
            place = place.next(member.name.as_bytes())?;
            if member.is_directory {
                let error = Error::new(Defect::TarMemberKind, place.entry());
                return Err(error.expected("a regular file").found("a directory"));
            }
            front.members.push(FrontMember { place, member, changed: false });
        }
        front.version = version_of(front.contents(Place::Version))?;
        front.check_manifest(Place::Manifest, &["version", "header.tar"])?;
        if front.has(Place::ManifestAugment) {
            front.check_manifest(Place::ManifestAugment, &["header-augment.tar"])?;
        }
        Ok(front)
    }

    /// The format version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The manifest as it stands there: what is signed.
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        self.contents(Place::Manifest)
    }

    /// SHA-256 of the manifest: what is signed where only a digest is taken.
    #[must_use]
    pub fn manifest_digest(&self) -> Digest {
        digest(self.manifest())
    }

    /// The second manifest of an augmented Artifact.
    #[must_use]
    pub fn manifest_augment(&self) -> Option<&[u8]> {
        self.has(Place::ManifestAugment).then(|| self.contents(Place::ManifestAugment))
    }

    /// Whether there is a signature.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.has(Place::Signature)
    }

    /// Puts a signature, the bytes that a key gave, behind the manifest; one that is there is replaced.
    ///
    /// # Errors
    /// Never for a signature that a key can give.
    pub fn set_signature(&mut self, signature: &[u8]) -> Result<(), Error> {
        self.remove_signature();
        let contents = manifest_sig(signature).into_bytes();
        let name = "manifest.sig";
        let header = NewMember { name, size: contents.len() as u64, mode: SIGNATURE_MODE, modified: 0 };
        let raw = header.to_header()?;
        let member = Member { raw, name: name.into(), is_directory: false, contents };
        let at = self.members.iter().position(|member| member.place > Place::Signature);
        let at = at.unwrap_or(self.members.len());
        self.members.insert(at, FrontMember { place: Place::Signature, member, changed: true });
        Ok(())
    }

    /// Takes the signature away, if there is one.
    pub fn remove_signature(&mut self) {
        self.members.retain(|member| member.place != Place::Signature);
    }

    /// How the header archive is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.header().compression
    }

    /// The header archive.
    pub(crate) fn header(&self) -> HeaderArchive<'_> {
        self.archive(Place::Header, "header.tar")
            .unwrap_or(HeaderArchive { compression: Compression::None, bytes: &[] })
    }

    /// The second header archive of an augmented Artifact.
    pub(crate) fn header_augment(&self) -> Option<HeaderArchive<'_>> {
        self.archive(Place::HeaderAugment, "header-augment.tar")
    }

    fn archive(&self, place: Place, stem: &str) -> Option<HeaderArchive<'_>> {
        let member = &self.members.iter().find(|member| member.place == place)?.member;
        let compression = archive_compression(&member.name, stem)?;
        Some(HeaderArchive { compression, bytes: &member.contents })
    }

    /// Puts another header archive in the place of the one that is there, and its checksum into the manifest. The
    /// signature, if there is one, belongs to the old manifest then.
    pub(crate) fn set_header(&mut self, compression: Compression, bytes: Vec<u8>) -> Result<(), Error> {
        self.set_archive((Place::Header, "header.tar"), Place::Manifest, compression, bytes)
    }

    /// As [`set_header`](Self::set_header) for the second header of an augmented Artifact.
    pub(crate) fn set_header_augment(
        &mut self,
        compression: Compression,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let archive = (Place::HeaderAugment, "header-augment.tar");
        self.set_archive(archive, Place::ManifestAugment, compression, bytes)
    }

    /// Puts another checksum of a file of the first payload into the manifest.
    pub(crate) fn set_payload_checksum(&mut self, name: &str, checksum: &Digest) -> Result<(), Error> {
        let path = format!("data/0000/{name}");
        let mut text = Vec::new();
        for line in self.manifest().split_inclusive(|byte| *byte == b'\n') {
            let about = parse_line(line.strip_suffix(b"\n").unwrap_or(line)).map(|(_, name)| name);
            if about == Some(path.as_bytes()) {
                text.extend_from_slice(format!("{}  {path}\n", to_hex(checksum)).as_bytes());
            } else {
                text.extend_from_slice(line);
            }
        }
        self.replace(Place::Manifest, None, text)
    }

    fn set_archive(
        &mut self,
        (place, stem): (Place, &str),
        manifest: Place,
        compression: Compression,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let name = format!("{stem}{}", compression.suffix());
        let text = with_archive_line(self.contents(manifest), stem, &name, &bytes);
        self.replace(manifest, None, text)?;
        self.replace(place, Some(name), bytes)
    }

    /// Gives a member other contents; its mode, owner and time stay.
    fn replace(&mut self, place: Place, name: Option<String>, contents: Vec<u8>) -> Result<(), Error> {
        let missing = || Error::new(Defect::Missing, place.entry());
        let found = self.members.iter_mut().find(|member| member.place == place).ok_or_else(missing)?;
        if let Some(name) = name {
            found.member.name = name;
        }
        found.member.raw = header_for(&found.member, contents.len() as u64)?;
        found.member.contents = contents;
        found.changed = true;
        Ok(())
    }

    fn has(&self, place: Place) -> bool {
        self.members.iter().any(|member| member.place == place)
    }

    fn contents(&self, place: Place) -> &[u8] {
        let found = self.members.iter().find(|member| member.place == place);
        found.map_or(&[], |member| &member.member.contents)
    }

    /// Every line has its form, and the files named, with any suffix, their checksums.
    fn check_manifest(&self, manifest: Place, stems: &[&str]) -> Result<(), Error> {
        let text = self.contents(manifest);
        let malformed = |line: &[u8]| {
            let error = Error::new(Defect::ManifestLine, Entry::Manifest).found(line);
            error.expected("lines of a checksum, two blanks and a name")
        };
        let Some(text) = text.strip_suffix(b"\n") else { return Err(malformed(text)) };
        let mut lines = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            lines.push(parse_line(line).ok_or_else(|| malformed(line))?);
        }
        for stem in stems {
            let found = self.members.iter().find(|member| member.member.name.starts_with(stem));
            let Some(found) = found else {
                return Err(Error::new(Defect::Missing, Entry::Artifact).named(stem.as_bytes()));
            };
            let line = lines.iter().find(|(_, name)| *name == found.member.name.as_bytes());
            let Some((expected, _)) = line else {
                let error = Error::new(Defect::Missing, Entry::Manifest);
                return Err(error.named(found.member.name.as_bytes()).expected("a line for each member"));
            };
            let checksum = digest(&found.member.contents);
            if *expected != checksum {
                let error = Error::new(Defect::Checksum, found.place.entry());
                return Err(error.expected(expected).found(&checksum));
            }
        }
        Ok(())
    }

    /// Makes room before a changed member so that the payload comes to the place within a block that `old` has.
    pub(super) fn keep_alignment(&mut self, old: u64) -> Result<(), Error> {
        let new = self.to_bytes()?.len() as u64;
        let room = align::room(old, new);
        // Headers of what is changed are new and have no extended header yet.
        let last = self.members.iter_mut().rev().find(|member| member.changed);
        if let (Some(last), true) = (last, room > 0) {
            let blank = align::blank(&last.member.name, room)?;
            last.member.raw.splice(0..0, blank);
        }
        Ok(())
    }

    /// All members, without the end of the archive.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for FrontMember { member, .. } in &self.members {
            bytes.extend_from_slice(&member.raw);
            bytes.extend_from_slice(&member.contents);
            bytes.resize(bytes.len() + padding(member.contents.len() as u64), 0);
        }
        Ok(bytes)
    }
}

/// A header block for `member` with this size: mode, owner and time are those of its old one.
pub(crate) fn header_for(member: &Member, size: u64) -> Result<Vec<u8>, Error> {
    let mut header = NewMember { name: &member.name, size, mode: 0, modified: 0 }.to_header()?;
    // The last block is that of the member itself, whether an extended header stands before it or not.
    let last = |header: &[u8]| header.len().checked_sub(512);
    let old = last(&member.raw).and_then(|at| member.raw.get(at..));
    let (Some(old), Some(at)) = (old, last(&header)) else { return Ok(header) };
    let block = &mut header[at..];
    // Mode, uid, gid; mtime; user and group name, unless the archive is of another dialect.
    let mut keep = |range: std::ops::Range<usize>| block[range.clone()].copy_from_slice(&old[range]);
    keep(100..124);
    keep(136..148);
    keep(265..329);
    align::set_checksum(block);
    Ok(header)
}

/// Checksum and name of a line of a manifest.
fn parse_line(line: &[u8]) -> Option<(Digest, &[u8])> {
    let (checksum, name) = line.split_at_checked(HEX_LEN)?;
    let name = name.strip_prefix(b"  ").filter(|name| !name.is_empty())?;
    Some((from_hex(checksum)?, name))
}

/// The manifest with the line of the archive `stem`, whatever its suffix is, made that of `name`.
fn with_archive_line(manifest: &[u8], stem: &str, name: &str, archive: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(manifest.len());
    for line in manifest.split_inclusive(|byte| *byte == b'\n') {
        let about = parse_line(line.strip_suffix(b"\n").unwrap_or(line)).map(|(_, name)| name);
        let about = about.and_then(|name| std::str::from_utf8(name).ok());
        if about.is_some_and(|about| archive_compression(about, stem).is_some()) {
            text.extend_from_slice(format!("{}  {name}\n", to_hex(&digest(archive))).as_bytes());
        } else {
            text.extend_from_slice(line);
        }
    }
    text
}

fn version_of(document: &[u8]) -> Result<u64, Error> {
    let json: Result<serde_json::Value, _> = serde_json::from_slice(document);
    let json = json.map_err(|error| Error::new(Defect::Json, Entry::Version).caused_by(error))?;
    if json.get("format").and_then(|format| format.as_str()) != Some("mender") {
        return Err(Error::new(Defect::Value, Entry::Version).named(b"format").expected("\"mender\""));
    }
    match json.get("version").and_then(serde_json::Value::as_u64) {
        Some(version @ (2 | 3)) => Ok(version),
        Some(other) => Err(Error::new(Defect::Version, Entry::Version).expected("2 or 3").found(other)),
        None => Err(Error::new(Defect::Value, Entry::Version).named(b"version").expected("a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_any_size_keeps_mode_owner_and_time() {
        for name in ["data/0000.tar.gz", &"n".repeat(200)] {
            let old = NewMember { name, size: 7, mode: 0o640, modified: 1_600_000_000 };
            let raw = old.to_header().unwrap();
            let member = Member { raw, name: name.into(), is_directory: false, contents: Vec::new() };
            // More than octal digits can say: an extended header says it.
            for size in [0, 7, (8 << 30) - 1, 8 << 30, 1 << 42] {
                let header = header_for(&member, size).unwrap();
                let expected = NewMember { size, ..old.clone() }.to_header().unwrap();
                assert!(header == expected, "{name} {size}");
            }
        }
    }
}
