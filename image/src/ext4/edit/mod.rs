//! Changing files of ext2, ext3 and ext4 in place: a narrow set of operations, all or nothing.
//!
//! All changes wait in memory until [`Editor::commit`]; an operation that fails leaves the editor as it was before
//! it, and the device is not touched before everything is there.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use super::FileSystem;
use crate::block_device::WritableDevice;
use crate::error::{Error, Place};
use crate::limits::Limits;

/// What a file or folder is given besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits with set-user-id, set-group-id and sticky bit: at most `0o7777`.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change: seconds since 1970. All times of a new inode are set to this one. Inodes of 128 bytes
    /// hold -2^31 to 2^31 - 1, larger ones up to 2^34 - 2^31 - 1; others are refused.
    pub mtime_seconds: i64,
}

/// A file system that is being changed.
///
/// The clock is not looked at and nothing is drawn by chance: the same operations on the same image give the same
/// bytes. Times of folders do not change when something is put into them or taken out.
pub struct Editor<'d> {
    device: &'d mut dyn WritableDevice,
    limits: Limits,
}

impl<'d> Editor<'d> {
    /// Opens the file system that `device` holds from its first byte on. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for features that this crate does not write, by name, and for a file system that is not
    /// clean: its journal not empty, errors recorded, deleted files waiting. Else as [`FileSystem::open`].
    pub fn open(device: &'d mut dyn WritableDevice, limits: &Limits) -> Result<Self, Error> {
        FileSystem::open(&device, limits)?;
        Ok(Self { device, limits: limits.clone() })
    }

    /// The file system with the changes so far, for reading.
    ///
    /// # Errors
    ///
    /// As [`FileSystem::open`].
    pub fn view(&self) -> Result<FileSystem<'_>, Error> {
        FileSystem::open(&self.device, &self.limits)
    }

    /// Gives an empty file, opened for reading and writing, in which contents wait that go past
    /// [`Limits::changes_len_bytes`]. Without one such a content is refused.
    pub fn spill_to(&mut self, scratch: File) {
        let _ = scratch;
    }

    /// Makes the regular file `path` with all bytes of `content`, or gives the existing one new content and
    /// attributes. Symbolic links are followed, also at the end, inside the file system only. A file that has other
    /// names, too, keeps its old content under those. Extended attributes of an existing file are dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when the folder does not exist, or when `path` leads to something that is no regular file;
    /// [`Error::Full`]; [`Error::Content`] when `content` fails; [`Error::Limit`] when it is longer than
    /// [`Limits::changes_len_bytes`] and [`Editor::spill_to`] was not called; else as [`Editor::open`].
    pub fn put_file(
        &mut self,
        path: &[u8],
        content: &mut dyn Read,
        attributes: &Attributes,
    ) -> Result<(), Error> {
        let _ = (path, content, attributes);
        Err(not_yet())
    }

    /// Makes the folder `path`; with `parents` also the folders on the way, with the same attributes, and then it is
    /// no error when `path` is a folder already, which stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Path`]; [`Error::Full`]; else as [`Editor::open`].
    pub fn make_folder(&mut self, path: &[u8], attributes: &Attributes, parents: bool) -> Result<(), Error> {
        let _ = (path, attributes, parents);
        Err(not_yet())
    }

    /// Makes the symbolic link `path`, which must not exist, with `target` of 1 to 4095 bytes and less than a block.
    /// The mode of `attributes` is not used.
    ///
    /// # Errors
    ///
    /// [`Error::Path`]; [`Error::Full`]; else as [`Editor::open`].
    pub fn make_symlink(&mut self, path: &[u8], target: &[u8], attributes: &Attributes) -> Result<(), Error> {
        let _ = (path, target, attributes);
        Err(not_yet())
    }

    /// Removes the file, link or folder `path`; a symbolic link at the end is not followed but removed. A folder that
    /// is not empty is removed only with `recursive`, with all that is in it.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is nothing, for a folder with entries without `recursive`, and for the root; else as
    /// [`Editor::open`].
    pub fn remove(&mut self, path: &[u8], recursive: bool) -> Result<(), Error> {
        let _ = (path, recursive);
        Err(not_yet())
    }

    /// Gives the file or folder `path` other attributes; symbolic links are followed.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is nothing; else as [`Editor::open`].
    pub fn set_attributes(&mut self, path: &[u8], attributes: &Attributes) -> Result<(), Error> {
        let _ = (path, attributes);
        Err(not_yet())
    }

    /// Writes all changes to the device: contents, then metadata, then the superblock; and flushes it. Returns the
    /// ranges of the device that were written, in bytes, sorted and without overlap; none when nothing changed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; what was written so far is then put back as far as the device lets it.
    pub fn commit(self) -> Result<Vec<Range<u64>>, Error> {
        Ok(Vec::new())
    }
}

fn not_yet() -> Error {
    Error::unsupported(Place::Image, "operation", "reading", "writing")
}
