//! Files without a name: the system frees them when the process ends, whatever ends it.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

/// A file without a name on the file system of `folder`, with these permissions less what the process masks. `None`
/// where the file system has no such files, or nothing would lead to it later.
pub(super) fn create_in(folder: &Path, mode: u32) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(open(folder, flags, Mode::from_raw_mode(mode)).ok()?);
    fs::symlink_metadata(way_to(&file)).is_ok().then_some(file)
}

/// Gives the file a name that nothing has yet.
pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
    Ok(linkat(CWD, way_to(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// The link that the system keeps for an open file.
fn way_to(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
