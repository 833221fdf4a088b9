//! What can go wrong with an image, sorted by who must act, each with its evidence.

use std::fmt;
use std::io;

/// An error of this crate. Its text is one line: place, what was looked at, expected, found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The image could not be read or written.
    Io(IoError),
    /// The image contradicts its own format.
    Format(FormatError),
    /// The image is in order as far as can be told, but uses something that this crate does not read.
    Unsupported(UnsupportedError),
    /// The image is larger in some respect than [`crate::limits::Limits`] allow.
    Limit(LimitError),
    /// The caller asked for something that the image does not have.
    Path(PathError),
    /// The image has no room for what should be put into it.
    Full(FullError),
    /// The content that should be put into the image could not be read, or what takes a content not be written.
    Content(io::Error),
    /// The temporary file in which changes wait could not be made, written or read.
    Temporary(io::Error),
}

/// A read or write that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct IoError {
    /// First byte, from the start of the image.
    pub offset: u64,
    /// Length in bytes.
    pub len_bytes: u64,
    /// Whether it was a write.
    pub writing: bool,
    /// What the device said.
    pub source: io::Error,
}

/// A field with a value that it must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormatError {
    /// The structure that the field is in.
    pub place: Place,
    /// The field.
    pub field: &'static str,
    /// What would have been right.
    pub expected: Expected,
    /// The value found.
    pub found: u64,
}

/// A feature that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnsupportedError {
    /// The structure that asks for the feature.
    pub place: Place,
    /// What kind of feature it is.
    pub field: &'static str,
    /// What is read.
    pub expected: &'static str,
    /// The feature found, by name where it has one.
    pub found: String,
}

/// A bound that an image exceeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitError {
    /// The structure that was read.
    pub place: Place,
    /// What is bounded.
    pub what: &'static str,
    /// The bound.
    pub maximum: u64,
    /// The value found; where counting stopped at the bound, the first value past it.
    pub found: u64,
}

/// Something that there is not enough of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FullError {
    /// What is used up.
    pub what: &'static str,
    /// How many are needed, at least.
    pub needed: u64,
    /// How many there are.
    pub free: u64,
}

/// A path that does not lead to what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathError {
    /// The path as the caller gave it.
    pub path: Vec<u8>,
    /// What is wrong with it.
    pub problem: PathProblem,
    /// The path that it leads to, where that tells more.
    pub leads_to: Option<Vec<u8>>,
}

/// Why a path does not lead to what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathProblem {
    /// A part of the path does not exist.
    NotFound,
    /// A part of the path before its end is no directory.
    NotADirectory,
    /// The path leads to something that is no regular file.
    NotARegularFile,
    /// More symbolic links than [`crate::limits::Limits::symlink_hops`]; usually a circle.
    TooManySymlinks,
    /// The path leads to a folder, which the operation does not take.
    IsADirectory,
    /// Something is there already.
    Exists,
    /// The folder is not empty, and was not asked to be removed with what is in it.
    NotEmpty,
    /// The path leads to something that is no symbolic link.
    NotASymlink,
    /// A part of the path is longer than 255 bytes, or has a zero byte.
    BadName,
    /// What a symbolic link should point to is empty, longer than a link may be, or has a zero byte.
    BadTarget,
    /// The path does not begin with a slash.
    NotAbsolute,
    /// The root, a name such as `..`, or something that the file system keeps for itself.
    NotAllowed,
    /// A link on the way leads to what the device has on another partition, which the image does not have, or which was
    /// not chosen.
    Elsewhere,
}

/// A structure of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The image as a whole.
    Image,
    /// The superblock of the file system.
    Superblock,
    /// The descriptor of a block group.
    Group(u64),
    /// An inode.
    Inode(u64),
    /// A block, counted from the start of the file system.
    Block(u64),
    /// The partition table of a disk.
    PartitionTable,
    /// A partition, by its number.
    Partition(u32),
    /// The boot sector of a FAT file system.
    BootSector,
    /// A cluster of a FAT file system, as its allocation table counts them.
    Cluster(u32),
}

/// What would have been right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// This value.
    Exactly(u64),
    /// This value or less.
    AtMost(u64),
    /// This value or more.
    AtLeast(u64),
    /// Told in words.
    Described(&'static str),
}

impl Error {
    /// Reading `len` bytes at `offset` has failed; for devices that are made elsewhere.
    #[must_use]
    pub fn io(offset: u64, len: usize, source: io::Error) -> Self {
        let len_bytes = u64::try_from(len).unwrap_or(u64::MAX);
        Self::Io(IoError { offset, len_bytes, writing: false, source })
    }

    /// Writing `len` bytes at `offset` has failed; for devices that are made elsewhere.
    #[must_use]
    pub fn write(offset: u64, len: usize, source: io::Error) -> Self {
        let len_bytes = u64::try_from(len).unwrap_or(u64::MAX);
        Self::Io(IoError { offset, len_bytes, writing: true, source })
    }

    pub(crate) fn full(what: &'static str, needed: u64, free: u64) -> Self {
        Self::Full(FullError { what, needed, free })
    }

    pub(crate) fn format(place: Place, field: &'static str, expected: Expected, found: u64) -> Self {
        Self::Format(FormatError { place, field, expected, found })
    }

    pub(crate) fn unsupported(
        place: Place,
        field: &'static str,
        expected: &'static str,
        found: impl Into<String>,
    ) -> Self {
        Self::Unsupported(UnsupportedError { place, field, expected, found: found.into() })
    }

    pub(crate) fn limit(place: Place, what: &'static str, maximum: u64, found: u64) -> Self {
        Self::Limit(LimitError { place, what, maximum, found })
    }

    pub(crate) fn path(path: &[u8], problem: PathProblem) -> Self {
        Self::Path(PathError { path: path.to_vec(), problem, leads_to: None })
    }

    pub(crate) fn elsewhere(path: &[u8], leads_to: &[u8]) -> Self {
        let (path, leads_to) = (path.to_vec(), Some(leads_to.to_vec()));
        Self::Path(PathError { path, problem: PathProblem::Elsewhere, leads_to })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => {
                let verb = if e.writing { "write" } else { "read" };
                write!(f, "image: offset {}: cannot {verb} {} bytes", e.offset, e.len_bytes)
            }
            Self::Full(e) => {
                write!(
                    f,
                    "file system is full: expected at least {} free {}, found {}",
                    e.needed, e.what, e.free
                )
            }
            Self::Content(_) => f.write_str("content to put into the image: cannot read it"),
            Self::Temporary(_) => f.write_str("temporary file for changes: cannot use it"),
            Self::Format(e) => {
                write!(f, "{}: {}: expected {}, found {}", e.place, e.field, e.expected, e.found)
            }
            Self::Unsupported(e) => {
                write!(f, "{}: {}: expected {}, found {}", e.place, e.field, e.expected, e.found)
            }
            Self::Limit(e) => {
                write!(f, "{}: {}: expected at most {}, found {}", e.place, e.what, e.maximum, e.found)
            }
            Self::Path(e) => {
                write!(f, "path {}: {}", e.path.escape_ascii(), e.problem)?;
                e.leads_to.as_ref().map_or(Ok(()), |path| write!(f, ": {}", path.escape_ascii()))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(&e.source),
            Self::Content(source) | Self::Temporary(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => f.write_str("image"),
            Self::Superblock => f.write_str("superblock"),
            Self::Group(number) => write!(f, "block group {number}"),
            Self::Inode(number) => write!(f, "inode {number}"),
            Self::Block(number) => write!(f, "block {number}"),
            Self::PartitionTable => f.write_str("partition table"),
            Self::Partition(number) => write!(f, "partition {number}"),
            Self::BootSector => f.write_str("boot sector"),
            Self::Cluster(number) => write!(f, "cluster {number}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => write!(f, "{value}"),
            Self::AtMost(value) => write!(f, "at most {value}"),
            Self::AtLeast(value) => write!(f, "at least {value}"),
            Self::Described(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for PathProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found in the image",
            Self::NotADirectory => "a part before the end is no directory",
            Self::NotARegularFile => "no regular file",
            Self::TooManySymlinks => "too many symbolic links",
            Self::IsADirectory => "is a directory",
            Self::Exists => "exists already",
            Self::NotEmpty => "directory is not empty",
            Self::NotASymlink => "no symbolic link",
            Self::BadName => "a name is longer than 255 bytes or has a zero byte",
            Self::BadTarget => {
                "a link cannot point to nothing, to so long a path, or to one with a zero byte"
            }
            Self::NotAbsolute => "does not begin with a slash",
            Self::NotAllowed => "cannot be created, changed or removed",
            Self::Elsewhere => "expected a path inside of this file system, found a link to another one",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_place_expected_and_found() {
        let error = Error::format(Place::Inode(12), "extent depth", Expected::AtMost(5), 9);
        assert_eq!(error.to_string(), "inode 12: extent depth: expected at most 5, found 9");
        let error = Error::path(b"/etc/\xffx", PathProblem::NotFound);
        assert_eq!(error.to_string(), "path /etc/\\xffx: not found in the image");
    }

    #[test]
    fn a_failed_read_keeps_its_source() {
        let error = Error::io(4096, 512, io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(error.to_string(), "image: offset 4096: cannot read 512 bytes");
        assert!(std::error::Error::source(&error).is_some());
    }
}
