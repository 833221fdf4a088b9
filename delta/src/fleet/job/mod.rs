//! Jobs that make delta Artifacts: queued, bounded, cancelled, remembered. docs/server.md is the guide.
//!
//! An [`Engine`](engine::Engine) takes a [`JobSpec`](spec::JobSpec) and two Artifacts, as paths or as bytes that are pushed, and gives back a
//! [`JobHandle`](handle::JobHandle) at once. Nothing is global: threads, temporary files, quotas and the
//! budget of memory belong to the engine, everything inside of it to a tenant. No call takes long but
//! waiting, which takes as long as it is told.

mod admission;
mod arrival;
mod board;
pub mod bound;
mod cause;
pub mod engine;
pub mod failure;
mod flight;
mod gauge;
pub mod handle;
pub mod id;
pub mod input;
pub mod insight;
pub mod journal;
pub mod key;
pub mod limits;
pub mod options;
pub mod output;
mod remembered;
pub mod report;
pub(in crate::fleet) mod shelf;
mod signing;
pub mod spec;
mod spool;
pub mod state;
mod submit;
mod taking_up;
mod work;
mod worker;
