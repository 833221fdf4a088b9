//! zstd, compressed in parallel: frames of a fixed size, or for the smallest output jobs in one frame.
//!
//! Frames have their content's length in their header, so that they can be found and unpacked one by one.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use zstd::bulk::Compressor;
use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use super::blocks::{BlockWriter, Blocks, Packer};
use super::encoder::Effort;

/// Bytes of content in each frame but the last.
pub(crate) const FRAME_LEN_BYTES: usize = 6 << 20;
/// Bytes of content in each job but the last.
const JOB_LEN_BYTES: u32 = 4 << 20;
/// Logarithm of the window in bytes. Every decoder grants 8 MiB without being asked.
const WINDOW_LOG_MAX: u32 = 23;
/// More threads than this take memory, and hashing is slower then.
const THREADS_MAX: usize = 16;

/// Compresses what is written to it.
pub(super) enum ZstdWriter<W: Write> {
    Frames(BlockWriter<W>),
    OneFrame(Encoder<'static, W>),
}

impl<W: Write> ZstdWriter<W> {
    pub(super) fn new(output: W, effort: Effort, threads: NonZeroUsize) -> io::Result<Self> {
        let threads = NonZeroUsize::new(threads.get().min(THREADS_MAX)).unwrap_or(NonZeroUsize::MIN);
        let (level, window_log) = level(effort);
        let window = CParameter::WindowLog(window_log.min(WINDOW_LOG_MAX));
        if effort != Effort::Best {
            let how = Blocks { len_bytes: FRAME_LEN_BYTES, threads, in_flight_max: threads.get() };
            return BlockWriter::new(output, how, || {
                let mut compressor = Compressor::new(level)?;
                compressor.set_parameter(window)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Ok(FramePacker { compressor, room: Vec::new() })
            })
            .map(Self::Frames);
        }
        let mut encoder = Encoder::new(output, level)?;
        encoder.include_checksum(true)?;
        encoder.set_parameter(window)?;
        // One worker takes the same path through libzstd as many, none another: never none.
        encoder.multithread(u32::try_from(threads.get()).unwrap_or(1))?;
        encoder.set_parameter(CParameter::JobSize(JOB_LEN_BYTES))?;
        Ok(Self::OneFrame(encoder))
    }

    /// Compresses what is left, writes it and gives the output back.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Frames(writer) => writer.finish(),
            Self::OneFrame(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Frames(writer) => writer.write(bytes),
            Self::OneFrame(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing: where jobs end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes frames out of blocks.
struct FramePacker {
    compressor: Compressor<'static>,
    room: Vec<u8>,
}

impl Packer for FramePacker {
    fn pack(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        self.room.clear();
        self.room.reserve(zstd::zstd_safe::compress_bound(block.len()));
        self.compressor.compress_to_buffer(block, &mut self.room)?;
        Ok(self.room.clone())
    }
}

/// Level of libzstd and logarithm of the window. On a Debian root file system of 464 MiB, level 7 gives 109.6 MB in frames
/// of 8 MiB (for 67 MiB of memory with two threads), 111.0 MB in frames of 6 MiB, 112.8 MB in frames of 4 MiB, and 109.9 MB
/// in one frame of jobs; level 9 107.5 MB in frames of 8 MiB and 104.1 MB in one frame. Processor seconds: 6.6 for level
/// 7, 10 for level 9; level 12 gives 103.3 MB in 20 and for twice the memory.
const fn level(effort: Effort) -> (i32, u32) {
    match effort {
        Effort::Fastest => (1, 20),
        Effort::Fast => (3, 21),
        Effort::Better => (7, 22),
        Effort::Best => (9, 23),
    }
}
