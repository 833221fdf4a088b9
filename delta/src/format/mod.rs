//! Wire formats of deltas.

pub mod block_list;
#[cfg(feature = "bsdiff")]
pub mod bsdiff;
pub mod native;
pub mod vcdiff;
