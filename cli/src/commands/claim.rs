//! A file that is changed by one process at a time: two that read it, change it and write it would lose what one of
//! them did, or mix both.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
#[cfg(not(unix))]
use crate::lock_portable::{hold, is_still};
#[cfg(unix)]
use crate::lock_unix::{hold, is_still};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file that we are changing. Others who want to change it are refused until it is closed.
pub(in crate::commands) struct Claim {
    path: PathBuf,
    file: File,
}

impl Claim {
    /// Claims the file that was opened as `path`.
    pub(in crate::commands) fn take(path: &Path, file: &File) -> Result<Self, Failure> {
        match hold(file) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(Failure::about(path, ExitStatus::Output, "another process changes it"));
            }
            // Where nothing can be held (some network file systems) files are changed as they always were.
            _ => {}
        }
        let file = file.try_clone().map_err(|error| Failure::io(path, ExitStatus::OpenInput, &error))?;
        let claim = Self { path: path.to_path_buf(), file };
        // Somebody may have been done with it between our opening and holding.
        claim.check()?;
        Ok(claim)
    }

    /// Refuses to go on when another file has the name meanwhile, which what we write would replace.
    pub(in crate::commands) fn check(&self) -> Result<(), Failure> {
        match is_still(&self.file, &self.path) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Failure::about(&self.path, ExitStatus::Output, "another process changed it meanwhile"))
            }
            Err(error) => Err(Failure::io(&self.path, ExitStatus::Output, &error)),
        }
    }
}
