//! Wire formats of deltas.

pub mod native;
