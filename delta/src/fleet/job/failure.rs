//! A failure as a value: the reason, and the evidence.

use crate::fleet::reason::Reason;
use crate::fleet::store::error::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which of the two Artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that devices have.
    From,
    /// The one that they are to get.
    To,
}

impl Side {
    /// `from` or `to`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
        }
    }
}

/// Why something was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What to act on.
    pub reason: Reason,
    /// What happened, for people: one line.
    pub text: String,
    /// The Artifact at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// The part of it at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Where, in bytes: from the start of the Artifact for its outer archive, of the unpacked archive for what is inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes that were wanted, where a limit was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<u64>,
    /// That limit in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl Failure {
    /// A failure whose text is that of its reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self::because(reason, reason.text())
    }

    /// A failure with a text of its own.
    #[must_use]
    pub fn because(reason: Reason, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { reason, text, side: None, entry: None, offset: None, wanted: None, limit: None }
    }

    /// What a store said.
    pub(in crate::fleet) fn of_store(error: &StoreError) -> Self {
        Self::because(error.reason(), error.to_string())
    }

    /// A limit that was met.
    #[must_use]
    pub fn limit(reason: Reason, what: &str, wanted: u64, limit: u64) -> Self {
        let text = format!("{what}: {wanted} bytes are over the limit of {limit}");
        Self { wanted: Some(wanted), limit: Some(limit), ..Self::because(reason, text) }
    }

    /// Says which Artifact is at fault.
    #[must_use]
    pub fn of(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Some(side) => write!(f, "{}: {}", side.name(), self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Failure {}
