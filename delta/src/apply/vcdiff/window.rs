//! One window: its instructions, carried out with every length and address checked.

use super::base_cache::BaseCache;
use super::sections::Opened;
use super::{Base, ReadBack};
use crate::error::Error;
use crate::format::vcdiff::address::{Cache, FIRST_SAME};
use crate::format::vcdiff::code_table::{Instruction, Kind, instructions};
use crate::format::vcdiff::header::{Of, SectionKind, Segment};

/// What windows copy from and keep between each other.
pub(super) struct Surroundings<'a, 'm> {
    pub(super) base: &'a mut dyn Base,
    pub(super) cache: &'a mut BaseCache<'m>,
    /// What came before in the target, where it can be read.
    pub(super) before: Option<&'a mut dyn ReadBack>,
}

/// A window being applied.
pub(super) struct Window<'a, 's, 'b, 'm> {
    /// Where in the delta it begins, for errors.
    pub(super) at: u64,
    pub(super) sections: Opened<'s, 'b, 'm>,
    pub(super) addresses: &'a mut Cache,
    pub(super) segment: Option<Segment>,
    /// The window's target bytes.
    pub(super) out: &'a mut [u8],
}

impl Window<'_, '_, '_, '_> {
    /// Makes the window's target bytes.
    pub(super) fn apply(mut self, surroundings: &mut Surroundings<'_, '_>) -> Result<(), Error> {
        self.addresses.reset();
        let mut done = 0;
        while !self.sections.is_done() {
            let code = self.sections.byte(SectionKind::Instructions)?;
            for Instruction { kind, size } in instructions(code) {
                if kind == Kind::Noop {
                    continue;
                }
                let len = match size {
                    0 => self.sections.number(SectionKind::Instructions)?,
                    size => size.into(),
                };
                let room = self.out.len() - done;
                let len = usize::try_from(len).ok().filter(|&len| len <= room).ok_or(Error::format(
                    "instruction size",
                    self.at,
                    room as u64,
                    len,
                ))?;
                self.instruction(kind, done, len, surroundings)?;
                done += len;
            }
        }
        if done < self.out.len() {
            return Err(Error::format("window target", self.at, self.out.len() as u64, done as u64));
        }
        self.sections.finish()
    }

    fn instruction(
        &mut self,
        kind: Kind,
        done: usize,
        len: usize,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Result<(), Error> {
        match kind {
            Kind::Noop => Ok(()),
            Kind::Add => self.sections.take(SectionKind::Data, &mut self.out[done..done + len]),
            Kind::Run => {
                let byte = self.sections.byte(SectionKind::Data)?;
                self.out[done..done + len].fill(byte);
                Ok(())
            }
            Kind::Copy(mode) => {
                let told = if mode < FIRST_SAME {
                    self.sections.number(SectionKind::Addresses)?
                } else {
                    self.sections.byte(SectionKind::Addresses)?.into()
                };
                let here = self.segment_len().saturating_add(done as u64);
                let address = self.addresses.address(mode, told, here).ok_or(Error::format(
                    "copy address",
                    self.at,
                    here,
                    told,
                ))?;
                self.copy(address, done, len, surroundings)
            }
        }
    }

    fn segment_len(&self) -> u64 {
        self.segment.map_or(0, |segment| segment.len)
    }

    /// Copies from the segment, and from there on out of the window itself.
    fn copy(
        &mut self,
        address: u64,
        done: usize,
        len: usize,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Result<(), Error> {
        let in_segment = self.segment_len().saturating_sub(address);
        let from_segment = usize::try_from(in_segment).map_or(len, |there| there.min(len));
        if from_segment > 0 {
            self.copy_segment(address, done, from_segment, surroundings)?;
        }
        if from_segment == len {
            return Ok(());
        }
        // Both fit: the address is before the place that is written.
        let from = address.saturating_sub(self.segment_len());
        let from = usize::try_from(from).unwrap_or(self.out.len());
        let (to, len) = (done + from_segment, len - from_segment);
        if from >= to {
            return Err(Error::format("copy address", self.at, to as u64, from as u64));
        }
        if to - from >= len {
            self.out.copy_within(from..from + len, to);
        } else {
            // The copy takes bytes that it makes itself.
            for i in 0..len {
                self.out[to + i] = self.out[from + i];
            }
        }
        Ok(())
    }

    fn copy_segment(
        &mut self,
        address: u64,
        done: usize,
        len: usize,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Result<(), Error> {
        let Some(segment) = self.segment else {
            return Err(Error::format("copy address", self.at, 0, address));
        };
        let out = &mut self.out[done..done + len];
        let at = segment.at.saturating_add(address);
        match (segment.of, &mut surroundings.before) {
            (Of::Source, _) => surroundings.cache.read(surroundings.base, at, out),
            (Of::Target, Some(before)) => before.read_back(at, out).map_err(Error::Target),
            (Of::Target, None) => Err(super::NO_READING_BACK),
        }
    }
}
