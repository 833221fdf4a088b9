//! The folder of one worker. It is locked while the worker lives, so that whoever starts beside it later can tell what a
//! killed one has left from what is in use, and removes that. Where files cannot be locked nothing of others is removed.
#![allow(clippy::incompatible_msrv, reason = "what only servers build may want a newer compiler")]

use std::fs::{self, File, Metadata, TryLockError};
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
    // Let go of before the folder is removed: some systems keep open files. None where files cannot be locked.
    _lock: Option<File>,
    folder: TempDir,
}

impl Folder {
    /// Makes one in `parent`, and removes what workers that were killed have left there.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        Self::make_with(parent, File::try_lock)
    }

    fn make_with(parent: &Path, try_lock: TryLock) -> io::Result<Self> {
        let folder = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let Some(lock) = hold(folder.path(), try_lock)? else {
            // There the age alone would tell, and that of a long task is none.
            return Ok(Self { _lock: None, folder });
        };
        let ours = fs::symlink_metadata(folder.path())?;
        // What cannot be looked at or removed now will be by another worker, or is somebody else's.
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
            if is_named && entry.path() != folder.path() {
                // Ours for as long as it takes to be removed.
                let left = left(&entry.path(), &ours, try_lock);
                if left.is_some() {
                    let _ = fs::remove_dir_all(entry.path());
                }
                drop(left);
            }
        }
        Ok(Self { _lock: Some(lock), folder })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// How a file is locked.
type TryLock = fn(&File) -> Result<(), TryLockError>;

/// The lock of a new folder, which gets its name when it is held already; `None` where files cannot be locked.
fn hold(folder: &Path, try_lock: TryLock) -> io::Result<Option<File>> {
    let lock = File::create_new(folder.join(NEW_LOCK))?;
    match try_lock(&lock) {
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
        locked => locked?,
    }
    fs::rename(folder.join(NEW_LOCK), folder.join(LOCK))?;
    Ok(Some(lock))
}

/// What a worker of the same user which is no more has left.
struct Left {
    /// Held by us now; none where it had none yet.
    _lock: Option<File>,
}

/// Whether a folder is that of a worker of the same user which is no more.
fn left(folder: &Path, ours: &Metadata, try_lock: TryLock) -> Option<Left> {
    let metadata = fs::symlink_metadata(folder).ok()?;
    if !metadata.is_dir() || !is_same_user(&metadata, ours) {
        return None;
    }
    match File::options().write(true).open(folder.join(LOCK)) {
        Ok(lock) => try_lock(&lock).is_ok().then_some(Left { _lock: Some(lock) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let age = metadata.modified().ok().and_then(|at| at.elapsed().ok());
            age.is_some_and(|age| age > YOUNG).then_some(Left { _lock: None })
        }
        Err(_) => None,
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

    #[test]
    fn where_files_cannot_be_locked_nothing_of_others_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let old = parent.path().join("mender-worker-old");
        fs::create_dir(&old).unwrap();
        let then = std::time::SystemTime::now() - 2 * YOUNG;
        File::open(&old).unwrap().set_modified(then).unwrap();
        let without = |_: &File| Err(TryLockError::Error(io::ErrorKind::Unsupported.into()));
        let folder = Folder::make_with(parent.path(), without).unwrap();
        assert!(old.exists() && folder.path().exists());
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
        let broken = |_: &File| Err(TryLockError::Error(io::ErrorKind::Other.into()));
        assert!(Folder::make_with(parent.path(), broken).is_err());
        // With locks its age does tell: it never got one.
        let _next = Folder::make(parent.path()).unwrap();
        assert!(!old.exists());
    }
}
