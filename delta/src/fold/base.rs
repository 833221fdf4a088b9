//! The unfolded base: random access to plain content through an index of pieces, with the last blocks kept unpacked.

#![allow(
    clippy::cast_possible_truncation,
    reason = "numbers and lengths have been checked; offsets in a block are short"
)]

use super::codec::lz4::unpack_long::{Feed, Input, Unpacking, place};
use super::memory::Cut;
use super::script::{BaseRun, Script, aligned, base_run};
use crate::apply::{Base, CallerError};
use crate::error::Error;

/// Words of an entry: where it begins in the unfolded image and in the image (two each), its plain length, and its
/// recipe counted from one. A plain length of 0 is a piece without blocks: of bytes as they are if the recipe is 1,
/// of bytes that read as zero if it is 0.
pub(super) const ENTRY: usize = 6;

/// Index and cache.
pub(crate) struct BaseFold<'m> {
    script: Script<'m>,
    entries: &'m mut [u32],
    /// End of the last piece in the image.
    image_end: u64,
    /// The slots, the one used last first; and for each the entry that it holds, counted from one.
    order: &'m mut [u32],
    holds: &'m mut [u32],
    slots: &'m mut [u8],
    slot_len: usize,
    packed: &'m mut [u8],
    scratch: &'m mut [u32],
    stream: Stream<'m>,
    /// Where the last read ended: reading goes on there most times.
    last: usize,
}

/// The block that is gone through from front to back.
struct Stream<'m> {
    /// Its entry, counted from one; 0 is none.
    name: u32,
    unpacking: Unpacking,
    window: &'m mut [u8],
    input: Input<'m>,
}

/// Bytes of a packed block that are read at once.
pub(super) const INPUT: usize = 4096;

/// A piece of the base.
struct Piece {
    unfolded: u64,
    image: u64,
    /// Where the next piece begins in the unfolded image.
    unfolded_end: u64,
    packed_len: u64,
    kind: Kind,
}

enum Kind {
    Zero,
    Raw,
    Block { recipe: usize, plain_len: usize },
}

impl<'m> BaseFold<'m> {
    /// Takes its memory from `cut`. The script has been surveyed.
    pub(super) fn new(
        script: Script<'m>,
        survey: &super::script::Survey,
        base_size: u64,
        cut: &mut Cut<'m>,
    ) -> Result<Self, Error> {
        let slot_len = survey.base_plain as usize;
        let input = if survey.base_window > 0 { INPUT } else { 0 };
        let stream = Stream {
            name: 0,
            unpacking: Unpacking::default(),
            window: cut.bytes(survey.base_window as usize)?,
            input: Input::new(cut.bytes(input)?),
        };
        let mut fold = BaseFold {
            script,
            entries: cut.words(survey.pieces * ENTRY)?,
            image_end: base_size,
            order: cut.words(script.slots)?,
            holds: cut.words(script.slots)?,
            slots: cut.bytes(script.slots * slot_len)?,
            slot_len,
            packed: cut.bytes(survey.base_packed as usize)?,
            scratch: cut.words(survey.base_scratch as usize)?,
            stream,
            last: 0,
        };
        fold.holds.fill(0);
        (0..).zip(fold.order.iter_mut()).for_each(|(i, slot)| *slot = i);
        fold.fill()?;
        Ok(fold)
    }

    /// Makes the index.
    fn fill(&mut self) -> Result<(), Error> {
        let (mut numbers, runs) = self.script.base_runs();
        let (mut image, mut unfolded) = (0, 0);
        let mut entries = self.entries.chunks_exact_mut(ENTRY);
        let mut push = |unfolded: u64, image: u64, plain_len: u32, recipe: u32| {
            if let Some(entry) = entries.next() {
                let [a, b, c, d] =
                    [unfolded, unfolded >> 32, image, image >> 32].map(|n| (n & 0xffff_ffff) as u32);
                entry.copy_from_slice(&[a, b, c, d, plain_len, recipe]);
            }
        };
        for _ in 0..runs {
            match base_run(&mut numbers)? {
                BaseRun::Raw { len, residue } => {
                    unfolded = aligned(unfolded, residue);
                    push(unfolded, image, 0, 1);
                    (image, unfolded) = (image + len, unfolded + len);
                }
                BaseRun::Gap { len, unfolded: more } => {
                    push(unfolded, image, 0, 0);
                    (image, unfolded) = (image + len, unfolded + more);
                }
                BaseRun::Blocks { recipe, plain_len, count } => {
                    for _ in 0..count {
                        unfolded = aligned(unfolded, 0);
                        push(unfolded, image, plain_len, recipe as u32 + 1);
                        unfolded += u64::from(plain_len);
                        image += numbers.take("packed length")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn start_of(&self, index: usize) -> Option<(u64, u64)> {
        let entry = self.entries.get(index * ENTRY..(index + 1) * ENTRY)?;
        let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        Some((join(entry[0], entry[1]), join(entry[2], entry[3])))
    }

    fn piece(&self, index: usize) -> Option<Piece> {
        let (unfolded, image) = self.start_of(index)?;
        let (unfolded_end, image_end) =
            self.start_of(index + 1).unwrap_or((self.script.base_size, self.image_end));
        let kind = match (self.entries[index * ENTRY + 4], self.entries[index * ENTRY + 5]) {
            (0, 0) => Kind::Zero,
            (0, _) => Kind::Raw,
            (plain_len, recipe) => Kind::Block { recipe: recipe as usize - 1, plain_len: plain_len as usize },
        };
        Some(Piece { unfolded, image, unfolded_end, packed_len: image_end - image, kind })
    }

    /// The piece that `offset` is in; before the first piece there is none.
    fn find(&mut self, offset: u64) -> Option<(usize, Piece)> {
        let holds = |piece: &Piece| (piece.unfolded..piece.unfolded_end).contains(&offset);
        for index in [self.last, self.last + 1] {
            if let Some(piece) = self.piece(index).filter(holds) {
                self.last = index;
                return Some((index, piece));
            }
        }
        // The last piece that does not begin behind it.
        let (mut low, mut high) = (0, self.entries.len() / ENTRY);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.start_of(middle) {
                Some((start, _)) if start <= offset => low = middle + 1,
                _ => high = middle,
            }
        }
        self.last = low.checked_sub(1)?;
        self.piece(self.last).map(|piece| (self.last, piece))
    }

    /// As [`Base::read_at`] of the unfolded base.
    pub(super) fn read_at(
        &mut self,
        base: &mut dyn Base,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), CallerError> {
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let Some((index, piece)) = self.find(at) else {
                // Nothing begins before the first piece but what aligns it.
                let first = self.start_of(0).map_or(self.script.base_size, |start| start.0);
                let len = within(first.saturating_sub(at).max(1), rest.len());
                let (now, behind) = rest.split_at_mut(len);
                now.fill(0);
                (at, rest) = (at + len as u64, behind);
                continue;
            };
            let from = at - piece.unfolded;
            let content = match piece.kind {
                Kind::Zero => 0,
                Kind::Raw => piece.packed_len,
                Kind::Block { plain_len, .. } => plain_len as u64,
            };
            // A piece, or what fills up behind it. Beyond the last one everything is zero.
            let left = if from < content { content - from } else { piece.unfolded_end.saturating_sub(at) };
            let len = if left == 0 { rest.len() } else { within(left, rest.len()) };
            let (now, behind) = rest.split_at_mut(len);
            match piece.kind {
                _ if from >= content => now.fill(0),
                Kind::Raw => base.read_at(piece.image + from, now)?,
                Kind::Block { recipe, .. } if self.window(recipe)? > 0 => {
                    self.stream(base, index, &piece, from, now)?;
                }
                _ => {
                    let plain = self.unpacked(base, index, &piece)?;
                    now.copy_from_slice(
                        plain.get(from as usize..).and_then(|plain| plain.get(..len)).ok_or(UNPACK)?,
                    );
                }
            }
            (at, rest) = (at + len as u64, behind);
        }
        Ok(())
    }

    /// Bytes that are kept of blocks of a recipe; 0 if they are unpacked as a whole.
    fn window(&self, recipe: usize) -> Result<usize, CallerError> {
        self.script.recipe(recipe).map(|recipe| recipe.window() as usize).map_err(|_| UNPACK)
    }

    /// Content of a long block from `from` on. What the window has no more is unpacked from the front again.
    #[inline(never)]
    fn stream(
        &mut self,
        base: &mut dyn Base,
        index: usize,
        piece: &Piece,
        from: u64,
        out: &mut [u8],
    ) -> Result<(), CallerError> {
        let Kind::Block { recipe, .. } = piece.kind else { return Err(UNPACK) };
        let window_len = self.window(recipe)?;
        let Stream { name, unpacking, window, input } = &mut self.stream;
        let window = &mut window[..window_len];
        let this = index as u32 + 1;
        let mut read = |at, bytes: &mut [u8]| base.read_at(piece.image + at, bytes);
        let mut feed = Feed { input, packed_len: piece.packed_len, read: &mut read, damaged: UNPACK };
        for (at, out) in (from..).step_by(STEP).zip(out.chunks_mut(STEP)) {
            let end = at + out.len() as u64;
            if *name != this || at + (window_len as u64) < unpacking.plain_at() {
                *unpacking = Unpacking::default();
                feed.input.restart();
                *name = this;
            }
            unpacking.go_on(end, window, &mut feed).inspect_err(|_| *name = 0)?;
            let start = place(at, window_len);
            let before_end = out.len().min(window_len - start);
            let (first, second) = out.split_at_mut(before_end);
            first.copy_from_slice(&window[start..start + before_end]);
            second.copy_from_slice(&window[..second.len()]);
        }
        Ok(())
    }

    /// The content of a block, from a slot or from the base. Not part of its callers, so that only who unpacks needs the
    /// stack for it.
    #[inline(never)]
    fn unpacked(&mut self, base: &mut dyn Base, index: usize, piece: &Piece) -> Result<&[u8], CallerError> {
        let Kind::Block { recipe, plain_len } = piece.kind else { return Err(UNPACK) };
        let name = index as u32 + 1;
        let place = self.order.iter().position(|&slot| self.holds[slot as usize] == name);
        // The slot that was used longest ago makes room.
        let place_used = place.unwrap_or(self.order.len() - 1);
        let slot = self.order[place_used] as usize;
        self.order[..=place_used].rotate_right(1);
        let plain = &mut self.slots[slot * self.slot_len..slot * self.slot_len + plain_len];
        if place.is_none() {
            self.holds[slot] = 0;
            let packed = &mut self.packed[..piece.packed_len as usize];
            base.read_at(piece.image, packed)?;
            let recipe = self.script.recipe(recipe).map_err(|_| UNPACK)?;
            if recipe.decode(packed, plain, self.scratch) != Ok(plain_len) {
                return Err(UNPACK);
            }
            self.holds[slot] = name;
        }
        Ok(plain)
    }
}

/// Bytes of a long block that are unpacked before they are handed on; less than the smallest window.
const STEP: usize = 4096;

/// The base is right, so the delta says something wrong of it.
pub(super) const UNPACK: CallerError = CallerError { action: "unpack a block", code: 0 };

fn within(len: u64, most: usize) -> usize {
    usize::try_from(len).map_or(most, |len| len.min(most))
}
