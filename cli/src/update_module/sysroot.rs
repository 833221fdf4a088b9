//! Where the files of the running system are looked for: `/`, or a directory that a test has made.

use std::path::{Path, PathBuf};

/// Names the directory under which configuration and `/proc` are looked for. For tests only: with it,
/// plain files are taken as partitions, and `/` itself is not looked at.
const VARIABLE: &str = "MENDER_BINARY_DELTA_TEST_SYSROOT";

/// The place of system files.
#[derive(Debug, Clone)]
pub(crate) struct Sysroot {
    test_directory: Option<PathBuf>,
}

impl Sysroot {
    pub(crate) fn from_environment() -> Self {
        Self {
            test_directory: std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(directory: &Path) -> Self {
        Self { test_directory: Some(directory.to_owned()) }
    }

    /// `relative` has no leading slash: `etc/mender/mender.conf`.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.test_directory.as_deref().unwrap_or(Path::new("/")).join(relative)
    }

    pub(crate) fn is_test(&self) -> bool {
        self.test_directory.is_some()
    }
}
