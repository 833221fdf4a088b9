//! Runs the built command as a worker: with one task, with a store, and many beside a NATS server that comes and goes.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(unix)]

mod artifacts;
mod deployment;
mod killed;
mod left;
mod nats;
mod one;
mod queued;
mod s3;
mod store;
#[allow(dead_code, reason = "of what it has, these tests need a part")]
#[path = "../command/workplace.rs"]
mod workplace;
