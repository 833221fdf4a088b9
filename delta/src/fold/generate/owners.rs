//! Whom each byte of an image belongs to, and of the unfolded image that operations are about.

use super::layout::Layout;
use crate::error::Error;
use crate::fold::script::{BaseRun, GRID, MAX_BLOCK, Script, TargetRun, aligned, base_run, target_run};
use crate::options::GenerateOptions;
use crate::reading::Reading;
use mender_image::file_map::{FileMap, Kind};
use std::collections::HashMap;

/// Whom bytes belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A file, by its path.
    File(Vec<u8>),
    /// What a file system is made of.
    Structure(&'static str),
    /// Nobody that is known: free space, or no file system that can be read.
    Nobody,
}

/// Bytes from `start` up to `end` of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Index in [`Owners::all`].
    pub(crate) owner: usize,
    /// Where in the owner the first byte is.
    pub(crate) offset: u64,
    /// Whether the bytes are still packed.
    pub(crate) is_packed: bool,
}

/// All owners of an image, and which bytes are whose.
pub(crate) struct Owners {
    pub(crate) all: Vec<Owner>,
    /// Sorted, without gap or overlap, from 0 to the end.
    pub(crate) stretches: Vec<Stretch>,
}

impl Owners {
    /// The stretch that the byte at `at` is in; beyond the end the last one.
    pub(crate) fn index_at(&self, at: u64) -> usize {
        let last = self.stretches.len().saturating_sub(1);
        self.stretches.partition_point(|stretch| stretch.end <= at).min(last)
    }
}

/// An image and what is known of it.
pub(crate) struct Known {
    layout: Option<Layout>,
    all: Vec<Owner>,
    /// Of the image as it is; sorted, may have gaps.
    stretches: Vec<Stretch>,
    len: u64,
    /// Whether its files are known.
    pub(crate) has_files: bool,
}

/// What [`Owners::all`] begins with.
const NOBODY: usize = 0;

impl Known {
    pub(crate) fn of(image: &[u8]) -> Self {
        let options = GenerateOptions::default();
        let mut layout = Layout::of(image, &Reading::of(&options));
        let map = match layout.as_mut().and_then(|layout| layout.map.take()) {
            Some(map) => Some(map),
            None => FileMap::of(image).ok(),
        };
        let mut known = Known {
            has_files: map.is_some() || layout.is_some(),
            layout,
            all: vec![Owner::Nobody],
            stretches: Vec::new(),
            len: image.len() as u64,
        };
        match map {
            Some(map) => known.take_map(&map),
            None => known.take_blocks(),
        }
        known
    }

    fn structure(&mut self, name: &'static str) -> usize {
        let owner = Owner::Structure(name);
        let found = self.all.iter().position(|other| *other == owner);
        found.unwrap_or_else(|| {
            self.all.push(owner);
            self.all.len() - 1
        })
    }

    /// What a file system says of its bytes.
    fn take_map(&mut self, map: &FileMap) {
        let mut kinds: HashMap<&'static str, usize> = HashMap::new();
        for region in map.regions() {
            let name = structure_name(region.kind);
            if !name.is_empty() {
                kinds.entry(name).or_insert_with(|| self.structure(name));
            }
        }
        let files = self.all.len();
        self.all.extend(map.files.iter().map(|file| Owner::File(file.path.clone())));
        self.stretches = map
            .regions()
            .iter()
            .map(|region| {
                let (owner, offset) = match region.kind {
                    Kind::File { file, file_offset } => (files + file as usize, file_offset),
                    Kind::Preallocated { file } => (files + file as usize, u64::MAX),
                    kind => (kinds.get(structure_name(kind)).copied().unwrap_or(NOBODY), u64::MAX),
                };
                Stretch { start: region.offset, end: region.end(), owner, offset, is_packed: false }
            })
            .collect();
    }

    /// What blocks of a file system say, as long as they stay packed.
    fn take_blocks(&mut self) {
        let Some(layout) = self.layout.take() else { return };
        let shared = self.structure("blocks that several files share");
        let structures = self.structure("directories, inodes and tables");
        let files = self.all.len();
        self.all.extend(layout.files.iter().map(|file| Owner::File(file.path.clone())));
        let mut of_block: Vec<Option<(usize, u64)>> = vec![None; layout.blocks.len()];
        for (index, file) in layout.files.iter().enumerate() {
            for piece in &file.pieces {
                if let Some(slot) = of_block.get_mut(piece.block) {
                    *slot = Some(match *slot {
                        Some((other, _)) if other != files + index => (shared, u64::MAX),
                        _ => (files + index, piece.file_offset),
                    });
                }
            }
        }
        let mut reached = 0;
        for (block, owner) in layout.blocks.iter().zip(of_block) {
            if block.at > reached {
                self.stretches.push(plain(reached, block.at, structures));
            }
            let (owner, offset) = owner.unwrap_or((structures, u64::MAX));
            let end = block.at + u64::from(block.len);
            self.stretches.push(Stretch {
                start: block.at,
                end,
                owner,
                offset,
                is_packed: block.is_compressed,
            });
            reached = end;
        }
        if reached < self.len {
            self.stretches.push(plain(reached, self.len, structures));
        }
        self.layout = Some(layout);
    }

    /// Owners of the image as it is.
    pub(crate) fn owners(&self) -> Owners {
        filled(self.all.clone(), self.stretches.clone(), self.len)
    }

    /// Owners of the image unfolded as the target of `script`.
    ///
    /// # Errors
    /// `Format` for a script that was not checked.
    pub(crate) fn unfolded_target(&self, script: &Script<'_>) -> Result<Owners, Error> {
        let (mut numbers, runs) = script.target_runs();
        let mut out = Unfolding::new(self);
        for _ in 0..runs {
            match target_run(&mut numbers)? {
                TargetRun::Raw { len, residue } => out.raw(len, residue),
                TargetRun::Copy { len, .. } => out.image_at += len,
                TargetRun::Blocks { plain_len, count, .. } => {
                    let mut left = count;
                    while left > 0 {
                        let len = out.block_len();
                        if len == 0 {
                            // Not known here, nor is where the next one is: the rest of them is one stretch.
                            out.unknown(plain_len.into(), left);
                            break;
                        }
                        out.block(plain_len.into(), len);
                        left -= 1;
                    }
                }
            }
        }
        Ok(filled(self.all.clone(), out.stretches, script.target_size))
    }

    /// Owners of the image unfolded as the base of `script`.
    ///
    /// # Errors
    /// As [`Known::unfolded_target`].
    pub(crate) fn unfolded_base(&self, script: &Script<'_>) -> Result<Owners, Error> {
        let (mut numbers, runs) = script.base_runs();
        let mut out = Unfolding::new(self);
        for _ in 0..runs {
            match base_run(&mut numbers)? {
                BaseRun::Raw { len, residue } => out.raw(len, residue),
                BaseRun::Gap { len, unfolded } => {
                    out.image_at += len;
                    out.at += unfolded;
                }
                BaseRun::Blocks { plain_len, count, .. } => {
                    for _ in 0..count {
                        let len = numbers.take_len("packed length", MAX_BLOCK)?;
                        out.block(plain_len.into(), len);
                    }
                }
            }
        }
        Ok(filled(self.all.clone(), out.stretches, script.base_size))
    }
}

fn plain(start: u64, end: u64, owner: usize) -> Stretch {
    Stretch { start, end, owner, offset: u64::MAX, is_packed: false }
}

/// What a kind of region is called; nothing for files and what nobody owns.
fn structure_name(kind: Kind) -> &'static str {
    match kind {
        Kind::BootArea => "boot area",
        Kind::Superblock => "superblocks",
        Kind::GroupDescriptors | Kind::ReservedGroupDescriptors => "group descriptors",
        Kind::BlockBitmap | Kind::InodeBitmap => "bitmaps",
        Kind::InodeTable => "inodes",
        Kind::Journal => "journal",
        Kind::MappingBlocks => "extent trees",
        Kind::ExtendedAttributes => "extended attributes",
        Kind::Internal => "internal files",
        Kind::Directory { .. } => "directories",
        Kind::Symlink { .. } => "symbolic links",
        _ => "",
    }
}

/// Sorted, with nobody in the gaps, and no longer than `len`.
fn filled(all: Vec<Owner>, mut stretches: Vec<Stretch>, len: u64) -> Owners {
    stretches.sort_by_key(|stretch| stretch.start);
    let mut out: Vec<Stretch> = Vec::with_capacity(stretches.len() + 1);
    let mut reached = 0;
    for mut stretch in stretches {
        stretch.end = stretch.end.min(len);
        if stretch.start < reached {
            stretch.offset = stretch.offset.saturating_add(reached - stretch.start);
            stretch.start = reached;
        }
        if stretch.start >= stretch.end {
            continue;
        }
        if stretch.start > reached {
            out.push(plain(reached, stretch.start, NOBODY));
        }
        reached = stretch.end;
        out.push(stretch);
    }
    if reached < len {
        out.push(plain(reached, len, NOBODY));
    }
    Owners { all, stretches: out }
}

/// Pieces of an image on their way into the unfolded one.
struct Unfolding<'k> {
    known: &'k Known,
    /// Pieces of files in each block: place in the plain content, length, file, place in the file.
    pieces: HashMap<usize, Vec<(u64, u64, usize, u64)>>,
    /// Where in both images the next piece begins.
    image_at: u64,
    at: u64,
    stretches: Vec<Stretch>,
}

impl<'k> Unfolding<'k> {
    fn new(known: &'k Known) -> Self {
        let mut pieces: HashMap<usize, Vec<_>> = HashMap::new();
        let layout = known.layout.iter();
        // Files are the last owners, in the layout's order.
        for file in layout.flat_map(|layout| layout.files.iter().enumerate()) {
            let first = known.all.len() - known.layout.as_ref().map_or(0, |layout| layout.files.len());
            for piece in &file.1.pieces {
                let place = (piece.block_offset.into(), piece.len.into(), first + file.0, piece.file_offset);
                pieces.entry(piece.block).or_default().push(place);
            }
        }
        Unfolding { known, pieces, image_at: 0, at: 0, stretches: Vec::new() }
    }

    /// The number of the block that begins here.
    fn block_index(&self) -> Option<usize> {
        let layout = self.known.layout.as_ref()?;
        layout.blocks.binary_search_by_key(&self.image_at, |block| block.at).ok()
    }

    /// Its length in the image; 0 if there is none.
    fn block_len(&self) -> u64 {
        let layout = self.known.layout.as_ref();
        let block = layout.zip(self.block_index()).and_then(|(layout, index)| layout.blocks.get(index));
        block.map_or(0, |block| block.len.into())
    }

    /// Blocks that are not known, one behind the other.
    fn unknown(&mut self, plain_len: u64, count: u64) {
        self.at = aligned(self.at, 0);
        let others = plain_len.next_multiple_of(GRID).saturating_mul(count - 1);
        let (start, end) = (self.at, self.at.saturating_add(others).saturating_add(plain_len));
        self.stretches.push(Stretch { start, end, owner: NOBODY, offset: 0, is_packed: false });
        self.at = end;
    }

    /// Bytes as they are.
    fn raw(&mut self, len: u64, residue: u64) {
        self.at = aligned(self.at, residue);
        let (from, end) = (self.image_at, self.image_at.saturating_add(len));
        let first = self.known.stretches.partition_point(|stretch| stretch.end <= from);
        let inside = self.known.stretches[first..].iter().take_while(|stretch| stretch.start < end);
        for stretch in inside {
            let (start, end) = (stretch.start.max(from), stretch.end.min(end));
            let offset = stretch.offset.saturating_add(start - stretch.start);
            self.stretches.push(Stretch {
                start: self.at + (start - from),
                end: self.at + (end - from),
                offset,
                ..*stretch
            });
        }
        self.at += len;
        self.image_at = end;
    }

    /// The plain content of a block of `len` bytes.
    fn block(&mut self, plain_len: u64, len: u64) {
        self.at = aligned(self.at, 0);
        let (start, end) = (self.at, self.at + plain_len);
        match self.block_index().and_then(|index| self.pieces.get(&index)) {
            Some(pieces) => {
                for &(place, len, owner, offset) in pieces {
                    let (start, end) = (start + place, (start + place + len).min(end));
                    self.stretches.push(Stretch { start, end, owner, offset, is_packed: false });
                }
            }
            None => {
                let at = self.known.stretches.partition_point(|stretch| stretch.end <= self.image_at);
                let stretch = self.known.stretches.get(at);
                let owner = stretch.map_or(NOBODY, |stretch| stretch.owner);
                self.stretches.push(Stretch { start, end, owner, offset: 0, is_packed: false });
            }
        }
        self.at = end;
        self.image_at = self.image_at.saturating_add(len);
    }
}
