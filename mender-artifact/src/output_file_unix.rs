//! The name that a file has until it is complete. It follows from the name that the file will get, so that whoever
//! writes the same file next finds what a process left that was killed, and takes it away.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

/// `.mender-artifact-NAME.part` beside `destination`.
pub(super) fn unfinished_name(destination: &Path) -> PathBuf {
    let mut name = OsString::from(super::PREFIX);
    name.push(destination.file_name().unwrap_or_default());
    name.push(super::SUFFIX);
    super::folder_of(destination).join(name)
}

/// Removes a file of this name that nobody is writing: who does holds it, and a process that has ended holds nothing.
/// One that cannot be removed stays, and is in nobody's way.
pub(super) fn reclaim(unfinished: &Path) {
    // No link is followed, and no pipe waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = open(unfinished, flags, Mode::empty()).map(File::from) else { return };
    if file.metadata().is_ok_and(|about| about.is_file()) && hold(&file) && is_still(&file, unfinished) {
        let _ = fs::remove_file(unfinished);
    }
}

/// Makes a file of this name, held until it is closed; `None` where that cannot be done.
pub(super) fn begin(unfinished: &Path, mode: u32) -> Option<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(unfinished).ok()?;
    if !hold(&file) {
        let _ = fs::remove_file(unfinished);
        return None;
    }
    // Somebody may have reclaimed it before it was held.
    is_still(&file, unfinished).then_some(file)
}

/// Tells others that somebody writes this file.
pub(super) fn hold(file: &File) -> bool {
    set(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// The file is complete and has its name: others may change it.
pub(super) fn release(file: &File) {
    // It is closed soon in any case.
    let _ = set(file, FlockOperation::Unlock);
}

fn set(file: &File, operation: FlockOperation) -> io::Result<()> {
    loop {
        match flock(file.as_fd(), operation) {
            Err(rustix::io::Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}

fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}
