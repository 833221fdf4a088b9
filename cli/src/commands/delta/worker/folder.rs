//! The folder of one worker. It is locked while the worker lives, so that whoever starts beside it later can tell what a
//! killed one has left from what is in use, and removes that.
#![allow(clippy::incompatible_msrv, reason = "what only servers build may want a newer compiler")]

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;
use tempfile::{Builder, TempDir};

const PREFIX: &str = "mender-worker-";
/// Held by its worker; the system lets go of it when the process is killed.
const LOCK: &str = "lock";
/// The lock until it is held.
const NEW_LOCK: &str = "lock.new";
/// Folders younger than this may be about to get their lock.
const YOUNG: Duration = Duration::from_secs(3600);

/// A folder that is removed when it is dropped, or by a later worker.
pub(super) struct Folder {
    // Let go of before the folder is removed: some systems keep open files.
    _lock: File,
    folder: TempDir,
}

impl Folder {
    /// Makes one in `parent`, and removes what workers that were killed have left there.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        let folder = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = hold(folder.path())?;
        let ours = fs::symlink_metadata(folder.path())?;
        // What cannot be looked at or removed now will be by another worker, or is somebody else's.
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
            if is_named && entry.path() != folder.path() && is_left(&entry.path(), &ours) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self { _lock: lock, folder })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The lock of a new folder, which gets its name when it is held already.
fn hold(folder: &Path) -> io::Result<File> {
    let lock = File::create_new(folder.join(NEW_LOCK))?;
    lock.try_lock()?;
    fs::rename(folder.join(NEW_LOCK), folder.join(LOCK))?;
    Ok(lock)
}

/// Whether a folder is that of a worker of the same user which is no more.
fn is_left(folder: &Path, ours: &Metadata) -> bool {
    let Ok(metadata) = fs::symlink_metadata(folder) else { return false };
    if !metadata.is_dir() || !is_same_user(&metadata, ours) {
        return false;
    }
    match File::options().write(true).open(folder.join(LOCK)) {
        // From here on it is ours, for as long as it takes to be removed.
        Ok(lock) => lock.try_lock().is_ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let age = metadata.modified().ok().and_then(|at| at.elapsed().ok());
            age.is_some_and(|age| age > YOUNG)
        }
        Err(_) => false,
    }
}

#[cfg(unix)]
fn is_same_user(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn is_same_user(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_worker_has_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let alive = Folder::make(parent.path()).unwrap();
        let kept = ["mender-worker-young", "mender-worker-file", "other", "mender-worker-link"];
        for name in ["mender-worker-dead", "mender-worker-young", "other", "elsewhere"] {
            fs::create_dir_all(path(name).join("jobs/acme")).unwrap();
        }
        for name in ["mender-worker-dead", "other", "elsewhere"] {
            fs::write(path(name).join(LOCK), b"").unwrap();
        }
        fs::write(path("mender-worker-file"), b"").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("elsewhere"), path("mender-worker-link")).unwrap();
        #[cfg(not(unix))]
        fs::write(path("mender-worker-link"), b"").unwrap();
        let next = Folder::make(parent.path()).unwrap();
        assert!(!path("mender-worker-dead").exists());
        assert!(path("elsewhere/jobs").exists() && alive.path().join(LOCK).exists());
        for name in kept {
            assert!(fs::symlink_metadata(path(name)).is_ok(), "{name}");
        }
        let (alive_path, next_path) = (alive.path().to_owned(), next.path().to_owned());
        drop((alive, next));
        assert!(!alive_path.exists() && !next_path.exists());
    }
}
