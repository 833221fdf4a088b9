//! The answer for a fleet.

use super::policy::DeltaKind;
use super::reason::FullReason;
use crate::fleet::catalog::select::Refused;
use serde::Serialize;

/// Where the size of a delta is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeFrom {
    /// Nowhere.
    Unknown,
    /// [`FleetOptions::assumed_permille`](super::fleet::FleetOptions::assumed_permille).
    Assumed,
    /// [`Insight::estimate`](super::insight::Insight::estimate).
    Estimated,
}

/// A delta that should be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorthMaking {
    /// Identifier of the Artifact that devices have.
    pub from: String,
    /// Name of its release.
    pub from_name: String,
    /// Identifier of the Artifact that they shall have.
    pub to: String,
    /// In which format.
    pub algorithm: DeltaKind,
    /// Whether somebody makes it already.
    pub under_way: bool,
    /// How many devices would get it.
    pub devices: u64,
    /// Bytes of the full Artifact.
    pub full_bytes: u64,
    /// Bytes of the delta, if something is known of that.
    pub delta_bytes: Option<u64>,
    /// From where.
    pub size_from: SizeFrom,
    /// Bytes that all these devices together need not download; without a size of the delta all that they would.
    pub saved_bytes: u64,
}

/// Devices that get the same Artifact, for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The Artifact; `None` for those that get nothing.
    pub artifact: Option<String>,
    /// How many.
    pub devices: u64,
    /// One of them, if it has an identifier.
    pub example: Option<String>,
    /// Why no delta.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<FullReason>,
    /// Why nothing: the candidates, each with its reason, as for the example.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// The answer for a fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FleetPlan {
    /// How many devices there are.
    pub devices: u64,
    /// In how many states, as far as the answer depends on them.
    pub states: usize,
    /// The deltas worth making, most bytes saved first.
    pub deltas: Vec<WorthMaking>,
    /// Devices that get a delta which exists.
    pub existing: Vec<Share>,
    /// Devices that get a full image.
    pub full: Vec<Share>,
    /// Devices that get nothing.
    pub nothing: Vec<Share>,
}
