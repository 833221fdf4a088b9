//! Deltas for a fleet: which Artifact a device should get, jobs that make the deltas that are missing, the store they are
//! kept in, and a ledger of what was really downloaded. Everything belongs to a tenant.

pub mod catalog;
pub mod clock;
pub mod digest;
pub mod job;
#[cfg(feature = "ledger")]
pub mod ledger;
pub mod plan;
#[cfg(feature = "queue")]
pub mod queue;
pub mod reason;
mod runtime;
pub mod store;
pub mod tenant;
pub mod worker;
