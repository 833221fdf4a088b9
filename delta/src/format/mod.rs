//! Wire formats of deltas.

#[cfg(feature = "bsdiff")]
pub mod bsdiff;
pub mod native;
pub mod vcdiff;
