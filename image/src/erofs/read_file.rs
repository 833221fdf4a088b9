//! Reads the content of inodes.

use super::FileSystem;
use super::extent::{Algorithm, Packed, Stored};
use super::inode::Inode;
use super::lz4;
use super::map::ErofsFile;
use crate::error::{Error, Expected};

impl FileSystem<'_> {
    /// Reads the content of a file of this file system's map.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] when it is longer than [`crate::limits::Limits::file_len_bytes`];
    /// [`Error::Unsupported`] for content that is packed otherwise than by LZ4; [`Error::Format`]; [`Error::Io`].
    pub fn read_file(&self, file: &ErofsFile) -> Result<Vec<u8>, Error> {
        self.content(&self.inode(file.nid)?)
    }

    /// The content of an inode, as long as the limit allows.
    pub(super) fn content(&self, inode: &Inode) -> Result<Vec<u8>, Error> {
        let extents = self.extents(inode)?;
        let mut content = vec![0; self.checked_len(inode, inode.len_bytes)?];
        let mut rest = &mut content[..];
        for extent in &extents {
            let len = self.checked_len(inode, extent.len_bytes)?;
            let (part, after) = rest.split_at_mut(len.min(rest.len()));
            rest = after;
            match extent.stored {
                Stored::Hole => {}
                Stored::Plain { device_offset } => self.device.read_at(device_offset, part)?,
                Stored::Packed(packed) => self.unpack(inode, packed, part)?,
            }
        }
        Ok(content)
    }

    fn checked_len(&self, inode: &Inode, len: u64) -> Result<usize, Error> {
        let maximum = self.limits.file_len_bytes;
        let too_large = || Error::limit(inode.place(), "size", maximum, len);
        usize::try_from(len).ok().filter(|_| len <= maximum).ok_or_else(too_large)
    }

    fn unpack(&self, inode: &Inode, packed: Packed, plain: &mut [u8]) -> Result<(), Error> {
        if packed.algorithm != Algorithm::Lz4 {
            let found = format!("{:?}", packed.algorithm).to_lowercase();
            return Err(Error::unsupported(inode.place(), "algorithm", "lz4", found));
        }
        let mut stored = vec![0; self.checked_len(inode, packed.stored_len_bytes)?];
        self.device.read_at(packed.device_offset, &mut stored)?;
        let padding =
            if packed.zero_padding { stored.iter().take_while(|byte| **byte == 0).count() } else { 0 };
        if !lz4::unpack(&stored[padding..], plain) {
            let expected = Expected::Described("a whole lz4 block");
            return Err(Error::format(inode.place(), "cluster in bytes", expected, packed.device_offset));
        }
        Ok(())
    }
}
