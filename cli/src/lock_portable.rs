//! Where files cannot be held, one that exists is the lock. After a process was killed somebody has to remove it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anybody has it.
const WAIT_AT_MOST: Duration = Duration::from_secs(30);

/// Held until dropped.
pub(crate) struct Lock(PathBuf);

impl Lock {
    /// Takes it; [`io::ErrorKind::WouldBlock`] when it exists.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        match File::options().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            made => made.map(|_| Self(path.to_path_buf())),
        }
    }

    /// Takes a lock file beside a file, and waits for a while until nobody else has it.
    pub(super) fn wait_beside(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let started = Instant::now();
        loop {
            match Self::take(&name) {
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && started.elapsed() < WAIT_AT_MOST =>
                {
                    sleep(Duration::from_millis(10));
                }
                taken => return taken,
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Files that are open cannot be held.
pub(crate) fn hold(_: &File) -> io::Result<()> {
    Ok(())
}

/// What tells files apart is not known: whether there is one.
pub(crate) fn is_still(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path).unwrap();
        assert_eq!(Lock::take(&path).map(drop).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        drop(Lock::take(&path).unwrap());
        assert!(!path.exists());
        let file = File::create(&path).unwrap();
        hold(&file).unwrap();
        assert!(is_still(&file, &path).unwrap());
    }

    #[test]
    fn whoever_waits_gets_it_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let first = Lock::wait_beside(&path).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Lock::wait_beside(&path).map(drop));
            sleep(Duration::from_millis(50));
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
