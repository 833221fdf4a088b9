//! The name that a file has until it is complete. It follows from the name that the file will get, so that whoever
//! writes the same file next finds what a process left that was killed, and takes it away.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

#[cfg(target_os = "linux")]
use super::nameless::is_local;

/// `.mender-artifact-NAME.part` beside `destination`.
pub(super) fn unfinished_name(destination: &Path) -> PathBuf {
    let mut name = OsString::from(super::PREFIX);
    name.push(destination.file_name().unwrap_or_default());
    name.push(super::SUFFIX);
    super::folder_of(destination).join(name)
}

/// Removes a file of this name that nobody is writing: who does holds it, and a process that has ended holds nothing.
/// Where another machine may write it, which this one need not see hold it, only what has not changed for long.
/// One that cannot be removed stays, and is in nobody's way.
pub(super) fn reclaim(unfinished: &Path) {
    reclaim_where(unfinished, is_local);
}

fn reclaim_where(unfinished: &Path, is_local: impl Fn(&File) -> bool) {
    // No link is followed, and no pipe waited for. Over NFS only what can be written can be held.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open_as = |access| open(unfinished, flags | access, Mode::empty());
    let opened = open_as(OFlags::RDWR).or_else(|_| open_as(OFlags::RDONLY));
    let Ok(file) = opened.map(File::from) else { return };
    let Ok(about) = file.metadata() else { return };
    // Not held before it is known to be old: somebody else may just begin it.
    let may_be_left = about.is_file() && (is_local(&file) || is_old(&about));
    if may_be_left && hold(&file).is_ok() && is_still(&file, unfinished) {
        let _ = fs::remove_file(unfinished);
    }
}

/// After how long without a change a file counts as left.
const OLD: Duration = Duration::from_secs(60 * 60);

fn is_old(about: &Metadata) -> bool {
    about.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age >= OLD)
}

/// Nothing tells.
#[cfg(not(target_os = "linux"))]
fn is_local(_: &File) -> bool {
    false
}

/// Makes a file of this name, held until it is closed; `None` where that cannot be done.
pub(super) fn begin(unfinished: &Path, mode: u32) -> Option<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(unfinished).ok()?;
    if let Err(error) = hold(&file) {
        // Who holds a file that new reclaims it, and removes it; the name may be another's then.
        if error.kind() != io::ErrorKind::WouldBlock && is_still(&file, unfinished) {
            let _ = fs::remove_file(unfinished);
        }
        return None;
    }
    // Somebody may have reclaimed it before it was held.
    is_still(&file, unfinished).then_some(file)
}

/// Tells others that somebody writes this file.
pub(super) fn hold(file: &File) -> io::Result<()> {
    set(file, FlockOperation::NonBlockingLockExclusive)
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

/// Whether the path leads to this file, by device and inode.
pub(super) fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_another_machine_may_write_is_left_for_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".mender-artifact-a.part");
        let set_age = |seconds| {
            let at = SystemTime::now() - Duration::from_secs(seconds);
            File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        };
        fs::write(&path, b"left").unwrap();
        reclaim_where(&path, |_| false);
        set_age(50 * 60);
        reclaim_where(&path, |_| false);
        assert!(path.exists());
        set_age(61 * 60);
        let held = File::open(&path).unwrap();
        hold(&held).unwrap();
        reclaim_where(&path, |_| false);
        assert!(path.exists());
        drop(held);
        reclaim_where(&path, |_| false);
        assert!(!path.exists());
        fs::write(&path, b"left").unwrap();
        reclaim_where(&path, |_| true);
        assert!(!path.exists());
    }

    #[test]
    fn what_may_only_be_read_is_reclaimed_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".mender-artifact-a.part");
        fs::write(&path, b"left").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        reclaim_where(&path, |_| true);
        assert!(!path.exists());
    }
}
