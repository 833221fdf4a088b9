//! Folders that a command has made for its output, and takes away again where nothing has come into them.

use crate::interrupt::{self, Guard};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Those that were not there before, the innermost first. Dropped, or at a signal, the empty ones of them are removed.
pub(super) struct MadeFolders {
    paths: Vec<PathBuf>,
    _guard: Guard,
}

impl MadeFolders {
    /// Makes the folder, with those above it, where it is not there.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        let missing = |above: &&Path| !above.as_os_str().is_empty() && above.symlink_metadata().is_err();
        let paths: Vec<PathBuf> = path.ancestors().take_while(missing).map(Path::to_path_buf).collect();
        let again = paths.clone();
        let made = Self { paths, _guard: interrupt::undo_with(move || remove_empty(&again)) };
        fs::create_dir_all(path)?;
        Ok(made)
    }

    /// They stay.
    pub(super) fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        remove_empty(&self.paths);
    }
}

/// One that is not empty, and so those above it, is left.
fn remove_empty(paths: &[PathBuf]) {
    let _ = paths.iter().try_for_each(fs::remove_dir);
}
