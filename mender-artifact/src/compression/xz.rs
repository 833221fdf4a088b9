//! xz, compressed in parallel by liblzma: blocks of a fixed size in one stream.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use liblzma::stream::{Action, Check, Filters, LzmaOptions, MtStreamBuilder, Status, Stream};

use super::encoder::Effort;

/// Bytes of content in each block but the last.
const BLOCK_LEN_BYTES: u64 = 8 << 20;
/// The window. A device needs about this much memory to decompress, so it is not made larger.
const DICTIONARY_LEN_BYTES: u32 = 8 << 20;
/// Most memory that the threads may take together. One takes less than 128 MiB at the default effort.
const MEMORY_MAX_BYTES: u64 = 1 << 30;
/// Bytes of compressed output collected before they are written.
const OUTPUT_LEN_BYTES: usize = 64 << 10;

/// Compresses what is written to it.
pub(super) struct XzWriter<W: Write> {
    output: W,
    stream: Stream,
    room: Vec<u8>,
}

impl<W: Write> XzWriter<W> {
    /// Uses as many of `threads` as fit into the memory bound. Their number does not change the bytes.
    pub(super) fn new(output: W, effort: Effort, threads: NonZeroUsize) -> io::Result<Self> {
        let builder = settings(effort, threads)?;
        Ok(Self { output, stream: builder.encoder()?, room: Vec::with_capacity(OUTPUT_LEN_BYTES) })
    }

    /// Compresses what is left, writes it and gives the output back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        while self.stream.process_vec(&[], &mut self.room, Action::Finish)? != Status::StreamEnd {
            self.write_room()?;
        }
        self.write_room()?;
        Ok(self.output)
    }

    fn write_room(&mut self) -> io::Result<()> {
        self.output.write_all(&self.room)?;
        self.room.clear();
        Ok(())
    }
}

impl<W: Write> Write for XzWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let before = self.stream.total_in();
            self.stream.process_vec(bytes, &mut self.room, Action::Run)?;
            if self.room.len() == self.room.capacity() {
                self.write_room()?;
            }
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(bytes.len());
            if taken > 0 {
                return Ok(taken);
            }
        }
    }

    /// Does nothing: where blocks end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How liblzma is to be used.
fn settings(effort: Effort, threads: NonZeroUsize) -> io::Result<MtStreamBuilder> {
    let mut options = LzmaOptions::new_preset(preset(effort))?;
    options.dict_size(DICTIONARY_LEN_BYTES);
    let mut filters = Filters::new();
    filters.lzma2(&options);
    let mut builder = MtStreamBuilder::new();
    builder.block_size(BLOCK_LEN_BYTES).filters(filters).check(Check::Crc64);
    let mut count = u32::try_from(threads.get()).unwrap_or(u32::MAX).min(256);
    builder.threads(count);
    while count > 1 && builder.memusage() > MEMORY_MAX_BYTES {
        count -= 1;
        builder.threads(count);
    }
    Ok(builder)
}

/// Presets of liblzma. On a Debian root file system of 464 MiB, in processor seconds on a busy machine: preset 3 gives
/// 95.6 MB in 119, preset 4 91.1 MB in 145, for 234 MiB of memory with two threads; a window of 16 MiB gives 89.4 MB in
/// 187, for 466 MiB.
const fn preset(effort: Effort) -> u32 {
    match effort {
        Effort::Fastest => 0,
        Effort::Fast => 3,
        Effort::Better => 4,
        Effort::Best => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_fit_into_256_mib_and_many_into_the_bound() {
        let memory =
            |threads| settings(Effort::default(), NonZeroUsize::new(threads).unwrap()).unwrap().memusage();
        let (one, two) = (memory(1), memory(2));
        assert!(one < 128 << 20 && one < two && two <= 256 << 20, "{one} {two}");
        assert!((MEMORY_MAX_BYTES / 2..=MEMORY_MAX_BYTES).contains(&memory(200)));
    }
}
