//! Codecs beside the programs whose output they must rebuild, and deltas of images with compressed content.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::print_stdout, reason = "tests")]

mod deflate;
#[cfg(feature = "generate")]
mod images;
mod samples;
