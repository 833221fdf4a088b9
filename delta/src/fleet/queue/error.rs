//! Why a queue did not do what it was asked.

use crate::fleet::reason::Reason;
use std::fmt;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of a queue.
#[derive(Debug)]
#[non_exhaustive]
pub enum QueueError {
    /// The URL or a setting is wrong.
    Options {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// NATS does not answer, or not in time.
    Unreachable {
        /// What was being done, e.g. "put a task".
        action: &'static str,
        /// The last failure.
        source: Cause,
    },
    /// NATS answers that it will not.
    Refused {
        /// What was being done.
        action: &'static str,
        /// What it said.
        source: Cause,
    },
    /// The queue was closed, or failed inside.
    Stopped,
}

impl QueueError {
    /// The reason that stands for the kind of failure.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Options { .. } => Reason::BadRequest,
            Self::Unreachable { .. } => Reason::QueueUnreachable,
            Self::Refused { .. } => Reason::QueueRefused,
            Self::Stopped => Reason::Interrupted,
        }
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options { what, reason } => write!(f, "queue: {what}: {reason}"),
            Self::Unreachable { action, source } => write!(f, "queue: cannot {action}: {source}"),
            Self::Refused { action, source } => write!(f, "queue: refuses to {action}: {source}"),
            Self::Stopped => f.write_str("queue: its runtime ended"),
        }
    }
}

impl std::error::Error for QueueError {}
