//! Writes unfolded images to temporary files, so that memory does not grow with them, and says where their files are.

use super::layout::{Block, Embedded, Layout};
use super::sort::{self, BasePiece, Packed, TargetPiece};
use crate::error::Error;
use crate::fold::script::{GRID, aligned};
use crate::mapped::MappedImage;
use crate::options::GenerateOptions;
use crate::reading::{AROUND, PIECE, Reading};
use mender_image::file_map::{FileMap, FileRange, MappedFile};
use rayon::prelude::*;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};

/// An unfolded image.
pub(super) struct Unfolded {
    pub(super) image: MappedImage,
    pub(super) map: FileMap,
    /// Where each piece begins and ends in it.
    pub(super) places: Vec<(u64, u64)>,
}

/// A piece of an unfolded image.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// Nothing.
    None,
    Raw {
        at: u64,
        len: u64,
    },
    Block(Packed),
}

impl Content {
    /// First byte in the image; a piece that is not there has none.
    fn at(&self) -> u64 {
        match *self {
            Content::None => u64::MAX,
            Content::Raw { at, .. } => at,
            Content::Block(block) => block.at,
        }
    }
}

impl From<&BasePiece> for Content {
    fn from(piece: &BasePiece) -> Self {
        match *piece {
            BasePiece::Raw { at, len } => Content::Raw { at, len },
            BasePiece::Block(block) => Content::Block(block),
        }
    }
}

impl From<&TargetPiece> for Content {
    fn from(piece: &TargetPiece) -> Self {
        match *piece {
            TargetPiece::Raw { at, len } => Content::Raw { at, len },
            TargetPiece::Copy { .. } => Content::None,
            TargetPiece::Block(block) => Content::Block(block),
        }
    }
}

/// Pieces that are unpacked before they are written.
const BATCH: usize = 64;

/// Writes the unfolded image of `pieces`, which are of `image`.
pub(super) fn of<'p, P>(
    image: &[u8],
    pieces: &'p [P],
    layout: &Layout,
    options: &GenerateOptions<'_>,
) -> Result<Unfolded, Error>
where
    Content: From<&'p P>,
{
    let contents: Vec<Content> = pieces.iter().map(Content::from).collect();
    let places = places(&contents);
    let (wanted, limit) = (places.last().map_or(0, |place| place.1), options.spool_budget);
    if wanted > limit {
        return Err(Error::Limit { what: SPOOL, wanted, limit });
    }
    let file =
        options.spool_directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in).map_err(failed)?;
    write(image, &contents, &places, &file, options)?;
    let map = match &layout.map {
        Some(map) => rearranged(map, &layout.embedded, &contents, &places),
        None => map(&contents, &places, layout),
    };
    Ok(Unfolded { image: MappedImage::of(&file).map_err(failed)?, map, places })
}

/// What is limited by [`GenerateOptions::spool_budget`].
pub(crate) const SPOOL: &str = "temporary files for unpacked content";

fn failed(source: std::io::Error) -> Error {
    Error::Io { action: "write the plain content", path: "temporary file".into(), source }
}

fn places(contents: &[Content]) -> Vec<(u64, u64)> {
    let mut reached = 0;
    let place = |content: &Content| {
        let (start, len) = match *content {
            Content::None => (reached, 0),
            Content::Raw { at, len } => (aligned(reached, at % GRID), len),
            Content::Block(block) => (aligned(reached, 0), block.plain_len.into()),
        };
        reached = start + len;
        (start, reached)
    };
    contents.iter().map(place).collect()
}

fn write(
    image: &[u8],
    contents: &[Content],
    places: &[(u64, u64)],
    file: &File,
    options: &GenerateOptions<'_>,
) -> Result<(), Error> {
    let (mut out, mut reached) = (BufWriter::with_capacity(1 << 20, file), 0);
    let zeros = [0; 4096];
    let reading = Reading::of(options);
    debug_assert_eq!(zeros.len() as u64, GRID);
    for (contents, places) in contents.chunks(BATCH).zip(places.chunks(BATCH)) {
        let plain: Vec<Option<Vec<u8>>> =
            contents.par_iter().map(|content| plain(image, content, &reading)).collect();
        for ((content, &(start, end)), plain) in contents.iter().zip(places).zip(plain) {
            // At most a line of the grid.
            out.write_all(zeros.get(..usize::try_from(start - reached).unwrap_or(0)).unwrap_or_default())
                .map_err(failed)?;
            match (content, plain) {
                (Content::Raw { at, len }, _) => {
                    let range = usize::try_from(*at).ok().zip(usize::try_from(*len).ok());
                    let bytes = range.and_then(|(at, len)| image.get(at..)?.get(..len));
                    for piece in bytes.unwrap_or_default().chunks(PIECE) {
                        out.write_all(piece).map_err(failed)?;
                        reading.read(piece.len() as u64)?;
                    }
                }
                (Content::Block(_), Some(plain)) => out.write_all(&plain).map_err(failed)?,
                (Content::Block(_), None) => {
                    return Err(failed(std::io::Error::other("the image changed while it was read")));
                }
                (Content::None, _) => {}
            }
            reached = end;
        }
        reading.read(0)?;
    }
    out.flush().map_err(failed)
}

fn plain(image: &[u8], content: &Content, reading: &Reading<'_>) -> Option<Vec<u8>> {
    let Content::Block(packed) = content else { return None };
    reading.touch(AROUND.max(packed.len.into()));
    let block = Block {
        at: packed.at,
        len: packed.len,
        plain_max: packed.plain_len,
        framing: packed.recipe.framing,
        is_compressed: true,
        family: 0,
    };
    sort::unpacked(image, &block, packed.recipe).filter(|plain| plain.len() == packed.plain_len as usize)
}

/// The files of a file system that holds compressed ones.
fn rearranged(map: &FileMap, embedded: &[Embedded], contents: &[Content], places: &[(u64, u64)]) -> FileMap {
    let starts: Vec<u64> = contents.iter().map(Content::at).collect();
    let len = places.last().map_or(0, |place| place.1);
    // What is a file of its own is no part of the one that it is packed in.
    let of_others: HashSet<u64> = embedded.iter().flat_map(|file| &file.parts).map(|&(_, at)| at).collect();
    let own = embedded.iter().filter_map(|file| {
        let ranges = file.parts.iter().filter_map(|&(file_offset, at)| {
            let index = starts.binary_search(&at).ok()?;
            let (start, end) = *places.get(index)?;
            matches!(contents.get(index)?, Content::Block(_)).then_some(FileRange::new(
                file_offset,
                start,
                end - start,
            ))
        });
        let ranges: Vec<FileRange> = ranges.collect();
        let len = ranges.last().map(|range| range.file_offset + range.len_bytes)?;
        Some(MappedFile::new(file.path.clone(), Vec::new(), 0, len, ranges))
    });
    map.rearranged(len, own.collect(), |range, out| {
        let (from, end) = (range.device_offset, range.device_offset + range.len_bytes);
        let first = starts.partition_point(|&start| start <= from).saturating_sub(1);
        for (content, place) in
            contents.iter().zip(places).skip(first).take_while(|(content, _)| content.at() < end)
        {
            match *content {
                // In the order of the file, and what a block is unpacked to belongs to it as a whole.
                Content::Raw { at, len } if at + len > from => {
                    let (start, end) = (at.max(from), end.min(at + len));
                    let file_offset = range.file_offset + (start - from);
                    out.push(FileRange::new(file_offset, place.0 + (start - at), end - start));
                }
                Content::Block(block) if of_others.contains(&block.at) => {}
                Content::Block(block) if block.at >= from => {
                    let file_offset = range.file_offset + (block.at - from);
                    out.push(FileRange::new(file_offset, place.0, place.1 - place.0));
                }
                _ => {}
            }
        }
    })
}

/// The files of the unfolded image; what of them lies in copied blocks is left out.
fn map(contents: &[Content], places: &[(u64, u64)], layout: &Layout) -> FileMap {
    let pieces = contents.iter().zip(places).filter_map(|(content, &(start, _))| match *content {
        Content::None => None,
        Content::Raw { at, len } => Some((at, len, start, false)),
        Content::Block(block) => Some((block.at, block.len.into(), start, true)),
    });
    let pieces: Vec<(u64, u64, u64, bool)> = pieces.collect();
    // Where the plain content of a block begins.
    let place_of = |block: &Block| {
        let index = pieces.partition_point(|piece| piece.0 <= block.at).checked_sub(1)?;
        let (at, len, start, is_block) = pieces[index];
        let is_there = block.at + u64::from(block.len) <= at + len && is_block == block.is_compressed;
        is_there.then_some(start + (block.at - at))
    };
    let blocks: Vec<Option<u64>> = layout.blocks.iter().map(place_of).collect();
    let len = places.last().map_or(0, |place| place.1);
    let files = layout.files.iter().map(|file| {
        let pieces = file.pieces.iter().filter_map(|piece| {
            let start = blocks.get(piece.block).copied().flatten()?;
            let device_offset = start + u64::from(piece.block_offset);
            (device_offset + u64::from(piece.len) <= len).then_some(FileRange::new(
                piece.file_offset,
                device_offset,
                piece.len.into(),
            ))
        });
        MappedFile::new(file.path.clone(), file.other_paths.clone(), file.inode, file.len, pieces.collect())
    });
    FileMap::assembled(len, GRID, files.collect())
}
