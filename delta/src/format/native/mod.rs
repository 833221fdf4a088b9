//! The native container: encoding beside decoding. docs/delta-format.md is the byte-level truth.

pub(crate) mod crc32;
#[cfg(feature = "std")]
pub mod cut;
pub mod header;
#[cfg(feature = "std")]
mod pack;
pub mod window;
#[cfg(feature = "std")]
pub mod writer;
