//! Runs the built command where it tells what a delta costs, whether it is worth it, and what it will be.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod estimate;
mod explain;
mod images;
mod odd_images;
#[cfg(feature = "server")]
mod plan;
#[cfg(feature = "server")]
mod plan_client;
mod swapped;
#[allow(dead_code, reason = "shared with other tests, which need more of it")]
#[path = "../command/workplace.rs"]
mod workplace;
mod worth;
