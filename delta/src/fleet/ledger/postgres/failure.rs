//! What PostgreSQL reports, by who must act.

use crate::fleet::ledger::error::{LedgerError, Reason};
use ::postgres::Error;
use ::postgres::error::SqlState;
use std::error::Error as _;

/// Gives failures their reason.
pub(super) fn failed(action: &'static str) -> impl Fn(Error) -> LedgerError {
    move |error| {
        let mut detail = error.to_string();
        if let Some(why) =
            error.source().map(ToString::to_string).filter(|why| !detail.ends_with(why.as_str()))
        {
            detail = format!("{detail}: {why}");
        }
        LedgerError::new(reason(&error), action, detail.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn reason(error: &Error) -> Reason {
    let Some(state) = error.code() else {
        // Without a state it was no answer of the server.
        let text = error.to_string();
        return match text.starts_with("error deserializing") {
            true => Reason::Corrupt,
            false if text.starts_with("error serializing") => Reason::Database,
            false => Reason::Unreachable,
        };
    };
    match state.code() {
        code if code == SqlState::DISK_FULL.code() => Reason::DiskFull,
        code if code == SqlState::LOCK_NOT_AVAILABLE.code()
            || code == SqlState::T_R_DEADLOCK_DETECTED.code() =>
        {
            Reason::DatabaseLocked
        }
        code if code == SqlState::NUMERIC_VALUE_OUT_OF_RANGE.code() => Reason::Overflow,
        code if code == SqlState::DATA_CORRUPTED.code() || code == SqlState::INDEX_CORRUPTED.code() => {
            Reason::Corrupt
        }
        code if code == SqlState::INSUFFICIENT_PRIVILEGE.code() => Reason::Denied,
        code if code == SqlState::IO_ERROR.code() => Reason::Io,
        code if code == SqlState::UNDEFINED_TABLE.code() || code == SqlState::UNDEFINED_COLUMN.code() => {
            Reason::NotALedger
        }
        // Authorisation, database that is not there, shutting down, too many connections.
        code if ["28", "3D", "57", "53", "08"].iter().any(|class| code.starts_with(class)) => {
            Reason::Unreachable
        }
        _ => Reason::Database,
    }
}
