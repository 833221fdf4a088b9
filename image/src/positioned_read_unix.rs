//! Reading a file at an offset with one system call, which needs no lock.

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
}
