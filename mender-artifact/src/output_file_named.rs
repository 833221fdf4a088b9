//! A file with a name until it is complete: renamed or removed only if the name still is this file's.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::TempPath;

/// Dropped, it is removed, but never what another has put under its name.
#[derive(Debug)]
pub(super) struct Named {
    /// Goes before the file is closed, and with that no longer held.
    path: Option<TempPath>,
    file: File,
    /// Whether others, who write the same file, use the name, too.
    is_shared: bool,
}

impl Named {
    pub(super) fn new(file: File, path: TempPath, is_shared: bool) -> Self {
        Self { path: Some(path), file, is_shared }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Renames the file, in the place of anything that has the name.
    pub(super) fn persist(&mut self, destination: &Path) -> io::Result<()> {
        self.taken()?.persist(destination).map_err(|error| error.error)
    }

    /// Renames the file if nothing has the name.
    pub(super) fn persist_new(&mut self, destination: &Path) -> io::Result<()> {
        self.taken()?.persist_noclobber(destination).map_err(|error| error.error)
    }

    fn taken(&mut self) -> io::Result<TempPath> {
        match self.path.take() {
            Some(path) if self.is_shared => still(&self.file, path),
            Some(path) => Ok(path),
            None => Err(taken_away()),
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        drop(self.taken());
    }
}

/// The path, if it still leads to the file; else what is there stays.
pub(super) fn still(file: &File, path: TempPath) -> io::Result<TempPath> {
    #[cfg(unix)]
    let is_still = super::unfinished::is_still(file, &path);
    #[cfg(not(unix))]
    let is_still = {
        let _ = file;
        true
    };
    if is_still {
        return Ok(path);
    }
    let _ = path.keep();
    Err(taken_away())
}

fn taken_away() -> io::Error {
    io::Error::other("the unfinished file was taken away")
}
