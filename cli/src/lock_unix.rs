//! A file that one process at a time can hold.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Held until dropped. It goes with the process, however that ends.
pub(crate) struct Lock(#[allow(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes it; [`io::ErrorKind::WouldBlock`] when somebody holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(file))
    }

    /// Takes the folder that a file is in, and waits until nobody else has it. Leaves no file of its own there.
    pub(crate) fn wait_beside(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = File::open(folder)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(Self(file)),
            }
        }
    }
}

/// Holds a file that is open, until it is closed; [`io::ErrorKind::WouldBlock`] when somebody else holds it.
pub(crate) fn hold(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Whether `path` still names the file that was opened, and no other that has taken its place.
pub(crate) fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    let (opened, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino()))
}
