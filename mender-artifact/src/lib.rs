//! Reads, checks, writes and signs Mender Artifacts.
//!
//! A Mender Artifact is a tar archive that carries one software update: a `version` file, a
//! `manifest` with the SHA-256 of everything else, optionally a signature of that manifest, a
//! compressed header archive that says what the update is and which devices it is for, and one
//! compressed archive of payload files.
//!
//! * [`read`] is the reading half. Its core, [`read::push::Reader`], is a state machine that is given
//!   bytes and answers with events. It does no input or output, allocates nothing, and works
//!   without `std`: all its memory is one slice from the caller. [`read::read_artifact`] is the
//!   skin over it for programs with `std`.
//! * [`check`] answers one question: is this a sound Artifact?
//! * [`mod@write`] is the writing half: a plan goes in, an Artifact comes out, the same every time.
//! * [`sign`] has the keys, [`resign`] signs an Artifact that exists, and [`output_file`] lets a file
//!   appear whole or not at all.
//! * [`header`] is the description of an Artifact that reading gives and writing takes.
//!
//! Input is hostile until its checksum has been compared: every size is held against [`limits`],
//! and what two clients could understand differently is refused.
//!
//! # Features
//!
//! `std` (default): files, threads, compression, keys and everything that allocates. Without it
//! the crate is `no_std`, allocates nothing, and only reads.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "std")]
pub mod check;
pub mod compression;
#[cfg(feature = "std")]
pub mod diff;
pub mod digest;
pub mod entry_name;
pub mod error;
pub mod format_version;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "std")]
pub mod header;
pub mod json;
pub mod limits;
pub mod manifest;
#[cfg(feature = "std")]
pub mod modify;
#[cfg(feature = "std")]
pub mod output_file;
pub mod read;
#[cfg(feature = "std")]
pub mod resign;
#[cfg(feature = "std")]
pub mod rewrite;
#[cfg(feature = "std")]
pub mod sign;
pub mod tar;
#[cfg(feature = "std")]
pub mod write;
