//! Binary deltas between root file systems: made in parallel, applied in bounded memory.
//!
//! * [`apply`]: the applier, a sans-I/O state machine for devices (`no_std`, no allocation).
//! * `generate`: makes a delta of two images and proves it.
//! * `artifact`: the same between Artifacts.
//! * [`format`]: the native container; docs/delta-format.md is the byte-level truth.
//!
//! Without the feature `std` only the applier is there.

#![cfg_attr(not(feature = "std"), no_std)]

pub mod apply;
#[cfg(feature = "std")]
pub mod artifact;
pub mod entropy;
pub mod error;
pub mod format;

#[cfg(feature = "std")]
pub mod generate;
#[cfg(feature = "std")]
pub mod inspect;
#[cfg(feature = "std")]
pub mod mapped;
#[cfg(feature = "std")]
mod matching;
#[cfg(feature = "std")]
pub mod op;
#[cfg(feature = "std")]
pub mod options;
#[cfg(feature = "std")]
mod source;
