//! The note that `Download` leaves for `ArtifactInstall`: this partition now holds a verified image.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::{BootProblem, Error};
use super::slots::Slot;

/// In the client's file tree, which it throws away after the update.
fn place(tree: &Path) -> PathBuf {
    tree.join("tmp/mender-delta-verified")
}

/// Any note of an earlier attempt is gone before the first byte is written.
///
/// # Errors
///
/// The note is there and cannot be removed.
pub(crate) fn remove(tree: &Path) -> Result<(), Error> {
    let path = place(tree);
    let removed = match fs::remove_file(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        // A loss of power must not bring it back beside a half-written image.
        Ok(()) => sync_folder(&tree.join("tmp")),
    };
    removed.map_err(|error| Error::io("remove", &path, error))
}

/// Leaves the note, durably.
///
/// # Errors
///
/// The note cannot be written.
pub(crate) fn leave(tree: &Path, written: &Slot) -> Result<(), Error> {
    let path = place(tree);
    let write = || {
        fs::create_dir_all(tree.join("tmp"))?;
        let mut file = fs::File::create(&path)?;
        file.write_all(text(written).as_bytes())?;
        file.sync_all()?;
        sync_folder(&tree.join("tmp"))
    };
    write().map_err(|error| Error::io("write", &path, error))
}

/// What was made or removed in this folder stays so, on file systems that can bring a folder to the medium.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
            _ => Err(error),
        },
        done => done,
    }
}

/// Whether the note is there and names this partition.
///
/// # Errors
///
/// It is not, so `Download` has not succeeded.
pub(crate) fn check(tree: &Path, inactive: &Slot) -> Result<(), Error> {
    match fs::read(place(tree)) {
        Ok(found) if found == text(inactive).as_bytes() => Ok(()),
        _ => Err(Error::Boot(BootProblem::NotDownloaded { inactive: inactive.path.clone() })),
    }
}

fn text(slot: &Slot) -> String {
    format!("{}\n", slot.path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_brought_to_the_medium_is_no_failure() {
        let folder = Path::new("/proc/self");
        let error = fs::File::open(folder).unwrap().sync_all().unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
        sync_folder(folder).unwrap();
        assert!(sync_folder(Path::new("/proc/self/no-such")).is_err());
    }
}
