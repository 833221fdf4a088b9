//! Unpacks a long LZ4 block from front to back in pieces, when only the last part of its content is kept.

use super::sequence::{MATCH_MIN, NIBBLE};
/// Where unpacking stands. The packed bytes come from the caller, and the content goes into a ring of the caller's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unpacking {
    /// Bytes of content so far.
    plain_at: u64,
    /// Bytes of literals and of the match that are still to come.
    literals: u64,
    matched: u64,
    offset: usize,
    /// What the token says of the match behind the literals.
    then: Option<u8>,
}

/// Packed bytes on their way: `bytes[at..len]` have been read and not taken.
pub struct Input<'i> {
    bytes: &'i mut [u8],
    at: usize,
    len: usize,
    /// Bytes of the block that have been read.
    read: u64,
}

impl<'i> Input<'i> {
    /// Goes by way of `bytes`, which must not be empty.
    pub fn new(bytes: &'i mut [u8]) -> Self {
        Input { bytes, at: 0, len: 0, read: 0 }
    }

    /// Begins at the front of a block again.
    pub fn restart(&mut self) {
        (self.at, self.len, self.read) = (0, 0, 0);
    }
}

/// Reads packed bytes.
pub type Read<'r, E> = &'r mut dyn FnMut(u64, &mut [u8]) -> Result<(), E>;

/// A packed block.
pub struct Feed<'f, 'i, E> {
    /// What is on its way.
    pub input: &'f mut Input<'i>,
    /// Length of the block in bytes.
    pub packed_len: u64,
    /// Reads its bytes from an offset on.
    pub read: Read<'f, E>,
    /// What a damaged block is to the caller.
    pub damaged: E,
}

impl<E: Copy> Feed<'_, '_, E> {
    /// At least one byte that has not been taken.
    fn some(&mut self) -> Result<&[u8], E> {
        let input = &mut *self.input;
        if input.at == input.len {
            let len = within(self.packed_len.saturating_sub(input.read), input.bytes.len());
            if len == 0 {
                return Err(self.damaged);
            }
            (self.read)(input.read, &mut input.bytes[..len])?;
            (input.at, input.len, input.read) = (0, len, input.read + len as u64);
        }
        Ok(&input.bytes[input.at..input.len])
    }

    fn byte(&mut self) -> Result<u8, E> {
        let byte = self.some()?[0];
        self.input.at += 1;
        Ok(byte)
    }

    /// A length of four bits that goes on in bytes when all of them are set.
    fn length(&mut self, nibble: u8) -> Result<u64, E> {
        let mut length = u64::from(nibble);
        if usize::from(nibble) == NIBBLE {
            loop {
                let more = self.byte()?;
                length += u64::from(more);
                if more != 255 {
                    break;
                }
            }
        }
        Ok(length)
    }
}

impl Unpacking {
    /// Bytes of content so far.
    #[must_use]
    pub fn plain_at(&self) -> u64 {
        self.plain_at
    }

    /// Goes on until `end` bytes of content are there. The content of byte *i* is in `ring` at *i* modulo its length,
    /// which is a power of two and at least 64 KiB.
    ///
    /// # Errors
    /// What reading says, and `damaged`.
    pub fn go_on<E: Copy>(&mut self, end: u64, ring: &mut [u8], feed: &mut Feed<'_, '_, E>) -> Result<(), E> {
        while self.plain_at < end {
            if self.literals > 0 {
                let to = place(self.plain_at, ring.len());
                let most = within(self.literals.min(end - self.plain_at), ring.len() - to);
                let bytes = feed.some()?;
                let len = most.min(bytes.len());
                ring[to..to + len].copy_from_slice(&bytes[..len]);
                feed.input.at += len;
                self.literals -= len as u64;
                self.plain_at += len as u64;
            } else if let Some(nibble) = self.then.take() {
                self.offset = usize::from(u16::from_le_bytes([feed.byte()?, feed.byte()?]));
                if self.offset == 0 || self.offset as u64 > self.plain_at {
                    return Err(feed.damaged);
                }
                self.matched = feed.length(nibble)? + MATCH_MIN as u64;
            } else if self.matched > 0 {
                let len = self.copy(ring, self.matched.min(end - self.plain_at));
                self.matched -= len as u64;
                self.plain_at += len as u64;
            } else {
                let token = feed.byte()?;
                self.literals = feed.length(token >> 4)?;
                self.then = Some(token & NIBBLE as u8);
            }
        }
        Ok(())
    }

    /// Copies at most `most` bytes from `offset` bytes back; returns how many.
    fn copy(&self, ring: &mut [u8], most: u64) -> usize {
        let to = place(self.plain_at, ring.len());
        let from = place(self.plain_at.wrapping_sub(self.offset as u64), ring.len());
        let len = within(most, ring.len() - to.max(from));
        if self.offset >= len {
            ring.copy_within(from..from + len, to);
        } else if self.offset == 1 {
            let byte = ring[from];
            ring[to..to + len].fill(byte);
        } else {
            for index in 0..len {
                ring[to + index] = ring[from + index];
            }
        }
        len
    }
}

/// Where a byte of content is in a ring of `len` bytes.
pub fn place(at: u64, len: usize) -> usize {
    (at & (len as u64 - 1)) as usize
}

fn within(len: u64, most: usize) -> usize {
    usize::try_from(len).map_or(most, |len| len.min(most))
}

#[cfg(test)]
mod tests {
    use super::super::pack_long;
    use super::*;
    use crate::fold::codec::CodecError;

    fn unpack(packed: &[u8], plain_len: u64, ring_len: usize, step: usize) -> Result<Vec<u8>, CodecError> {
        let (mut ring, mut buffer) = (vec![0; ring_len], [0; 7]);
        let (mut state, mut input, mut plain) = (Unpacking::default(), Input::new(&mut buffer), Vec::new());
        let mut read = |at: u64, out: &mut [u8]| {
            out.copy_from_slice(&packed[at as usize..][..out.len()]);
            Ok(())
        };
        let mut feed = Feed {
            input: &mut input,
            packed_len: packed.len() as u64,
            read: &mut read,
            damaged: CodecError::Damaged,
        };
        while state.plain_at() < plain_len {
            let from = state.plain_at();
            let end = plain_len.min(from + step as u64);
            state.go_on(end, &mut ring, &mut feed)?;
            plain.extend((from..end).map(|at| ring[place(at, ring_len)]));
        }
        Ok(plain)
    }

    #[test]
    fn pieces_are_the_whole() {
        let text: Vec<u8> =
            (0..200_000_u32).map(|i| ((i % 251) ^ (i >> 9)) as u8).chain([0; 90_000]).collect();
        let parameters = super::super::block_of(9, 16);
        let (mut kept, mut out) = (vec![0; pack_long::KEPT], vec![0; pack_long::OUT]);
        let mut words = vec![0; pack_long::WORDS];
        let mut room = pack_long::Room { kept: &mut kept, out: &mut out, words: &mut words };
        let mut packed = Vec::new();
        let mut sink = |bytes: &[u8]| {
            packed.extend_from_slice(bytes);
            Ok(())
        };
        let mut packing = pack_long::Packing::new(parameters, text.len(), &mut room).unwrap();
        packing.push(&mut room, &text, &mut sink).unwrap();
        packing.finish(&mut room, &mut sink).unwrap();
        for step in [1, 100, 65_000, 1 << 20] {
            assert!(
                unpack(&packed, text.len() as u64, 1 << 16, step.min(1 << 16)).unwrap() == text,
                "{step}"
            );
        }
        for cut in [0, 1, 5, packed.len() / 2, packed.len() - 1] {
            assert!(unpack(&packed[..cut], text.len() as u64, 1 << 16, 4096).is_err(), "{cut}");
        }
        assert!(unpack(&[0x10, 9, 2, 0], 100, 1 << 16, 100).is_err(), "an offset before the start");
    }
}
