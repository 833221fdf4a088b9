//! What an image is made of: one file system, or partitions.

use crate::block_device::{BlockDevice, Window};
use crate::error::Error;
use crate::limits::Limits;
use crate::partition::{self, Partition, PartitionTable};
use crate::probe::{self, Content, Probe};

/// The parts of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Length of the image in bytes.
    pub image_len_bytes: u64,
    /// Its partition table; a bare file system has none.
    pub table: Option<PartitionTable>,
    /// The partitions sorted by number; else one part, the whole image.
    pub parts: Vec<Part>,
}

/// A part of an image that may hold a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Its entry in the partition table; `None` where the part is the whole image.
    pub partition: Option<Partition>,
    /// First byte in the image.
    pub offset: u64,
    /// Length in bytes.
    pub len_bytes: u64,
    /// What its first bytes say that it holds.
    pub probe: Probe,
}

impl Part {
    /// Whether it holds ext2, ext3 or ext4.
    #[must_use]
    pub fn is_ext(&self) -> bool {
        matches!(self.probe.content, Content::Ext(_))
    }

    /// Whether it holds FAT.
    #[must_use]
    pub fn is_fat(&self) -> bool {
        matches!(self.probe.content, Content::Fat(_))
    }

    /// The bytes of the part as a device of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when they do not lie in `device`.
    pub fn window<D: BlockDevice>(&self, device: D) -> Result<Window<D>, Error> {
        Window::new(device, self.offset, self.len_bytes)
    }
}

impl Layout {
    /// Finds out what `device` holds. Nothing but tables and the first bytes of each part is read.
    ///
    /// ```
    /// use mender_image::edit::layout::Layout;
    ///
    /// let nothing = vec![0u8; 4096];
    /// let layout = Layout::read(&nothing, &Default::default()).unwrap();
    /// assert!(layout.table.is_none());
    /// assert_eq!(layout.parts.len(), 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`partition::read`].
    pub fn read(device: &dyn BlockDevice, limits: &Limits) -> Result<Self, Error> {
        let image_len_bytes = device.len_bytes();
        let whole = probe::probe(device)?;
        // A file system's boot sector may look like a partition table; it is the other way round only for disks that
        // have none where it counts.
        let table = match whole.content {
            Content::Gpt | Content::Mbr | Content::Unknown => partition::read(device, limits)?,
            _ => None,
        };
        let Some(table) = table else {
            let part = Part { partition: None, offset: 0, len_bytes: image_len_bytes, probe: whole };
            return Ok(Self { image_len_bytes, table: None, parts: vec![part] });
        };
        let mut parts = Vec::with_capacity(table.partitions.len());
        for partition in &table.partitions {
            let (offset, len_bytes) = (partition.offset, partition.len_bytes);
            let probe = probe::probe(&Window::new(device, offset, len_bytes)?)?;
            parts.push(Part { partition: Some(partition.clone()), offset, len_bytes, probe });
        }
        parts.sort_by_key(|part| part.partition.as_ref().map(|partition| partition.number));
        Ok(Self { image_len_bytes, table: Some(table), parts })
    }
}
