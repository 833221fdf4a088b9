//! Tar archives: the outer container, the header and the payload archives.

#[cfg(feature = "std")]
pub mod writer;
