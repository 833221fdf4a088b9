//! Tar archives: the outer container, the header and the payload archives.

pub(crate) mod block;
mod pax;
pub(crate) mod reader;
#[cfg(feature = "std")]
pub mod writer;
