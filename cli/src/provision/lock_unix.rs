//! A file that one process at a time can hold.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::path::Path;

/// Held until dropped. It goes with the process, however that ends.
pub(super) struct Lock(#[allow(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes it; [`io::ErrorKind::WouldBlock`] when somebody holds it.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(file))
    }
}
