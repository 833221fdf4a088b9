//! The fold of a delta: which blocks of both images are compressed and how. Layout: docs/delta-format.md, "Fold".
//!
//! The *unfolded* image has plain content in the place of compressed blocks. Each piece begins on the grid of
//! [`GRID`] bytes where it is useful, so that equal content stands equally: blocks begin on it, and what is left as it
//! is keeps its place in it. What lies between reads as zero and is dropped.

#![allow(
    clippy::cast_possible_truncation,
    reason = "numbers and lengths have been checked; offsets in a block are short"
)]

use super::codec::{Codec, Framing, Parameters, Recipe};
use super::numbers::{HERE, Numbers};
use crate::entropy::zigzag::unzigzag;
use crate::error::Error;
use crate::format::native::crc32::crc32;

/// What pieces of unfolded images are aligned to, in bytes.
pub(crate) const GRID: u64 = 4096;
/// Most recipes.
pub(crate) const MAX_RECIPES: u64 = 255;
/// Most blocks of the base that are kept unpacked.
pub(crate) const MAX_SLOTS: u64 = 255;
/// Largest plain or packed length of a block, in bytes.
pub(crate) const MAX_BLOCK: u64 = 1 << 26;
/// Sums of lengths stay below this.
const MAX_IMAGE: u64 = i64::MAX as u64;
/// Bytes of a recipe.
pub(crate) const RECIPE_LEN: usize = 10;
/// Tags of runs; a tag from [`TAG_BLOCKS`] on is that plus the number of a recipe.
pub(crate) const TAG_RAW: u64 = 0;
/// In the base: a part whose blocks are not needed. In the target: a copy of a range of the base.
pub(crate) const TAG_OTHER: u64 = 1;
pub(crate) const TAG_BLOCKS: u64 = 2;

/// The next place from `at` on that is `residue` bytes behind a line of the grid.
pub(crate) fn aligned(at: u64, residue: u64) -> u64 {
    at + (residue.wrapping_sub(at) % GRID)
}

/// A run of pieces of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseRun {
    /// Bytes as they are.
    Raw { len: u64, residue: u64 },
    /// `len` bytes of the image, which are `unfolded` bytes of the unfolded image and read as zero.
    Gap { len: u64, unfolded: u64 },
    /// Blocks of one plain length, whose packed lengths follow.
    Blocks { recipe: usize, plain_len: u32, count: u64 },
}

/// A run of pieces of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetRun {
    /// Bytes as they are.
    Raw { len: u64, residue: u64 },
    /// A range of the base; it has no place in the unfolded image.
    Copy { distance: i64, len: u64 },
    /// Blocks of one plain length.
    Blocks { recipe: usize, plain_len: u32, count: u64 },
}

/// What a fold says at its front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script<'s> {
    /// Bytes of the unfolded images.
    pub(crate) base_size: u64,
    pub(crate) target_size: u64,
    /// Blocks of the base that are kept unpacked.
    pub(crate) slots: usize,
    /// Longest block of the target when it is packed.
    pub(crate) room: u32,
    recipes: &'s [u8],
    base_runs: u64,
    base: Numbers<'s>,
    target_runs: u64,
    target: Numbers<'s>,
}

/// What a fold needs, found by going through it once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Pieces of the base, gaps included.
    pub(crate) pieces: usize,
    /// Longest blocks of the base and words of scratch to unpack them.
    pub(crate) base_plain: u32,
    pub(crate) base_packed: u32,
    pub(crate) base_scratch: u32,
    /// Longest window of blocks of the base that are gone through from front to back; they do not count above.
    pub(crate) base_window: u32,
    /// Longest plain block of the target and words of scratch to pack it.
    pub(crate) target_plain: u32,
    pub(crate) target_scratch: u32,
    /// Whether there are blocks of the target that are packed piece by piece; they do not count above.
    pub(crate) target_long: bool,
}

/// Checks the check value at the end of a fold; returns what is before it.
pub(crate) fn checked(fold: &[u8]) -> Result<&[u8], Error> {
    let truncated = Error::format("length of the fold", HERE, 4, fold.len() as u64);
    let (body, check) = fold.split_last_chunk::<4>().ok_or(truncated)?;
    let (expected, found) = (crc32(0, body), u32::from_le_bytes(*check));
    if expected != found {
        return Err(Error::format("check value of the fold", HERE, expected.into(), found.into()));
    }
    Ok(body)
}

impl<'s> Script<'s> {
    /// Opens a fold without its check value, for images of these sizes, and checks all of it.
    ///
    /// # Errors
    /// `Format` or `Unsupported`.
    pub(crate) fn open(body: &'s [u8], base_size: u64, target_size: u64) -> Result<(Self, Survey), Error> {
        let mut numbers = Numbers::new(body);
        let [unfolded_base, unfolded_target] =
            [numbers.take("unfolded base size")?, numbers.take("unfolded target size")?];
        let slots = numbers.take_len("blocks to keep", MAX_SLOTS)? as usize;
        let room = numbers.take_len("longest block", MAX_BLOCK)? as u32;
        let recipes = numbers.take("number of recipes")?;
        if recipes > MAX_RECIPES {
            return Err(Error::format("number of recipes", HERE, MAX_RECIPES, recipes));
        }
        let start = numbers.at;
        for _ in 0..recipes {
            recipe(&numbers.array(RECIPE)?)?;
        }
        let recipes = &body[start..numbers.at];
        let base_runs = numbers.take("number of runs")?;
        let mut script = Script {
            base_size: unfolded_base,
            target_size: unfolded_target,
            slots,
            room,
            recipes,
            base_runs,
            base: numbers,
            target_runs: 0,
            target: numbers,
        };
        let mut survey = Survey::default();
        let behind = script.survey_base(&mut survey, base_size)?;
        script.target = behind;
        script.target_runs = script.target.take("number of runs")?;
        let behind = script.survey_target(&mut survey, base_size, target_size)?;
        if behind.at != body.len() {
            return Err(Error::format("length of the fold", HERE, behind.at as u64, body.len() as u64));
        }
        Ok((script, survey))
    }

    /// A recipe by its number, which has been checked.
    pub(crate) fn recipe(&self, number: usize) -> Result<Recipe, Error> {
        let bytes = self.recipes.get(number * RECIPE_LEN..).and_then(|rest| rest.first_chunk());
        recipe(bytes.ok_or(Error::format(
            RECIPE,
            HERE,
            (self.recipes.len() / RECIPE_LEN) as u64,
            number as u64,
        ))?)
    }

    /// Where the runs of the base begin, and how many they are.
    pub(super) fn base_runs(&self) -> (Numbers<'s>, u64) {
        (self.base, self.base_runs)
    }

    /// Where the runs of the target begin, and how many they are.
    pub(super) fn target_runs(&self) -> (Numbers<'s>, u64) {
        (self.target, self.target_runs)
    }

    fn survey_base(&self, survey: &mut Survey, base_size: u64) -> Result<Numbers<'s>, Error> {
        let (mut numbers, mut image, mut unfolded) = (self.base, Sum::new(base_size), Sum::new(MAX_IMAGE));
        for _ in 0..self.base_runs {
            match base_run(&mut numbers)? {
                BaseRun::Raw { len, residue } => {
                    image.add("length of a run", len)?;
                    unfolded.add_aligned(residue, len)?;
                    survey.pieces += 1;
                }
                BaseRun::Gap { len, unfolded: more } => {
                    image.add("length of a gap", len)?;
                    unfolded.add("length of a gap", more)?;
                    survey.pieces += 1;
                }
                BaseRun::Blocks { recipe, plain_len, count } => {
                    let recipe = self.recipe(recipe)?;
                    let window = recipe.window();
                    survey.base_window = survey.base_window.max(window);
                    if window == 0 {
                        survey.base_plain = survey.base_plain.max(plain_len);
                    }
                    survey.base_scratch = survey.base_scratch.max(recipe.decode_scratch(plain_len));
                    for _ in 0..count {
                        let packed = numbers.take_len("packed length", MAX_BLOCK)?;
                        image.add("packed length", packed)?;
                        unfolded.add_aligned(0, plain_len.into())?;
                        if window == 0 {
                            survey.base_packed = survey.base_packed.max(packed as u32);
                        }
                        survey.pieces += 1;
                    }
                }
            }
        }
        image.must_be("size of the base", base_size)?;
        unfolded.must_be("unfolded base size", self.base_size)?;
        Ok(numbers)
    }

    fn survey_target(
        &self,
        survey: &mut Survey,
        base_size: u64,
        target_size: u64,
    ) -> Result<Numbers<'s>, Error> {
        let (mut numbers, mut unfolded) = (self.target, Sum::new(MAX_IMAGE));
        // Packed lengths are not known: only what is known bounds the target from below.
        let (mut image, mut base_at) = (Sum::new(target_size), 0_u64);
        for _ in 0..self.target_runs {
            match target_run(&mut numbers)? {
                TargetRun::Raw { len, residue } => {
                    image.add("length of a run", len)?;
                    unfolded.add_aligned(residue, len)?;
                }
                TargetRun::Copy { distance, len } => {
                    image.add("length of a copy", len)?;
                    let end = base_at.checked_add_signed(distance).and_then(|from| from.checked_add(len));
                    base_at = end.filter(|&end| end <= base_size).ok_or(Error::format(
                        "copy of the fold",
                        HERE,
                        base_size,
                        base_at.wrapping_add_signed(distance),
                    ))?;
                }
                TargetRun::Blocks { recipe, plain_len, count } => {
                    let recipe = self.recipe(recipe)?;
                    if recipe.window() > 0 {
                        survey.target_long = true;
                    } else {
                        survey.target_plain = survey.target_plain.max(plain_len);
                    }
                    survey.target_scratch = survey.target_scratch.max(recipe.encode_scratch(plain_len));
                    unfolded.add_aligned(0, plain_len.into())?;
                    let each = u64::from(plain_len).next_multiple_of(GRID);
                    let others = each.checked_mul(count - 1).filter(|&others| others <= MAX_IMAGE);
                    // The last one of a run is not filled up.
                    unfolded.add("number of blocks", others.unwrap_or(u64::MAX))?;
                    image.add("number of blocks", count)?;
                }
            }
        }
        unfolded.must_be("unfolded target size", self.target_size)?;
        Ok(numbers)
    }
}

const RECIPE: &str = "recipe";

fn recipe(bytes: &[u8; RECIPE_LEN]) -> Result<Recipe, Error> {
    let [codec, framing, parameters @ ..] = *bytes;
    let unsupported = |field, found: u8| Error::Unsupported { field, found: found.into() };
    let recipe = Recipe {
        codec: Codec::of_code(codec).ok_or(unsupported("codec of blocks", codec))?,
        framing: Framing::of_code(framing).ok_or(unsupported("framing of blocks", framing))?,
        parameters: parameters as Parameters,
    };
    let settings = u64::from_le_bytes(parameters);
    recipe.check().map_err(|_| Error::Unsupported { field: "settings of blocks", found: settings })?;
    Ok(recipe)
}

fn blocks(numbers: &mut Numbers<'_>, tag: u64) -> Result<(usize, u32, u64), Error> {
    let number = tag - TAG_BLOCKS;
    if number >= MAX_RECIPES {
        return Err(Error::format(RECIPE, HERE, MAX_RECIPES, number));
    }
    let plain_len = numbers.take_len("plain length", MAX_BLOCK)? as u32;
    Ok((number as usize, plain_len, numbers.take_len("number of blocks", MAX_IMAGE)?))
}

fn raw(numbers: &mut Numbers<'_>) -> Result<(u64, u64), Error> {
    let len = numbers.take_len("length of a run", MAX_IMAGE)?;
    let residue = numbers.take("place of a run")?;
    if residue >= GRID {
        return Err(Error::format("place of a run", HERE, GRID - 1, residue));
    }
    Ok((len, residue))
}

/// Reads a run of the base; the packed lengths of its blocks are next.
pub(super) fn base_run(numbers: &mut Numbers<'_>) -> Result<BaseRun, Error> {
    Ok(match numbers.take("run")? {
        TAG_RAW => {
            let (len, residue) = raw(numbers)?;
            BaseRun::Raw { len, residue }
        }
        TAG_OTHER => BaseRun::Gap {
            len: numbers.take_len("length of a gap", MAX_IMAGE)?,
            unfolded: numbers.take("length of a gap")?,
        },
        tag => {
            let (recipe, plain_len, count) = blocks(numbers, tag)?;
            BaseRun::Blocks { recipe, plain_len, count }
        }
    })
}

/// Reads a run of the target.
pub(super) fn target_run(numbers: &mut Numbers<'_>) -> Result<TargetRun, Error> {
    Ok(match numbers.take("run")? {
        TAG_RAW => {
            let (len, residue) = raw(numbers)?;
            TargetRun::Raw { len, residue }
        }
        TAG_OTHER => TargetRun::Copy {
            distance: unzigzag(numbers.take("copy of the fold")?),
            len: numbers.take_len("length of a copy", MAX_IMAGE)?,
        },
        tag => {
            let (recipe, plain_len, count) = blocks(numbers, tag)?;
            TargetRun::Blocks { recipe, plain_len, count }
        }
    })
}

/// A sum that stays below a bound.
struct Sum {
    sum: u64,
    most: u64,
}

impl Sum {
    fn new(most: u64) -> Self {
        Sum { sum: 0, most }
    }

    fn add(&mut self, field: &'static str, len: u64) -> Result<(), Error> {
        let sum = self.sum.checked_add(len).filter(|&sum| sum <= self.most);
        self.sum = sum.ok_or(Error::format(field, HERE, self.most - self.sum, len))?;
        Ok(())
    }

    fn add_aligned(&mut self, residue: u64, len: u64) -> Result<(), Error> {
        self.sum = aligned(self.sum, residue);
        if self.sum > self.most {
            return Err(Error::format("place of a run", HERE, self.most, self.sum));
        }
        self.add("length of a run", len)
    }

    fn must_be(&self, field: &'static str, expected: u64) -> Result<(), Error> {
        if self.sum == expected { Ok(()) } else { Err(Error::format(field, HERE, expected, self.sum)) }
    }
}
