//! The reader core: bytes in, events out.
//!
//! No input or output, no allocation: everything it remembers lies in one slice from the caller,
//! whose size [`memory_needed`] tells beforehand.

mod archive;
mod outer;

use super::codec::Decompressors;
use super::file_hash::FileHash;
use super::header::{HeaderWalk, info};
use super::kept::Kept;
use super::order::{Member, Order};
use super::verify::{SignatureRule, SignatureStatus};
use super::view::HeaderView;
use crate::compression::Compression;
use crate::digest::{Digest, Hasher};
use crate::error::{Category, Defect, Entry, Error};
use crate::json::check::scratch_bytes;
use crate::limits::Limits;
use crate::manifest::{Manifest, index_bytes};
use crate::tar::reader::TarReader;

/// What a reader is to do.
#[derive(Clone, Debug)]
pub struct Config<'v> {
    /// How much an Artifact may ask for.
    pub limits: Limits,
    /// What to do about the signature.
    pub signature: SignatureRule<'v>,
    /// Whether state scripts are kept for [`HeaderView::scripts`]. If not, they are listed without
    /// contents, and take no memory but for their names.
    pub keep_scripts: bool,
}

/// What has come to light.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'r> {
    /// All input is used up. Push more, or call [`Reader::finish`] if there is none.
    NeedInput,
    /// The header is complete and its checksum right; so is the signature if one is required.
    Header(HeaderView<'r>),
    /// A payload file begins.
    FileBegin(FileHead<'r>),
    /// Bytes of the payload file. Not to be trusted before its [`Event::FileEnd`].
    Data(&'r [u8]),
    /// The payload file is complete and its checksum right.
    FileEnd,
}

/// What is known about a payload file when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHead<'r> {
    /// The number of its payload, from 0.
    pub payload: u16,
    /// Its name, `[A-Za-z0-9_.,-]+`.
    pub name: &'r str,
    /// Its size in bytes, unpacked.
    pub size: u64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// The SHA-256 that it must have.
    pub checksum: Digest,
    /// How the archive around it is compressed.
    pub compression: Compression,
}

/// Bytes of memory that a [`Reader`] with these limits needs.
#[must_use]
pub const fn memory_needed(limits: &Limits) -> usize {
    limits
        .manifest_bytes
        .saturating_add(index_bytes(limits.files))
        .saturating_add(limits.signature_bytes)
        .saturating_add(limits.name_bytes.saturating_mul(2))
        .saturating_add(limits.pax_bytes.saturating_mul(2))
        .saturating_add(limits.header_kept_bytes)
        .saturating_add(scratch_bytes(limits.json_keys, limits.json_depth))
        .saturating_add(limits.unpacked_buffer_bytes)
}

/// Reads one Artifact.
///
/// ```
/// use mender_artifact::limits::Limits;
/// use mender_artifact::read::codec::Uncompressed;
/// use mender_artifact::read::push::{Config, Event, Reader, memory_needed};
/// use mender_artifact::read::verify::SignatureRule;
///
/// # fn main() -> Result<(), mender_artifact::error::Error> {
/// let limits = Limits::device();
/// let mut memory = vec![0; memory_needed(&limits)];
/// let config = Config { limits, signature: SignatureRule::NotChecked, keep_scripts: false };
/// let mut reader = Reader::new(&mut memory, config, Uncompressed)?;
/// let mut piece: &[u8] = b"";
/// while !piece.is_empty() {
///     match reader.push(&mut piece)? {
///         Event::FileBegin(file) => println!("{} has {} bytes", file.name, file.size),
///         _ => {}
///     }
/// }
/// assert!(reader.finish().is_err()); // an Artifact is more than nothing
/// # Ok(())
/// # }
/// ```
pub struct Reader<'m, 'v, D: Decompressors> {
    limits: Limits,
    rule: SignatureRule<'v>,
    decompressors: D,
    decompressor: Option<D::Decompressor>,
    outer: TarReader<'m>,
    inner: TarReader<'m>,
    order: Order,
    member: Option<Member>,
    /// The outer member has ended; what the decompressor holds back is still to come.
    draining: bool,
    manifest: Manifest<'m>,
    small: &'m mut [u8],
    small_len: usize,
    kept: Kept<'m>,
    walk: HeaderWalk,
    scratch: &'m mut [u8],
    unpacked: &'m mut [u8],
    unpacked_from: usize,
    unpacked_to: usize,
    unpacked_total: u64,
    member_hash: Hasher,
    file_hash: FileHash,
    /// Whether large files are hashed on a thread of their own.
    #[cfg(feature = "std")]
    hashes_beside: bool,
    version_digest: Digest,
    /// What the header archive that is being read has to have.
    header_digest: Option<Digest>,
    header_compression: Compression,
    file_digest: Option<Digest>,
    status: SignatureStatus,
    /// Who is told of problems that need not be the end; without, the first one is.
    told: Option<&'v dyn Told>,
    failed: Option<Error>,
}

/// What [`Reader::advance`] stopped for; a copy of nothing, so that it can go on borrowing itself.
enum Signal {
    NeedInput,
    Header,
    FileBegin(u16),
    /// So many bytes, just taken off the input.
    Input(usize),
    /// Bytes of the unpacked buffer.
    Unpacked(usize, usize),
    FileEnd,
}

impl<'m, 'v, D: Decompressors> Reader<'m, 'v, D> {
    /// A reader in `memory`, of which it uses the first [`memory_needed`] bytes.
    ///
    /// # Errors
    /// [`Defect::Memory`] if `memory` is smaller than that.
    pub fn new(memory: &'m mut [u8], config: Config<'v>, decompressors: D) -> Result<Self, Error> {
        let Config { limits, signature, keep_scripts } = config;
        let needed = memory_needed(&limits);
        if memory.len() < needed {
            let error = Error::new(Defect::Memory, Entry::Artifact);
            return Err(error.expected(needed).found(memory.len()));
        }
        let mut rest = memory;
        let mut carve = |len: usize| {
            let (piece, after) = core::mem::take(&mut rest).split_at_mut(len);
            rest = after;
            piece
        };
        Ok(Self {
            rule: signature,
            decompressors,
            decompressor: None,
            outer: TarReader::new(Entry::Artifact, carve(limits.name_bytes), carve(limits.pax_bytes)),
            inner: TarReader::new(Entry::Header, carve(limits.name_bytes), carve(limits.pax_bytes)),
            order: Order::new(limits.augmented),
            member: None,
            draining: false,
            manifest: Manifest::new(carve(limits.manifest_bytes), carve(index_bytes(limits.files))),
            small: carve(limits.signature_bytes),
            small_len: 0,
            kept: Kept::new(carve(limits.header_kept_bytes)),
            walk: HeaderWalk::new(limits.payloads, keep_scripts),
            scratch: carve(scratch_bytes(limits.json_keys, limits.json_depth)),
            unpacked: carve(limits.unpacked_buffer_bytes),
            unpacked_from: 0,
            unpacked_to: 0,
            unpacked_total: 0,
            member_hash: Hasher::default(),
            file_hash: FileHash::default(),
            #[cfg(feature = "std")]
            hashes_beside: false,
            version_digest: [0; 32],
            header_digest: None,
            header_compression: Compression::None,
            file_digest: None,
            status: SignatureStatus::Unsigned,
            told: None,
            failed: None,
            limits,
        })
    }

    /// Goes on after problems where that makes sense, and tells of each. Events are then no promise
    /// that anything is sound.
    #[cfg(feature = "std")]
    pub(crate) fn tells(mut self, told: &'v dyn Told) -> Self {
        self.told = Some(told);
        self
    }

    /// Hashes large payload files on a thread of their own, so that unpacking goes on meanwhile.
    #[cfg(feature = "std")]
    pub(crate) fn hashes_beside(mut self) -> Self {
        self.hashes_beside = true;
        self
    }

    /// Takes bytes off `input` until there is something to say. Pieces may have any size.
    ///
    /// # Errors
    /// Whatever is wrong with the Artifact. A reader that has failed keeps giving the same error.
    pub fn push<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Event<'s>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let before = *input;
        let signal = match self.advance(input) {
            Ok(signal) => signal,
            Err(error) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
        };
        Ok(match signal {
            Signal::NeedInput => Event::NeedInput,
            Signal::Header => Event::Header(self.header()?),
            Signal::FileBegin(payload) => Event::FileBegin(self.file_head(payload)),
            Signal::Input(len) => {
                let end = before.len() - input.len();
                Event::Data(&before[end - len..end])
            }
            Signal::Unpacked(from, to) => Event::Data(&self.unpacked[from..to]),
            Signal::FileEnd => Event::FileEnd,
        })
    }

    /// There is no more input: was that a whole Artifact?
    ///
    /// # Errors
    /// [`Defect::Truncated`], [`Defect::Missing`], or the error that [`Reader::push`] has given.
    pub fn finish(&self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let entry = self.member.map_or(Entry::Artifact, Member::entry);
        self.outer.finish().map_err(|error| error.in_entry(entry))?;
        let missing = match self.order.last() {
            None => "version",
            Some(Member::Version) => "manifest",
            Some(Member::Manifest | Member::Signature | Member::ManifestAugment) => "header.tar",
            Some(Member::Header(_)) if self.order.is_augmented() => "header-augment.tar",
            Some(Member::Header(_) | Member::HeaderAugment(_) | Member::Data(..)) => {
                let told = self.told;
                return self.manifest.finish(&mut move |error| tell_or_end(told, error));
            }
        };
        Err(Error::new(Defect::Missing, Entry::Artifact).named(missing.as_bytes()))
    }

    /// What is known about the signature so far.
    #[must_use]
    pub const fn signature(&self) -> &SignatureStatus {
        &self.status
    }

    /// Bytes of the Artifact so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.outer.offset()
    }

    fn header(&self) -> Result<HeaderView<'_>, Error> {
        Ok(HeaderView {
            version: self.walk.version(),
            info: info(&self.kept)?,
            manifest: self.manifest.text(),
            manifest_augment: self.order.is_augmented().then(|| self.manifest.augment_text()),
            records: self.kept.records(),
            signature: &self.status,
            compression: self.header_compression,
        })
    }

    fn file_head(&self, payload: u16) -> FileHead<'_> {
        let header = self.inner.header();
        FileHead {
            payload,
            name: core::str::from_utf8(self.inner.name()).unwrap_or_default(),
            size: header.size,
            modified: header.modified,
            mode: header.mode,
            checksum: self.file_digest.unwrap_or_default(),
            compression: match self.member {
                Some(Member::Data(_, compression)) => compression,
                _ => Compression::None,
            },
        }
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Signal, Error> {
        loop {
            let signal = match self.member {
                Some(member @ (Member::Header(_) | Member::HeaderAugment(_) | Member::Data(..))) => {
                    self.archive(member, input)?
                }
                member => self.outer_member(member, input)?,
            };
            if let Some(signal) = signal {
                return Ok(signal);
            }
        }
    }
}

/// Who hears of problems that need not be the end.
pub(crate) trait Told: Sync {
    /// There is this problem.
    fn problem(&self, error: Error);
}

/// Tells of a problem; or, if nobody wants to be told or there is no use in going on, ends with it.
fn tell_or_end(told: Option<&dyn Told>, error: Error) -> Result<(), Error> {
    match (told, error.category()) {
        (Some(told), Category::Format | Category::Verify) => {
            told.problem(error);
            Ok(())
        }
        _ => Err(error),
    }
}

impl<D: Decompressors> core::fmt::Debug for Reader<'_, '_, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reader")
            .field("offset", &self.offset())
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

fn same(expected: &Digest, found: &Digest, entry: Entry) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(Defect::Checksum, entry).expected(expected).found(found))
}
