//! The memory of a fold: what it holds, cut from one piece of the arena, and how much that is.

use super::base::{BaseFold, ENTRY, INPUT, UNPACK};
use super::codec::lz4::pack_long;
use super::script::{Script, Survey, checked};
use super::target::{LEAST_ROOM, PACK, TargetFold};
use crate::apply::{Base, CallerError, Target};
use crate::error::Error;
use crate::format::native::header::Header;
use core::cell::RefCell;

/// Cuts pieces off the front of the memory of a fold.
pub(super) struct Cut<'m>(&'m mut [u32]);

impl<'m> Cut<'m> {
    pub(super) fn words(&mut self, len: usize) -> Result<&'m mut [u32], Error> {
        let limit = self.0.len() as u64 * 4;
        let too_little = Error::Limit { what: "memory for blocks", wanted: len as u64 * 4, limit };
        if len > self.0.len() {
            return Err(too_little);
        }
        let (piece, rest) = core::mem::take(&mut self.0).split_at_mut(len);
        self.0 = rest;
        Ok(piece)
    }

    /// Whole words of it.
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'m mut [u8], Error> {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.words(len.div_ceil(4))?);
        Ok(&mut bytes[..len])
    }
}

/// Words of memory to pack long blocks.
const LONG_WORDS: u64 = ((pack_long::KEPT + pack_long::OUT) / 4 + pack_long::WORDS) as u64;

/// Bytes of memory for a fold of `fold_len` bytes: a multiple of four.
pub(crate) fn needed(fold_len: usize, script: &Script<'_>, survey: &Survey) -> u64 {
    let bytes = |len: u64| len.div_ceil(4);
    let slots = script.slots as u64;
    let words = bytes(fold_len as u64)
        + survey.pieces as u64 * ENTRY as u64
        + 2 * slots
        + bytes(slots * u64::from(survey.base_plain))
        + bytes(survey.base_packed.into())
        + u64::from(survey.base_scratch)
        + bytes(u64::from(survey.base_window) + if survey.base_window > 0 { INPUT as u64 } else { 0 })
        + bytes(survey.target_plain.into())
        + bytes(u64::from(script.room).max(LEAST_ROOM as u64))
        + u64::from(survey.target_scratch)
        + if survey.target_long { LONG_WORDS } else { 0 };
    4 * words
}

/// A fold in use.
pub(crate) struct Fold<'m> {
    base: BaseFold<'m>,
    target: TargetFold<'m>,
    /// Bytes of the unfolded base and target.
    pub(crate) unfolded: [u64; 2],
}

/// The memory of a fold whose bytes are still arriving.
pub(crate) struct Waiting<'m> {
    fold: &'m mut [u8],
    rest: Cut<'m>,
}

impl<'m> Waiting<'m> {
    /// `memory` has as many bytes as `header` says.
    pub(crate) fn new(header: &Header, memory: &'m mut [u32]) -> Result<Self, Error> {
        let mut rest = Cut(memory);
        let fold = rest.bytes(header.fold_len as usize)?;
        Ok(Waiting { fold, rest })
    }

    /// Where its bytes go.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.fold
    }

    /// Opens the fold, all of whose bytes are there.
    pub(crate) fn open(self, header: &Header) -> Result<Fold<'m>, Error> {
        let Waiting { fold, mut rest } = self;
        let (script, survey) = Script::open(checked(fold)?, header.base_size, header.target_size)?;
        let (wanted, limit) = (needed(fold.len(), &script, &survey), u64::from(header.fold_memory));
        if wanted > limit {
            return Err(Error::format("memory for blocks", 12, wanted, limit));
        }
        Ok(Fold {
            base: BaseFold::new(script, &survey, header.base_size, &mut rest)?,
            target: TargetFold::new(script, &survey, &mut rest)?,
            unfolded: [script.base_size, script.target_size],
        })
    }
}

/// The image would get longer than the header says.
pub(crate) const TOO_LONG: CallerError = CallerError { action: "keep to the size of the image", code: 0 };

/// What the delta is to blame for is no failure of the caller's base or target; `at` is where in it that was found.
pub(crate) fn blamed(error: Error, at: u64) -> Error {
    match error {
        Error::Base(UNPACK) => Error::format("blocks of the base that can be unpacked", at, 1, 0),
        Error::Target(PACK) => Error::format("blocks of the target that can be packed", at, 1, 0),
        Error::Target(TOO_LONG) => Error::format("bytes behind the end of the target", at, 0, 1),
        other => other,
    }
}

impl Fold<'_> {
    /// Writes what stands before everything that a window yields.
    pub(crate) fn start(&mut self, base: &mut dyn Base, target: &mut dyn Target) -> Result<(), Error> {
        self.target.start(base, target).map_err(Error::Target)
    }

    /// Calls `work` with the unfolded base and the target that takes the unfolded image.
    pub(crate) fn with<T>(
        &mut self,
        base: &mut dyn Base,
        target: &mut dyn Target,
        work: impl FnOnce(&mut dyn Base, &mut dyn Target) -> T,
    ) -> T {
        let base = RefCell::new(base);
        let mut unfolded = Unfolded { fold: &mut self.base, base: &base };
        work(&mut unfolded, &mut Folding { fold: &mut self.target, base: &base, target })
    }
}

struct Unfolded<'a, 'm, 'b> {
    fold: &'a mut BaseFold<'m>,
    base: &'a RefCell<&'b mut dyn Base>,
}

impl Base for Unfolded<'_, '_, '_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        self.fold.read_at(*self.base.borrow_mut(), offset, buffer)
    }
}

struct Folding<'a, 'm, 'b, 't> {
    fold: &'a mut TargetFold<'m>,
    base: &'a RefCell<&'b mut dyn Base>,
    target: &'t mut dyn Target,
}

impl Target for Folding<'_, '_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.fold.write(bytes, *self.base.borrow_mut(), self.target)
    }
}
