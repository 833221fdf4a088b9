//! The native container: encoding beside decoding. docs/delta-format.md is the byte-level truth.

pub(crate) mod crc32;
pub mod header;
pub mod window;
#[cfg(feature = "std")]
pub mod writer;
