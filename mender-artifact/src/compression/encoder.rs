//! The writing half of the compressions: one writer over all of them.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use super::Compression;
use super::blocks::BlockWriter;
use super::gzip;
use super::xz::XzWriter;
use super::zstd::ZstdWriter;

/// How hard to try. What it means for a compression is fixed within a release of this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    /// Least time.
    Fastest,
    /// Little time.
    Fast,
    /// The default: about as small as the slowest setting of other tools, in a fraction of its time.
    #[default]
    Better,
    /// Smallest output within bounded memory.
    Best,
}

/// Compresses what is written to it, with several threads.
///
/// The output depends on the content, the compression and the effort alone: neither on the number of
/// threads nor on how the content is cut into calls of `write`. Memory is bounded by the number of
/// threads, whatever the size of the content. `flush` has no effect; nothing is complete before
/// [`finish`](Self::finish), and dropping an encoder discards what it still holds.
pub struct Encoder<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Stored(W),
    Gzip(BlockWriter<W>),
    Xz(XzWriter<W>),
    Zstd(ZstdWriter<W>),
}

impl<W: Write> Encoder<W> {
    /// Starts the threads. They wait until there is work.
    ///
    /// # Errors
    /// When a thread cannot be started or the compression library refuses to start.
    pub fn new(
        output: W,
        compression: Compression,
        effort: Effort,
        threads: NonZeroUsize,
    ) -> io::Result<Self> {
        Ok(Self(match compression {
            Compression::None => Inner::Stored(output),
            Compression::Gzip => Inner::Gzip(gzip::writer(output, effort, threads)?),
            Compression::Xz => Inner::Xz(XzWriter::new(output, effort, threads)?),
            Compression::Zstd => Inner::Zstd(ZstdWriter::new(output, effort, threads)?),
        }))
    }

    /// Compresses and writes what is left and gives the output back.
    ///
    /// # Errors
    /// When the output cannot be written or a thread has failed.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::Stored(output) => Ok(output),
            Inner::Gzip(writer) => writer.finish(),
            Inner::Xz(writer) => writer.finish(),
            Inner::Zstd(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Stored(output) => output.write(bytes),
            Inner::Gzip(writer) => writer.write(bytes),
            Inner::Xz(writer) => writer.write(bytes),
            Inner::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

    /// Text-like, noisy and empty stretches, 18 MiB and a bit: more than one block of each kind.
    fn content() -> Vec<u8> {
        let mut state = 1_u64;
        let mut bytes = Vec::new();
        while bytes.len() < (18 << 20) + 12_345 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 33).to_le_bytes();
            match (bytes.len() >> 18) % 8 {
                0 => bytes.extend([value[0] & 7, value[1] & 7, b'a', b'b']),
                1 => bytes.extend(value),
                _ => bytes.extend([0; 4096]),
            }
        }
        bytes
    }

    fn compress(content: &[u8], compression: Compression, threads: usize, piece: usize) -> Vec<u8> {
        let threads = NonZeroUsize::new(threads).unwrap();
        let mut encoder = Encoder::new(Vec::new(), compression, Effort::Fastest, threads).unwrap();
        for piece in content.chunks(piece) {
            encoder.write_all(piece).unwrap();
        }
        encoder.finish().unwrap()
    }

    fn decompress(bytes: &[u8], compression: Compression) -> Vec<u8> {
        let mut content = Vec::new();
        match compression {
            Compression::None => content.extend(bytes),
            Compression::Gzip => {
                flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut content).unwrap();
            }
            Compression::Xz => {
                liblzma::read::XzDecoder::new(bytes).read_to_end(&mut content).unwrap();
            }
            Compression::Zstd => content = ::zstd::decode_all(bytes).unwrap(),
        }
        content
    }

    #[test]
    fn bytes_do_not_depend_on_threads_or_pieces() {
        let content = content();
        for compression in ALL {
            let one = compress(&content, compression, 1, content.len());
            assert!(decompress(&one, compression) == content, "{compression:?} loses content");
            for (threads, piece) in [(1, 100_001), (2, 1 << 20), (7, 65_537)] {
                let other = compress(&content, compression, threads, piece);
                assert!(other == one, "{compression:?} with {threads} threads and pieces of {piece}");
            }
        }
    }

    #[test]
    fn short_content_survives() {
        let content = content();
        for compression in ALL {
            for len in [0, 1, 511, 512, (1 << 20) - 1, 1 << 20, (1 << 20) + 1] {
                let bytes = compress(&content[..len], compression, 2, 4096);
                assert!(decompress(&bytes, compression) == content[..len], "{compression:?} {len}");
            }
            assert_eq!(compress(&[], compression, 2, 1).is_empty(), compression == Compression::None);
        }
    }

    #[test]
    fn every_effort_is_accepted() {
        for compression in ALL {
            for effort in [Effort::Fastest, Effort::Fast, Effort::Better, Effort::Best] {
                let mut encoder = Encoder::new(Vec::new(), compression, effort, NonZeroUsize::MIN).unwrap();
                encoder.write_all(b"some content").unwrap();
                assert_eq!(decompress(&encoder.finish().unwrap(), compression), b"some content");
            }
        }
    }

    #[test]
    fn a_full_output_is_an_error() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0 < bytes.len() {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.0 -= bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let content = content();
        for compression in ALL {
            let threads = NonZeroUsize::new(2).unwrap();
            let mut encoder = Encoder::new(Full(100_000), compression, Effort::Fastest, threads).unwrap();
            let result = encoder.write_all(&content).and_then(|()| encoder.finish().map(drop));
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull, "{compression:?}");
        }
    }
}
