//! Wire formats of deltas.

pub mod native;
pub mod vcdiff;
