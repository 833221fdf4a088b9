//! What a server knows of the Artifacts of its tenants, and which of them a device can take.
//!
//! * [`summary`]: what is kept of an Artifact; read from its stream (`from_artifact`) or from JSON.
//! * [`device`]: what a device reports of itself.
//! * [`matching`]: whether a device would install an Artifact, by the rules of Mender's clients.
//! * [`provides`]: what it will report afterwards.
//! * [`index`]: the Artifacts of one tenant, and of all of them.
//! * [`select`]: the Artifact to send, and why not the others. [`who_has`] is the reverse question.

pub mod device;
pub mod error;
mod from_artifact;
pub mod glob;
pub mod index;
pub mod limits;
pub mod matching;
pub mod mismatch;
pub mod provides;
pub mod select;
pub mod summary;
mod text_map;
pub mod who_has;

#[cfg(test)]
pub(crate) mod tests;
