//! Why a ledger cannot be used.

use std::fmt;

/// What stands in the way; who must act differs by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There is no such ledger, and none was to be made.
    NotFound,
    /// The address of the ledger cannot be one.
    BadAddress,
    /// The file or database holds something else.
    NotALedger,
    /// A newer version of this software made the ledger.
    NewerVersion,
    /// The file is damaged.
    Corrupt,
    /// There is no room left on the medium, or the ledger has reached the size it may have.
    DiskFull,
    /// Another process kept the ledger locked for longer than one was to wait.
    DatabaseLocked,
    /// The server of the database does not answer, or refuses.
    Unreachable,
    /// Permissions do not allow it.
    Denied,
    /// A sum does not fit 63 bits.
    Overflow,
    /// The medium failed.
    Io,
    /// The database refused what this software asked for.
    Database,
}

impl Reason {
    /// Stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::BadAddress => "bad_address",
            Self::NotALedger => "not_a_ledger",
            Self::NewerVersion => "newer_version",
            Self::Corrupt => "corrupt",
            Self::DiskFull => "disk_full",
            Self::DatabaseLocked => "database_locked",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Overflow => "overflow",
            Self::Io => "io",
            Self::Database => "database",
        }
    }
}

/// A failed operation on a ledger: nothing of it has been done.
#[derive(Debug)]
pub struct LedgerError {
    /// What stands in the way.
    pub reason: Reason,
    /// What was being done, e.g. "open".
    pub action: &'static str,
    /// What the database says, or what was expected and found.
    pub detail: String,
}

impl LedgerError {
    pub(crate) fn new(reason: Reason, action: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, action, detail: detail.into() }
    }

    /// The stored field of the ledger is not what this software writes.
    pub(crate) fn corrupt(field: &'static str) -> Self {
        Self::new(Reason::Corrupt, "read", format!("field {field} is not one that was written"))
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger: {}: {}: {}", self.action, self.reason.code(), self.detail)
    }
}

impl std::error::Error for LedgerError {}
