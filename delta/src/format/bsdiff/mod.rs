//! BSDIFF40, the format of bsdiff and bspatch: three bzip2 streams of operations, differences and new bytes.
//! docs/foreign-deltas.md says what is read and what is written.

#[cfg(feature = "generate")]
pub mod generate;
pub mod header;
#[cfg(feature = "generate")]
pub mod writer;
