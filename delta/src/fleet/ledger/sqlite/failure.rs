//! What SQLite reports, by who must act.

use crate::fleet::ledger::error::{LedgerError, Reason};
use rusqlite::{Error, ErrorCode};

/// Gives failures their reason.
pub(super) fn failed(action: &'static str) -> impl Fn(Error) -> LedgerError {
    move |error| LedgerError::new(reason(&error), action, logged(&error.to_string()))
}

/// One line, whatever the database says.
pub(super) fn logged(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::SqliteFailure(failure, message) => match failure.code {
            ErrorCode::DiskFull => Reason::DiskFull,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Reason::DatabaseLocked,
            ErrorCode::NotADatabase => Reason::NotALedger,
            ErrorCode::DatabaseCorrupt => Reason::Corrupt,
            ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen => Reason::Denied,
            ErrorCode::SystemIoFailure => Reason::Io,
            // A sum that left 63 bits would have become a floating-point number, which the tables do not take.
            ErrorCode::ConstraintViolation
                if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE =>
            {
                Reason::Overflow
            }
            _ if message.as_deref() == Some("integer overflow") => Reason::Overflow,
            _ => Reason::Database,
        },
        // A column has another type than the one that was written.
        Error::InvalidColumnType(..)
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..) => Reason::Corrupt,
        _ => Reason::Database,
    }
}
