//! Payload files on their way into an Artifact: paths and streams, read once, front to back.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Defect, Entry, Error};

/// Mode of a payload file that comes out of a stream.
const STREAM_MODE: u32 = 0o600;

/// A payload file to be written.
pub struct PayloadInput<'a> {
    pub(super) name: String,
    pub(super) source: Source<'a>,
    pub(super) mode: Option<u32>,
    pub(super) modified: Option<i64>,
    pub(super) checksum: Option<[u8; 32]>,
}

/// Where the contents come from.
pub(super) enum Source<'a> {
    Path(PathBuf),
    Stream { size: Option<u64>, reader: Box<dyn Read + 'a> },
}

impl<'a> PayloadInput<'a> {
    /// The file at `path`, opened when it is written. Pipes and devices are read as streams of
    /// unknown size. Its name in the Artifact is the last part of the path.
    ///
    /// # Errors
    /// [`Defect::Name`] when the path does not end in a name.
    pub fn from_path(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            let error = Error::new(Defect::Name, Entry::Artifact).with_path(path);
            return Err(error.expected("a path that ends in a file name"));
        };
        let name = name.into();
        Ok(Self { name, source: Source::Path(path), mode: None, modified: None, checksum: None })
    }

    /// A stream. Without a `size` it may be of any; with one it must be of exactly that. Mode 0600 and
    /// the time of [`WriteOptions::source_date_epoch`](super::WriteOptions::source_date_epoch), or
    /// 1970, unless given.
    #[must_use]
    pub fn from_reader(name: impl Into<String>, size: Option<u64>, reader: impl Read + 'a) -> Self {
        let source = Source::Stream { size, reader: Box::new(reader) };
        Self { name: name.into(), source, mode: None, modified: None, checksum: None }
    }

    /// Gives it another name in the Artifact.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives it other permission bits, at most `0o7777`.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode & 0o7777);
        self
    }

    /// Gives it another time, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn with_modified(mut self, modified: i64) -> Self {
        self.modified = Some(modified);
        self
    }

    /// Says which SHA-256 the contents must have; others are an error.
    #[must_use]
    pub fn with_checksum(mut self, checksum: [u8; 32]) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// The size, if it can be known without reading. Missing files are found only when opened.
    pub(super) fn size_hint(&self) -> Option<u64> {
        match &self.source {
            Source::Path(path) => {
                let metadata = std::fs::metadata(path).ok()?;
                metadata.is_file().then_some(metadata.len())
            }
            Source::Stream { size, .. } => *size,
        }
    }

    /// Where it is read from, if it is a file.
    #[must_use]
    pub fn path(&self) -> Option<&PathBuf> {
        match &self.source {
            Source::Path(path) => Some(path),
            Source::Stream { .. } => None,
        }
    }

    /// Opens it. `entry` is what errors are about.
    pub(super) fn open(&mut self, entry: Entry) -> Result<OpenInput<'_>, Error> {
        let (mode, modified) = (self.mode, self.modified);
        match &mut self.source {
            Source::Path(path) => {
                let io = |error| Error::io(entry, error).with_path(&*path);
                let file = File::open(&*path).map_err(io)?;
                let metadata = file.metadata().map_err(io)?;
                if metadata.is_dir() {
                    let error = Error::new(Defect::Io, entry).with_path(&*path);
                    return Err(error.expected("a file").found("a directory"));
                }
                let before = metadata.is_file().then(|| Stamp::of(&metadata));
                Ok(OpenInput {
                    size: before.as_ref().map(|stamp| stamp.size),
                    mode: mode.unwrap_or_else(|| mode_of(&metadata)),
                    modified: modified.or_else(|| before.as_ref().map(|_| modified_of(&metadata))),
                    reader: Reader::File { file, before },
                })
            }
            Source::Stream { size, reader } => {
                let mode = mode.unwrap_or(STREAM_MODE);
                Ok(OpenInput { size: *size, mode, modified, reader: Reader::Stream(reader) })
            }
        }
    }
}

impl fmt::Debug for PayloadInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadInput").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A payload file that is being read.
pub(super) struct OpenInput<'i> {
    /// `None` where only the end of the stream tells.
    pub(super) size: Option<u64>,
    pub(super) mode: u32,
    /// `None` where nobody knows.
    pub(super) modified: Option<i64>,
    reader: Reader<'i>,
}

enum Reader<'i> {
    File { file: File, before: Option<Stamp> },
    Stream(&'i mut (dyn Read + 'i)),
}

/// What a regular file must still be when it has been read.
#[derive(PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl OpenInput<'_> {
    /// What it means when the contents are not of the promised size.
    pub(super) fn size_defect(&self) -> Defect {
        match self.reader {
            Reader::File { .. } => Defect::Changed,
            Reader::Stream(_) => Defect::Mismatch,
        }
    }

    /// Whether a regular file is still as it was when it was opened. To be asked at its end.
    pub(super) fn is_unchanged(&self) -> io::Result<bool> {
        match &self.reader {
            Reader::File { file, before: Some(before) } => Ok(Stamp::of(&file.metadata()?) == *before),
            _ => Ok(true),
        }
    }
}

impl Read for OpenInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Reader::File { file, .. } => file.read(buffer),
            Reader::Stream(reader) => reader.read(buffer),
        }
    }
}

/// Permission bits of a file; 0644 where the system has none.
pub(super) fn mode_of(metadata: &Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o7777
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        0o644
    }
}

/// When a file was changed, in whole seconds since 1970, rounded down. Earlier is 0.
pub(super) fn modified_of(metadata: &Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}
