//! The blocks of a squashfs.

use super::layout::{Block, File, Layout, Piece};
use crate::fold::codec::deflate::wrapper::Wrapper;
use crate::fold::codec::deflate::{self, Encoder};
use crate::fold::codec::{Codec, Framing, Recipe, zstd};
use crate::reading::Reading;
use crate::touched::Touched;
use mender_image::limits::Limits;
use mender_image::probe::SquashfsCompressor;
use mender_image::squashfs::map::{BlockKind, SquashfsMap};

/// Level of mksquashfs when it is not told another.
const DEFAULT_LEVEL: u8 = 9;
const DEFAULT_ZSTD_LEVEL: u8 = 15;
/// mksquashfs takes zlib's default.
const MEMORY_LEVEL: u8 = 8;

/// The recipes of `map`'s compressor, `None` for one that is not known here; the first can unpack all blocks.
fn recipes(compressor: SquashfsCompressor, options: &[u8]) -> Option<Vec<Recipe>> {
    let recipe = |codec, parameters| Recipe { codec, framing: Framing::None, parameters };
    match compressor {
        SquashfsCompressor::Gzip => {
            let level = match options.first_chunk() {
                Some(level) => {
                    u8::try_from(u32::from_le_bytes(*level)).ok().filter(|level| (1..=9).contains(level))
                }
                None => Some(DEFAULT_LEVEL),
            };
            let parameters = deflate::parameters(
                level.unwrap_or(DEFAULT_LEVEL),
                MEMORY_LEVEL,
                Wrapper::Zlib,
                Encoder::Zlib,
            );
            Some(vec![recipe(Codec::Deflate, parameters)])
        }
        SquashfsCompressor::Zstd => {
            let level = match options.first_chunk() {
                Some(level) => {
                    u8::try_from(u32::from_le_bytes(*level)).ok().filter(|level| (11..=22).contains(level))
                }
                None => None,
            };
            Some(vec![recipe(Codec::Zstd, zstd::parameters(level.unwrap_or(DEFAULT_ZSTD_LEVEL)))])
        }
        _ => None,
    }
}

/// The blocks of `image`; `None` when it cannot be read or unpacked.
pub(super) fn layout(image: &[u8], compressor: SquashfsCompressor, reading: &Reading<'_>) -> Option<Layout> {
    let any = *recipes(compressor, &[])?.first()?;
    let unpack = |packed: &[u8], plain: &mut [u8]| {
        let len = u32::try_from(plain.len()).ok()?;
        let mut scratch = vec![0; any.decode_scratch(len) as usize];
        any.decode(packed, plain, &mut scratch).ok()
    };
    let map = SquashfsMap::of(&Touched::new(image, reading), &Limits::default(), &unpack).ok()?;
    let blocks = map.blocks.iter().map(|block| Block {
        at: block.device_offset,
        len: block.len_bytes,
        plain_max: block.plain_len_bytes,
        framing: if block.kind == BlockKind::Metadata { Framing::Length16 } else { Framing::None },
        is_compressed: block.is_compressed,
        family: 0,
    });
    let blocks = blocks.collect();
    let files = map.files.into_iter().map(|file| File {
        path: file.path,
        other_paths: file.other_paths,
        inode: file.inode,
        len: file.len_bytes,
        pieces: (file.pieces.iter())
            .map(|piece| Piece {
                file_offset: piece.file_offset,
                block: piece.block,
                block_offset: piece.block_offset,
                len: piece.len_bytes,
            })
            .collect(),
    });
    let families = vec![recipes(compressor, &map.options)?];
    Some(Layout { blocks, files: files.collect(), families, embedded: Vec::new(), map: None })
}
