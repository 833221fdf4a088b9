//! Where a compressed payload waits until the manifest that must stand before it is known.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::compression::Compression;
use crate::compression::encoder::{Effort, Encoder};

/// What is kept in memory; more goes into a file without a name, which the system removes by itself.
const MEMORY_MAX_BYTES: usize = 1 << 20;
/// Bytes copied at once.
const CHUNK_LEN_BYTES: usize = 256 << 10;

/// How an archive is compressed.
#[derive(Clone, Copy)]
pub(super) struct Packing {
    pub(super) compression: Compression,
    pub(super) effort: Effort,
    pub(super) threads: NonZeroUsize,
}

/// A compressed archive, written in sections that need not be in order: the tar header of a stream
/// comes to be known after the stream. Sections are compressed on their own, and all compressions
/// here allow to join what was compressed apart.
pub(super) struct Spool {
    file: SpooledTempFile,
    written: u64,
    section_start: u64,
    sections: Vec<Range<u64>>,
}

impl Spool {
    /// Files are made in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        let file = tempfile::spooled_tempfile_in(MEMORY_MAX_BYTES, directory);
        Self { file, written: 0, section_start: 0, sections: Vec::new() }
    }

    /// Begins a section.
    pub(super) fn begin(mut self, packing: Packing) -> io::Result<Encoder<Self>> {
        self.section_start = self.written;
        Encoder::new(self, packing.compression, packing.effort, packing.threads)
    }

    /// Ends a section and says where it lies.
    pub(super) fn end(section: Encoder<Self>) -> io::Result<(Self, Range<u64>)> {
        let spool = section.finish()?;
        let range = spool.section_start..spool.written;
        Ok((spool, range))
    }

    /// Puts sections, as [`end`] gave them, behind those that the archive already has.
    pub(super) fn arrange(&mut self, sections: impl IntoIterator<Item = Range<u64>>) {
        self.sections.extend(sections.into_iter().filter(|section| !section.is_empty()));
    }

    /// Bytes of the whole archive.
    pub(super) fn len(&self) -> u64 {
        self.sections.iter().map(|section| section.end - section.start).sum()
    }

    /// Goes through the archive, chunk by chunk. An error of `consume` ends it and is in the inner result.
    pub(super) fn read<E>(
        &mut self,
        mut consume: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> io::Result<Result<(), E>> {
        let mut chunk = vec![0; CHUNK_LEN_BYTES];
        for section in &self.sections {
            self.file.seek(SeekFrom::Start(section.start))?;
            let mut remaining = section.end - section.start;
            while remaining > 0 {
                let len = usize::try_from(remaining).unwrap_or(usize::MAX).min(chunk.len());
                self.file.read_exact(&mut chunk[..len])?;
                if let Err(error) = consume(&chunk[..len]) {
                    return Ok(Err(error));
                }
                remaining -= len as u64;
            }
        }
        Ok(Ok(()))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_in_the_order_they_were_put_in() {
        let packing =
            Packing { compression: Compression::None, effort: Effort::Fastest, threads: NonZeroUsize::MIN };
        let directory = tempfile::tempdir().unwrap();
        let big = vec![7; MEMORY_MAX_BYTES + 1];
        let mut section = Spool::new(directory.path()).begin(packing).unwrap();
        section.write_all(&big).unwrap();
        let (spool, first) = Spool::end(section).unwrap();
        let mut section = spool.begin(packing).unwrap();
        section.write_all(b"second").unwrap();
        let (mut spool, second) = Spool::end(section).unwrap();
        spool.arrange([second, 0..0, first]);
        assert_eq!(spool.len(), big.len() as u64 + 6);
        let mut bytes = Vec::new();
        let done: Result<(), ()> = spool
            .read(|chunk| {
                bytes.extend_from_slice(chunk);
                Ok(())
            })
            .unwrap();
        assert_eq!(done, Ok(()));
        assert!(bytes.starts_with(b"second") && bytes[6..] == big);
        assert_eq!(spool.read(|_| Err("enough")).unwrap(), Err("enough"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
