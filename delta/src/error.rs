//! What can go wrong in this crate, by who must act, with the evidence.

use core::fmt;

/// Failure of a caller's own `Base` or `Target`: an operating-system error number where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerError {
    /// What was being done, e.g. "read".
    pub action: &'static str,
    /// The caller's number (`errno` under std), 0 when it has none.
    pub code: i32,
}

#[cfg(feature = "std")]
impl CallerError {
    /// Keeps the operating system's number of `error`.
    pub fn from_io(action: &'static str, error: &std::io::Error) -> Self {
        CallerError { action, code: error.raw_os_error().unwrap_or(0) }
    }
}

impl fmt::Display for CallerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "std")]
        if self.code != 0 {
            return write!(f, "{}: {}", self.action, std::io::Error::from_raw_os_error(self.code));
        }
        write!(f, "{} failed with code {}", self.action, self.code)
    }
}

/// A delta does not follow docs/delta-format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The field or structure, e.g. "copy offset".
    pub field: &'static str,
    /// Bytes from the start of the delta to the window or header that holds it.
    pub offset: u64,
    /// What it must be; a bound where a range is meant.
    pub expected: u64,
    /// What it is.
    pub found: u64,
}

/// Everything that this crate reports. The category says who must act; see [`Error::category`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The delta is damaged, hostile or not a delta.
    Format(Malformed),
    /// The delta ends too early; `offset` bytes of it were read.
    Truncated {
        /// Bytes of the delta that were there.
        offset: u64,
    },
    /// A well-formed request for something that this version cannot do.
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
    },
    /// The base is not the image that the delta was made from.
    BaseDigest {
        /// SHA-256 in the delta.
        expected: [u8; 32],
        /// SHA-256 of the base.
        found: [u8; 32],
    },
    /// The base is shorter than the image that the delta was made from.
    BaseSize {
        /// Bytes in the delta's header.
        expected: u64,
        /// Bytes of the base.
        found: u64,
    },
    /// The result is not the promised image; nothing of it may be used.
    TargetDigest {
        /// SHA-256 in the delta.
        expected: [u8; 32],
        /// SHA-256 of what was written.
        found: [u8; 32],
    },
    /// A window of a foreign delta came out otherwise than its maker saw it: the base is another one or changed, or
    /// the delta is damaged.
    WindowCheck {
        /// Where in the delta the window begins.
        offset: u64,
        /// Where in the target it belongs.
        target: u64,
        /// Check value in the delta.
        expected: u32,
        /// Check value of the window.
        found: u32,
    },
    /// Input wants more than a limit allows.
    Limit {
        /// What is limited.
        what: &'static str,
        /// What the input wants, in bytes or pieces.
        wanted: u64,
        /// What is allowed.
        limit: u64,
    },
    /// An image changed while a delta was made of it.
    Changed {
        /// Which: "old image" or "new image".
        image: &'static str,
    },
    /// The caller's `Base` failed.
    Base(CallerError),
    /// The caller's `Target` failed.
    Target(CallerError),
    /// The API or the command line was used wrongly.
    Usage(&'static str),
    /// The operation was cancelled.
    Cancelled,
    /// The operating system failed.
    #[cfg(feature = "std")]
    Io {
        /// What was being done, e.g. "open".
        action: &'static str,
        /// On what.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An Artifact could not be read or written.
    #[cfg(feature = "generate")]
    Artifact {
        /// Which.
        path: std::path::PathBuf,
        /// Why not.
        source: mender_artifact::error::Error,
    },
    /// Two Artifacts do not make a delta.
    #[cfg(feature = "generate")]
    Pair {
        /// The Artifact at fault.
        path: std::path::PathBuf,
        /// The field, e.g. "payload type".
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
}

/// Who must act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Category {
    /// The environment: disk, permissions, device.
    Io,
    /// Whoever made the input.
    Format,
    /// A newer version of this software.
    Unsupported,
    /// Whoever vouched for the input: a digest or signature is wrong.
    Verify,
    /// Whoever set the limits.
    Limit,
    /// The caller.
    Usage,
}

impl Error {
    /// Who must act.
    pub fn category(&self) -> Category {
        match self {
            Error::Format(_) | Error::Truncated { .. } => Category::Format,
            Error::Unsupported { .. } => Category::Unsupported,
            Error::BaseDigest { .. }
            | Error::BaseSize { .. }
            | Error::TargetDigest { .. }
            | Error::WindowCheck { .. } => Category::Verify,
            Error::Limit { .. } => Category::Limit,
            Error::Changed { .. } | Error::Base(_) | Error::Target(_) => Category::Io,
            Error::Usage(_) | Error::Cancelled => Category::Usage,
            #[cfg(feature = "std")]
            Error::Io { .. } => Category::Io,
            #[cfg(feature = "generate")]
            Error::Artifact { source, .. } => match source.category() {
                mender_artifact::error::Category::Io => Category::Io,
                mender_artifact::error::Category::Unsupported => Category::Unsupported,
                mender_artifact::error::Category::Verify => Category::Verify,
                mender_artifact::error::Category::Limit => Category::Limit,
                mender_artifact::error::Category::Usage => Category::Usage,
                _ => Category::Format,
            },
            #[cfg(feature = "generate")]
            Error::Pair { .. } => Category::Usage,
        }
    }

    pub(crate) fn format(field: &'static str, offset: u64, expected: u64, found: u64) -> Self {
        Error::Format(Malformed { field, offset, expected, found })
    }
}

/// Lower-case hexadecimal of a digest.
struct Hex<'a>(&'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Format(Malformed { field, offset, expected, found }) => {
                write!(f, "malformed delta: {field} at offset {offset}: expected {expected}, found {found}")
            }
            Error::Truncated { offset } => write!(f, "truncated delta: it ends after {offset} bytes"),
            Error::Unsupported { field, found } => write!(f, "unsupported delta: {field} {found}"),
            Error::BaseDigest { expected, found } => {
                write!(f, "wrong base: expected SHA-256 {}, found {}", Hex(expected), Hex(found))
            }
            Error::BaseSize { expected, found } => {
                write!(f, "wrong base: expected {expected} bytes, found {found}")
            }
            Error::TargetDigest { expected, found } => {
                write!(f, "wrong result: expected SHA-256 {}, found {}", Hex(expected), Hex(found))
            }
            Error::WindowCheck { offset, target, expected, found } => {
                write!(
                    f,
                    "wrong base or damaged delta: window at offset {offset}, target bytes from {target} on: \
                     expected check value {expected:08x}, found {found:08x}"
                )
            }
            Error::Limit { what, wanted, limit } => {
                write!(f, "{what}: {wanted} is over the limit of {limit}")
            }
            Error::Changed { image } => write!(f, "the {image} changed while it was read"),
            Error::Base(error) => write!(f, "base: {error}"),
            Error::Target(error) => write!(f, "target: {error}"),
            Error::Usage(what) => f.write_str(what),
            Error::Cancelled => f.write_str("cancelled"),
            #[cfg(feature = "std")]
            Error::Io { action, path, .. } => write!(f, "{}: cannot {action}", path.display()),
            #[cfg(feature = "generate")]
            Error::Artifact { path, .. } => write!(f, "{}: not a usable Artifact", path.display()),
            #[cfg(feature = "generate")]
            Error::Pair { path, field, expected, found } => {
                write!(f, "{}: {field}: expected {expected}, found {found}", path.display())
            }
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Error::Io { source, .. } => Some(source),
            #[cfg(feature = "generate")]
            Error::Artifact { source, .. } => Some(source),
            _ => None,
        }
    }
}
