//! The native container: encoding beside decoding. docs/delta-format.md is the byte-level truth.

pub(crate) mod crc32;
#[cfg(feature = "generate")]
pub mod cut;
pub mod header;
#[cfg(feature = "generate")]
pub mod level;
#[cfg(feature = "generate")]
mod pack;
pub mod window;
#[cfg(feature = "generate")]
pub mod writer;
