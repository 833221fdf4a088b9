//! Why a store did not do what it was asked, by who must act.

use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use std::fmt;
use std::io;
use std::time::Duration;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of a store; [`reason`](Self::reason) is what to act on, the text is for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The address or a setting is wrong.
    Options {
        /// The URL or the name of the setting, without secrets.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers, or only with failures.
    Unreachable {
        /// Name in the store.
        entry: String,
        /// The last failure.
        source: Cause,
    },
    /// Answers did not come within the time that was set.
    Slow {
        /// Name in the store.
        entry: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The store does not let us: credentials, permissions or a request that it does not take.
    Refused {
        /// Name in the store.
        entry: String,
        /// What it said.
        source: Cause,
    },
    /// No space is left where the store is.
    Full {
        /// Name in the store.
        entry: String,
        /// What the system said.
        source: Cause,
    },
    /// It is not there.
    Missing {
        /// Name in the store.
        entry: String,
    },
    /// The bytes are not those that the name stands for; none of them may be used.
    Corrupt {
        /// Name in the store.
        entry: String,
        /// The digest that it should have.
        expected: Sha256Sum,
        /// The digest that its bytes have.
        found: Sha256Sum,
    },
    /// What lies there is no record of this version.
    Record {
        /// Name in the store.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller's file is not what the caller said, or changed while it was read.
    Input {
        /// The digest that was expected.
        expected: Sha256Sum,
        /// The digest that it has.
        found: Sha256Sum,
    },
    /// The caller's file cannot be read or written.
    File {
        /// What was being done, e.g. "read".
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The store was closed, or failed inside.
    Stopped,
}

impl StoreError {
    /// The reason that stands for the kind of failure; its code never changes.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Options { .. } => Reason::BadRequest,
            Self::Unreachable { .. } => Reason::StoreUnreachable,
            Self::Slow { .. } => Reason::StoreSlow,
            Self::Refused { .. } => Reason::StoreDenied,
            Self::Full { .. } => Reason::StoreFull,
            Self::Missing { .. } => Reason::StoreMissing,
            Self::Corrupt { .. } | Self::Record { .. } => Reason::StoreDamaged,
            Self::Input { .. } => Reason::InputChanged,
            Self::File { .. } => Reason::WorkIo,
            Self::Stopped => Reason::Interrupted,
        }
    }

    pub(super) fn options(what: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Options { what: what.into(), reason: one_line(&reason) }
    }

    pub(super) fn record(entry: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::Record { entry: entry.to_string(), reason: one_line(&reason) }
    }
}

/// Foreign messages can have many lines and be long.
fn one_line(text: &dyn fmt::Display) -> String {
    const MOST: usize = 300;
    let text = text.to_string();
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = line.char_indices().nth(MOST) {
        line.truncate(at);
    }
    line
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options { what, reason } => write!(f, "store: {what}: {reason}"),
            Self::Unreachable { entry, source } => {
                write!(f, "store: {entry}: cannot be reached: {}", one_line(source))
            }
            Self::Slow { entry, waited } => {
                write!(f, "store: {entry}: no answer within {:.1} s", waited.as_secs_f64())
            }
            Self::Refused { entry, source } => write!(f, "store: {entry}: refused: {}", one_line(source)),
            Self::Full { entry, source } => write!(f, "store: {entry}: no space left: {}", one_line(source)),
            Self::Missing { entry } => write!(f, "store: {entry}: not there"),
            Self::Corrupt { entry, expected, found } => {
                write!(f, "store: {entry}: damaged: expected SHA-256 {expected}, found {found}")
            }
            Self::Record { entry, reason } => write!(f, "store: {entry}: not a record: {reason}"),
            Self::Input { expected, found } => {
                write!(f, "file to store: expected SHA-256 {expected}, found {found}")
            }
            Self::File { action, .. } => write!(f, "file beside the store: cannot {action}"),
            Self::Stopped => f.write_str("store: its runtime ended"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
