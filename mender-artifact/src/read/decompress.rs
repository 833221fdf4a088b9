//! Decompressors for gzip, xz and zstd, each bounded in memory and strict about its end.
//!
//! Several gzip members, xz streams or zstd frames one after another are one stream. What stands
//! behind the last is refused, and every checksum is compared.

use super::codec::{Decompress, Decompressors, Progress};
use crate::compression::Compression;
use crate::error::{Defect, Entry, Error};
use flate2::{FlushDecompress, Status};
use liblzma::stream::{Action, CONCATENATED, Stream, TELL_UNSUPPORTED_CHECK};
use zstd::stream::raw::{DParameter, Decoder, Operation as _};

/// Memory that unpacking gzip takes, at most.
const GZIP_BYTES: u64 = 64 * 1024;

/// Makes decompressors for all compressions.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

/// A compressed stream that is being unpacked.
pub struct Unpacker {
    stream: Kind,
    /// The input so far ends where a member, stream or frame ends.
    at_end: bool,
    limit_bytes: u64,
}

enum Kind {
    Gzip(flate2::Decompress),
    Xz(Box<Stream>),
    Zstd(Decoder<'static>),
}

impl Unpacker {
    /// Whether the input so far ends where a member, stream or frame ends, and all of it has been unpacked. Of several
    /// xz streams only the last has such an end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }
}

impl Decompressors for BuiltIn {
    type Decompressor = Unpacker;

    fn open(&mut self, compression: Compression, limit_bytes: u64) -> Result<Unpacker, Error> {
        let stream = match compression {
            Compression::None => {
                return Err(Error::new(Defect::Misuse, Entry::Artifact).expected("a compression"));
            }
            Compression::Gzip if limit_bytes < GZIP_BYTES => return Err(too_large(limit_bytes)),
            Compression::Gzip => Kind::Gzip(flate2::Decompress::new_gzip(15)),
            Compression::Xz => {
                let flags = CONCATENATED | TELL_UNSUPPORTED_CHECK;
                let stream = Stream::new_stream_decoder(limit_bytes, flags);
                Kind::Xz(Box::new(stream.map_err(|error| xz_error(error, limit_bytes))?))
            }
            Compression::Zstd => {
                let open = || {
                    let mut decoder = Decoder::new()?;
                    decoder
                        .set_parameter(DParameter::WindowLogMax(limit_bytes.max(1).ilog2().clamp(10, 31)))?;
                    Ok(decoder)
                };
                Kind::Zstd(open().map_err(|error| zstd_error(error, limit_bytes))?)
            }
        };
        Ok(Unpacker { stream, at_end: false, limit_bytes })
    }
}

impl Decompress for Unpacker {
    fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        match &mut self.stream {
            Kind::Gzip(stream) => {
                if self.at_end && !input.is_empty() {
                    *stream = flate2::Decompress::new_gzip(15);
                    self.at_end = false;
                }
                let before = (stream.total_in(), stream.total_out());
                let status = stream.decompress(input, output, FlushDecompress::None);
                let status = status.map_err(|error| damaged().caused_by(error))?;
                self.at_end = status == Status::StreamEnd;
                Ok(progress(before, (stream.total_in(), stream.total_out())))
            }
            Kind::Xz(stream) => {
                let before = (stream.total_in(), stream.total_out());
                let limit_bytes = self.limit_bytes;
                stream.process(input, output, Action::Run).map_err(|error| xz_error(error, limit_bytes))?;
                Ok(progress(before, (stream.total_in(), stream.total_out())))
            }
            Kind::Zstd(decoder) => {
                let limit_bytes = self.limit_bytes;
                let status = decoder.run_on_buffers(input, output);
                let status = status.map_err(|error| zstd_error(error, limit_bytes))?;
                self.at_end = status.remaining == 0;
                Ok(Progress { consumed: status.bytes_read, produced: status.bytes_written })
            }
        }
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        if self.at_end {
            return Ok(0);
        }
        let produced = if let Kind::Xz(stream) = &mut self.stream {
            let before = stream.total_out();
            let status = stream.process(&[], output, Action::Finish);
            let status = status.map_err(|error| xz_error(error, self.limit_bytes))?;
            self.at_end = status == liblzma::stream::Status::StreamEnd;
            progress((0, before), (0, stream.total_out())).produced
        } else {
            self.decompress(&[], output)?.produced
        };
        if produced == 0 && !self.at_end {
            let error = Error::new(Defect::Truncated, Entry::Artifact);
            return Err(error.expected("the rest of a compressed stream"));
        }
        Ok(produced)
    }
}

/// The way between two pairs of totals, of input and output.
fn progress(before: (u64, u64), after: (u64, u64)) -> Progress {
    let way = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    Progress { consumed: way(before.0, after.0), produced: way(before.1, after.1) }
}

pub(super) fn damaged() -> Error {
    Error::new(Defect::Compressed, Entry::Artifact)
}

fn too_large(limit_bytes: u64) -> Error {
    Error::new(Defect::TooLarge, Entry::Artifact).named(b"memory to unpack").expected(limit_bytes)
}

pub(super) fn xz_error(error: liblzma::stream::Error, limit_bytes: u64) -> Error {
    use liblzma::stream::Error as Xz;
    match error {
        Xz::MemLimit | Xz::Mem => too_large(limit_bytes).caused_by(error),
        Xz::Options | Xz::UnsupportedCheck => {
            Error::new(Defect::Compression, Entry::Artifact).caused_by(error)
        }
        _ => damaged().caused_by(error),
    }
}

fn zstd_error(error: std::io::Error, limit_bytes: u64) -> Error {
    // The library says this in words only.
    let window = error.to_string().contains("too much memory");
    if window { too_large(limit_bytes).caused_by(error) } else { damaged().caused_by(error) }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").field("at_end", &self.at_end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    type Pack = fn(&[u8]) -> Vec<u8>;

    const ALL: [(Compression, Pack); 3] =
        [(Compression::Gzip, gzip), (Compression::Xz, xz), (Compression::Zstd, zst)];

    fn unpack(
        compression: Compression,
        packed: &[u8],
        input: usize,
        output: usize,
        limit: u64,
    ) -> Result<Vec<u8>, Error> {
        let mut unpacker = BuiltIn.open(compression, limit)?;
        let mut buffer = vec![0; output];
        let mut unpacked = Vec::new();
        for mut piece in packed.chunks(input) {
            while !piece.is_empty() {
                let progress = unpacker.decompress(piece, &mut buffer)?;
                assert_ne!(progress, Progress::default());
                piece = &piece[progress.consumed..];
                unpacked.extend_from_slice(&buffer[..progress.produced]);
            }
        }
        loop {
            let produced = unpacker.finish(&mut buffer)?;
            if produced == 0 {
                return Ok(unpacked);
            }
            unpacked.extend_from_slice(&buffer[..produced]);
        }
    }

    fn sample() -> Vec<u8> {
        (0..20_000_u32).flat_map(|n| (n / 7 * n).to_le_bytes()).collect()
    }

    #[test]
    fn unpacks_in_pieces_of_any_size_and_joins_streams() {
        let sample = sample();
        for (compression, pack) in ALL {
            let packed = pack(&sample);
            for (input, output) in [(1, 100_000), (1000, 1), (77, 77), (1 << 20, 1 << 20)] {
                assert_eq!(
                    unpack(compression, &packed, input, output, 1 << 27).unwrap(),
                    sample,
                    "{compression:?}"
                );
            }
            let twice = [packed.clone(), pack(b""), packed].concat();
            assert_eq!(unpack(compression, &twice, 13, 1000, 1 << 27).unwrap().len(), 2 * sample.len());
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let sample = &sample()[..500];
        for (compression, pack) in ALL {
            let packed = pack(sample);
            for len in 0..packed.len() {
                let error = unpack(compression, &packed[..len], 64, 64, 1 << 27).unwrap_err();
                assert!(
                    matches!(error.defect(), Defect::Truncated | Defect::Compressed),
                    "{compression:?} {len} {error}"
                );
            }
            assert!(unpack(compression, &[&packed[..], b"x"].concat(), 64, 64, 1 << 27).is_err());
        }
    }

    #[test]
    fn wrong_checksums_are_noticed() {
        let sample = &sample()[..500];
        for (compression, pack, from_end) in
            [(Compression::Gzip, ALL[0].1, 8), (Compression::Zstd, ALL[2].1, 1)]
        {
            let mut packed = pack(sample);
            let place = packed.len() - from_end;
            packed[place] ^= 1;
            assert_eq!(
                unpack(compression, &packed, 64, 64, 1 << 27).unwrap_err().defect(),
                Defect::Compressed
            );
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&sample()).unwrap();
        let wide = encoder.finish().unwrap();
        assert!(unpack(Compression::Zstd, &wide, 64, 64, 1 << 27).is_ok());
        assert_eq!(unpack(Compression::Zstd, &wide, 64, 64, 1 << 26).unwrap_err().defect(), Defect::TooLarge);
        assert_eq!(
            unpack(Compression::Xz, &xz(b"x"), 64, 64, 1 << 20).unwrap_err().defect(),
            Defect::TooLarge
        );
        assert_eq!(
            unpack(Compression::Gzip, &gzip(b"x"), 64, 64, 1000).unwrap_err().defect(),
            Defect::TooLarge
        );
    }
}
