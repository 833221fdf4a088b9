//! Folders that only their owner may enter, where there are such permissions.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;

/// Read, write and enter for the owner, nothing for others.
const PRIVATE: u32 = 0o700;

pub(super) fn make_private(builder: &mut DirBuilder) {
    builder.mode(PRIVATE);
}
