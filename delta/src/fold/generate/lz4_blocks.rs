//! Files that hold long LZ4 blocks, as `lz4 -l` writes them: kernels (bzImage) and what is packed for them.

use super::layout::{Block, Embedded};
use crate::fold::codec::lz4;
use crate::fold::codec::{Codec, Framing, Recipe};
use mender_image::file_map::MappedFile;

/// First bytes of a legacy frame (lz4's frame format, "Legacy frame").
const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// Most content of a block of such a frame; all blocks but the last have as much.
const BLOCK_PLAIN: u32 = 8 << 20;
/// Largest packed block: what cannot be packed grows a little.
const BLOCK_PACKED: u32 = BLOCK_PLAIN + BLOCK_PLAIN / 255 + 16;
/// Content of the base that a device keeps, as a power of two.
const WINDOW_LOG: u8 = 21;
/// The setup header of x86 kernels (Linux, Documentation/arch/x86/boot.rst).
const SETUP_SECTORS: u64 = 0x1f1;
const SETUP_MAGIC: u64 = 0x202;
const PAYLOAD_OFFSET: u64 = 0x248;
const SECTOR: u64 = 512;
/// A setup of 0 sectors has four.
const DEFAULT_SECTORS: u64 = 4;

/// How such blocks are made: `lz4 -9` first, which is what kernels use.
pub(super) fn candidates() -> Vec<Recipe> {
    let levels = [9, 3, 8, 7, 6, 5, 4];
    let recipe = |level| Recipe {
        codec: Codec::Lz4,
        framing: Framing::None,
        parameters: lz4::block_of(level, WINDOW_LOG),
    };
    levels.map(recipe).to_vec()
}

/// Bytes of a file, as far as they are in the image.
struct Content<'i> {
    image: &'i [u8],
    file: &'i MappedFile,
}

impl Content<'_> {
    /// Where in the image `len` bytes from `offset` on are, if they are in one piece.
    fn place(&self, offset: u64, len: u64) -> Option<u64> {
        let range = self.file.ranges.iter().find(|range| {
            range.file_offset <= offset && offset - range.file_offset <= range.len_bytes.saturating_sub(len)
        })?;
        Some(range.device_offset + (offset - range.file_offset))
            .filter(|&at| at.checked_add(len).is_some_and(|end| end <= self.image.len() as u64))
    }

    fn array<const LEN: usize>(&self, offset: u64) -> Option<[u8; LEN]> {
        let mut array = [0; LEN];
        for (at, byte) in (offset..).zip(&mut array) {
            *byte = *self.image.get(usize::try_from(self.place(at, 1)?).ok()?)?;
        }
        Some(array)
    }

    /// Where a frame begins: at the start, or in the payload of a kernel.
    fn frame(&self) -> Option<u64> {
        if self.array(0)? == MAGIC {
            return Some(0);
        }
        if self.array(SETUP_MAGIC)? != *b"HdrS" {
            return None;
        }
        let sectors = match self.array(SETUP_SECTORS)? {
            [0] => DEFAULT_SECTORS,
            [sectors] => sectors.into(),
        };
        let at = (sectors + 1) * SECTOR + u64::from(u32::from_le_bytes(self.array(PAYLOAD_OFFSET)?));
        (self.array(at)? == MAGIC).then_some(at)
    }
}

/// Adds the blocks of `file`, those of `family`, and what they are together.
pub(super) fn find(
    image: &[u8],
    file: &MappedFile,
    family: usize,
    blocks: &mut Vec<Block>,
    all: &mut Vec<Embedded>,
) {
    let content = Content { image, file };
    let Some(frame) = content.frame() else { return };
    let mut embedded = Embedded { path: [&file.path[..], b"#content"].concat(), parts: Vec::new() };
    let mut at = frame + MAGIC.len() as u64;
    let mut plain_at = 0;
    while let Some(len) =
        content.array(at).map(u32::from_le_bytes).filter(|len| (1..=BLOCK_PACKED).contains(len))
    {
        at += 4;
        if at.checked_add(len.into()).is_none_or(|end| end > file.len_bytes) {
            break;
        }
        if let Some(place) = content.place(at, len.into()) {
            embedded.parts.push((plain_at, place));
            blocks.push(Block {
                at: place,
                len,
                plain_max: BLOCK_PLAIN,
                framing: Framing::None,
                is_compressed: true,
                family,
            });
        }
        at += u64::from(len);
        plain_at += u64::from(BLOCK_PLAIN);
    }
    if !embedded.parts.is_empty() {
        all.push(embedded);
    }
}
