//! Codecs beside the programs whose output they must rebuild, and deltas of images with compressed content.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod deflate;
mod samples;
