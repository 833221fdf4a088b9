//! VCDIFF (RFC 3284) with the extensions of xdelta3: check values of windows, an application header, secondary
//! compression. docs/foreign-deltas.md says what is read and what is written.

pub mod address;
pub mod adler32;
pub mod code_table;
pub(crate) mod djw;
#[cfg(feature = "generate")]
mod exact;
#[cfg(feature = "generate")]
pub mod generate;
pub mod header;
#[cfg(feature = "generate")]
mod instructions;
pub mod number;
#[cfg(feature = "generate")]
mod reach;
#[cfg(feature = "generate")]
pub mod writer;
pub mod xz;
#[cfg(feature = "generate")]
mod xz_encoder;
