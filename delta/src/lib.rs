//! Binary deltas between root file systems: made in parallel, applied in bounded memory.
//!
//! * [`apply`]: the applier, a sans-I/O state machine for devices (`no_std`, no allocation).
//! * [`mod@format`]: the native container; docs/delta-format.md is the byte-level truth.
//! * `generate`: makes a delta of two images and proves it.
//! * `artifact`: the same between Artifacts.
//! * `estimate`: how large a delta will be, before it is made.
//! * `explain`: which files a delta's bytes are spent on, and why.
//! * `fleet`: what a server needs: which delta for which device, jobs that make them, where they are kept, and what was
//!   really downloaded.
//!
//! Without features only the applier is there; `std` adds files, `generate` (the default) all the rest.

#![cfg_attr(not(feature = "std"), no_std)]

pub mod apply;
pub mod entropy;
pub mod error;
pub mod fold;
pub mod format;
pub mod op;

#[cfg(feature = "std")]
pub mod inspect;
#[cfg(feature = "std")]
pub mod progress;
#[cfg(feature = "generate")]
mod proof;

#[cfg(feature = "generate")]
pub mod age;
#[cfg(feature = "generate")]
pub mod algorithm;
#[cfg(feature = "generate")]
pub mod artifact;
#[cfg(feature = "generate")]
pub mod estimate;
#[cfg(feature = "generate")]
pub mod explain;
#[cfg(feature = "fleet")]
pub mod fleet;
#[cfg(feature = "generate")]
pub mod generate;
#[cfg(feature = "generate")]
pub mod mapped;
#[cfg(feature = "generate")]
mod matching;
#[cfg(feature = "generate")]
pub mod options;
#[cfg(feature = "generate")]
mod reading;
#[cfg(feature = "generate")]
mod source;
#[cfg(feature = "generate")]
mod touched;
