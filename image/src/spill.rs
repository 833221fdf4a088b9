//! A file in which waits what memory is too small for. It is made when something goes there for the first time.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::error::Error;
#[cfg(not(unix))]
use crate::positioned_file_portable::PositionedFile;
#[cfg(unix)]
use crate::positioned_file_unix::PositionedFile;

/// Makes a file, empty and open for reading and writing.
pub type MakeFile = Arc<dyn Fn() -> io::Result<File> + Send + Sync>;

/// The file, one that can be made, or none.
#[derive(Default)]
pub(crate) struct Spill {
    file: Option<PositionedFile>,
    make: Option<MakeFile>,
}

impl Spill {
    /// With a file that is there.
    pub(crate) fn of(file: File) -> Self {
        Self { file: Some(PositionedFile::new(file)), make: None }
    }

    /// With one that is made when it is needed.
    pub(crate) fn made_by(make: MakeFile) -> Self {
        Self { file: None, make: Some(make) }
    }

    /// Whether there is, or can be, a file.
    pub(crate) fn is_possible(&self) -> bool {
        self.file.is_some() || self.make.is_some()
    }

    /// Writes to the file.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        if let (None, Some(make)) = (&self.file, &self.make) {
            self.file = Some(PositionedFile::new(make().map_err(Error::Temporary)?));
        }
        match &mut self.file {
            Some(file) => file.write_all_at(offset, bytes).map_err(Error::Temporary),
            None => Err(Error::Temporary(io::ErrorKind::NotFound.into())),
        }
    }

    /// Reads what was written.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        match &self.file {
            Some(file) => file.read_exact_at(offset, buffer).map_err(Error::Temporary),
            None => Err(Error::Temporary(io::ErrorKind::NotFound.into())),
        }
    }
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spill").field("file", &self.file).finish_non_exhaustive()
    }
}
