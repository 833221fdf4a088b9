//! `cargo xtask demo`.

use crate::failure::Failure;

/// Where the two root file systems come from.
pub(crate) enum Source {
    /// Two builds of this project's programs, and its documents.
    OwnPrograms,
    /// Debian's packages of a release, and with its updates.
    DebianPackages,
}

pub(crate) fn run(_source: Source) -> Result<(), Failure> {
    Err(Failure::new("demo: not wired yet"))
}
