//! Files inside of images and Artifacts: what `cat`, `cp`, `install`, `rm` and others have in common.

pub(super) mod address;
pub(super) mod artifact;
pub(super) mod change;
pub(super) mod read;
pub(super) mod source;
