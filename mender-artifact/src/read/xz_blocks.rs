//! The first stream of xz, by liblzma's decoder that unpacks blocks at the same time where they say how long they are.
//!
//! It knows nothing of several streams and says nothing of checks that it does not know, so both are looked after here.

use std::num::NonZeroUsize;

use liblzma::stream::{Action, MtStreamBuilder, Status, Stream};

use super::codec::Progress;
use super::decompress::{damaged, xz_error};
use crate::error::{Defect, Entry, Error};

/// Memory that the threads may take together; one thread may have all that is granted.
const THREADS_BYTES: u64 = 48 << 20;
/// More threads than this take memory, and hashing is slower then.
const THREADS_MAX: usize = 4;
/// Length of a stream's header: magic, two bytes of flags, CRC-32.
const HEADER_LEN_BYTES: usize = 12;
/// What a stream begins with, and the first byte of its flags.
const BEGINNING: [u8; 7] = [0xfd, b'7', b'z', b'X', b'Z', 0, 0];
/// None, CRC-32, CRC-64, SHA-256.
const CHECKS: [u8; 4] = [0, 1, 4, 10];
/// Unit of the zeros that may stand between streams.
const PADDING_UNIT: u64 = 4;

/// What became of a call.
pub(super) enum Blocks {
    Progress(Progress),
    /// This, and what comes behind it, is the other decoder's business.
    Others(Vec<u8>),
}

/// The stream.
pub(super) struct XzBlocks {
    limit_bytes: u64,
    header: Vec<u8>,
    stream: Option<Stream>,
    /// Zeros behind its end.
    padding: Option<u64>,
}

impl XzBlocks {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, header: Vec::new(), stream: None, padding: None }
    }

    pub(super) fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Result<Blocks, Error> {
        if let Some(padding) = &mut self.padding {
            let zeros = input.iter().take_while(|byte| **byte == 0).count();
            *padding += zeros as u64;
            if zeros > 0 {
                return Ok(Blocks::Progress(Progress { consumed: zeros, produced: 0 }));
            }
            // Another stream.
            self.check_padding()?;
            return Ok(Blocks::Others(Vec::new()));
        }
        if self.header.len() < HEADER_LEN_BYTES {
            let consumed = input.len().min(HEADER_LEN_BYTES - self.header.len());
            self.header.extend_from_slice(&input[..consumed]);
            return Ok(Blocks::Progress(Progress { consumed, produced: 0 }));
        }
        if self.stream.is_none() && !self.open()? {
            return Ok(Blocks::Others(std::mem::take(&mut self.header)));
        }
        self.process(input, output, Action::Run).map(Blocks::Progress)
    }

    pub(super) fn finish(&mut self, output: &mut [u8]) -> Result<Blocks, Error> {
        if self.padding.is_some() {
            self.check_padding()?;
            return Ok(Blocks::Progress(Progress::default()));
        }
        if self.stream.is_none() && (self.header.len() < HEADER_LEN_BYTES || !self.open()?) {
            return Ok(Blocks::Others(std::mem::take(&mut self.header)));
        }
        let progress = self.process(&[], output, Action::Finish)?;
        if progress.produced == 0 && self.padding.is_none() {
            let error = Error::new(Defect::Truncated, Entry::Artifact);
            return Err(error.expected("the rest of a compressed stream"));
        }
        Ok(Blocks::Progress(progress))
    }

    /// Whether the stream is one that the decoder checks as the other does.
    fn open(&mut self) -> Result<bool, Error> {
        let check = self.header.get(BEGINNING.len()).copied().unwrap_or(u8::MAX);
        if !self.header.starts_with(&BEGINNING) || !CHECKS.contains(&check) {
            return Ok(false);
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MAX);
        let mut builder = MtStreamBuilder::new();
        builder
            .threads(u32::try_from(threads).unwrap_or(1))
            .memlimit_threading(self.limit_bytes.min(THREADS_BYTES))
            .memlimit_stop(self.limit_bytes);
        self.stream = Some(builder.decoder().map_err(|error| xz_error(error, self.limit_bytes))?);
        let header = self.header.clone();
        let progress = self.process(&header, &mut [0], Action::Run)?;
        if progress.consumed == header.len() { Ok(true) } else { Err(damaged()) }
    }

    fn process(&mut self, input: &[u8], output: &mut [u8], action: Action) -> Result<Progress, Error> {
        let Some(stream) = &mut self.stream else { return Ok(Progress::default()) };
        let (consumed, produced) = (stream.total_in(), stream.total_out());
        let status = stream.process(input, output, action);
        if status.map_err(|error| xz_error(error, self.limit_bytes))? == Status::StreamEnd {
            self.padding = Some(0);
        }
        let way = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        Ok(Progress {
            consumed: way(consumed, stream.total_in()),
            produced: way(produced, stream.total_out()),
        })
    }

    fn check_padding(&self) -> Result<(), Error> {
        match self.padding {
            Some(len) if len % PADDING_UNIT != 0 => {
                Err(damaged().expected("zeros in fours behind a stream").found(len))
            }
            _ => Ok(()),
        }
    }
}
