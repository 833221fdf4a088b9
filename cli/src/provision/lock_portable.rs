//! Where files cannot be held, one that exists is the lock. After a process was killed somebody has to remove it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Held until dropped.
pub(super) struct Lock(PathBuf);

impl Lock {
    /// Takes it; [`io::ErrorKind::WouldBlock`] when it exists.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        match File::options().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            made => made.map(|_| Self(path.to_path_buf())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
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
    }
}
