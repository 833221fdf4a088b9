//! Sorts the blocks of both images: what is equal in both, what can be rebuilt, and what stays as it is.

use super::layout::{Block, Layout};
use crate::error::Error;
use crate::fold::codec::lz4::pack_long;
use crate::fold::codec::{CodecError, Recipe};
use crate::options::GenerateOptions;
use crate::progress::Phase;
use crate::reading::{AROUND, Reading};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A compressed block and its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// First byte and length in the image.
    pub(super) at: u64,
    pub(super) len: u32,
    pub(super) plain_len: u32,
    pub(super) recipe: Recipe,
}

/// A piece of the base. Pieces follow each other without gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BasePiece {
    Raw { at: u64, len: u64 },
    Block(Packed),
}

/// A piece of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetPiece {
    Raw {
        at: u64,
        len: u64,
    },
    /// As the base has it from `from` on.
    Copy {
        from: u64,
        len: u64,
    },
    Block(Packed),
}

/// Blocks that are sorted before the work may be cancelled.
const BATCH: usize = 256;

/// Unpacks a block; `None` when it cannot be unpacked.
pub(super) fn unpacked(image: &[u8], block: &Block, recipe: Recipe) -> Option<Vec<u8>> {
    let recipe = Recipe { framing: block.framing, ..recipe };
    let mut scratch = vec![0; recipe.decode_scratch(block.plain_max) as usize];
    let mut plain = vec![0; block.plain_max as usize];
    let len = recipe.decode(block.of(image), &mut plain, &mut scratch).ok().filter(|&len| len > 0)?;
    plain.truncate(len);
    Some(plain)
}

/// Does `work` for each block, in parallel.
fn for_each<T: Send + Default>(
    blocks: &[Block],
    options: &GenerateOptions<'_>,
    work: impl Fn(&Block) -> T + Sync,
) -> Result<Vec<T>, Error> {
    let (mut all, reading) = (Vec::with_capacity(blocks.len()), Reading::of(options));
    for (batch, blocks_now) in blocks.chunks(BATCH).enumerate() {
        options.tick(Phase::Compare, (batch * BATCH) as u64, blocks.len() as u64)?;
        let work = |block: &Block| {
            reading.touch(block.len.into());
            if options.stop().is_wanted() { T::default() } else { work(block) }
        };
        all.par_extend(blocks_now.par_iter().map(work));
    }
    Ok(all)
}

/// Blocks of an image by what they hold; of several alike the first.
struct ByContent<'i> {
    image: &'i [u8],
    /// Where a block with this hash is.
    first: HashMap<u64, Block>,
}

impl<'i> ByContent<'i> {
    fn of(image: &'i [u8], blocks: &[Block], reading: &Reading<'_>) -> Result<Self, Error> {
        let hashes = hashes(image, blocks, reading)?;
        let mut first = HashMap::with_capacity(blocks.len());
        for (hash, block) in hashes.into_iter().zip(blocks) {
            first.entry(hash).or_insert(*block);
        }
        Ok(ByContent { image, first })
    }

    /// Where a block with these bytes is.
    fn find(&self, bytes: &[u8]) -> Option<u64> {
        self.first.get(&hash(bytes)).filter(|block| block.of(self.image) == bytes).map(|block| block.at)
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn hashes(image: &[u8], blocks: &[Block], reading: &Reading<'_>) -> Result<Vec<u64>, Error> {
    let hash = |block: &Block| reading.read(block.len.into()).map(|()| hash(block.of(image)));
    blocks.par_iter().map(hash).collect()
}

/// Leaves out blocks that both images have.
///
/// # Errors
/// `Cancelled`.
pub(super) fn leave_out_equal(
    old: &[u8],
    old_blocks: &mut Vec<Block>,
    new: &[u8],
    new_blocks: &mut Vec<Block>,
    reading: &Reading<'_>,
) -> Result<(), Error> {
    // Two that only have the same hash stay packed: their bytes are then compared as they are.
    let (of_old, of_new) = (hashes(old, old_blocks, reading)?, hashes(new, new_blocks, reading)?);
    let known: HashSet<u64> = of_old.iter().copied().collect();
    let both: HashSet<u64> = of_new.iter().copied().filter(|hash| known.contains(hash)).collect();
    for (hashes, blocks) in [(of_old, old_blocks), (of_new, new_blocks)] {
        let mut hashes = hashes.into_iter();
        blocks.retain(|_| !hashes.next().is_some_and(|hash| both.contains(&hash)));
    }
    Ok(())
}

/// The pieces of the base: each block that can be unpacked is one.
pub(super) fn base(
    image: &[u8],
    layout: &Layout,
    options: &GenerateOptions<'_>,
) -> Result<Vec<BasePiece>, Error> {
    let packed = for_each(&layout.blocks, options, |block| {
        let any = *layout.families.get(block.family)?.first()?;
        let plain = if block.is_compressed { unpacked(image, block, any) } else { None }?;
        let recipe = Recipe { framing: block.framing, ..any };
        let plain_len = u32::try_from(plain.len()).ok()?;
        Some(Packed { at: block.at, len: block.len, plain_len, recipe })
    })?;
    let (mut pieces, mut reached) = (Vec::new(), 0);
    for block in packed.into_iter().flatten() {
        if block.at > reached {
            pieces.push(BasePiece::Raw { at: reached, len: block.at - reached });
        }
        pieces.push(BasePiece::Block(block));
        reached = block.at + u64::from(block.len);
    }
    let end = image.len() as u64;
    if end > reached {
        pieces.push(BasePiece::Raw { at: reached, len: end - reached });
    }
    Ok(pieces)
}

/// Of so many blocks one is tried to be rebuilt for an estimate.
const GUESSED: usize = 24;

/// The pieces of the target, most of them by what became of others.
pub(super) fn guessed_target(
    old: &[u8],
    old_layout: &Layout,
    new: &[u8],
    new_layout: &Layout,
    options: &GenerateOptions<'_>,
) -> Result<Vec<TargetPiece>, Error> {
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    for block in &new_layout.blocks {
        *sizes.entry(block.family).or_default() += 1;
    }
    // All of the rare ones, such as a kernel.
    let is_tried = |nth: usize, block: &Block| nth % GUESSED == 0 || sizes[&block.family] < 2 * GUESSED;
    let numbered = new_layout.blocks.iter().enumerate();
    let tried: Vec<Block> =
        numbered.filter(|(nth, block)| is_tried(*nth, block)).map(|(_, block)| *block).collect();
    let really = |block: &Block| rebuilt(new, block, new_layout.families.get(block.family)?);
    let results = for_each(&tried, options, |block| if block.is_compressed { really(block) } else { None })?;
    // How many of each family were tried and came out, and how.
    let mut known: HashMap<usize, (usize, usize, Option<Recipe>)> = HashMap::new();
    let mut by_place: HashMap<u64, Option<Packed>> = HashMap::new();
    for (block, result) in tried.iter().zip(results) {
        if block.is_compressed {
            let family = known.entry(block.family).or_default();
            family.0 += 1;
            family.1 += usize::from(result.is_some());
            family.2 = family.2.or(result.map(|packed| packed.recipe));
        }
        by_place.insert(block.at, result);
    }
    let guess = |block: &Block| {
        if let Some(result) = by_place.get(&block.at) {
            return *result;
        }
        let (tried, good, recipe) = *known.get(&block.family)?;
        // As many stay packed as it came to, spread by where they are.
        let place = usize::try_from(block.at % 1_000_003).ok()?;
        if place % tried >= good {
            return None;
        }
        let plain = unpacked(new, block, recipe?)?;
        let recipe = Recipe { framing: block.framing, ..recipe? };
        Some(Packed { at: block.at, len: block.len, plain_len: u32::try_from(plain.len()).ok()?, recipe })
    };
    target_with(old, old_layout, new, new_layout, options, guess)
}

/// The pieces of the target.
pub(super) fn target(
    old: &[u8],
    old_layout: &Layout,
    new: &[u8],
    new_layout: &Layout,
    options: &GenerateOptions<'_>,
) -> Result<Vec<TargetPiece>, Error> {
    target_with(old, old_layout, new, new_layout, options, |block| {
        rebuilt(new, block, new_layout.families.get(block.family)?)
    })
}

fn target_with(
    old: &[u8],
    old_layout: &Layout,
    new: &[u8],
    new_layout: &Layout,
    options: &GenerateOptions<'_>,
    rebuilt: impl Fn(&Block) -> Option<Packed> + Sync,
) -> Result<Vec<TargetPiece>, Error> {
    let reading = Reading::of(options);
    let known = ByContent::of(old, &old_layout.blocks, &reading)?;
    let found = for_each(&new_layout.blocks, options, |block| {
        let from = known.find(block.of(new));
        if from.is_some() {
            reading.touch(u64::from(block.len) + AROUND);
        }
        (from, if from.is_some() || !block.is_compressed { None } else { rebuilt(block) })
    })?;
    let mut pieces = Pieces { pieces: Vec::new(), reached: 0 };
    let mut base_at = 0;
    for (block, (from, packed)) in new_layout.blocks.iter().zip(found) {
        let bytes = block.of(new);
        let there = usize::try_from(base_at).ok().and_then(|at| old.get(at..)?.get(..bytes.len()));
        // Where the last copy ended, or anywhere.
        let from = if there == Some(bytes) { Some(base_at) } else { from };
        reading.read(2 * u64::from(block.len))?;
        if let Some(from) = from {
            pieces.copy(block, from);
            base_at = from + u64::from(block.len);
        } else if let Some(packed) = packed {
            pieces.push(block, TargetPiece::Block(packed));
        }
    }
    pieces.raw_up_to(new.len() as u64);
    Ok(pieces.pieces)
}

/// The recipe that rebuilds `block` bit for bit.
fn rebuilt(image: &[u8], block: &Block, candidates: &[Recipe]) -> Option<Packed> {
    let plain = unpacked(image, block, *candidates.first()?)?;
    let plain_len = u32::try_from(plain.len()).ok()?;
    let stored = block.of(image);
    let recipe = candidates
        .iter()
        .map(|&recipe| Recipe { framing: block.framing, ..recipe })
        .find(|recipe| yields(recipe, &plain, plain_len, stored))?;
    Some(Packed { at: block.at, len: block.len, plain_len, recipe })
}

/// Whether packing `plain` gives `stored`.
fn yields(recipe: &Recipe, plain: &[u8], plain_len: u32, stored: &[u8]) -> bool {
    if recipe.window() > 0 {
        return yields_long(recipe, plain, stored).is_ok_and(|is_same| is_same);
    }
    let mut scratch = vec![0; recipe.encode_scratch(plain_len) as usize];
    let mut packed = vec![0; stored.len()];
    recipe.encode(plain, &mut packed, &mut scratch) == Ok(stored.len()) && packed == stored
}

/// The same for a long block.
fn yields_long(recipe: &Recipe, plain: &[u8], stored: &[u8]) -> Result<bool, CodecError> {
    let (mut kept, mut out) = (vec![0; pack_long::KEPT], vec![0; pack_long::OUT]);
    let mut words = vec![0; pack_long::WORDS];
    let mut room = pack_long::Room { kept: &mut kept, out: &mut out, words: &mut words };
    let mut rest = stored;
    let mut compare = |bytes: &[u8]| {
        rest = rest.strip_prefix(bytes).ok_or(CodecError::Room)?;
        Ok(())
    };
    let mut packing = pack_long::Packing::new(recipe.parameters, plain.len(), &mut room)?;
    packing.push(&mut room, plain, &mut compare)?;
    packing.finish(&mut room, &mut compare)?;
    Ok(rest.is_empty())
}

/// Pieces of the target so far.
struct Pieces {
    pieces: Vec<TargetPiece>,
    reached: u64,
}

impl Pieces {
    fn raw_up_to(&mut self, end: u64) {
        if end > self.reached {
            self.pieces.push(TargetPiece::Raw { at: self.reached, len: end - self.reached });
        }
    }

    fn push(&mut self, block: &Block, piece: TargetPiece) {
        self.raw_up_to(block.at);
        self.pieces.push(piece);
        self.reached = block.at + u64::from(block.len);
    }

    fn copy(&mut self, block: &Block, from: u64) {
        let len = u64::from(block.len);
        match self.pieces.last_mut() {
            Some(TargetPiece::Copy { from: last, len: so_far })
                if *last + *so_far == from && self.reached == block.at =>
            {
                *so_far += len;
                self.reached += len;
            }
            _ => self.push(block, TargetPiece::Copy { from, len }),
        }
    }
}
