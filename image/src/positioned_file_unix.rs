//! Reading and writing a file at an offset with one system call, which needs no lock.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

#[derive(Debug)]
pub(crate) struct PositionedFile(File);

impl PositionedFile {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }

    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    pub(crate) fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
