//! The folded target: takes the unfolded image front to back and writes the image, each block packed again.

use super::codec::lz4::pack_long::{KEPT, OUT, Packing, Room, WORDS};
use super::codec::{CodecError, Recipe};
use super::memory::Cut;
use super::numbers::Numbers;
use super::script::{GRID, Script, Survey, TargetRun, aligned, target_run};
use crate::apply::{Base, CallerError, Target};
use crate::error::Error;

/// Takes packed bytes.
type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> Result<(), CodecError>;

/// Where folding stands.
pub(crate) struct TargetFold<'m> {
    script: Script<'m>,
    numbers: Numbers<'m>,
    runs_left: u64,
    run: Run,
    /// Bytes of the unfolded image taken.
    at: u64,
    /// Bytes up to the next piece, which are dropped.
    skip: u64,
    /// End of the last copy.
    base_at: u64,
    plain: &'m mut [u8],
    /// A packed block, or a piece of a copy.
    packed: &'m mut [u8],
    scratch: &'m mut [u32],
    /// For long blocks, if there are any, and the one that is being packed.
    room: Room<'m>,
    packing: Option<Packing>,
}

#[derive(Clone, Copy)]
enum Run {
    /// The next run is to be read.
    Next,
    Raw {
        left: u64,
    },
    Blocks {
        recipe: usize,
        plain_len: usize,
        left: u64,
        filled: usize,
    },
}

/// What the packed buffer takes at least, in bytes.
pub(super) const LEAST_ROOM: usize = 4096;

/// The delta says something that cannot be packed.
pub(super) const PACK: CallerError = CallerError { action: "pack a block", code: 0 };

impl<'m> TargetFold<'m> {
    /// Takes its memory from `cut`. The script has been surveyed.
    pub(super) fn new(script: Script<'m>, survey: &Survey, cut: &mut Cut<'m>) -> Result<Self, Error> {
        let (numbers, runs_left) = script.target_runs();
        Ok(TargetFold {
            script,
            numbers,
            runs_left,
            run: Run::Next,
            at: 0,
            skip: 0,
            base_at: 0,
            plain: cut.bytes(survey.target_plain as usize)?,
            packed: cut.bytes((script.room as usize).max(LEAST_ROOM))?,
            scratch: cut.words(survey.target_scratch as usize)?,
            room: Room {
                kept: cut.bytes(if survey.target_long { KEPT } else { 0 })?,
                out: cut.bytes(if survey.target_long { OUT } else { 0 })?,
                words: cut.words(if survey.target_long { WORDS } else { 0 })?,
            },
            packing: None,
        })
    }

    /// Writes what needs nothing of the unfolded image: to be called once before everything else.
    pub(super) fn start(&mut self, base: &mut dyn Base, target: &mut dyn Target) -> Result<(), CallerError> {
        self.go_on(base, target)
    }

    /// Takes the next bytes of the unfolded image.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        base: &mut dyn Base,
        target: &mut dyn Target,
    ) -> Result<(), CallerError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = |left: u64| usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
            let len = if self.skip > 0 {
                let len = most(self.skip);
                self.skip -= len as u64;
                len
            } else {
                match &mut self.run {
                    Run::Next => return Err(PACK),
                    Run::Raw { left } => {
                        let len = most(*left);
                        target.write(&rest[..len])?;
                        *left -= len as u64;
                        len
                    }
                    Run::Blocks { plain_len, filled, .. } => {
                        let len = rest.len().min(*plain_len - *filled);
                        if let Some(packing) = &mut self.packing {
                            let push = |sink: Sink<'_>| packing.push(&mut self.room, &rest[..len], sink);
                            to_target(target, push)?;
                        } else {
                            self.plain[*filled..*filled + len].copy_from_slice(&rest[..len]);
                        }
                        *filled += len;
                        len
                    }
                }
            };
            self.at += len as u64;
            rest = &rest[len..];
            self.go_on(base, target)?;
        }
        Ok(())
    }

    /// Does what can be done without more bytes.
    fn go_on(&mut self, base: &mut dyn Base, target: &mut dyn Target) -> Result<(), CallerError> {
        loop {
            match &mut self.run {
                Run::Raw { left: 0 } | Run::Blocks { left: 0, .. } => self.run = Run::Next,
                Run::Blocks { recipe, plain_len, left, filled } if filled == plain_len => {
                    let recipe = self.script.recipe(*recipe).map_err(|_| PACK)?;
                    if let Some(packing) = self.packing.take() {
                        to_target(target, |sink| packing.finish(&mut self.room, sink))?;
                    } else {
                        let plain = &self.plain[..*plain_len];
                        let len = recipe.encode(plain, self.packed, self.scratch).map_err(|_| PACK)?;
                        target.write(&self.packed[..len])?;
                    }
                    *left -= 1;
                    *filled = 0;
                    if *left > 0 {
                        self.skip = aligned(self.at, 0) - self.at;
                        self.packing = begin(recipe, *plain_len, &mut self.room)?;
                    }
                }
                Run::Next if self.runs_left > 0 => {
                    self.runs_left -= 1;
                    self.next_run(base, target)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn next_run(&mut self, base: &mut dyn Base, target: &mut dyn Target) -> Result<(), CallerError> {
        match target_run(&mut self.numbers).map_err(|_| PACK)? {
            TargetRun::Raw { len, residue } => {
                self.skip = aligned(self.at, residue) - self.at;
                self.run = Run::Raw { left: len };
            }
            TargetRun::Blocks { recipe, plain_len, count } => {
                self.skip = aligned(self.at, 0) - self.at;
                let plain_len = plain_len as usize;
                self.packing =
                    begin(self.script.recipe(recipe).map_err(|_| PACK)?, plain_len, &mut self.room)?;
                self.run = Run::Blocks { recipe, plain_len, left: count, filled: 0 };
            }
            TargetRun::Copy { distance, len } => {
                // The survey has found all copies inside of the base.
                let mut from = self.base_at.wrapping_add_signed(distance);
                let end = from + len;
                while from < end {
                    let room = self.packed.len();
                    let piece = usize::try_from(end - from).map_or(room, |left| left.min(room));
                    base.read_at(from, &mut self.packed[..piece])?;
                    target.write(&self.packed[..piece])?;
                    from += piece as u64;
                }
                self.base_at = end;
            }
        }
        debug_assert!(self.skip < GRID);
        Ok(())
    }
}

/// Begins to pack a long block; others are packed when they are complete.
fn begin(recipe: Recipe, plain_len: usize, room: &mut Room<'_>) -> Result<Option<Packing>, CallerError> {
    if recipe.window() == 0 {
        return Ok(None);
    }
    Packing::new(recipe.parameters, plain_len, room).map(Some).map_err(|_| PACK)
}

/// What `pack` writes goes to the target.
fn to_target(
    target: &mut dyn Target,
    pack: impl FnOnce(Sink<'_>) -> Result<(), CodecError>,
) -> Result<(), CallerError> {
    let mut failed = PACK;
    let mut sink = |bytes: &[u8]| {
        target.write(bytes).map_err(|error| {
            failed = error;
            CodecError::Room
        })
    };
    pack(&mut sink).map_err(|_| failed)
}
