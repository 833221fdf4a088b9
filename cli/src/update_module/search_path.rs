//! Programs of the system, looked for where the client's environment says.

use std::ffi::OsStr;
use std::path::PathBuf;

/// The first file of that name in the folders of `path`.
pub(crate) fn find(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The first file of that name in `PATH`.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    find(&std::env::var_os("PATH").unwrap_or_default(), program)
}
