//! Deltas of other programs' formats, with those programs at the other end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod bsdiff;
mod images;
mod program;
mod vcdiff_apply;
mod vcdiff_hostile;
mod vcdiff_make;
