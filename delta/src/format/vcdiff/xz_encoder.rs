//! LZMA of the sections of one kind: one .xz stream over all windows, flushed at the end of each, never ended.

use crate::error::Error;
use liblzma::stream::{Action, Check, Filters, LzmaOptions, MatchFinder, Mode, Status, Stream};

/// Settings of the coder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// History in bytes: what a decoder takes in memory.
    pub(super) history: u32,
    pub(super) literal_context_bits: u32,
    pub(super) literal_position_bits: u32,
    pub(super) position_bits: u32,
}

/// Encoder of one kind of sections.
pub(super) struct XzEncoder(Stream);

/// The options are right, so what liblzma can lack is memory.
fn refused(error: liblzma::stream::Error) -> Error {
    Error::Io { action: "encode", path: "liblzma".into(), source: std::io::Error::other(error) }
}

impl XzEncoder {
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        let mut options = LzmaOptions::new_preset(6).map_err(refused)?;
        options
            .dict_size(settings.history)
            .literal_context_bits(settings.literal_context_bits)
            .literal_position_bits(settings.literal_position_bits)
            .position_bits(settings.position_bits)
            .mode(Mode::Normal)
            .match_finder(MatchFinder::BinaryTree4)
            .nice_len(273)
            .depth(512);
        let mut filters = Filters::new();
        filters.lzma2(&options);
        Stream::new_stream_encoder(&filters, Check::None).map(XzEncoder).map_err(refused)
    }

    /// The section of `plain`: its length, and what the stream makes of it.
    pub(super) fn section(&mut self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(plain.len() / 4 + 128);
        super::number::put(&mut out, plain.len() as u64);
        let start = self.0.total_in();
        loop {
            let used = usize::try_from(self.0.total_in() - start).unwrap_or(plain.len());
            if out.capacity() - out.len() < 1 << 12 {
                out.reserve(1 << 16);
            }
            let status = self.0.process_vec(&plain[used..], &mut out, Action::SyncFlush).map_err(refused)?;
            if status == Status::StreamEnd {
                return Ok(out);
            }
        }
    }
}
