//! Packing of streams: what makes operations small.

pub mod lzma2;
#[cfg(feature = "generate")]
pub mod lzma2_encoder;
pub mod mixing;
pub mod spent;
pub mod zigzag;
