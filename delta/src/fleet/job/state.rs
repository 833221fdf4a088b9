//! How far a job is.

use super::failure::Failure;
use serde::{Deserialize, Serialize};

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, waiting for a worker, for memory, or for room.
    Queued,
    /// The Artifacts arrive, are checked, and their images are unpacked.
    Spooling,
    /// Images are hashed and what they have in common is looked for.
    Planning,
    /// What changed is compared with what it was.
    Diffing,
    /// The delta is packed, and proved at the same time.
    Compressing,
    /// The delta is applied and the result compared; the Artifact is written and published.
    Verifying,
    /// Waiting for a signature.
    AwaitingSignature,
    /// There is a delta Artifact.
    Done,
    /// There is none, and there is a reason.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl State {
    /// All of them, in the order of a job's life.
    pub const ALL: [State; 10] = [
        State::Queued,
        State::Spooling,
        State::Planning,
        State::Diffing,
        State::Compressing,
        State::Verifying,
        State::AwaitingSignature,
        State::Done,
        State::Failed,
        State::Cancelled,
    ];

    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Spooling => "spooling",
            Self::Planning => "planning",
            Self::Diffing => "diffing",
            Self::Compressing => "compressing",
            Self::Verifying => "verifying",
            Self::AwaitingSignature => "awaiting_signature",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word that Mender's API of delta jobs has for it: `pending`, `queued`, `success`, `failed` or
    /// `artifact_uploaded`, the last for results that are in a store.
    #[must_use]
    pub const fn mender_status(self, is_stored: bool) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done if is_stored => "artifact_uploaded",
            Self::Done => "success",
            Self::Failed | Self::Cancelled => "failed",
            _ => "pending",
        }
    }

    /// Whether the job is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a job is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Where it stands.
    pub state: State,
    /// Bytes done of what the state counts; 0 where it counts nothing.
    pub done: u64,
    /// Of so many; 0 where that is not known.
    pub total: u64,
    /// Upper bound of the memory that the work takes at its peak, in bytes; 0 before it is known.
    pub peak_memory: u64,
    /// Upper bound of the temporary files, in bytes; 0 before it is known.
    pub peak_disk: u64,
    /// Why, when it failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_json_has() {
        for state in State::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.code()));
        }
    }
}
