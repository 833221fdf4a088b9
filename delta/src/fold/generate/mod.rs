//! Makes the fold of two images: which blocks are compressed, which of them come back bit for bit, and the unfolded
//! images that the operations are about.

mod erofs;
mod layout;
mod local;
mod lz4_blocks;
mod members;
pub(crate) mod owners;
mod section;
mod sort;
mod squashfs;
mod unfolded;

use super::memory::needed;
use super::script::Script;
use crate::error::Error;
use crate::format::native::header::{HISTORY, MAX_FOLD_MEMORY};
use crate::format::native::writer::{self, Front};
use crate::op::Op;
use crate::options::GenerateOptions;
use crate::reading::Reading;
use layout::Layout;
use local::Blocks;
use mender_image::file_map::FileMap;
use section::Section;
use sort::{BasePiece, TargetPiece};
#[cfg(feature = "fleet")]
pub(crate) use unfolded::SPOOL;
use unfolded::Unfolded;

/// Memory for blocks of the base that stay unpacked, in bytes; and how many they are at least and at most.
const KEPT: u64 = 1 << 20;
const LEAST_SLOTS: u64 = 4;
const MOST_SLOTS: u64 = 64;

/// Two images, unfolded.
pub(crate) struct Folding {
    base_pieces: Vec<BasePiece>,
    target_pieces: Vec<TargetPiece>,
    base: Unfolded,
    target: Unfolded,
    sizes: [u64; 2],
}

/// Compressed files that changed are looked into from this part of an image on.
const WORTH_UNFOLDING: u64 = 256;

/// Sorts the blocks of the target: [`sort::target`], or quicker.
type SortTarget = fn(&[u8], &Layout, &[u8], &Layout, &GenerateOptions<'_>) -> Result<Vec<TargetPiece>, Error>;

impl Folding {
    /// Unfolds both images, if that makes sense: the new one has compressed blocks that differ from those of the old
    /// one and that can be rebuilt.
    ///
    /// # Errors
    /// `Cancelled`; `Io` when there is no room for temporary files.
    pub(crate) fn of(old: &[u8], new: &[u8], options: &GenerateOptions<'_>) -> Result<Option<Self>, Error> {
        Self::sorted(old, new, options, sort::target)
    }

    /// Unfolds both images without trying for each block whether it can be rebuilt: most are taken to be as those that
    /// are tried. Good for nothing but an estimate.
    ///
    /// # Errors
    /// As [`Folding::of`].
    pub(crate) fn guessed(
        old: &[u8],
        new: &[u8],
        options: &GenerateOptions<'_>,
    ) -> Result<Option<Self>, Error> {
        Self::sorted(old, new, options, sort::guessed_target)
    }

    fn sorted(
        old: &[u8],
        new: &[u8],
        options: &GenerateOptions<'_>,
        sort_target: SortTarget,
    ) -> Result<Option<Self>, Error> {
        let reading = Reading::of(options);
        let layouts = Layout::of(old, &reading).zip(Layout::of(new, &reading));
        let Some((mut old_layout, mut new_layout)) = layouts else { return Ok(None) };
        if reading.are_same(old, new)? {
            return Ok(None);
        }
        if new_layout.map.is_some() {
            sort::leave_out_equal(old, &mut old_layout.blocks, new, &mut new_layout.blocks, &reading)?;
            // A few small files are not worth two unfolded images.
            let packed: u64 = new_layout.blocks.iter().map(|block| u64::from(block.len)).sum();
            if packed < new.len() as u64 / WORTH_UNFOLDING {
                return Ok(None);
            }
        }
        let target_pieces = sort_target(old, &old_layout, new, &new_layout, options)?;
        if !target_pieces.iter().any(|piece| matches!(piece, TargetPiece::Block(_))) {
            return Ok(None);
        }
        let base_pieces = sort::base(old, &old_layout, options)?;
        let base = unfolded::of(old, &base_pieces, &old_layout, options)?;
        let spool_budget = options.spool_budget.saturating_sub(base.image.bytes().len() as u64);
        let options = &GenerateOptions { spool_budget, ..*options };
        let target = unfolded::of(new, &target_pieces, &new_layout, options)?;
        let sizes = [old.len() as u64, new.len() as u64];
        Ok(Some(Folding { base_pieces, target_pieces, base, target, sizes }))
    }

    /// Bytes that say how blocks are packed, with nothing of the base left out.
    pub(crate) fn section_len(&self) -> u64 {
        let everything = Op::Copy { base: 0, len: self.base.image.bytes().len() as u64 };
        Section::of(self, &[everything]).bytes.len() as u64
    }

    /// The unfolded base and target.
    pub(crate) fn images(&self) -> (&[u8], &[u8]) {
        (self.base.image.bytes(), self.target.image.bytes())
    }

    /// Gives the pages of both back.
    pub(crate) fn release(&self) {
        self.base.image.release();
        self.target.image.release();
    }

    /// The files of both.
    pub(crate) fn maps(&self) -> (&FileMap, &FileMap) {
        (&self.base.map, &self.target.map)
    }

    /// The operations of `ops` that are worth what they have a device unpack, and what stands before them in a delta.
    ///
    /// # Errors
    /// `Limit` when the fold takes more than a header can say.
    pub(crate) fn front(&self, ops: Vec<Op>) -> Result<(Vec<Op>, Front), Error> {
        let ops = local::keep_near(ops, &Blocks { pieces: &self.base_pieces, places: &self.base.places });
        let section = Section::of(self, &ops);
        let (script, survey) = Script::open(section.body(), self.sizes[0], self.sizes[1])?;
        let wanted = needed(section.bytes.len(), &script, &survey);
        let memory = u32::try_from(wanted).ok().filter(|&memory| memory <= MAX_FOLD_MEMORY);
        let limit = MAX_FOLD_MEMORY.into();
        let memory = memory.ok_or(Error::Limit { what: "memory for blocks", wanted, limit })?;
        Ok((ops, Front { sizes: self.sizes, fold: section.bytes, memory }))
    }

    /// The layout of a delta with a fold: half the history of literals, so that unpacked blocks fit beside it.
    pub(crate) fn layout(options: &writer::Layout) -> writer::Layout {
        let [control, difference, literal] = options.history;
        let history = [control, difference, (literal / 2).max(*HISTORY.start())];
        writer::Layout { history, ..*options }
    }

    /// How many blocks of the base a device keeps unpacked.
    fn slots(&self) -> u64 {
        let blocks = self.base_pieces.iter().filter_map(|piece| match piece {
            BasePiece::Block(block) if block.recipe.window() == 0 => Some(u64::from(block.plain_len)),
            _ => None,
        });
        (KEPT / blocks.max().unwrap_or(KEPT).max(1)).clamp(LEAST_SLOTS, MOST_SLOTS)
    }
}
