//! What the images have in common as a whole, and the pieces that need a closer look.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

pub(crate) mod blocks;
pub(crate) mod similar;
pub(crate) mod units;
pub(crate) mod whole_file;
