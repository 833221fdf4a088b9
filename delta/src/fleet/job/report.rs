//! What became of a job.

use super::failure::Failure;
use super::id::JobId;
use super::key::JobKey;
use super::state::State;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::tenant::TenantId;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const VERSION: u32 = 1;

/// A job and its outcome. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`VERSION`].
    pub v: u32,
    /// Of the job.
    pub id: JobId,
    /// For whom.
    pub tenant: TenantId,
    /// Where it stands.
    pub state: State,
    /// What Mender's API calls that.
    pub mender_status: String,
    /// Of the result; known when both Artifacts are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<JobKey>,
    /// Of the file of the Artifact that devices have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_sha256: Option<Sha256Sum>,
    /// Of the file of the Artifact that they are to get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_sha256: Option<Sha256Sum>,
    /// Where the result comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Upper bound of memory that the work was granted.
    pub peak_memory: u64,
    /// Upper bound of temporary files that the work was granted.
    pub peak_disk: u64,
    /// Threads that it was granted.
    pub threads: u32,
    /// Milliseconds that the job spent in each state, in the order of its life; says nothing about the result.
    pub milliseconds: Vec<(State, u64)>,
}

/// Where an outcome comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This job made it.
    Made,
    /// It joined an equal job that was under way.
    Joined,
    /// The store had it.
    Stored,
    /// It is remembered.
    Remembered,
}

/// A delta Artifact. What decides its bytes decides this, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Of the delta Artifact as a file.
    pub sha256: Sha256Sum,
    /// Its size.
    pub len: u64,
    /// Size of the full Artifact that it stands for.
    pub full_len: u64,
    /// Size of the delta inside.
    pub delta_len: u64,
    /// Size of the new image.
    pub image_len: u64,
    /// Memory that a device needs to apply it.
    pub apply_memory: u64,
    /// Bytes of the new image that are copied as they are.
    pub copied: u64,
    /// That differ from the old image in some bytes.
    pub added: u64,
    /// That are zero.
    pub zero: u64,
    /// That are new.
    pub literal: u64,
    /// Whether both images' file systems could be read.
    pub file_systems_read: bool,
    /// Whether the Artifact is signed.
    pub signed: bool,
}

impl Report {
    /// The JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
