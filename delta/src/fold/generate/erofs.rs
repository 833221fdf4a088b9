//! The runs of clusters of an EROFS whose files are packed with LZ4.

use super::layout::{Block, File, Layout, Piece};
use crate::fold::codec::lz4::{self, Encoder};
use crate::fold::codec::{Codec, Framing, Recipe};
use crate::reading::Reading;
use crate::touched::Touched;
use mender_image::erofs::FileSystem;
use mender_image::erofs::extent::{Algorithm, Extent, Stored};
use mender_image::erofs::map::ErofsFile;
use mender_image::limits::Limits;
use std::ops::Range;

/// Length of a cluster in the image, in bytes; others are left as they are.
const CLUSTER: u64 = 4096;
const CLUSTER_LEN: u32 = 4096;
/// Most plain bytes of a run. A run is unpacked as a whole to read any of it.
const RUN: u64 = 128 << 10;
/// Clusters that are packed with each encoder to find out which it was.
const SAMPLES: usize = 24;
/// Encoders that are tried, the likely ones first: the levels that people ask for, then the others.
const ENCODERS: [(Encoder, u8); 13] = [
    (Encoder::High, 12),
    (Encoder::High, 9),
    (Encoder::Fast, 0),
    (Encoder::High, 11),
    (Encoder::High, 10),
    (Encoder::High, 8),
    (Encoder::High, 7),
    (Encoder::High, 6),
    (Encoder::High, 5),
    (Encoder::High, 4),
    (Encoder::High, 3),
    (Encoder::High, 2),
    (Encoder::High, 1),
];

/// What is left of a file from where plain LZ4 takes its source for a long one, in bytes.
const LONG: u64 = (64 << 10) + 11;

/// How runs of an encoder are rebuilt.
#[derive(Clone, Copy)]
struct Recipes {
    /// At the ends of files.
    last: Recipe,
    /// Elsewhere.
    other: Recipe,
    /// What must be left of a file behind the start of the last cluster of a run elsewhere.
    left: u64,
}

impl Recipes {
    fn of((encoder, level): (Encoder, u8)) -> Self {
        let recipe = |parameters| Recipe { codec: Codec::Lz4, framing: Framing::None, parameters };
        let last = recipe(lz4::clusters_of(encoder, level));
        match encoder {
            Encoder::Fast => Self { last, other: recipe(lz4::clusters_of_long()), left: LONG },
            Encoder::High => Self { last, other: last, left: 0 },
        }
    }

    fn candidates(self) -> Vec<Recipe> {
        if self.last == self.other { vec![self.last] } else { vec![self.last, self.other] }
    }
}

/// A stretch of a file: extents that stand next to each other in the image, packed or as they are.
struct Stretch {
    at: u64,
    len: u64,
    extents: Range<usize>,
    is_packed: bool,
}

/// The blocks of `image`; `None` when it cannot be read, or nothing in it can be rebuilt.
pub(super) fn layout(image: &[u8], reading: &Reading<'_>) -> Option<Layout> {
    let device = Touched::new(image, reading);
    let file_system = FileSystem::open(&device, &Limits::default()).ok()?;
    if file_system.block_len_bytes() != CLUSTER {
        return None;
    }
    let map = file_system.map().ok()?;
    let best = encoder(image, &map.files)?;
    let mut blocks: Vec<(Block, Option<(usize, Piece)>)> = Vec::new();
    for (number, file) in map.files.iter().enumerate() {
        // Some encoders are tried on each cluster.
        reading.touch(file.len_bytes.min(image.len() as u64));
        for stretch in stretches(file) {
            if stretch.is_packed {
                runs(image, file, &stretch.extents, best, &mut |extents| {
                    blocks.extend(block(file, number, extents, true))
                });
            } else {
                blocks.extend(block(file, number, stretch.extents, false));
            }
        }
    }
    blocks.sort_unstable_by_key(|(block, _)| block.at);
    let mut reached = 0;
    blocks.retain(|(block, _)| {
        let is_behind = block.at >= reached;
        if is_behind {
            reached = block.at + u64::from(block.len);
        }
        is_behind
    });
    let mut files: Vec<File> = map
        .files
        .into_iter()
        .map(|file| File {
            path: file.path,
            other_paths: file.other_paths,
            inode: u32::try_from(file.nid).unwrap_or(u32::MAX),
            len: file.len_bytes,
            pieces: Vec::new(),
        })
        .collect();
    for (index, (_, piece)) in blocks.iter().enumerate() {
        if let Some((file, piece)) = piece {
            files[*file].pieces.push(Piece { block: index, ..*piece });
        }
    }
    for file in &mut files {
        file.pieces.sort_unstable_by_key(|piece| piece.file_offset);
    }
    Some(Layout {
        blocks: blocks.into_iter().map(|(block, _)| block).collect(),
        files,
        families: vec![best.candidates()],
        embedded: Vec::new(),
        map: None,
    })
}

/// Where an extent is, if it is a whole cluster of LZ4, or plain content that is at least that long.
fn place(extent: &Extent) -> Option<(u64, u64, bool)> {
    match extent.stored {
        Stored::Plain { device_offset } if device_offset % CLUSTER == 0 => {
            Some((device_offset, extent.len_bytes, false))
        }
        Stored::Packed(packed)
            if packed.algorithm == Algorithm::Lz4
                && packed.stored_len_bytes == CLUSTER
                && packed.zero_padding
                && !packed.inline =>
        {
            Some((packed.device_offset, CLUSTER, true))
        }
        _ => None,
    }
}

/// The stretches of a file. One with a packed cluster takes in plain ones of up to a cluster beside it.
fn stretches(file: &ErofsFile) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, extent) in file.extents.iter().enumerate() {
        let Some((at, len, is_packed)) = place(extent) else { continue };
        if len > CLUSTER {
            stretches.push(Stretch { at, len, extents: index..index + 1, is_packed: false });
            continue;
        }
        match stretches.last_mut() {
            Some(last)
                if last.extents.end == index
                    && last.at + last.len == at
                    && last.len % CLUSTER == 0
                    && last.is_cluster() =>
            {
                last.extents.end += 1;
                last.len += CLUSTER;
                last.is_packed |= is_packed;
            }
            _ => stretches.push(Stretch { at, len: CLUSTER, extents: index..index + 1, is_packed }),
        }
    }
    stretches
}

impl Stretch {
    /// Whether it is made of clusters, not of one long extent.
    fn is_cluster(&self) -> bool {
        self.len == CLUSTER * self.extents.len() as u64
    }
}

/// The encoder that packed the clusters of an image, as far as some of them tell.
fn encoder(image: &[u8], files: &[ErofsFile]) -> Option<Recipes> {
    let packed: Vec<&Extent> = files
        .iter()
        .flat_map(|file| &file.extents)
        .filter(|extent| place(extent).is_some_and(|place| place.2))
        .collect();
    let step = (packed.len() / SAMPLES).max(1);
    let samples: Vec<&Extent> = packed.into_iter().step_by(step).collect();
    let rebuilt = |recipes: Recipes| {
        let is_rebuilt =
            |extent: &&&Extent| recipes.candidates().iter().any(|recipe| is_rebuilt(image, extent, *recipe));
        samples.iter().filter(is_rebuilt).count()
    };
    let mut best = None;
    for recipes in ENCODERS.map(Recipes::of) {
        let count = rebuilt(recipes);
        if count > best.map_or(0, |(count, _)| count) {
            best = Some((count, recipes));
        }
        if count == samples.len() {
            break;
        }
    }
    best.map(|(_, recipes)| recipes)
}

/// Whether a cluster comes back from its content alone, without that of the file behind it.
fn is_rebuilt(image: &[u8], extent: &Extent, recipe: Recipe) -> bool {
    let stored = place(extent)
        .and_then(|(at, ..)| image.get(usize::try_from(at).ok()?..)?.get(..CLUSTER_LEN as usize));
    let (Some(stored), Ok(len)) = (stored, u32::try_from(extent.len_bytes)) else { return false };
    if u64::from(len) > RUN {
        return false;
    }
    let mut plain = vec![0; len.max(CLUSTER_LEN) as usize];
    let mut packed = vec![0; CLUSTER_LEN as usize];
    let mut scratch = vec![0; recipe.encode_scratch(len) as usize];
    let unpacked = recipe.decode(stored, &mut plain, &mut []);
    unpacked
        .is_ok_and(|len| recipe.encode(&plain[..len], &mut packed, &mut scratch) == Ok(CLUSTER_LEN as usize))
        && packed == stored
}

/// Cuts a stretch into runs whose last clusters come back without what follows.
fn runs(
    image: &[u8],
    file: &ErofsFile,
    extents: &Range<usize>,
    recipes: Recipes,
    found: &mut impl FnMut(Range<usize>),
) {
    let mut start = extents.start;
    while start < extents.end {
        let first = file.extents[start].file_offset;
        let fits = |extent: &&Extent| extent.file_offset + extent.len_bytes - first <= RUN;
        let mut end = start + file.extents[start..extents.end].iter().take_while(fits).count();
        let may_end = |extent: &Extent| {
            file.len_bytes - extent.file_offset >= recipes.left && is_rebuilt(image, extent, recipes.other)
        };
        while end > start && end < extents.end && !may_end(&file.extents[end - 1]) {
            end -= 1;
        }
        if end > start {
            found(start..end);
        }
        start = end.max(start + 1);
    }
}

/// A run as a block, and what it is of its file.
fn block(
    file: &ErofsFile,
    number: usize,
    extents: Range<usize>,
    is_compressed: bool,
) -> Option<(Block, Option<(usize, Piece)>)> {
    let extents = file.extents.get(extents)?;
    let (first, last) = (extents.first()?, extents.last()?);
    let (at, first_len, _) = place(first)?;
    let plain_len = u32::try_from(last.file_offset + last.len_bytes - first.file_offset).ok()?;
    let len = if extents.len() == 1 && !is_compressed { first_len } else { CLUSTER * extents.len() as u64 };
    let block = Block {
        at,
        len: u32::try_from(len).ok()?,
        // The last cluster may have zeros behind its content.
        plain_max: plain_len.checked_add(CLUSTER_LEN)?,
        framing: Framing::None,
        is_compressed,
        family: 0,
    };
    // Its number comes when all are sorted.
    let piece = Piece { file_offset: first.file_offset, block: 0, block_offset: 0, len: plain_len };
    Some((block, Some((number, piece))))
}
