//! What the reader core wants of decompressors, so that it works without any.

use crate::compression::Compression;
use crate::error::{Defect, Entry, Error};

/// How far one call of a decompressor went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are used up.
    pub consumed: usize,
    /// Bytes of the output that are filled, from its beginning.
    pub produced: usize,
}

/// A compressed stream that is being unpacked: one or more gzip members, xz streams or zstd frames.
pub trait Decompress {
    /// Unpacks from `input` to `output`; neither is empty. Uses up or fills something in each call.
    ///
    /// # Errors
    /// [`Defect::Compressed`], [`Defect::TooLarge`] if it wants more memory than granted.
    fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error>;

    /// Gives what is left, when there is no more input, and says how many bytes that is. 0 means
    /// that the stream has come to its proper end and that its checksum is right.
    ///
    /// # Errors
    /// As for [`Decompress::decompress`], and [`Defect::Truncated`].
    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error>;
}

/// Makes decompressors.
pub trait Decompressors {
    /// What it makes.
    type Decompressor: Decompress;

    /// Makes a decompressor that uses at most `limit_bytes` of memory.
    ///
    /// # Errors
    /// [`Defect::Compression`] if this one is not built in.
    fn open(&mut self, compression: Compression, limit_bytes: u64) -> Result<Self::Decompressor, Error>;
}

/// No decompressor at all: only uncompressed Artifacts are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncompressed;

/// A decompressor that nobody can make.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl Decompressors for Uncompressed {
    type Decompressor = Never;

    fn open(&mut self, compression: Compression, _limit_bytes: u64) -> Result<Never, Error> {
        let error = Error::new(Defect::Compression, Entry::Artifact).expected("no compression");
        Err(error.found(compression.suffix()))
    }
}

impl Decompress for Never {
    fn decompress(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<Progress, Error> {
        match *self {}
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        match *self {}
    }
}
