//! Finding out which bytes of the target stand in the base.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

pub(crate) mod align;
pub(crate) mod budget;
pub(crate) mod likeness;
pub(crate) mod suffix;
pub(crate) mod unit;
pub(crate) mod units;
