//! The reading half: a core without I/O or allocation, and a skin for `std::io::Read` over it.
//!
//! | module | |
//! |---|---|
//! | [`push`] | the core: bytes in, events out |
//! | [`view`], [`documents`] | what the core shows of a header |
//! | [`verify`] | the hook for signatures |
//! | [`codec`] | the hook for decompressors |
//! | `decompress` | decompressors for gzip, xz and zstd |
//! | `parallel`, `stretch`, `xz_blocks` | the same with several threads |
//! | `stream` | the skin |

pub mod codec;
#[cfg(feature = "std")]
pub mod decompress;
pub mod documents;
pub(crate) mod file_hash;
mod header;
mod kept;
mod order;
#[cfg(feature = "std")]
mod owned;
#[cfg(feature = "std")]
pub(crate) mod parallel;
pub mod push;
#[cfg(feature = "std")]
pub mod stream;
#[cfg(feature = "std")]
pub(crate) mod stretch;
pub mod verify;
pub mod view;
#[cfg(feature = "std")]
mod xz_blocks;

#[cfg(feature = "std")]
pub use stream::{PayloadSink, ReadOptions, ReadReport, read_artifact};
