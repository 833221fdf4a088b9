//! The one table from kinds of failure to exit statuses.

use mender_artifact::error::{Category, Defect};

/// How the command ended, as its exit status. The first eight mean what release 4.4 of the reference tool means by
/// them; a failure never exits with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitStatus {
    /// Done; also when the reader of our output has gone away.
    Success = 0,
    /// The command line asks for something impossible, or a key cannot be used. Of `diff` the answer that something is
    /// different.
    Usage = 1,
    /// The format version asked for cannot be written; also a wrong command line of `diff`.
    FormatVersion = 2,
    /// The output cannot be written, or is larger than the limit given.
    Output = 3,
    /// The input cannot be opened.
    OpenInput = 4,
    /// An Artifact or delta is damaged, against the format, or not signed as it should be.
    Invalid = 5,
    /// The input may be sound but needs something this program does not do.
    Unsupported = 6,
    /// Reading or writing failed half-way.
    System = 7,
    /// The base is not the image that the delta was made from.
    WrongBase = 8,
    /// The input wants more than the limits of this program grant.
    Limit = 9,
    /// The delta saves less than was asked for.
    NotWorthIt = 10,
    /// It may work later, with nothing else changed: a store or queue is away, a limit of time or quota was met.
    #[cfg(feature = "server")]
    Later = 11,
}

/// The exit status when a signal ended the command: what a shell says of a program that a signal has killed.
#[cfg(unix)]
pub(crate) fn of_signal(signal: i32) -> i32 {
    128 + signal
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// The exit status of a failed reading, checking or signing of an Artifact.
pub(crate) fn of_artifact_error(error: &mender_artifact::error::Error) -> ExitStatus {
    match error.category() {
        Category::Format | Category::Verify => ExitStatus::Invalid,
        Category::Unsupported => ExitStatus::Unsupported,
        Category::Limit => ExitStatus::Limit,
        Category::Usage if error.defect() == Defect::Memory => ExitStatus::System,
        Category::Usage => ExitStatus::Usage,
        _ => ExitStatus::System,
    }
}

/// The exit status of what failed in an image.
pub(crate) fn of_image_error(error: &mender_image::error::Error) -> ExitStatus {
    use mender_image::error::Error;
    match error {
        Error::Format(_) => ExitStatus::Invalid,
        Error::Unsupported(_) => ExitStatus::Unsupported,
        Error::Limit(_) => ExitStatus::Limit,
        Error::Path(_) => ExitStatus::Usage,
        Error::Full(_) => ExitStatus::Output,
        _ => ExitStatus::System,
    }
}

/// The exit status of a failed delta.
pub(crate) fn of_delta_error(error: &mender_delta::error::Error) -> ExitStatus {
    use mender_delta::error::{Category, Error};
    match (error, error.category()) {
        (Error::BaseDigest { .. } | Error::BaseSize { .. }, _) => ExitStatus::WrongBase,
        (Error::Artifact { source, .. }, _) => of_artifact_error(source),
        (_, Category::Format | Category::Verify) => ExitStatus::Invalid,
        (_, Category::Unsupported) => ExitStatus::Unsupported,
        (_, Category::Limit) => ExitStatus::Limit,
        (_, Category::Usage) => ExitStatus::Usage,
        _ => ExitStatus::System,
    }
}

/// The exit status of a ledger that cannot be used.
#[cfg(feature = "server")]
pub(crate) fn of_ledger_error(error: &mender_delta::fleet::ledger::error::LedgerError) -> ExitStatus {
    use mender_delta::fleet::ledger::error::Reason;
    match error.reason {
        Reason::BadAddress => ExitStatus::Usage,
        Reason::DiskFull => ExitStatus::Output,
        Reason::NotFound => ExitStatus::OpenInput,
        Reason::NotALedger | Reason::Corrupt => ExitStatus::Invalid,
        Reason::NewerVersion => ExitStatus::Unsupported,
        Reason::Overflow => ExitStatus::Limit,
        _ => ExitStatus::System,
    }
}

/// The exit status of what failed for one of the reasons that servers are told.
#[cfg(feature = "server")]
pub(crate) fn of_reason(reason: mender_delta::fleet::reason::Reason) -> ExitStatus {
    use mender_delta::fleet::reason::{Reason, Remedy};
    match reason {
        Reason::BadArtifact | Reason::Checksum | Reason::Unsigned | Reason::BadSignature => {
            ExitStatus::Invalid
        }
        Reason::StoreDamaged | Reason::StoreConflict => ExitStatus::Invalid,
        Reason::Unsupported => ExitStatus::Unsupported,
        Reason::TooLarge | Reason::LimitMemory | Reason::LimitDisk | Reason::LimitOutput => ExitStatus::Limit,
        Reason::ApplyMemory => ExitStatus::Limit,
        Reason::NoGain => ExitStatus::NotWorthIt,
        Reason::StoreMissing => ExitStatus::OpenInput,
        _ => match reason.remedy() {
            Remedy::Later => ExitStatus::Later,
            Remedy::Defect => ExitStatus::System,
            _ => ExitStatus::Usage,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_artifact::error::{Entry, Error};

    #[test]
    fn each_category_has_a_status_of_its_own() {
        let status = |defect| of_artifact_error(&Error::new(defect, Entry::Artifact));
        assert_eq!(status(Defect::Truncated), ExitStatus::Invalid);
        assert_eq!(status(Defect::Signature), ExitStatus::Invalid);
        assert_eq!(status(Defect::Version), ExitStatus::Unsupported);
        assert_eq!(status(Defect::TooLarge), ExitStatus::Limit);
        assert_eq!(status(Defect::Misuse), ExitStatus::Usage);
        assert_eq!(status(Defect::Io), ExitStatus::System);
    }

    #[cfg(feature = "server")]
    #[test]
    fn each_reason_has_a_status_and_none_is_success() {
        use mender_delta::fleet::reason::{Reason, Remedy};
        for &reason in Reason::ALL {
            let status = of_reason(reason);
            assert_ne!(status, ExitStatus::Success, "{reason:?}");
            assert_eq!(status == ExitStatus::Later, reason.remedy() == Remedy::Later, "{reason:?}");
        }
        assert_eq!(of_reason(Reason::StoreUnreachable), ExitStatus::Later);
        assert_eq!(of_reason(Reason::NoGain), ExitStatus::NotWorthIt);
        assert_eq!(of_reason(Reason::BadRequest), ExitStatus::Usage);
    }

    #[test]
    fn a_wrong_base_is_told_from_a_damaged_delta() {
        use mender_delta::error::Error;
        assert_eq!(of_delta_error(&Error::BaseSize { expected: 2, found: 1 }), ExitStatus::WrongBase);
        assert_eq!(of_delta_error(&Error::Truncated { offset: 7 }), ExitStatus::Invalid);
    }
}
