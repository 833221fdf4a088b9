//! Packs a long block piece by piece: a part of the source is kept, and parsed as far as what follows cannot matter.
//!
//! What comes out is what packing the whole at once gives, unless more literals follow each other than can be kept.

use super::chains::{self, Chains};
use super::lazy::{Held, NO_MATCH, Next, Parsed, Parser, effort};
use super::sequence::{LAST_LITERALS, Sequences, Sink};
use crate::fold::codec::{CodecError, Parameters};

/// Bytes of the source that are kept: what matches reach back to, literals that wait for one, what is to be seen ahead,
/// and some more so that moving it is rare.
pub const KEPT: usize = 1 << 19;
/// Bytes on their way out.
pub const OUT: usize = 1 << 12;
/// Words of memory besides.
pub const WORDS: usize = chains::HASHES + chains::DISTANCES / 2;
/// What is dropped at the front is a multiple of this, and as much stays before what is not written yet.
const STEP: usize = chains::DISTANCES;

/// The memory of a packing.
pub struct Room<'m> {
    /// [`KEPT`] bytes.
    pub kept: &'m mut [u8],
    /// [`OUT`] bytes.
    pub out: &'m mut [u8],
    /// [`WORDS`] words.
    pub words: &'m mut [u32],
}

/// Where packing stands.
pub struct Packing {
    attempts: u32,
    /// Bytes of the source in all, and those that are kept no more.
    plain_len: usize,
    dropped: usize,
    /// Bytes that are kept. Positions are counted from the first of them.
    filled: usize,
    next: Next,
    original: Held,
    /// First byte that no sequence covers.
    anchor: usize,
    /// First position that no chain has.
    chained: usize,
    longer: Option<Longer>,
}

/// A match that reached to the end of what was there, and goes on while bytes are as its distance says.
#[derive(Clone, Copy)]
struct Longer {
    offset: usize,
    len: usize,
}

impl Packing {
    /// Begins with a block of `plain_len` bytes.
    ///
    /// # Errors
    /// `Parameters`, `Scratch` when `room` is too small.
    pub fn new(parameters: Parameters, plain_len: usize, room: &mut Room<'_>) -> Result<Self, CodecError> {
        if room.kept.len() < KEPT || room.out.len() < OUT || room.words.len() < WORDS {
            return Err(CodecError::Scratch);
        }
        let attempts = super::long_attempts(parameters).ok_or(CodecError::Parameters)?;
        chains(room.words, None);
        Ok(Packing {
            attempts,
            plain_len,
            dropped: 0,
            filled: 0,
            next: Next::First(0),
            original: NO_MATCH,
            anchor: 0,
            chained: 0,
            longer: None,
        })
    }

    /// Takes the next bytes of the block.
    ///
    /// # Errors
    /// `Room` when there are more than the block has, or literals that cannot be kept; what `sink` says.
    pub fn push(&mut self, room: &mut Room<'_>, bytes: &[u8], sink: Sink<'_>) -> Result<(), CodecError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.filled == KEPT {
                self.parse(room, false, sink)?;
                self.drop_front(room)?;
            }
            let (now, behind) = rest.split_at(rest.len().min(KEPT - self.filled));
            room.kept[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            if self.dropped + self.filled > self.plain_len {
                return Err(CodecError::Room);
            }
            self.go_on_longer(room, self.filled - now.len(), sink)?;
            rest = behind;
        }
        Ok(())
    }

    /// Ends the block, all of which is there.
    ///
    /// # Errors
    /// As [`Packing::push`].
    pub fn finish(mut self, room: &mut Room<'_>, sink: Sink<'_>) -> Result<(), CodecError> {
        if let Some(longer) = self.longer {
            self.end_longer(room, longer, self.filled, sink)?;
        }
        self.parse(room, true, sink)?;
        let source = &room.kept[..self.filled];
        Sequences::without_end(room.out, sink, self.anchor).finish(source).map(|_| ())
    }

    /// Parses what is there.
    fn parse(&mut self, room: &mut Room<'_>, is_whole: bool, sink: Sink<'_>) -> Result<(), CodecError> {
        if self.longer.is_some() {
            return Ok(());
        }
        let source = &room.kept[..self.filled];
        let end = (self.plain_len - self.dropped).saturating_sub(LAST_LITERALS);
        let mut parser = Parser {
            source,
            is_whole,
            high: end.min(self.filled),
            chains: chains(room.words, Some(self.chained)),
            effort: effort(self.attempts),
            out: Sequences::without_end(room.out, sink, self.anchor),
            original: self.original,
        };
        match parser.parse(self.next)? {
            Parsed::End => {}
            Parsed::Wants(next) => self.next = next,
            Parsed::Longer(found) => {
                self.longer = Some(Longer { offset: found.offset, len: found.len });
                parser.out.put_front(source, found)?;
            }
        }
        parser.out.flush()?;
        (self.original, self.anchor) = (parser.original, parser.out.anchor);
        self.chained = parser.chains.next();
        Ok(())
    }

    /// Sees whether a long match takes in what is kept from `from` on.
    fn go_on_longer(&mut self, room: &mut Room<'_>, from: usize, sink: Sink<'_>) -> Result<(), CodecError> {
        let Some(mut longer) = self.longer else { return Ok(()) };
        let (now, before) = (&room.kept[from..self.filled], &room.kept[from - longer.offset..]);
        let same = now.iter().zip(before).take_while(|(a, b)| a == b).count();
        longer.len += same;
        self.anchor = from + same;
        self.longer = Some(longer);
        if same < now.len() { self.end_longer(room, longer, from + same, sink) } else { Ok(()) }
    }

    /// A long match ends at `at`; the last bytes of a block are always literals.
    fn end_longer(
        &mut self,
        room: &mut Room<'_>,
        longer: Longer,
        at: usize,
        sink: Sink<'_>,
    ) -> Result<(), CodecError> {
        let last = (self.plain_len - self.dropped).saturating_sub(LAST_LITERALS);
        let end = at.min(last);
        let mut out = Sequences::without_end(room.out, sink, end);
        out.put_rest(longer.len - (at - end))?;
        out.flush()?;
        self.longer = None;
        self.next = Next::First(end);
        self.anchor = end;
        // What is further back than matches reach need not be found.
        self.chained = self.chained.max(end.saturating_sub(STEP));
        Ok(())
    }

    /// Drops what is needed no more.
    fn drop_front(&mut self, room: &mut Room<'_>) -> Result<(), CodecError> {
        let by = self.anchor.saturating_sub(STEP) / STEP * STEP;
        if by == 0 {
            return Err(CodecError::Room);
        }
        room.kept.copy_within(by..self.filled, 0);
        chains::move_back(&mut room.words[..chains::HASHES], by);
        self.filled -= by;
        self.dropped += by;
        self.anchor -= by;
        self.chained = self.chained.saturating_sub(by);
        self.original = self.original.moved_back(by);
        self.next = self.next.moved_back(by);
        Ok(())
    }
}

fn chains(words: &mut [u32], next: Option<usize>) -> Chains<'_> {
    let (hashes, rest) = words.split_at_mut(chains::HASHES);
    let distances = bytemuck::cast_slice_mut(&mut rest[..chains::DISTANCES / 2]);
    match next {
        Some(next) => Chains::resumed(hashes, distances, next),
        None => Chains::new(hashes, distances),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, mut state: u64) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(len)
        .collect()
    }

    fn in_pieces(plain: &[u8], level: u8, step: usize) -> Result<Vec<u8>, CodecError> {
        let (mut kept, mut out, mut words) = (vec![0; KEPT], vec![0; OUT], vec![0; WORDS]);
        let mut room = Room { kept: &mut kept, out: &mut out, words: &mut words };
        let mut packed = Vec::new();
        let mut sink = |bytes: &[u8]| {
            packed.extend_from_slice(bytes);
            Ok(())
        };
        let mut packing = Packing::new(super::super::block_of(level, 16), plain.len(), &mut room)?;
        for piece in plain.chunks(step) {
            packing.push(&mut room, piece, &mut sink)?;
        }
        packing.finish(&mut room, &mut sink)?;
        Ok(packed)
    }

    /// The same, seen as a whole.
    fn at_once(plain: &[u8], level: u8) -> Vec<u8> {
        let (mut out, mut words) = (vec![0; plain.len() + plain.len() / 200 + 64], vec![0; WORDS]);
        let out_len = {
            let mut packed = Vec::new();
            let mut sink = |bytes: &[u8]| {
                packed.extend_from_slice(bytes);
                Ok(())
            };
            let mut buffer = [0; 4096];
            let sequences = Sequences::without_end(&mut buffer, &mut sink, 0);
            let attempts = super::super::long_attempts(super::super::block_of(level, 16)).unwrap();
            super::super::lazy::pack(plain, sequences, chains(&mut words, None), attempts).unwrap();
            out[..packed.len()].copy_from_slice(&packed);
            packed.len()
        };
        out.truncate(out_len);
        out
    }

    /// Text with repetitions near and far, noise, and runs that are longer than what is kept.
    fn sample() -> Vec<u8> {
        let words: Vec<Vec<u8>> = (0..500).map(|i| noise(3 + i as usize % 17, i + 1)).collect();
        let text = |from: u64, len: usize| -> Vec<u8> {
            noise(len, from).iter().flat_map(|&i| words[usize::from(i)].clone()).collect()
        };
        [
            text(1, 60_000),
            vec![0; 1_500_000],
            text(2, 9_000),
            noise(120_000, 3),
            b"abcdefg".repeat(200_000),
            text(4, 30_000),
            vec![7; 300_000],
            text(5, 20_000),
            vec![0; 900_000],
        ]
        .concat()
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let sample = sample();
        for (plain, level) in [
            (&sample[..], 9),
            (&sample[..], 4),
            (&sample[..1_900_000], 9),
            (&sample[..1_000_003], 9),
            (&sample[..KEPT], 9),
            (&sample[..20], 9),
            (&sample[..3], 9),
            (&[], 9),
        ] {
            let expected = at_once(plain, level);
            for step in [1 << 20, 70_001] {
                let found = in_pieces(plain, level, step).unwrap();
                assert!(found == expected, "{} bytes, level {level}, step {step}", plain.len());
            }
        }
        // No four bytes twice.
        let all_new: Vec<u8> =
            (0..400_000_u32).flat_map(|i| i.wrapping_mul(0x9e37_79b1).to_be_bytes()).collect();
        assert!(in_pieces(&all_new, 9, 1 << 16) == Err(CodecError::Room), "too many literals");
    }
}
