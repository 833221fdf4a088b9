//! One window: its operations, carried out with every position and length checked.

use super::streams::Opened;
use super::{Base, Target};
use crate::error::Error;
use crate::format::native::window::{CopyKind, Stream, unzigzag};
use sha2::{Digest, Sha256};

/// Working space of the operations; both are `io_block` bytes long.
pub(super) struct Buffers<'m> {
    pub base: &'m mut [u8],
    pub difference: &'m mut [u8],
}

/// A window being applied.
pub(super) struct Window<'a, 'b, 'm> {
    /// Where in the delta it begins, for errors.
    pub at: u64,
    pub streams: Opened<'a, 'b, 'm>,
    pub buffers: &'a mut Buffers<'m>,
    pub base_size: u64,
    pub base_at: &'a mut u64,
    pub digest: &'a mut Sha256,
    pub written: &'a mut u64,
}

impl Window<'_, '_, '_> {
    /// Yields `len` bytes of target.
    pub(super) fn apply(
        mut self,
        len: u64,
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        self.streams.set_offset(self.at);
        let mut left = len;
        while left > 0 {
            let literal = self.length("literal length", left)?;
            self.literal(literal, target)?;
            left -= literal;
            let copy = self.streams.number()?;
            let kind = CopyKind::of_code(copy & 3, self.at)?;
            let copy = self.checked("copy length", left, copy >> 2)?;
            if literal == 0 && copy == 0 {
                // Every operation makes progress, so that a window ends.
                return Err(Error::format("operation length", self.at, 1, 0));
            }
            if copy > 0 {
                self.copy(kind, copy, base, target)?;
                left -= copy;
            }
        }
        self.streams.finish()
    }

    fn length(&mut self, field: &'static str, most: u64) -> Result<u64, Error> {
        let len = self.streams.number()?;
        self.checked(field, most, len)
    }

    fn checked(&self, field: &'static str, most: u64, found: u64) -> Result<u64, Error> {
        if found > most { Err(Error::format(field, self.at, most, found)) } else { Ok(found) }
    }

    fn literal(&mut self, len: u64, target: &mut dyn Target) -> Result<(), Error> {
        self.in_pieces(len, |window, piece, _| {
            let out = &mut window.buffers.base[..piece];
            window.streams.take(Stream::Literal, out)?;
            window.digest.update(&*out);
            target.write(out).map_err(Error::Target)
        })
    }

    fn copy(
        &mut self,
        kind: CopyKind,
        len: u64,
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        if kind == CopyKind::Zero {
            self.buffers.base.fill(0);
            return self.in_pieces(len, |window, piece, _| {
                let out = &window.buffers.base[..piece];
                window.digest.update(out);
                target.write(out).map_err(Error::Target)
            });
        }
        let distance = unzigzag(self.streams.number()?);
        // Sizes are below 2^63, so that a sum out of range is negative or too large, but never wraps.
        let from = self
            .base_at
            .checked_add_signed(distance)
            .filter(|&from| from.checked_add(len).is_some_and(|end| end <= self.base_size));
        let Some(from) = from else {
            let found = self.base_at.wrapping_add_signed(distance);
            return Err(Error::format("copy offset", self.at, self.base_size.saturating_sub(len), found));
        };
        *self.base_at = from + len;
        self.in_pieces(len, |window, piece, done| {
            let out = &mut window.buffers.base[..piece];
            base.read_at(from + done, out).map_err(Error::Base)?;
            if kind == CopyKind::Add {
                let difference = &mut window.buffers.difference[..piece];
                window.streams.take(Stream::Difference, difference)?;
                for (byte, difference) in out.iter_mut().zip(difference) {
                    *byte = byte.wrapping_add(*difference);
                }
            }
            window.digest.update(&*out);
            target.write(out).map_err(Error::Target)
        })
    }

    /// Calls `work` with the length of each piece and what came before it.
    fn in_pieces(
        &mut self,
        len: u64,
        mut work: impl FnMut(&mut Self, usize, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut done = 0;
        while done < len {
            let most = self.buffers.base.len();
            let piece = usize::try_from(len - done).map_or(most, |left| left.min(most));
            work(self, piece, done)?;
            done += piece as u64;
            *self.written += piece as u64;
        }
        Ok(())
    }
}
