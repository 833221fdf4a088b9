//! Which bytes of an image belong to which file, and what the others are.

use crate::block_device::BlockDevice;
use crate::error::Error;
use crate::ext4;
use crate::limits::Limits;
use crate::probe::{self, Content};

/// The map of a file system: its files with their byte ranges, and the kind of each byte of the image.
///
/// Paths are bytes, begin with `/` and have no `.`, `..` or empty parts. Offsets count bytes from the start of
/// the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileMap {
    /// Length of the image in bytes.
    pub image_len_bytes: u64,
    /// How many bytes from the start of the image the file system says it covers; at most the image.
    pub file_system_len_bytes: u64,
    /// Length of a block in bytes; a power of two.
    pub block_len_bytes: u64,
    /// The journal holds changes that have not reached their place: the map shows the state before them.
    pub needs_recovery: bool,
    /// Regular files, sorted by path. A file with several names is listed once.
    pub files: Vec<MappedFile>,
    /// Directories, sorted by path; the first is `/`.
    pub directories: Vec<MappedDirectory>,
    /// Symbolic links, sorted by path.
    pub symlinks: Vec<MappedSymlink>,
    regions: Vec<Region>,
    /// The other paths of files with several, sorted by path: index of the file and of the path in it.
    links: Vec<(usize, usize)>,
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappedFile {
    /// The first of its paths in byte order.
    pub path: Vec<u8>,
    /// Its other paths (hard links), sorted.
    pub other_paths: Vec<Vec<u8>>,
    /// Inode number.
    pub inode: u32,
    /// Permission bits with set-user-id, set-group-id and sticky bit: at most `0o7777`.
    pub mode: u16,
    /// Size in bytes.
    pub len_bytes: u64,
    /// Where the content is, in the order of the file. What no range covers is zero: a hole, or allocated and
    /// never written. Ranges do not overlap in the file, are not empty and end at its size at the latest.
    ///
    /// Content that is so small that it lies in the inode itself has ranges inside [`Kind::InodeTable`].
    pub ranges: Vec<FileRange>,
}

impl MappedFile {
    /// A file of `len_bytes` bytes; `ranges` are in the order of the file and do not overlap in it.
    #[must_use]
    pub fn new(
        path: Vec<u8>,
        other_paths: Vec<Vec<u8>>,
        inode: u32,
        len_bytes: u64,
        ranges: Vec<FileRange>,
    ) -> Self {
        Self { path, other_paths, inode, mode: 0, len_bytes, ranges }
    }
}

impl FileRange {
    /// A range of at least one byte.
    #[must_use]
    pub fn new(file_offset: u64, device_offset: u64, len_bytes: u64) -> Self {
        Self { file_offset, device_offset, len_bytes }
    }
}

/// A piece of a file that is contiguous in the file and in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileRange {
    /// First byte in the file.
    pub file_offset: u64,
    /// First byte in the image.
    pub device_offset: u64,
    /// Length in bytes, at least 1.
    pub len_bytes: u64,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappedDirectory {
    /// Its path; `/` for the root.
    pub path: Vec<u8>,
    /// Inode number.
    pub inode: u32,
    /// Its blocks in order; inside the inode table where its entries lie in the inode.
    pub ranges: Vec<FileRange>,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappedSymlink {
    /// The first of its paths in byte order.
    pub path: Vec<u8>,
    /// Inode number.
    pub inode: u32,
    /// What it points to, as stored.
    pub target: Vec<u8>,
    /// Where the target is: inside the inode table if it is short, else in a block.
    pub ranges: Vec<FileRange>,
}

/// What a range of the image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The first 1,024 bytes, which belong to boot loaders.
    BootArea,
    /// A superblock or its backup, to the end of its block.
    Superblock,
    /// Group descriptors or their backup.
    GroupDescriptors,
    /// Blocks kept for group descriptors of a larger file system.
    ReservedGroupDescriptors,
    /// Which blocks are in use.
    BlockBitmap,
    /// Which inodes are in use.
    InodeBitmap,
    /// Inodes, with the content of very small files, directories and links.
    InodeTable,
    /// The journal.
    Journal,
    /// Extent tree nodes and indirect blocks: where the content of a file lies.
    MappingBlocks,
    /// Extended attributes outside of inodes.
    ExtendedAttributes,
    /// Quota, orphan list, bad blocks, multiple-mount protection.
    Internal,
    /// Entries of a directory.
    Directory {
        /// Index in [`FileMap::directories`].
        directory: u32,
    },
    /// The target of a symbolic link.
    Symlink {
        /// Index in [`FileMap::symlinks`].
        symlink: u32,
    },
    /// Content of a file in whole blocks: the last one may reach past the size of the file.
    File {
        /// Index in [`FileMap::files`].
        file: u32,
        /// Where in the file the first byte of the region is; past its size in the rest of the last block.
        file_offset: u64,
    },
    /// Blocks that a file has been given and that read as zero: never written, or past its end.
    Preallocated {
        /// Index in [`FileMap::files`].
        file: u32,
    },
    /// Nothing that was read claims it: free, or an inode that no path leads to.
    Unused,
    /// After the end of the file system.
    PastFileSystem,
}

impl Kind {
    /// The kind `by` bytes further on.
    pub(crate) fn moved(self, by: u64) -> Self {
        match self {
            Self::File { file, file_offset } => Self::File { file, file_offset: file_offset + by },
            other => other,
        }
    }
}

/// A range of the image of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// First byte in the image.
    pub offset: u64,
    /// Length in bytes, at least 1.
    pub len_bytes: u64,
    /// What it is.
    pub kind: Kind,
}

impl Region {
    /// First byte after it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.len_bytes)
    }
}

impl FileMap {
    /// Maps the file system that `device` holds from its first byte on: ext2, ext3 or ext4.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for other content and for features that are not read, by name; [`Error::Format`]
    /// for a file system that contradicts itself or is longer than the image; [`Error::Limit`] past the default
    /// [`Limits`]; [`Error::Io`].
    pub fn of<D: BlockDevice + ?Sized>(device: &D) -> Result<Self, Error> {
        Self::with_limits(device, &Limits::default())
    }

    /// As [`FileMap::of`], within `limits`.
    ///
    /// # Errors
    ///
    /// As [`FileMap::of`].
    pub fn with_limits<D: BlockDevice + ?Sized>(device: &D, limits: &Limits) -> Result<Self, Error> {
        match probe::probe(device)?.content {
            Content::Ext(_) => ext4::walk::map_files(&ext4::FileSystem::open(&device, limits)?),
            other => Err(Error::unsupported(
                crate::error::Place::Image,
                "content",
                "an ext2, ext3 or ext4 file system",
                other.to_string(),
            )),
        }
    }

    /// The map of something that is laid out like an image of `image_len_bytes` bytes in blocks of `block_len_bytes`,
    /// such as the unpacked content of a compressed file system. What no file covers is [`Kind::Unused`].
    #[must_use]
    pub fn assembled(image_len_bytes: u64, block_len_bytes: u64, mut files: Vec<MappedFile>) -> Self {
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let regions = (0..).zip(&files).flat_map(|(file, mapped)| {
            mapped.ranges.iter().map(move |range| Region {
                offset: range.device_offset,
                len_bytes: range.len_bytes,
                kind: Kind::File { file, file_offset: range.file_offset },
            })
        });
        let regions = regions.collect();
        let parts = Self::without_regions(image_len_bytes, image_len_bytes, block_len_bytes, false);
        Self::new(Self { files, ..parts }, regions)
    }

    /// The map of the same files and directories in something of `image_len_bytes` bytes where their content lies
    /// elsewhere: `moved` appends to its last argument what takes the place of a range. What no file covers is
    /// [`Kind::Unused`]. `more` are files that only the new map has.
    #[must_use]
    pub fn rearranged(
        &self,
        image_len_bytes: u64,
        more: Vec<MappedFile>,
        moved: impl Fn(&FileRange, &mut Vec<FileRange>),
    ) -> Self {
        let all = |ranges: &[FileRange]| {
            let mut out = Vec::with_capacity(ranges.len());
            ranges.iter().for_each(|range| moved(range, &mut out));
            out
        };
        let files = self.files.iter().map(|file| MappedFile { ranges: all(&file.ranges), ..file.clone() });
        let directories = self.directories.iter();
        let directories = directories
            .map(|directory| MappedDirectory { ranges: all(&directory.ranges), ..directory.clone() });
        let files = files.chain(more).collect();
        let mut map = Self::assembled(image_len_bytes, self.block_len_bytes, files);
        map.directories = directories.collect();
        map
    }

    pub(crate) fn new(parts: Self, regions: Vec<Region>) -> Self {
        let regions = crate::region::tile(regions, parts.file_system_len_bytes, parts.image_len_bytes);
        let others = parts.files.iter().enumerate();
        let mut links: Vec<(usize, usize)> = others
            .flat_map(|(index, file)| (0..file.other_paths.len()).map(move |other| (index, other)))
            .collect();
        links.sort_unstable_by_key(|(file, other)| &parts.files[*file].other_paths[*other]);
        Self { regions, links, ..parts }
    }

    pub(crate) fn without_regions(
        image_len_bytes: u64,
        file_system_len_bytes: u64,
        block_len_bytes: u64,
        needs_recovery: bool,
    ) -> Self {
        Self {
            image_len_bytes,
            file_system_len_bytes,
            block_len_bytes,
            needs_recovery,
            files: Vec::new(),
            directories: Vec::new(),
            symlinks: Vec::new(),
            regions: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The regular file that has `path`, among all its paths; links are not followed.
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<&MappedFile> {
        let other = |(file, other): &(usize, usize)| self.files[*file].other_paths[*other].as_slice();
        let index = self.files.binary_search_by(|file| file.path.as_slice().cmp(path)).or_else(|_| {
            self.links.binary_search_by(|link| other(link).cmp(path)).map(|at| self.links[at].0)
        });
        self.files.get(index.ok()?)
    }

    /// All regions, sorted by offset, without gap or overlap, from 0 to the end of the image.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The region that the byte at `offset` is in; `None` past the end of the image.
    #[must_use]
    pub fn region_at(&self, offset: u64) -> Option<&Region> {
        if offset >= self.image_len_bytes {
            return None;
        }
        self.regions.get(self.regions.partition_point(|region| region.end() <= offset))
    }

    /// What the byte at `offset` is; `None` past the end of the image. For a file, with the place of this very
    /// byte in it.
    #[must_use]
    pub fn kind_at(&self, offset: u64) -> Option<Kind> {
        self.region_at(offset).map(|region| region.kind.moved(offset - region.offset))
    }

    /// The file that the byte at `offset` belongs to, and the place of the byte in it. The place is past the
    /// file's size in the rest of its last block.
    #[must_use]
    pub fn file_at(&self, offset: u64) -> Option<(&MappedFile, u64)> {
        match self.kind_at(offset)? {
            Kind::File { file, file_offset } => {
                Some((self.files.get(usize::try_from(file).ok()?)?, file_offset))
            }
            _ => None,
        }
    }
}
