//! Runs the built command on Artifacts that exist: signs, changes, takes apart and compares them.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod changes;
mod differences;
mod dumps;
#[cfg(target_os = "linux")]
mod failures;
mod reference;
mod signatures;
#[cfg(target_os = "linux")]
#[path = "../command/unfinished.rs"]
mod unfinished;
#[path = "../command/workplace.rs"]
mod workplace;
