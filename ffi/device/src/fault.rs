//! Why a call failed: numbers and static text, no allocation.

use crate::code::Code;
use core::ffi::c_int;
use mender_artifact::error::{self as artifact, Category, Defect, Evidence};

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// What a callback returned.
    pub(crate) callback_error: c_int,
    /// Bytes from the start of the input.
    pub(crate) offset: u64,
    pub(crate) wanted: u64,
    pub(crate) limit: u64,
    pub(crate) what: &'static str,
}

impl Fault {
    pub(crate) const fn new(code: Code, what: &'static str) -> Self {
        Fault { code, callback_error: 0, offset: 0, wanted: 0, limit: 0, what }
    }

    pub(crate) const fn argument(what: &'static str) -> Self {
        Self::new(Code::Arg, what)
    }

    pub(crate) const fn over(code: Code, what: &'static str, wanted: u64, limit: u64) -> Self {
        Fault { wanted, limit, ..Self::new(code, what) }
    }

    /// What `returned` of a callback means: anything but 0 is a failure.
    pub(crate) const fn of_callback(what: &'static str, returned: c_int) -> Result<(), Self> {
        if returned == 0 {
            return Ok(());
        }
        Err(Fault { callback_error: returned, ..Self::new(Code::Callback, what) })
    }
}

#[cfg(any(feature = "native", feature = "vcdiff"))]
impl Fault {
    /// For the way through an applier, which knows nothing but a number: 0 says that no callback failed.
    pub(crate) fn into_caller_error(self) -> mender_delta::error::CallerError {
        mender_delta::error::CallerError { action: self.what, code: self.callback_error }
    }
}

impl From<&artifact::Error> for Fault {
    fn from(error: &artifact::Error) -> Self {
        let code = match (error.defect(), error.category()) {
            (Defect::Truncated, _) => Code::Truncated,
            (Defect::Augmented, _) => Code::Augmented,
            (Defect::Unsigned, _) => Code::Unsigned,
            (Defect::Signature, _) => Code::Signature,
            (Defect::Memory, _) => Code::NoMemory,
            (_, Category::Format) => Code::Format,
            (_, Category::Unsupported) => Code::Unsupported,
            (_, Category::Verify) => Code::Checksum,
            (_, Category::Limit) => Code::Limit,
            (_, Category::Usage) => Code::Arg,
            _ => Code::Internal,
        };
        let number = |evidence| if let Evidence::Number(number) = evidence { number } else { 0 };
        Fault {
            offset: error.offset().unwrap_or(0),
            wanted: number(error.finding()),
            limit: number(error.expectation()),
            ..Self::new(code, error.defect().message())
        }
    }
}

#[cfg(any(feature = "native", feature = "vcdiff"))]
impl From<mender_delta::error::Error> for Fault {
    fn from(error: mender_delta::error::Error) -> Self {
        use mender_delta::error::Error;
        match error {
            Error::Format(malformed) => Fault {
                offset: malformed.offset,
                wanted: malformed.found,
                limit: malformed.expected,
                ..Self::new(Code::Delta, malformed.field)
            },
            Error::Truncated { offset } => Fault { offset, ..Self::new(Code::Truncated, "the delta") },
            Error::Unsupported { field, found } => Self::over(Code::Unsupported, field, found, 0),
            Error::BaseDigest { .. } => Self::new(Code::Base, "SHA-256 of the base"),
            Error::BaseSize { expected, found } => {
                Self::over(Code::Base, "size of the base", expected, found)
            }
            Error::TargetDigest { .. } => Self::new(Code::Target, "SHA-256 of the target"),
            Error::WindowCheck { offset, .. } => {
                Fault { offset, ..Self::new(Code::Target, "check value of a window") }
            }
            Error::Limit { what, wanted, limit } => Self::over(Code::Limit, what, wanted, limit),
            Error::Base(error) | Error::Target(error) => {
                if error.code == 0 {
                    return Self::new(Code::Delta, error.action);
                }
                Fault { callback_error: error.code, ..Self::new(Code::Callback, error.action) }
            }
            Error::Usage(what) => Self::argument(what),
            _ => Self::new(Code::Internal, "unexpected error"),
        }
    }
}
