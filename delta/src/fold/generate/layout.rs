//! Where an image has compressed blocks, and which of its files lie in which.

use super::{erofs, members, squashfs};
use crate::fold::codec::{Framing, Recipe};
use crate::reading::Reading;
use mender_image::file_map::FileMap;
use mender_image::probe::{self, Content};

/// The blocks of an image.
pub(super) struct Layout {
    /// Sorted by offset, without overlap.
    pub(super) blocks: Vec<Block>,
    pub(super) files: Vec<File>,
    /// How the blocks of each family may have been packed, the most likely way first; the first can unpack all of them.
    pub(super) families: Vec<Vec<Recipe>>,
    /// Files whose content lies in blocks of others.
    pub(super) embedded: Vec<Embedded>,
    /// The map of a file system whose files are compressed one by one. Blocks that both images have are not unfolded
    /// then: they stand on the grid as they are. Without it, `files` are all files.
    pub(super) map: Option<FileMap>,
}

/// A block that is stored as one, compressed or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// First byte in the image.
    pub(super) at: u64,
    /// Bytes in the image, framing included.
    pub(super) len: u32,
    /// Most bytes of plain content.
    pub(super) plain_max: u32,
    pub(super) framing: Framing,
    pub(super) is_compressed: bool,
    /// Number of its family.
    pub(super) family: usize,
}

/// The content of the long blocks of a file, as a file of its own.
pub(super) struct Embedded {
    pub(super) path: Vec<u8>,
    /// Where parts begin: in the content, and the block in the image.
    pub(super) parts: Vec<(u64, u64)>,
}

/// A file and the pieces of it that lie in blocks.
pub(super) struct File {
    pub(super) path: Vec<u8>,
    pub(super) other_paths: Vec<Vec<u8>>,
    pub(super) inode: u32,
    pub(super) len: u64,
    pub(super) pieces: Vec<Piece>,
}

/// A piece of a file.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) file_offset: u64,
    /// Number of the block.
    pub(super) block: usize,
    /// Place in its plain content.
    pub(super) block_offset: u32,
    pub(super) len: u32,
}

impl Block {
    /// Its bytes.
    pub(super) fn of<'i>(&self, image: &'i [u8]) -> &'i [u8] {
        usize::try_from(self.at)
            .ok()
            .and_then(|at| image.get(at..)?.get(..self.len as usize))
            .unwrap_or_default()
    }
}

impl Layout {
    /// The blocks of `image`, if it is of a kind that has some. Without any, it is a string of bytes.
    pub(super) fn of(image: &[u8], reading: &Reading<'_>) -> Option<Layout> {
        match probe::probe(image).ok()?.content {
            Content::Squashfs(compressor) => squashfs::layout(image, compressor, reading),
            Content::Ext(_) => members::layout(image, reading),
            Content::Erofs => erofs::layout(image, reading),
            _ => None,
        }
    }
}
