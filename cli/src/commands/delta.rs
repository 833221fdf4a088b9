//! `delta`: deltas between plain images, and what servers need to have them made.

pub(crate) mod apply;
pub(crate) mod block_list;
pub(crate) mod create;
#[cfg(feature = "server")]
pub(crate) mod enqueue;
pub(crate) mod estimate;
pub(crate) mod explain;
pub(crate) mod image;
pub(crate) mod info;
pub(crate) mod level;
#[cfg(feature = "server")]
pub(crate) mod plan;
mod source;
#[cfg(feature = "server")]
pub(crate) mod store;
#[cfg(feature = "server")]
mod store_address;
pub(crate) mod swapped;
#[cfg(feature = "server")]
pub(crate) mod worker;
pub(crate) mod worth;
