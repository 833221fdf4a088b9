//! Jobs that make delta Artifacts: queued, bounded, cancelled, remembered. docs/server.md is the guide.
//!
//! An engine takes a [`JobSpec`](spec::JobSpec) and two Artifacts, as paths or as bytes that are pushed, and gives back a
//! handle at once. Nothing is global: threads, temporary files, quotas and the
//! budget of memory belong to the engine, everything inside of it to a tenant. No call takes long but
//! waiting, which takes as long as it is told.

pub mod failure;
pub mod id;
pub mod input;
pub mod key;
pub mod limits;
pub mod report;
pub mod spec;
pub mod state;
