//! What a worker tells while it works: one JSON object on a line each.

use crate::fleet::digest::Sha256Sum;
use crate::fleet::job::failure::Failure;
use crate::fleet::job::key::JobKey;
use crate::fleet::job::report::Report;
use crate::fleet::job::state::State;
use crate::fleet::tenant::TenantId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Version of the JSON form.
pub const VERSION: u32 = 1;

/// Something that happened to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`VERSION`].
    pub v: u32,
    /// The task, as [`Task::id`](super::task::Task::id) names it.
    pub task: String,
    /// For whom.
    pub tenant: TenantId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// Work on it began.
    Started {
        /// How often it was given to a worker, this time included.
        delivery: u64,
    },
    /// It came further; at most four times a second.
    Progress {
        /// Where it stands.
        state: State,
        /// Bytes done of what the state counts; 0 where it counts nothing.
        done: u64,
        /// Of so many; 0 where that is not known.
        total: u64,
    },
    /// There is a delta Artifact.
    Done(Box<Done>),
    /// There is none.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether it will be given to a worker again.
        again: bool,
        /// More about it, when the job had begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        report: Option<Box<Report>>,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// Whether it will be given to a worker again.
        again: bool,
    },
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its key.
    pub key: JobKey,
    /// SHA-256 of the delta Artifact.
    pub sha256: Sha256Sum,
    /// Its size in bytes.
    pub len: u64,
    /// Whether this worker put it into the store.
    pub published: PublishedAs,
    /// The file that it was written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// More about it; absent when the store had the result already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// How a result relates to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishedAs {
    /// This worker published it.
    New,
    /// It was there.
    AlreadyThere,
    /// The worker has no store.
    Nowhere,
}

impl Event {
    /// The JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
