//! Signs an Artifact that exists: the outer archive is copied member by member, byte for byte, and
//! `manifest.sig` stands behind `manifest`. The payload is neither unpacked nor checked.

use std::io::{ErrorKind, Read, Write};

use crate::digest::Hasher;
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::manifest::{Lines, Subject};
use crate::sign::{Signer, manifest_sig};
use crate::tar::reader::{Step, TarReader};
use crate::tar::writer::{Member, padding};

/// Mode of a `manifest.sig` that is put into an existing Artifact, as the reference tool has it.
const SIGNATURE_MODE: u32 = 0o644;
/// Bytes read at once.
const CHUNK_LEN_BYTES: usize = 1 << 20;
/// Largest `version`.
const VERSION_MAX_BYTES: u64 = 1024;

/// What signing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignReport {
    /// Whether there was a signature before.
    pub replaced: bool,
}

/// Copies the Artifact in `input` to `output` and signs it on the way.
///
/// The order of members, `version`, the form of the manifest, and the checksums of `version` and
/// the header archive are checked; an augmented Artifact is signed like any other. `output` holds
/// something useless after an error and must be thrown away, which `OutputFile` does. `input` may be
/// a pipe.
///
/// # Errors
/// When `input` is no Artifact, is signed already and `force` is false, or the signer fails.
pub fn sign_artifact(
    mut input: impl Read,
    output: impl Write,
    signer: &dyn Signer,
    force: bool,
) -> Result<SignReport, Error> {
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(Entry::Artifact, &mut name, &mut extension);
    let mut copy = Copy::new(output, signer, force);
    let mut buffer = vec![0; CHUNK_LEN_BYTES];
    loop {
        let len = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io(Entry::Artifact, error)),
        };
        let mut bytes = &buffer[..len];
        loop {
            let before = bytes;
            let step = tar.step(&mut bytes)?;
            copy.between_members(&before[..before.len() - bytes.len()])?;
            match step {
                Step::NeedInput => break,
                Step::Entry => copy.begin(tar.name(), tar.header().size)?,
                Step::Data(len) => copy.data(tar.consume(&mut bytes, len))?,
                Step::EntryEnd => copy.end()?,
            }
        }
    }
    tar.finish()?;
    copy.finish()
}

/// Which member is being copied, in the order in which they must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Start,
    Version,
    Manifest,
    Signature,
    ManifestAugment,
    Header,
    HeaderAugment,
    Data,
}

impl Place {
    fn of(name: &str) -> Option<Self> {
        let archive = |prefix: &str| {
            let suffix = name.strip_prefix(prefix)?;
            crate::compression::Compression::from_suffix(suffix)
        };
        Some(match name {
            "version" => Self::Version,
            "manifest" => Self::Manifest,
            "manifest.sig" => Self::Signature,
            "manifest-augment" => Self::ManifestAugment,
            _ if archive("header.tar").is_some() => Self::Header,
            _ if archive("header-augment.tar").is_some() => Self::HeaderAugment,
            _ if name.starts_with("data/") => Self::Data,
            _ => return None,
        })
    }

    const fn entry(self) -> Entry {
        match self {
            Self::Version => Entry::Version,
            Self::Manifest | Self::ManifestAugment => Entry::Manifest,
            Self::Signature => Entry::ManifestSig,
            Self::Header | Self::HeaderAugment => Entry::Header,
            Self::Start | Self::Data => Entry::Artifact,
        }
    }

    /// What must or may come behind this member, and the first of them that must.
    const fn next(self) -> (Self, &'static str) {
        match self {
            Self::Start => (Self::Version, "version"),
            Self::Version => (Self::Manifest, "manifest"),
            Self::Manifest | Self::Signature | Self::ManifestAugment => (Self::Header, "header.tar"),
            Self::Header | Self::HeaderAugment | Self::Data => (Self::Data, "data/0000.tar"),
        }
    }
}

struct Copy<'s, W: Write> {
    output: W,
    signer: &'s dyn Signer,
    force: bool,
    place: Place,
    /// Header blocks of a member whose name is not known yet.
    pending: Vec<u8>,
    /// Padding of the last member that has not come yet.
    padding: usize,
    size: u64,
    version: Vec<u8>,
    manifest: Vec<u8>,
    hasher: Hasher,
    signed: bool,
    replaced: bool,
}

impl<'s, W: Write> Copy<'s, W> {
    fn new(output: W, signer: &'s dyn Signer, force: bool) -> Self {
        Self {
            output,
            signer,
            force,
            place: Place::Start,
            pending: Vec::new(),
            padding: 0,
            size: 0,
            version: Vec::new(),
            manifest: Vec::new(),
            hasher: Hasher::default(),
            signed: false,
            replaced: false,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.output.write_all(bytes).map_err(|error| Error::io(Entry::Artifact, error))
    }

    /// Takes bytes that are no contents: padding of the last member, then headers of the next, then
    /// the end of the archive, which may be long and of which no more is kept than a header can be.
    fn between_members(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (padding, rest) = bytes.split_at(bytes.len().min(self.padding));
        self.padding -= padding.len();
        if self.place != Place::Signature {
            self.write(padding)?;
        }
        let limits = Limits::computer();
        let room = (limits.pax_bytes + limits.name_bytes + 4096).saturating_sub(self.pending.len());
        self.pending.extend_from_slice(&rest[..rest.len().min(room)]);
        Ok(())
    }

    fn begin(&mut self, name: &[u8], size: u64) -> Result<(), Error> {
        let (required, expected) = self.place.next();
        let place = std::str::from_utf8(name).ok().and_then(Place::of);
        // In order, nothing twice but data, and nothing left out that must be there.
        let place = place.filter(|place| {
            let again = *place == Place::Data && self.place == Place::Data;
            (again || *place > self.place) && *place <= required
        });
        let Some(place) = place else {
            return Err(Error::new(Defect::Order, self.place.entry()).expected(expected).found(name));
        };
        let limit = match place {
            Place::Version => VERSION_MAX_BYTES,
            Place::Manifest => Limits::computer().manifest_bytes as u64,
            Place::Signature => Limits::computer().signature_bytes as u64,
            _ => u64::MAX,
        };
        if size > limit {
            return Err(Error::new(Defect::TooLarge, place.entry()).expected(limit).found(size));
        }
        self.place = place;
        self.size = size;
        if place > Place::Manifest && !self.signed {
            self.insert_signature()?;
        }
        if place == Place::Signature {
            if !self.force {
                return Err(Error::new(Defect::AlreadySigned, Entry::ManifestSig));
            }
            self.replaced = true;
        } else {
            let pending = std::mem::take(&mut self.pending);
            self.write(&pending)?;
        }
        self.pending.clear();
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.place {
            Place::Version => self.version.extend_from_slice(bytes),
            Place::Manifest => self.manifest.extend_from_slice(bytes),
            Place::Header => self.hasher.update(bytes),
            Place::Signature => return Ok(()),
            _ => {}
        }
        self.write(bytes)
    }

    fn end(&mut self) -> Result<(), Error> {
        self.padding = padding(self.size);
        match self.place {
            Place::Version => self.check_version(),
            Place::Manifest => self.check_manifest(),
            Place::Header => {
                let found = self.hasher.take();
                self.check_checksum(Entry::Header, |s| matches!(s, Subject::Header(_)), found)
            }
            _ => Ok(()),
        }
    }

    fn check_version(&self) -> Result<(), Error> {
        let json: Result<serde_json::Value, _> = serde_json::from_slice(&self.version);
        let json = json.map_err(|error| Error::new(Defect::Json, Entry::Version).caused_by(error))?;
        if json.get("format").and_then(|format| format.as_str()) != Some("mender") {
            return Err(Error::new(Defect::Value, Entry::Version).named(b"format").expected("\"mender\""));
        }
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(2 | 3) => Ok(()),
            Some(other) => Err(Error::new(Defect::Version, Entry::Version).expected("2 or 3").found(other)),
            None => Err(Error::new(Defect::Value, Entry::Version).named(b"version").expected("a number")),
        }
    }

    fn check_manifest(&self) -> Result<(), Error> {
        let lines = self.manifest.iter().filter(|byte| **byte == b'\n').count();
        let sound = Lines::new(&self.manifest).count();
        if lines == 0 || sound != lines || self.manifest.last() != Some(&b'\n') {
            let error = Error::new(Defect::ManifestLine, Entry::Manifest);
            return Err(error.expected("lines of a checksum, two blanks and a name"));
        }
        let version = crate::digest::digest(&self.version);
        self.check_checksum(Entry::Version, |subject| matches!(subject, Subject::Version), version)
    }

    fn check_checksum(
        &self,
        entry: Entry,
        is_about: impl Fn(Subject<'_>) -> bool,
        found: [u8; 32],
    ) -> Result<(), Error> {
        let line = Lines::new(&self.manifest).find(|line| is_about(line.subject));
        let Some(line) = line else {
            return Err(Error::new(Defect::Missing, Entry::Manifest).expected("a line for each member"));
        };
        if line.checksum != found {
            return Err(Error::new(Defect::Checksum, entry).expected(&line.checksum).found(&found));
        }
        Ok(())
    }

    fn insert_signature(&mut self) -> Result<(), Error> {
        let signature = manifest_sig(&self.signer.sign_manifest(&self.manifest)?);
        let size = signature.len() as u64;
        let member = Member { name: "manifest.sig", size, mode: SIGNATURE_MODE, modified: 0 };
        self.write(&member.to_header()?)?;
        self.write(signature.as_bytes())?;
        self.write(&[0; 512][..padding(size)])?;
        self.signed = true;
        Ok(())
    }

    fn finish(mut self) -> Result<SignReport, Error> {
        if self.place < Place::Header {
            let (_, expected) = self.place.next();
            return Err(Error::new(Defect::Missing, Entry::Artifact).expected(expected));
        }
        self.write(&[0; 1024])?;
        self.output.flush().map_err(|error| Error::io(Entry::Artifact, error))?;
        Ok(SignReport { replaced: self.replaced })
    }
}
