//! A failed call: its code, its place in the input and its message, out of the errors of the crates below.

use crate::error_code::Code;
use mender_artifact::error as artifact;
use mender_delta::error as delta;
use std::error::Error;
use std::ffi::CStr;
use std::fmt::Write as _;

/// Why a call failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// Bytes from the start of the input, or of the archive in it that the message names.
    pub(crate) offset: Option<u64>,
    /// One line.
    pub(crate) message: String,
    /// The stable word for why, of what servers do.
    pub(crate) reason: Option<&'static CStr>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { code, offset: None, message: message.into(), reason: None }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Code::Arg, message)
    }
}

/// The message of an error and of what led to it.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(message, ": {error}");
        cause = error.source();
    }
    message
}

fn of_artifact(error: &artifact::Error) -> Code {
    use artifact::{Category, Defect};
    match (error.defect(), error.category()) {
        (Defect::Truncated, _) => Code::Truncated,
        (Defect::Augmented, _) => Code::Augmented,
        (Defect::Unsigned, _) => Code::Unsigned,
        (Defect::NoKey, _) => Code::NoKey,
        (Defect::Signature, _) => Code::Signature,
        (Defect::Key | Defect::KeyKind, _) => Code::Key,
        (Defect::Memory, _) => Code::NoMemory,
        (Defect::Cancelled, _) => Code::Cancelled,
        (_, Category::Io) => Code::Io,
        (_, Category::Format) => Code::Format,
        (_, Category::Unsupported) => Code::Unsupported,
        (_, Category::Verify) => Code::Checksum,
        (_, Category::Limit) => Code::Limit,
        (_, Category::Usage) => Code::Arg,
        _ => Code::Internal,
    }
}

fn of_delta(error: &delta::Error) -> Code {
    use delta::{Category, Error};
    match (error, error.category()) {
        (Error::Truncated { .. }, _) => Code::Truncated,
        (Error::BaseDigest { .. } | Error::BaseSize { .. }, _) => Code::Base,
        (Error::Cancelled, _) => Code::Cancelled,
        (_, Category::Io) => Code::Io,
        (_, Category::Format) => Code::Delta,
        (_, Category::Unsupported) => Code::Unsupported,
        (_, Category::Verify) => Code::Target,
        (_, Category::Limit) => Code::Limit,
        (_, Category::Usage) => Code::Arg,
        _ => Code::Internal,
    }
}

impl From<artifact::Error> for Failure {
    fn from(error: artifact::Error) -> Self {
        let code = of_artifact(&error);
        Failure { offset: error.offset(), ..Self::new(code, with_causes(&error)) }
    }
}

impl From<delta::Error> for Failure {
    fn from(error: delta::Error) -> Self {
        let offset = match &error {
            delta::Error::Format(malformed) => Some(malformed.offset),
            delta::Error::Truncated { offset } => Some(*offset),
            _ => None,
        };
        Failure { offset, ..Self::new(of_delta(&error), with_causes(&error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use artifact::{Defect, Entry};

    #[test]
    fn each_kind_of_defect_has_its_code() {
        let code = |defect| Failure::from(artifact::Error::new(defect, Entry::Artifact)).code;
        assert_eq!(code(Defect::Io), Code::Io);
        assert_eq!(code(Defect::TarHeader), Code::Format);
        assert_eq!(code(Defect::Version), Code::Unsupported);
        assert_eq!(code(Defect::Augmented), Code::Augmented);
        assert_eq!(code(Defect::Checksum), Code::Checksum);
        assert_eq!(code(Defect::TooLarge), Code::Limit);
        assert_eq!(code(Defect::KeyKind), Code::Key);
        assert_eq!(code(Defect::Misuse), Code::Arg);
    }

    #[test]
    fn causes_follow_the_message() {
        let source = std::io::Error::other("disk on fire");
        let error = delta::Error::Io { action: "open", path: "a".into(), source };
        let failure = Failure::from(error);
        assert_eq!((failure.code, failure.message.as_str()), (Code::Io, "a: cannot open: disk on fire"));
    }

    #[test]
    fn places_are_kept() {
        let error = artifact::Error::new(Defect::Order, Entry::Artifact).at(1536);
        assert_eq!(Failure::from(error).offset, Some(1536));
        let failure = Failure::from(delta::Error::Truncated { offset: 7 });
        assert_eq!((failure.code, failure.offset), (Code::Truncated, Some(7)));
    }
}
