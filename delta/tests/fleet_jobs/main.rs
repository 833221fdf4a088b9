//! Jobs that make delta Artifacts: what they give, what they refuse and why, who may see them, and what becomes of them when
//! their engine goes.

#![cfg(feature = "fleet")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod adverse;
mod artifacts;
mod leaving;
mod machine;
mod outcome;
mod reasons;
mod serving;
mod sharing;
mod signing;
mod stopping;
mod without_waiting;
