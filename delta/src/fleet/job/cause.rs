//! What went wrong below, as a failure of a job.

use super::failure::{Failure, Side};
use super::spool::work_io;
use crate::error::Error;
use crate::fleet::reason::Reason;
use mender_artifact::error as artifact_error;
use std::error::Error as _;

/// The failure for an error in reading the Artifact of `side`.
pub(super) fn reading(side: Side, error: &Error) -> Failure {
    match error {
        Error::Artifact { source, .. } => {
            let reason = match source.category() {
                artifact_error::Category::Io => Reason::InputIo,
                artifact_error::Category::Unsupported => Reason::Unsupported,
                artifact_error::Category::Limit => Reason::TooLarge,
                artifact_error::Category::Verify if source.defect() == artifact_error::Defect::Checksum => {
                    Reason::Checksum
                }
                artifact_error::Category::Verify => Reason::Unsigned,
                _ if source.defect() == artifact_error::Defect::Cancelled => Reason::Cancelled,
                _ => Reason::BadArtifact,
            };
            let mut text = source.to_string();
            if let Some(cause) = source.source() {
                text = format!("{text}: {cause}");
            }
            Failure {
                entry: Some(source.entry().to_string()),
                offset: source.offset(),
                ..Failure::because(reason, text)
            }
        }
        Error::Io { action: "open", source, .. } => {
            Failure::because(Reason::InputIo, format!("cannot be opened: {source}"))
        }
        Error::Pair { field, expected, found, .. } => {
            Failure::because(Reason::BadPair, format!("{field}: expected {expected}, found {found}"))
        }
        other => working(other),
    }
    .of(side)
}

/// The failure for an error in making the delta or writing its Artifact.
pub(super) fn working(error: &Error) -> Failure {
    let text = || match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    match error {
        Error::Cancelled => Failure::new(Reason::Cancelled),
        Error::Limit { what, wanted, limit } => {
            let is_room = *what == crate::fold::generate::SPOOL;
            let reason = if is_room { Reason::LimitDisk } else { Reason::LimitMemory };
            Failure::limit(reason, what, *wanted, *limit)
        }
        Error::Io { source, .. } => work_io(source),
        Error::Artifact { source, .. } if source.defect() == artifact_error::Defect::Cancelled => {
            Failure::new(Reason::Cancelled)
        }
        Error::Artifact { source, .. } if source.category() == artifact_error::Category::Io => {
            let cause = source.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
            cause.map_or_else(|| Failure::because(Reason::WorkIo, text()), work_io)
        }
        Error::Artifact { .. } => Failure::because(Reason::BadPair, text()),
        Error::Pair { path, field, expected, found } => {
            let text = format!("{field}: expected {expected}, found {found}");
            let side = [Side::From, Side::To].into_iter().find(|side| path.as_os_str() == side.name());
            Failure { side, ..Failure::because(Reason::BadPair, text) }
        }
        Error::Usage(_) => Failure::because(Reason::BadRequest, text()),
        _ => Failure::because(Reason::VerifyFailed, text()),
    }
}
