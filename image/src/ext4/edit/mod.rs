//! Changing files of ext2, ext3 and ext4 in place: a narrow set of operations, all or nothing.
//!
//! All changes wait in memory until [`Editor::commit`]; an operation that fails leaves the editor as it was before
//! it, and the device is not touched before everything is there.
//!
//! What is changed is checked first: checksums where there are any, the counts of free blocks and inodes beside their
//! bitmaps, and that no file is given or gives back blocks of metadata. Two files that share blocks are noticed only
//! when both give them back. The journal must be empty and stays so; backups of superblock and descriptors stay as they
//! are, as the kernel leaves them, too.

mod allocate;
mod attributes;
mod bitmap;
mod block_numbers;
mod checksums;
mod commit;
mod content_map;
mod counts;
mod crc16;
mod descriptor;
mod directory;
mod entries;
mod extent_tree;
mod hashed;
mod inode_bytes;
mod name_hash;
mod overlay;
mod put;
mod release;
mod remove;
mod scratch;
mod writable;
mod zones;

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use super::FileSystem;
use super::group::Group;
use super::superblock::{SUPERBLOCK_LEN, SUPERBLOCK_OFFSET, Superblock};
use crate::block_device::WritableDevice;
use crate::error::Error;
use crate::limits::Limits;
use crate::spill::{MakeFile, Spill};
use checksums::Checksums;
use overlay::Overlay;
use zones::Zones;

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
    /// hold -2^31 to 2^31 - 1, larger ones up to 2^34 - 2^31 - 1; others become the nearest of these, as in the kernel.
    pub mtime_seconds: i64,
}

/// A file system that is being changed.
///
/// The clock is not looked at and nothing is drawn by chance: the same operations on the same image give the same
/// bytes. Times of folders do not change when something is put into them or taken out.
///
/// ```no_run
/// use mender_image::block_device::FileDevice;
/// use mender_image::ext4::edit::{Attributes, Editor};
/// use mender_image::limits::Limits;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let image = std::fs::File::options().read(true).write(true).open("data.ext4")?;
/// let mut device = FileDevice::new(image)?;
/// let mut editor = Editor::open(&mut device, &Limits::default())?;
/// let mut attributes = Attributes { mode: 0o755, uid: 0, gid: 0, mtime_seconds: 1_700_000_000 };
/// editor.make_folder(b"/mender", &attributes, true)?;
/// attributes.mode = 0o600;
/// let mut key = std::fs::File::open("device-private.key")?;
/// editor.put_file(b"/mender/mender-cert-private.pem", &mut key, &attributes)?;
/// editor.commit()?;
/// # Ok(())
/// # }
/// ```
pub struct Editor<'d> {
    overlay: Overlay<'d>,
    superblock: Superblock,
    groups: Arc<[Group]>,
    checksums: Checksums,
    zones: Zones,
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
        let mut bytes = [0; SUPERBLOCK_LEN];
        let fs = FileSystem::open(&device, limits)?;
        fs.device.read_at(SUPERBLOCK_OFFSET, &mut bytes)?;
        writable::check(&fs, &bytes)?;
        let zones = Zones::of(&fs)?;
        let FileSystem { superblock, groups, limits, .. } = fs;
        let checksums = Checksums::of(&superblock, &bytes);
        let overlay = Overlay::new(device, superblock.block_len, limits.changes_len_bytes);
        Ok(Self { overlay, superblock, groups, checksums, zones, limits })
    }

    /// The file system with the changes so far, for reading.
    ///
    /// # Errors
    ///
    /// As [`FileSystem::open`].
    pub fn view(&self) -> Result<FileSystem<'_>, Error> {
        Ok(self.fs())
    }

    fn fs(&self) -> FileSystem<'_> {
        FileSystem {
            device: &self.overlay,
            superblock: self.superblock.clone(),
            groups: Arc::clone(&self.groups),
            limits: self.limits.clone(),
        }
    }

    /// Runs an operation all or not at all.
    fn whole(&mut self, operation: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        let result = operation(self);
        match result {
            Ok(()) => self.overlay.accept(),
            Err(_) => self.overlay.discard(),
        }
        result
    }

    /// Gives an empty file, opened for reading and writing, in which contents wait that go past
    /// [`Limits::changes_len_bytes`]. Without one such a content is refused.
    pub fn spill_to(&mut self, scratch: File) {
        self.overlay.spill_to(Spill::of(scratch));
    }

    /// As [`Editor::spill_to`], with a file that is made when the first content goes there.
    pub fn spill_with(&mut self, make: MakeFile) {
        self.overlay.spill_to(Spill::made_by(make));
    }

    /// Makes the regular file `path` with all bytes of `content`, or gives the existing one new content and
    /// attributes. Symbolic links are followed, also at the end, inside the file system only. A file that has other
    /// names, too, keeps its old content under those. Of extended attributes an existing file keeps its labels (SELinux,
    /// Smack) and those in `user` and `trusted`; capabilities, signatures and access lists go. Flags of the inode
    /// (`chattr`), such as that it is immutable, do not stay.
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
        self.whole(|editor| editor.put_file_now(path, content, attributes))
    }

    /// Makes the folder `path`; with `parents` also the folders on the way, with the same attributes, and then it is
    /// no error when `path` is a folder already, which stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Path`]; [`Error::Full`]; else as [`Editor::open`].
    pub fn make_folder(&mut self, path: &[u8], attributes: &Attributes, parents: bool) -> Result<(), Error> {
        self.whole(|editor| editor.make_folder_now(path, attributes, parents))
    }

    /// Makes the symbolic link `path`, which must not exist, with `target` of 1 to 4095 bytes and less than a block.
    /// The mode of `attributes` is not used.
    ///
    /// # Errors
    ///
    /// [`Error::Path`]; [`Error::Full`]; else as [`Editor::open`].
    pub fn make_symlink(&mut self, path: &[u8], target: &[u8], attributes: &Attributes) -> Result<(), Error> {
        self.whole(|editor| editor.make_symlink_now(path, target, attributes))
    }

    /// Removes the file, link or folder `path`; a symbolic link at the end is not followed but removed. A folder that
    /// is not empty is removed only with `recursive`, with all that is in it.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is nothing, for a folder with entries without `recursive`, and for the root; else as
    /// [`Editor::open`].
    pub fn remove(&mut self, path: &[u8], recursive: bool) -> Result<(), Error> {
        self.whole(|editor| editor.remove_now(path, recursive))
    }

    /// Gives the file or folder `path` other attributes; symbolic links are followed.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is nothing; else as [`Editor::open`].
    pub fn set_attributes(&mut self, path: &[u8], attributes: &Attributes) -> Result<(), Error> {
        self.whole(|editor| editor.set_attributes_now(path, attributes))
    }

    /// Writes all changes to the device: contents, then metadata, then the superblock; and flushes it. Returns the
    /// ranges of the device that were written, in bytes, sorted and without overlap; none when nothing changed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; what was written so far is then put back as far as the device lets it.
    pub fn commit(self) -> Result<Vec<Range<u64>>, Error> {
        self.overlay.commit(self.limits.changes_len_bytes)
    }
}
