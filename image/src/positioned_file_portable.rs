//! Reading and writing a file at an offset where the system only knows a position: one at a time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct PositionedFile(Mutex<File>);

impl PositionedFile {
    pub(crate) fn new(file: File) -> Self {
        Self(Mutex::new(file))
    }

    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        // Each read seeks first, so that a reader which panicked while it held the lock left nothing wrong.
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }

    pub(crate) fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).sync_data()
    }
}
