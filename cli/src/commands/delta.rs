//! `delta`: deltas between plain images.

pub(crate) mod apply;
pub(crate) mod create;
pub(crate) mod estimate;
pub(crate) mod explain;
pub(crate) mod image;
pub(crate) mod info;
pub(crate) mod level;
#[cfg(feature = "server")]
pub(crate) mod plan;
mod source;
pub(crate) mod swapped;
pub(crate) mod worth;
