//! Makes a new Artifact out of one that exists: what stands before the payload is read and may be changed, the
//! payload archives are carried over byte for byte, neither unpacked nor checked.
//!
//! Between files the system moves the payload: on a file system that can share blocks between files (XFS, Btrfs)
//! nothing is copied, elsewhere the bytes do not pass through this process. Between streams it is one copy.
//!
//! | file | |
//! |---|---|
//! | `place` | which members there are, and in which order |
//! | `split` | a tar archive taken apart, with the header blocks as they are |
//! | `front` | everything before the payload |
//! | `align` | blank room that keeps the payload on the boundary it has in its file system |
//! | `carry` | the payload on its way |
//! | `recompress` | the payload on its way when its compression changes |
//! | `content` | the payload when what is in it changes |

mod align;
mod carry;
mod content;
pub(crate) mod front;
pub(crate) mod peek;
mod place;
mod recompress;
pub(crate) mod split;

use std::fs::File;
use std::io::{self, Read, Write};

pub use content::{NewPlain, SeekableContent, Unpacked};
pub use front::Front;
pub use recompress::Recompression;

use crate::compression::Compression;
use crate::error::{Entry, Error};
use crate::header::ArtifactHeader;

/// Where an Artifact is read from.
pub enum Source<'a> {
    /// A regular file, read from its beginning.
    File(&'a File),
    /// Anything else.
    Stream(Box<dyn Read + 'a>),
}

/// Where an Artifact is written to.
pub enum Target<'a> {
    /// A regular, empty file.
    File(&'a File),
    /// Anything else.
    Stream(&'a mut dyn Write),
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Stream(stream) => stream.read(buffer),
        }
    }
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

/// An Artifact of which everything before the payload has been read.
///
/// ```no_run
/// use mender_artifact::rewrite::{Original, Source, Target};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (std::fs::File::open("a.mender")?, std::fs::File::create("b.mender")?);
/// let mut artifact = Original::read(Source::File(&old))?;
/// artifact.front_mut().remove_signature();
/// artifact.write(Target::File(&new))?;
/// # Ok(())
/// # }
/// ```
pub struct Original<'a> {
    source: Source<'a>,
    front: Front,
    /// Where the first payload archive's header begins; the end of the last member if there is none.
    payload_at: u64,
    /// The first payload archive, if there is one.
    first_payload: Option<split::Stopped>,
    /// What has been read from there on.
    ahead: Vec<u8>,
}

impl<'a> Original<'a> {
    /// Reads `version`, manifests, signature and headers.
    ///
    /// The order of members, `version`, the form of the manifest, and the checksums of `version` and the header
    /// archives are checked, nothing inside of the latter.
    ///
    /// # Errors
    /// When it is no Artifact, or one of its parts wants more than
    /// [`Limits::computer`](crate::limits::Limits::computer) grants.
    pub fn read(mut source: Source<'a>) -> Result<Self, Error> {
        if let Source::File(file) = &mut source {
            io::Seek::rewind(file).map_err(|error| Error::io(Entry::Artifact, error))?;
        }
        let split = split::front(&mut source)?;
        let front = Front::new(split.members)?;
        Ok(Self {
            source,
            front,
            payload_at: split.stopped_at,
            first_payload: split.stopped,
            ahead: split.ahead,
        })
    }

    /// What stands before the payload.
    #[must_use]
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// The same, to be changed.
    pub fn front_mut(&mut self) -> &mut Front {
        &mut self.front
    }

    /// What stands before the payload, as our own reader understands it; of payload files only names and checksums.
    ///
    /// # Errors
    /// When it is not sound.
    pub fn describe(&self) -> Result<ArtifactHeader, Error> {
        crate::modify::describe::describe(&self.front)
    }

    /// How the first payload archive is compressed, if there is one.
    #[must_use]
    pub fn payload_compression(&self) -> Option<Compression> {
        let archive = self.first_payload.as_ref()?;
        place::archive_compression(archive.name.get("data/0000".len()..)?, ".tar")
    }

    /// Writes the Artifact with its changed front and the payload as it is. `target` holds something useless
    /// after an error and must be thrown away, which `OutputFile` does.
    ///
    /// # Errors
    /// When the members behind the front are not payload archives in their order, the source is cut off, or
    /// reading or writing fails.
    pub fn write(self, mut target: Target<'_>) -> Result<(), Error> {
        let mut front = self.front;
        if self.first_payload.as_ref().is_some_and(|archive| archive.len >= align::SHARE_MIN_BYTES) {
            front.keep_alignment(self.payload_at)?;
        }
        target.write_all(&front.to_bytes()?).map_err(|error| Error::io(Entry::Artifact, error))?;
        match (self.source, &mut target) {
            (Source::File(from), Target::File(to)) => carry::between_files(from, self.payload_at, to)?,
            (source, target) => {
                let input = io::Cursor::new(self.ahead).chain(source);
                carry::stream(input, target, &mut carry::Verbatim)?;
            }
        }
        target.flush().map_err(|error| Error::io(Entry::Artifact, error))
    }

    /// As [`write`](Self::write), but the payload archives are unpacked and compressed anew; what is in them
    /// stays as it is. The front must have been given the header archive that goes with it.
    ///
    /// # Errors
    /// As [`write`](Self::write); also when a payload archive is damaged.
    pub fn write_recompressed(self, target: Target<'_>, how: &Recompression<'_>) -> Result<(), Error> {
        let mut target = target;
        target.write_all(&self.front.to_bytes()?).map_err(|error| Error::io(Entry::Artifact, error))?;
        let total = match &self.source {
            Source::File(file) => file.metadata().ok().map(|about| about.len()),
            Source::Stream(_) => None,
        };
        let inner = io::Cursor::new(self.ahead).chain(self.source);
        let on_progress = how.on_progress;
        let input = recompress::Counted { inner, done: self.payload_at, total, on_progress };
        carry::stream(input, &mut target, &mut recompress::Recompressed::new(how))?;
        target.flush().map_err(|error| Error::io(Entry::Artifact, error))
    }
}
