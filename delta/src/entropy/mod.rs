//! Packing of streams: what makes operations small.

pub mod lzma2;
#[cfg(feature = "std")]
pub mod lzma2_encoder;
pub mod mixing;
