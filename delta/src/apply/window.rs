//! One window: its operations, carried out with every position and length checked.

use super::observer::{Comes, Observer};
use super::streams::Opened;
use super::{Base, Target};
use crate::entropy::mixing::architecture::MARGIN;
use crate::error::Error;
use crate::op::CopyKind;

/// Working space of the operations.
pub(super) struct Buffers<'m> {
    /// A piece of base with [`MARGIN`] bytes before and behind.
    pub(super) base: &'m mut [u8],
    /// A piece of target, `io_block` bytes.
    pub(super) target: &'m mut [u8],
}

/// A window being applied.
pub(super) struct Window<'a, 'b, 'm> {
    /// Where in the delta it begins, for errors.
    pub(super) at: u64,
    pub(super) streams: Opened<'a, 'b, 'm>,
    pub(super) buffers: &'a mut Buffers<'m>,
    pub(super) base_size: u64,
    pub(super) base_at: &'a mut u64,
    pub(super) written: &'a mut u64,
    pub(super) observer: Option<&'a mut (dyn Observer + Send + 'm)>,
}

/// A range of the base, and how far it is read.
struct Range {
    from: u64,
    end: u64,
    at: u64,
}

impl Window<'_, '_, '_> {
    /// Yields `len` bytes of target.
    pub(super) fn apply(
        mut self,
        len: u64,
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        self.streams.prepare(*self.base_at, *self.written, self.observer.as_deref_mut())?;
        let mut left = len;
        while left > 0 {
            let before = self.spent();
            let (literal, copying) = self.streams.operation()?;
            if let Some(observer) = &mut self.observer {
                observer.operation(*self.written, self.streams.spent() - before);
            }
            left = self.less("literal length", left, literal)?;
            self.pieces(literal, target, Self::literals)?;
            left = self.less("copy length", left, copying.len)?;
            if literal == 0 && copying.len == 0 {
                // Every operation makes progress, so that a window ends.
                return Err(Error::format("operation length", self.at, 1, 0));
            }
            if copying.kind == CopyKind::Zero {
                self.buffers.target.fill(0);
                self.pieces(copying.len, target, |window, piece| {
                    window.tell(Comes::Zero, piece, 0);
                    Ok(())
                })?;
            } else if copying.len > 0 {
                let mut range = self.range(copying.distance, copying.len)?;
                self.pieces(copying.len, target, |window, piece| match copying.kind {
                    CopyKind::Add => window.add(&mut range, piece, base),
                    _ => window.copy(&mut range, piece, base),
                })?;
            }
        }
        self.streams.finish()
    }

    /// What the streams have used up, if anybody wants to know.
    fn spent(&self) -> u64 {
        if self.observer.is_some() { self.streams.spent() } else { 0 }
    }

    /// Tells where the next `piece` bytes of target come from and what they cost.
    fn tell(&mut self, comes: Comes<'_>, piece: usize, cost: u64) {
        if let Some(observer) = &mut self.observer {
            observer.bytes(*self.written, comes, &self.buffers.target[..piece], cost);
        }
    }

    fn less(&self, field: &'static str, left: u64, len: u64) -> Result<u64, Error> {
        left.checked_sub(len).ok_or(Error::format(field, self.at, left, len))
    }

    /// The range of `len` bytes of base that begins `distance` behind the end of the last one.
    fn range(&mut self, distance: i64, len: u64) -> Result<Range, Error> {
        let from = self.base_at.checked_add_signed(distance);
        let range = from.and_then(|from| Some(Range { from, end: from.checked_add(len)?, at: from }));
        match range.filter(|range| range.end <= self.base_size) {
            Some(range) => {
                *self.base_at = range.end;
                Ok(range)
            }
            None => {
                let found = self.base_at.wrapping_add_signed(distance);
                Err(Error::format("copy offset", self.at, self.base_size.saturating_sub(len), found))
            }
        }
    }

    fn literals(&mut self, piece: usize) -> Result<(), Error> {
        let Some(observer) = &mut self.observer else {
            return self.streams.literals(&mut self.buffers.target[..piece]);
        };
        let (mut at, mut rest) = (*self.written, &mut self.buffers.target[..piece]);
        while !rest.is_empty() {
            let together = usize::try_from(observer.together(at)).unwrap_or(usize::MAX);
            let (now, behind) = rest.split_at_mut(together.clamp(1, rest.len()));
            let before = self.streams.spent();
            self.streams.literals(now)?;
            observer.bytes(at, Comes::Stored, now, self.streams.spent() - before);
            at += now.len() as u64;
            rest = behind;
        }
        Ok(())
    }

    fn copy(&mut self, range: &mut Range, piece: usize, base: &mut dyn Base) -> Result<(), Error> {
        base.read_at(range.at, &mut self.buffers.target[..piece]).map_err(Error::Base)?;
        if range.at == range.from {
            self.streams.look(range.at, *self.written, &self.buffers.target[..piece]);
        }
        self.tell(Comes::Copied { base: range.at }, piece, 0);
        range.at += piece as u64;
        Ok(())
    }

    fn add(&mut self, range: &mut Range, piece: usize, base: &mut dyn Base) -> Result<(), Error> {
        let old = &mut self.buffers.base[..piece + 2 * MARGIN];
        // The margins stay inside of the range; what is outside counts as zero.
        let margin = |there: u64| usize::try_from(there).map_or(MARGIN, |there| there.min(MARGIN));
        let before = margin(range.at - range.from);
        let behind = margin(range.end - range.at - piece as u64);
        old[..MARGIN].fill(0);
        old[MARGIN + piece..].fill(0);
        let read = &mut old[MARGIN - before..MARGIN + piece + behind];
        base.read_at(range.at - before as u64, read).map_err(Error::Base)?;
        let before = if self.observer.is_some() { self.streams.spent() } else { 0 };
        let target = &mut self.buffers.target[..piece];
        self.streams.difference(old, [range.at, *self.written], target)?;
        if let Some(observer) = &mut self.observer {
            let comes = Comes::Resembles { base: range.at, old: &old[MARGIN..MARGIN + piece] };
            observer.bytes(*self.written, comes, target, self.streams.spent() - before);
        }
        range.at += piece as u64;
        Ok(())
    }

    /// Has `make` put each piece of `len` bytes into the target buffer, and yields it.
    fn pieces(
        &mut self,
        len: u64,
        target: &mut dyn Target,
        mut make: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut left = len;
        while left > 0 {
            let most = self.buffers.target.len();
            let piece = usize::try_from(left).map_or(most, |left| left.min(most));
            make(self, piece)?;
            let out = &self.buffers.target[..piece];
            target.write(out).map_err(Error::Target)?;
            left -= piece as u64;
            *self.written += piece as u64;
        }
        Ok(())
    }
}
