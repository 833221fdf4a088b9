//! Compressed content: differences are taken of the plain content, and the device packs it again, bit for bit.

mod base;
pub mod codec;
#[cfg(feature = "generate")]
pub(crate) mod generate;
pub(crate) mod memory;
mod numbers;
pub(crate) mod script;
mod target;
