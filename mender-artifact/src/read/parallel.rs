//! A decompressor that works on several stretches at the same time, where a stream has such, and else is the one that
//! works front to back. What is accepted and what comes out is the same, but that libdeflate takes a few tables of Huffman
//! codes that zlib refuses; checksums are compared in either case. The blocks of an xz stream are liblzma's business.

use super::codec::{Decompress, Decompressors, Progress};
use super::decompress::{BuiltIn, Unpacker, damaged};
use super::stretch::ahead::Ahead;
use super::stretch::walk::{Next, Walk};
use super::xz_blocks::{Blocks, XzBlocks};
use crate::compression::Compression;
use crate::error::{Entry, Error};
use std::collections::VecDeque;

/// A stream whose first stretch holds less is unpacked front to back: threads are not worth their while.
const PLAIN_MIN_BYTES: u64 = 512 << 10;
/// Memory that stretches and what they hold take together, at most.
const MEMORY_BYTES: u64 = 100 << 20;

/// Makes decompressors that use several threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InParallel;

impl Decompressors for InParallel {
    type Decompressor = ParallelUnpacker;

    fn open(&mut self, compression: Compression, limit_bytes: u64) -> Result<ParallelUnpacker, Error> {
        let front_to_back = BuiltIn.open(compression, limit_bytes)?;
        let xz = (compression == Compression::Xz).then(|| XzBlocks::new(limit_bytes));
        let walk = (limit_bytes >= MEMORY_BYTES).then(|| Walk::new(compression));
        let stretches = walk.filter(|walk| walk.next() != Next::Unknown).map(|walk| Stretches {
            compression,
            walk,
            packed: Vec::new(),
            ahead: None,
            plain: Vec::new(),
            plain_at: 0,
            any: false,
        });
        Ok(ParallelUnpacker { xz, stretches, front_to_back, again: VecDeque::new(), again_at: 0 })
    }
}

/// A compressed stream that is being unpacked.
pub(crate) struct ParallelUnpacker {
    /// The first stream of xz.
    xz: Option<XzBlocks>,
    /// As long as the stream consists of them.
    stretches: Option<Stretches>,
    /// For what is none.
    front_to_back: Unpacker,
    /// What was taken for stretches and is not; comes before more input.
    again: VecDeque<Vec<u8>>,
    /// How much of the first of them is used up.
    again_at: usize,
}

struct Stretches {
    compression: Compression,
    walk: Walk,
    /// The stretch that is being collected.
    packed: Vec<u8>,
    ahead: Option<Ahead>,
    /// What the last stretch has held, and how much of it has been given.
    plain: Vec<u8>,
    plain_at: usize,
    /// Whether there was any.
    any: bool,
}

/// What became of a step.
enum Step {
    /// So many bytes were taken.
    Taken(usize),
    /// So many bytes were given.
    Given(usize),
    /// There is nothing left that has been taken.
    Empty,
    /// These are no stretches: they have to be unpacked front to back.
    Not(VecDeque<Vec<u8>>),
}

impl Stretches {
    /// Gives what is there.
    fn give(&mut self, output: &mut [u8]) -> usize {
        let len = output.len().min(self.plain.len() - self.plain_at);
        output[..len].copy_from_slice(&self.plain[self.plain_at..self.plain_at + len]);
        self.plain_at += len;
        len
    }

    /// Gives what is there, else waits for the oldest stretch under way.
    fn give_or_receive(&mut self, output: &mut [u8]) -> Result<Step, Error> {
        loop {
            match self.give(output) {
                0 => {}
                len => return Ok(Step::Given(len)),
            }
            let Some(ahead) = &mut self.ahead else { return Ok(Step::Empty) };
            let Some(done) = ahead.receive().map_err(failed)? else { return Ok(Step::Empty) };
            match done.plain {
                Some(plain) => {
                    ahead.give_back_packed(done.packed);
                    ahead.give_back(std::mem::replace(&mut self.plain, plain));
                    self.plain_at = 0;
                }
                None => return self.give_up(done.packed),
            }
        }
    }

    /// The stretch `first`, those under way and what was collected, if any.
    fn give_up(&mut self, first: Vec<u8>) -> Result<Step, Error> {
        let mut again = VecDeque::from([first]);
        while let Some(done) = self.ahead.as_mut().map_or(Ok(None), Ahead::receive).map_err(failed)? {
            again.push_back(done.packed);
        }
        again.push_back(std::mem::take(&mut self.packed));
        Ok(Step::Not(again))
    }

    /// Takes input, or gives something where no more can be taken.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Error> {
        let len = self.give(output);
        if len > 0 {
            return Ok(Step::Given(len));
        }
        let mut taken = 0;
        loop {
            let wanted = match self.walk.next() {
                Next::Look { at, len } => at.saturating_add(len as u64),
                Next::Whole { packed_len, .. } => packed_len,
                Next::Unknown => return Ok(not(taken)),
            };
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            let missing = wanted.saturating_sub(self.packed.len()).min(input.len() - taken);
            self.packed.extend_from_slice(&input[taken..taken + missing]);
            taken += missing;
            if self.packed.len() < wanted {
                return Ok(Step::Taken(taken));
            }
            match self.walk.next() {
                Next::Look { len, .. } => self.walk.look(&self.packed[wanted - len..wanted]),
                Next::Whole { plain_len, .. } => {
                    if !self.any && plain_len < PLAIN_MIN_BYTES {
                        return Ok(not(taken));
                    }
                    // What is taken is told first: then there is room for what is given.
                    if self.ahead.as_ref().is_some_and(Ahead::is_full) {
                        if taken > 0 {
                            return Ok(Step::Taken(taken));
                        }
                        match self.give_or_receive(output)? {
                            // Those under way held nothing, so that there is room.
                            Step::Empty => continue,
                            step => return Ok(step),
                        }
                    }
                    self.send(plain_len)?;
                }
                Next::Unknown => {}
            }
        }
    }

    fn send(&mut self, plain_len: u64) -> Result<(), Error> {
        let ahead = match &mut self.ahead {
            Some(ahead) => ahead,
            none => none.insert(Ahead::start(self.compression).map_err(failed)?),
        };
        let plain_len = usize::try_from(plain_len).unwrap_or(usize::MAX);
        let room = ahead.room();
        ahead.send(std::mem::replace(&mut self.packed, room), plain_len).map_err(failed)?;
        self.walk = Walk::new(self.compression);
        self.any = true;
        Ok(())
    }
}

/// What was collected is no stretch. Those under way may be.
fn not(taken: usize) -> Step {
    if taken > 0 { Step::Taken(taken) } else { Step::Empty }
}

fn failed(error: std::io::Error) -> Error {
    Error::io(Entry::Artifact, error)
}

impl ParallelUnpacker {
    /// Goes on front to back with what was taken for stretches; gives how much came out of it.
    fn step_again(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        while let Some(packed) = self.again.front() {
            let rest = &packed[self.again_at..];
            if rest.is_empty() {
                self.again.pop_front();
                self.again_at = 0;
                continue;
            }
            let progress = self.front_to_back.decompress(rest, output)?;
            self.again_at += progress.consumed;
            if progress.produced > 0 {
                return Ok(progress.produced);
            }
            if progress == Progress::default() {
                return Err(damaged().expected("progress"));
            }
        }
        Ok(0)
    }
}

impl Decompress for ParallelUnpacker {
    fn decompress(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        if let Some(xz) = &mut self.xz {
            match xz.decompress(input, output)? {
                Blocks::Progress(progress) => return Ok(progress),
                Blocks::Others(again) => {
                    self.again = VecDeque::from([again]);
                    self.xz = None;
                }
            }
        }
        while let Some(stretches) = &mut self.stretches {
            match stretches.step(input, output)? {
                Step::Taken(consumed) => return Ok(Progress { consumed, produced: 0 }),
                Step::Given(produced) => return Ok(Progress { consumed: 0, produced }),
                // Nothing can be taken: what comes is no stretch. Those under way come first.
                Step::Empty => match stretches.give_or_receive(output)? {
                    Step::Given(produced) => return Ok(Progress { consumed: 0, produced }),
                    Step::Not(again) => {
                        self.again = again;
                        self.stretches = None;
                    }
                    Step::Empty | Step::Taken(_) => {
                        self.again = VecDeque::from([std::mem::take(&mut stretches.packed)]);
                        self.stretches = None;
                    }
                },
                Step::Not(again) => {
                    self.again = again;
                    self.stretches = None;
                }
            }
        }
        match self.step_again(output)? {
            0 => self.front_to_back.decompress(input, output),
            produced => Ok(Progress { consumed: 0, produced }),
        }
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        if let Some(xz) = &mut self.xz {
            match xz.finish(output)? {
                Blocks::Progress(progress) => return Ok(progress.produced),
                Blocks::Others(again) => {
                    self.again = VecDeque::from([again]);
                    self.xz = None;
                }
            }
        }
        if let Some(stretches) = &mut self.stretches {
            match stretches.give_or_receive(output)? {
                Step::Given(produced) => return Ok(produced),
                Step::Not(again) => self.again = again,
                Step::Empty | Step::Taken(_) if stretches.any && stretches.packed.is_empty() => return Ok(0),
                Step::Empty | Step::Taken(_) => {
                    self.again = VecDeque::from([std::mem::take(&mut stretches.packed)]);
                }
            }
            self.stretches = None;
        }
        match self.step_again(output)? {
            0 => self.front_to_back.finish(output),
            produced => Ok(produced),
        }
    }
}

impl std::fmt::Debug for ParallelUnpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParallelUnpacker")
            .field("stretches", &self.stretches.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::encoder::{Effort, Encoder};
    use crate::error::Defect;
    use crate::limits::Limits;
    use std::io::Write;
    use std::num::NonZeroUsize;

    const LIMIT: u64 = Limits::computer().decoder_bytes;

    /// 18 MiB and a bit: more than one stretch of each kind.
    fn content() -> Vec<u8> {
        let mut content: Vec<u8> =
            (0..4_700_000_u32).flat_map(|n| (n / 5).wrapping_mul(n >> 9).to_le_bytes()).collect();
        content[3 << 20..5 << 20].fill(0);
        content
    }

    fn pack(content: &[u8], compression: Compression) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), compression, Effort::Fastest, NonZeroUsize::MIN).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack<D: Decompress>(
        unpacker: &mut D,
        packed: &[u8],
        pieces: (usize, usize),
    ) -> Result<Vec<u8>, Error> {
        let (mut buffer, mut unpacked) = (vec![0; pieces.1], Vec::new());
        for mut piece in packed.chunks(pieces.0) {
            while !piece.is_empty() {
                let progress = unpacker.decompress(piece, &mut buffer)?;
                assert_ne!(progress, Progress::default());
                piece = &piece[progress.consumed..];
                unpacked.extend_from_slice(&buffer[..progress.produced]);
            }
        }
        loop {
            match unpacker.finish(&mut buffer)? {
                0 => return Ok(unpacked),
                produced => unpacked.extend_from_slice(&buffer[..produced]),
            }
        }
    }

    /// Both ways, which must agree.
    fn both(compression: Compression, packed: &[u8], pieces: (usize, usize)) -> Result<Vec<u8>, Defect> {
        let parallel = unpack(&mut InParallel.open(compression, LIMIT).unwrap(), packed, pieces);
        let plain = unpack(&mut BuiltIn.open(compression, LIMIT).unwrap(), packed, pieces);
        let (parallel, plain) = (parallel.map_err(|it| it.defect()), plain.map_err(|it| it.defect()));
        assert!(parallel == plain, "{compression:?} {:?} {:?}", parallel.err(), plain.err());
        parallel
    }

    #[test]
    fn it_unpacks_what_the_other_unpacks() {
        let content = content();
        for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
            let packed = pack(&content, compression);
            for pieces in [(packed.len(), 1 << 20), (70_000, 128 << 10), (1 << 20, 3001)] {
                assert!(both(compression, &packed, pieces).unwrap() == content, "{compression:?}");
            }
            for len in [0, 1, 100, 600_000] {
                let packed = pack(&content[..len], compression);
                assert!(both(compression, &packed, (13_000, 5000)).unwrap() == content[..len]);
            }
            assert!(both(compression, &[], (1, 1)).is_err());
        }
    }

    #[test]
    fn where_stretches_end_others_go_on() {
        let content = content();
        let mut foreign = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        foreign.write_all(&content[..2_000_000]).unwrap();
        let foreign = foreign.finish().unwrap();
        let ours = pack(&content, Compression::Gzip);
        for parts in [[&ours[..], &foreign, &ours], [&foreign, &ours, &foreign], [&ours, &ours, &foreign]] {
            both(Compression::Gzip, &parts.concat(), (100_000, 100_000)).unwrap();
        }
        let frame = ::zstd::encode_all(&content[..], 1).unwrap();
        let ours = pack(&content, Compression::Xz);
        both(Compression::Xz, &[&ours[..], &ours, &ours].concat(), (100_000, 100_000)).unwrap();
        for (zeros, is_right) in [(4, true), (400, true), (3, false), (6, false)] {
            let padding = vec![0; zeros];
            let padded = [&ours[..], &padding, &ours, &padding].concat();
            assert_eq!(both(Compression::Xz, &padded, (50_000, 100_000)).is_ok(), is_right, "{zeros}");
            let padded = [&ours[..], &padding].concat();
            assert_eq!(both(Compression::Xz, &padded, (1001, 100_000)).is_ok(), is_right, "{zeros}");
        }
        let ours = pack(&content, Compression::Zstd);
        both(Compression::Zstd, &[&ours[..], &frame, &ours].concat(), (100_000, 100_000)).unwrap();
    }

    #[test]
    fn damage_is_found_by_both() {
        let content = content();
        for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
            let packed = pack(&content, compression);
            for at in [0, 3, 17, 5000, packed.len() / 2, packed.len() - 1] {
                let mut bad = packed.clone();
                bad[at] ^= 0x11;
                // A length that is wrong does no harm: nothing is read by it that could not be read without.
                let unpacked = both(compression, &bad, (100_000, 100_000));
                assert!(unpacked.is_err() || unpacked.unwrap() == content, "{compression:?} {at}");
            }
            for len in [1, 19, 4000, packed.len() / 2, packed.len() - 1] {
                assert!(both(compression, &packed[..len], (100_000, 100_000)).is_err());
            }
            for more in [&b"x"[..], &[0; 99]] {
                assert!(both(compression, &[&packed, more].concat(), (100_000, 100_000)).is_err());
            }
        }
    }
}
