//! The note that `Download` leaves for `ArtifactInstall`: this partition now holds a verified image.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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
        Ok(()) => sync_folder(tree),
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
        sync_folder(tree)
    };
    write().map_err(|error| Error::io("write", &path, error))
}

/// What was made or removed in the note's folder stays so.
fn sync_folder(tree: &Path) -> std::io::Result<()> {
    fs::File::open(tree.join("tmp"))?.sync_all()
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
