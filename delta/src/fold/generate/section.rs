//! Writes a fold: docs/delta-format.md, "Fold".

use super::Folding;
use super::sort::{BasePiece, Packed, TargetPiece};
use crate::entropy::zigzag::zigzag;
use crate::fold::codec::Recipe;
use crate::fold::script::{GRID, MAX_RECIPES, TAG_BLOCKS, TAG_OTHER, TAG_RAW};
use crate::format::native::crc32::crc32;
use crate::format::native::window::put_number;
use crate::op::Op;

/// An encoded fold.
pub(super) struct Section {
    pub(super) bytes: Vec<u8>,
}

/// A run of blocks that has not been written yet.
struct Blocks {
    recipe: Recipe,
    plain_len: u32,
    packed: Vec<u32>,
}

impl Section {
    /// All but the check value.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - 4]
    }

    /// The fold of `folding`; what `ops` do not need of the base is a gap.
    pub(super) fn of(folding: &Folding, ops: &[Op]) -> Section {
        let mut recipes = Vec::new();
        let (base_runs, base) = base_runs(folding, ops, &mut recipes);
        let (target_runs, target) = target_runs(&folding.target_pieces, &mut recipes);
        let room = folding.target_pieces.iter().filter_map(|piece| match piece {
            TargetPiece::Block(block) if block.recipe.window() == 0 => Some(block.len),
            _ => None,
        });
        let end = |places: &[(u64, u64)]| places.last().map_or(0, |place| place.1);
        let mut bytes = Vec::new();
        put_number(&mut bytes, end(&folding.base.places));
        put_number(&mut bytes, end(&folding.target.places));
        put_number(&mut bytes, folding.slots());
        put_number(&mut bytes, room.max().unwrap_or(1).into());
        put_number(&mut bytes, recipes.len() as u64);
        for recipe in &recipes {
            bytes.extend([recipe.codec as u8, recipe.framing as u8]);
            bytes.extend(recipe.parameters);
        }
        put_number(&mut bytes, base_runs);
        bytes.extend(base);
        put_number(&mut bytes, target_runs);
        bytes.extend(target);
        bytes.extend(crc32(0, &bytes).to_le_bytes());
        Section { bytes }
    }
}

/// The number of a recipe.
fn number(recipe: Recipe, recipes: &mut Vec<Recipe>) -> u64 {
    let known = recipes.iter().position(|&known| known == recipe);
    known.unwrap_or_else(|| {
        debug_assert!((recipes.len() as u64) < MAX_RECIPES);
        recipes.push(recipe);
        recipes.len() - 1
    }) as u64
}

/// Runs of one image on their way into bytes.
struct Runs<'r> {
    bytes: Vec<u8>,
    count: u64,
    recipes: &'r mut Vec<Recipe>,
    blocks: Option<Blocks>,
    /// Whether packed lengths are written.
    with_lengths: bool,
}

impl Runs<'_> {
    fn put(&mut self, numbers: &[u64]) {
        self.flush();
        self.count += 1;
        numbers.iter().for_each(|&number| put_number(&mut self.bytes, number));
    }

    fn block(&mut self, block: &Packed) {
        match &mut self.blocks {
            Some(run) if run.recipe == block.recipe && run.plain_len == block.plain_len => {
                run.packed.push(block.len)
            }
            _ => {
                self.flush();
                let Packed { recipe, plain_len, len, .. } = *block;
                self.blocks = Some(Blocks { recipe, plain_len, packed: vec![len] });
            }
        }
    }

    fn flush(&mut self) {
        let Some(run) = self.blocks.take() else { return };
        let tag = TAG_BLOCKS + number(run.recipe, self.recipes);
        self.count += 1;
        for number in [tag, run.plain_len.into(), run.packed.len() as u64] {
            put_number(&mut self.bytes, number);
        }
        if self.with_lengths {
            run.packed.iter().for_each(|&len| put_number(&mut self.bytes, len.into()));
        }
    }
}

fn base_runs(folding: &Folding, ops: &[Op], recipes: &mut Vec<Recipe>) -> (u64, Vec<u8>) {
    let places = &folding.base.places;
    let mut is_needed = vec![false; places.len()];
    for op in ops {
        if let Op::Copy { base, len } | Op::Add { base, len } = *op {
            let first = places.partition_point(|place| place.1 <= base);
            let used = places[first..].iter().take_while(|place| place.0 < base + len);
            let used = used.count();
            is_needed[first..first + used].fill(true);
        }
    }
    let mut runs = Runs { bytes: Vec::new(), count: 0, recipes, blocks: None, with_lengths: true };
    // A gap: bytes of the image, and the end of what it covers.
    let (mut reached, mut gap) = (0, 0_u64);
    let mut gap_end = 0;
    let pieces = folding.base_pieces.iter().zip(places).zip(is_needed);
    for ((piece, &(_, end)), is_needed) in pieces {
        if !is_needed {
            gap += match *piece {
                BasePiece::Raw { len, .. } => len,
                BasePiece::Block(block) => block.len.into(),
            };
            gap_end = end;
            continue;
        }
        if gap > 0 {
            runs.put(&[TAG_OTHER, gap, gap_end - reached]);
            gap = 0;
        }
        match piece {
            BasePiece::Raw { at, len } => runs.put(&[TAG_RAW, *len, at % GRID]),
            BasePiece::Block(block) => runs.block(block),
        }
        reached = end;
    }
    if gap > 0 {
        runs.put(&[TAG_OTHER, gap, gap_end - reached]);
    }
    runs.flush();
    (runs.count, runs.bytes)
}

fn target_runs(pieces: &[TargetPiece], recipes: &mut Vec<Recipe>) -> (u64, Vec<u8>) {
    let mut runs = Runs { bytes: Vec::new(), count: 0, recipes, blocks: None, with_lengths: false };
    let mut base_at = 0;
    for piece in pieces {
        match *piece {
            TargetPiece::Raw { at, len } => runs.put(&[TAG_RAW, len, at % GRID]),
            TargetPiece::Copy { from, len } => {
                let distance = i64::from_le_bytes(from.wrapping_sub(base_at).to_le_bytes());
                runs.put(&[TAG_OTHER, zigzag(distance), len]);
                base_at = from + len;
            }
            TargetPiece::Block(block) => runs.block(&block),
        }
    }
    runs.flush();
    (runs.count, runs.bytes)
}
