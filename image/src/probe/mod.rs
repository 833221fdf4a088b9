//! What an image holds, told by its first bytes. A guess by signature and plausible numbers, not a check.

mod disk;
mod ext;
mod fat;
mod flash;
mod read_only;

use std::fmt;

use crate::block_device::BlockDevice;
use crate::error::Error;

pub use ext::{ExtFeatures, ExtVersion};
pub use fat::FatWidth;
pub use read_only::SquashfsCompressor;

/// What was found in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The content.
    pub content: Content,
    /// Its block length in bytes (sector for partition tables, cluster for FAT), where it has one.
    pub block_len_bytes: Option<u64>,
    /// How many bytes from the start of the image the content says it covers, where it says so.
    pub covers_bytes: Option<u64>,
    /// Length of the image in bytes.
    pub image_len_bytes: u64,
}

/// How the length that the content tells compares with the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coverage {
    /// The content does not tell its length.
    Unknown,
    /// It covers the whole image.
    Whole,
    /// The image goes on after it, by this many bytes.
    Followed(u64),
    /// The image lacks this many bytes of it.
    Truncated(u64),
}

/// A file system or a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// ext2, ext3 or ext4.
    Ext(ExtFeatures),
    /// squashfs, version 4.
    Squashfs(SquashfsCompressor),
    /// EROFS.
    Erofs,
    /// FAT.
    Fat(FatWidth),
    /// btrfs.
    Btrfs,
    /// F2FS.
    F2fs,
    /// UBIFS.
    Ubifs,
    /// UBI erase blocks, with volumes in them.
    Ubi,
    /// A disk with a GUID partition table.
    Gpt,
    /// A disk with an MBR partition table.
    Mbr,
    /// None of these.
    Unknown,
}

impl Probe {
    /// Compares the length that the content tells with the image.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        match self.covers_bytes {
            None => Coverage::Unknown,
            Some(covers) if covers > self.image_len_bytes => {
                Coverage::Truncated(covers - self.image_len_bytes)
            }
            Some(covers) if covers < self.image_len_bytes => {
                Coverage::Followed(self.image_len_bytes - covers)
            }
            Some(_) => Coverage::Whole,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ext(features) => write!(f, "{}", features.version()),
            Self::Squashfs(compressor) => write!(f, "squashfs ({compressor})"),
            Self::Erofs => f.write_str("erofs"),
            Self::Fat(width) => write!(f, "{width}"),
            Self::Btrfs => f.write_str("btrfs"),
            Self::F2fs => f.write_str("f2fs"),
            Self::Ubifs => f.write_str("ubifs"),
            Self::Ubi => f.write_str("ubi"),
            Self::Gpt => f.write_str("a gpt partition table"),
            Self::Mbr => f.write_str("an mbr partition table"),
            Self::Unknown => f.write_str("unknown content"),
        }
    }
}

/// What one detector found: content, block length, length covered.
struct Found {
    content: Content,
    block_len_bytes: Option<u64>,
    covers_bytes: Option<u64>,
}

type Detector = fn(&dyn BlockDevice) -> Result<Option<Found>, Error>;

/// Looks at the first bytes of `device`. File systems come before partition tables, since a partition table
/// sector is also what a FAT begins with.
///
/// # Errors
///
/// [`Error::Io`] only: what is not recognised is [`Content::Unknown`].
pub fn probe<D: BlockDevice + ?Sized>(device: &D) -> Result<Probe, Error> {
    let device = &device;
    let detectors: [Detector; 10] = [
        ext::detect,
        read_only::detect_squashfs,
        read_only::detect_erofs,
        flash::detect_f2fs,
        read_only::detect_btrfs,
        flash::detect_ubi,
        flash::detect_ubifs,
        fat::detect,
        disk::detect_gpt,
        disk::detect_mbr,
    ];
    let mut found = Found { content: Content::Unknown, block_len_bytes: None, covers_bytes: None };
    for detect in detectors {
        if let Some(first) = detect(device)? {
            found = first;
            break;
        }
    }
    Ok(Probe {
        content: found.content,
        block_len_bytes: found.block_len_bytes,
        covers_bytes: found.covers_bytes,
        image_len_bytes: device.len_bytes(),
    })
}

/// The `LEN` bytes at `offset`, or `None` when the image is shorter.
fn window<const LEN: usize>(device: &dyn BlockDevice, offset: u64) -> Result<Option<[u8; LEN]>, Error> {
    let mut bytes = [0; LEN];
    let inside = u64::try_from(LEN)
        .ok()
        .and_then(|len| offset.checked_add(len))
        .is_some_and(|end| end <= device.len_bytes());
    if inside {
        device.read_at(offset, &mut bytes)?;
    }
    Ok(inside.then_some(bytes))
}

/// `1 << log` when `log` is one of a block length: at most 2 MiB.
fn power(log: u32) -> Option<u64> {
    (log <= 21).then(|| 1 << log)
}
