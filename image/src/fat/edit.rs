//! Changes a FAT file system. They wait in memory until they are committed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use super::name::{self, Stored};
use super::slots::{self, ATTRIBUTE_ARCHIVE, ATTRIBUTE_FOLDER, Content, Found, SLOT_LEN};
use super::timestamp;
use super::volume::{DIRECTORY_LEN_MAX, Directory, FatEntry, Volume, parts};
use crate::block_device::WritableDevice;
use crate::error::{Error, Expected, FullError, PathError, PathProblem, Place};
use crate::limits::Limits;
use crate::overlay::Overlay;
use crate::spill::MakeFile;

/// Largest file.
const FILE_LEN_MAX: u64 = 0xffff_ffff;
/// Content that is read at once.
const PIECE_LEN: usize = 64 << 10;
/// Folders that are removed at once, at most. They may be nested as deeply.
const FOLDERS_MAX: usize = 2048;

/// Changes a file system. Nothing reaches the device before [`Editor::commit`]; dropped, it has changed nothing.
///
/// ```no_run
/// use mender_image::block_device::FileDevice;
/// use mender_image::fat::edit::Editor;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = std::fs::File::options().read(true).write(true).open("boot.vfat")?;
/// let mut editor = Editor::open(FileDevice::new(file)?, &Default::default())?;
/// editor.put_file(b"/config.txt", &mut &b"arm_64bit=1\n"[..], 1_700_000_000)?;
/// editor.commit()?;
/// # Ok(())
/// # }
/// ```
pub struct Editor<D> {
    volume: Volume<Overlay<D>>,
}

impl<D: WritableDevice> Editor<D> {
    /// Opens the file system that `device` holds from its first byte on.
    ///
    /// # Errors
    ///
    /// As [`Volume::open`]; also when the file system was not unmounted cleanly, or its tables differ.
    pub fn open(device: D, limits: &Limits) -> Result<Self, Error> {
        let volume = Volume::open(Overlay::new(device).bounded(limits.changes_len_bytes), limits)?;
        volume.table.check_sound(&volume.device, &volume.geometry)?;
        Ok(Self { volume })
    }

    /// Has changes past `memory_max_bytes` wait in `scratch`, an empty file that is open for reading and writing.
    #[must_use]
    pub fn spill_to(self, scratch: File, memory_max_bytes: u64) -> Self {
        let Volume { device, geometry, table } = self.volume;
        let device = device.spilling(scratch, memory_max_bytes);
        Self { volume: Volume { device, geometry, table } }
    }

    /// As [`Editor::spill_to`], with a file that is made when the first change goes there.
    #[must_use]
    pub fn spill_with(self, make: MakeFile, memory_max_bytes: u64) -> Self {
        let Volume { device, geometry, table } = self.volume;
        let device = device.spilling_with(make, memory_max_bytes);
        Self { volume: Volume { device, geometry, table } }
    }

    /// The file system with its changes, to be read.
    #[must_use]
    pub fn volume(&self) -> &Volume<Overlay<D>> {
        &self.volume
    }

    /// Puts `content` into the file at `path`, instead of what is in it if it exists. The folder must exist.
    /// `modified` is in seconds since 1970; FAT keeps even ones from 1980 on.
    ///
    /// # Errors
    ///
    /// [`Error::Path`], [`Error::Full`], [`Error::Limit`] for a file of 4 GiB or more and
    /// for changes past [`Limits::changes_len_bytes`] without [`Editor::spill_to`], [`Error::Content`] when
    /// `content` fails, else as [`Volume::read_file`]. The editor must be dropped after an error.
    pub fn put_file(&mut self, path: &[u8], content: &mut dyn Read, modified: u64) -> Result<(), Error> {
        let (parent, name) = self.place(path)?;
        let old = self.volume.entries(&parent)?.into_iter().find(|entry| entry.is_called(name));
        if path.ends_with(b"/") || old.as_ref().is_some_and(|old| old.is_folder) {
            return Err(Error::path(path, PathProblem::IsADirectory));
        }
        if let Some(old) = &old {
            self.release(old)?;
        }
        let (first_cluster, len_bytes) = self.write_content(content)?;
        let (date, time) = timestamp::from_unix(modified);
        let content = Content { attributes: ATTRIBUTE_ARCHIVE, first_cluster, len_bytes, date, time };
        self.put_entry(path, parent, name, old.as_ref(), &content)
    }

    /// Makes a folder; with `parents` those above it, too, and then one that exists is no error.
    ///
    /// # Errors
    ///
    /// As [`Editor::put_file`]; [`PathProblem::Exists`] where something is in its place.
    pub fn make_folder(&mut self, path: &[u8], parents: bool, modified: u64) -> Result<(), Error> {
        let all = parts(path)?;
        let first = if parents { 1 } else { all.len().max(1) };
        for count in first..=all.len() {
            let part = all[..count].join("/");
            match self.volume.find(part.as_bytes()) {
                Ok(Some(found)) if found.is_folder && parents => {}
                Ok(_) => return Err(Error::path(path, PathProblem::Exists)),
                Err(Error::Path(PathError { problem: PathProblem::NotFound, .. })) => {
                    self.make_one_folder(part.as_bytes(), modified)?;
                }
                Err(error) => return Err(error),
            }
        }
        if all.is_empty() && !parents {
            return Err(Error::path(path, PathProblem::Exists));
        }
        Ok(())
    }

    fn make_one_folder(&mut self, path: &[u8], modified: u64) -> Result<(), Error> {
        let (parent, name) = self.place(path)?;
        let cluster = self.volume.table.take(1)?.first().copied().unwrap_or(0);
        let (date, time) = timestamp::from_unix(modified);
        let content =
            |first_cluster| Content { attributes: ATTRIBUTE_FOLDER, first_cluster, len_bytes: 0, date, time };
        let mut bytes = vec![0; self.volume.geometry.cluster_len()];
        let above = match &parent {
            // What leads to the root says 0, also where the root is a chain.
            Directory::Chain(chain) if parts(path)?.len() > 1 => chain.first().copied().unwrap_or(0),
            _ => 0,
        };
        let dots = [content(cluster).slot(b".          ", 0), content(above).slot(b"..         ", 0)];
        slots::put(&mut bytes, 0, &dots);
        let offset = self.volume.geometry.cluster_offset(cluster);
        self.volume.device.write_at(offset, &bytes)?;
        self.put_entry(path, parent, name, None, &content(cluster))
    }

    /// Removes a file or an empty folder; with `recursive` also what is in it.
    ///
    /// # Errors
    ///
    /// As [`Editor::put_file`]; [`PathProblem::NotEmpty`].
    pub fn remove(&mut self, path: &[u8], recursive: bool) -> Result<(), Error> {
        let (mut parent, name) = self.place(path)?;
        let found = self.volume.entries(&parent)?.into_iter().find(|entry| entry.is_called(name));
        let found = found.ok_or_else(|| Error::path(path, PathProblem::NotFound))?;
        if path.ends_with(b"/") && !found.is_folder {
            return Err(Error::path(path, PathProblem::NotADirectory));
        }
        let mut folders = BTreeSet::new();
        self.remove_content(path, &found, recursive, &mut folders)?;
        let mut bytes = self.volume.directory_bytes(&parent)?;
        slots::delete(&mut bytes, &found);
        self.write_directory(&mut parent, &bytes)
    }

    /// `folders` are the first clusters of those that were met: none is met twice unless there is a circle.
    fn remove_content(
        &mut self,
        path: &[u8],
        found: &Found,
        recursive: bool,
        folders: &mut BTreeSet<u32>,
    ) -> Result<(), Error> {
        if found.is_folder {
            let place = Place::Cluster(found.first_cluster);
            if !folders.insert(found.first_cluster) {
                let expected = Expected::Described("one folder that begins here");
                return Err(Error::format(place, "folders", expected, 2));
            }
            if folders.len() > FOLDERS_MAX {
                let (maximum, found) = (FOLDERS_MAX as u64, folders.len() as u64);
                return Err(Error::limit(place, "folders to be removed", maximum, found));
            }
            let directory = self.volume.folder(found)?;
            let entries = self.volume.entries(&directory)?;
            if !entries.is_empty() && !recursive {
                return Err(Error::path(path, PathProblem::NotEmpty));
            }
            for entry in entries {
                self.remove_content(path, &entry, recursive, folders)?;
            }
        }
        self.release(found)
    }

    /// Gives the clusters of an entry back. One that is freed twice, as in a circle, is no chain any more.
    fn release(&mut self, found: &Found) -> Result<(), Error> {
        if found.first_cluster != 0 {
            let chain = self.volume.table.chain(&self.volume.geometry, found.first_cluster, u64::MAX - 1)?;
            self.volume.table.release(&chain);
        }
        Ok(())
    }

    /// The folder that `path` is in, and its name there.
    fn place<'p>(&self, path: &'p [u8]) -> Result<(Directory, &'p str), Error> {
        let all = parts(path)?;
        let Some((name, folder)) = all.split_last() else {
            return Err(Error::path(path, PathProblem::NotAllowed));
        };
        let parent = match self.volume.find(folder.join("/").as_bytes()) {
            Ok(None) => self.volume.root()?,
            Ok(Some(found)) if found.is_folder => self.volume.folder(&found)?,
            Ok(Some(_)) => return Err(Error::path(path, PathProblem::NotADirectory)),
            // Of the path as it was given.
            Err(Error::Path(error)) => return Err(Error::path(path, error.problem)),
            Err(error) => return Err(error),
        };
        Ok((parent, name))
    }

    /// Writes content into free clusters; gives the first of them and the length.
    fn write_content(&mut self, content: &mut dyn Read) -> Result<(u32, u32), Error> {
        let cluster_len = self.volume.geometry.cluster_len();
        let mut buffer = vec![0; cluster_len.max(PIECE_LEN)];
        let (mut first, mut last, mut len) = (0, 0, 0u64);
        loop {
            let filled = fill(content, &mut buffer)?;
            if filled == 0 {
                break;
            }
            len += filled as u64;
            if len > FILE_LEN_MAX {
                return Err(Error::limit(Place::Image, "size of a file in fat", FILE_LEN_MAX, len));
            }
            buffer[filled..].fill(0);
            let chain = self.volume.table.take(filled.div_ceil(cluster_len) as u64)?;
            if first == 0 {
                first = chain.first().copied().unwrap_or(0);
            } else {
                self.volume.table.append(last, &chain);
            }
            last = chain.last().copied().unwrap_or(last);
            for (cluster, piece) in chain.iter().zip(buffer.chunks_exact(cluster_len)) {
                let offset = self.volume.geometry.cluster_offset(*cluster);
                self.volume.device.write_at(offset, piece)?;
            }
        }
        Ok((first, u32::try_from(len).unwrap_or(u32::MAX)))
    }

    /// Puts an entry into a folder, in the place of `old` with its names if there is one.
    fn put_entry(
        &mut self,
        path: &[u8],
        mut parent: Directory,
        name: &str,
        old: Option<&Found>,
        content: &Content,
    ) -> Result<(), Error> {
        let mut bytes = self.volume.directory_bytes(&parent)?;
        if let Some(old) = old {
            let at = old.first_slot + old.slots - 1;
            let case = bytes.get(at * SLOT_LEN + 12).copied().unwrap_or(0);
            slots::put(&mut bytes, at, &[content.slot(&old.short, case)]);
            return self.write_directory(&mut parent, &bytes);
        }
        let entries = self.volume.entries(&parent)?;
        let stored: Stored =
            name::store(path, name, |short| entries.iter().any(|entry| entry.short == *short))?;
        let new = slots::slots_of(&stored, content);
        let at = slots::room(&bytes, new.len());
        let needed = (at + new.len()) * SLOT_LEN;
        if needed > bytes.len() {
            self.grow(&mut parent, &mut bytes, needed)?;
        }
        slots::put(&mut bytes, at, &new);
        self.write_directory(&mut parent, &bytes)
    }

    /// Makes a folder larger.
    fn grow(&mut self, directory: &mut Directory, bytes: &mut Vec<u8>, needed: usize) -> Result<(), Error> {
        let full = |needed: usize, there: usize| {
            let (needed, free) = ((needed / SLOT_LEN) as u64, (there / SLOT_LEN) as u64);
            Err(Error::Full(FullError { what: "entries of the folder", needed, free }))
        };
        let Directory::Chain(chain) = directory else { return full(needed, bytes.len()) };
        if needed as u64 > DIRECTORY_LEN_MAX {
            return full(needed, bytes.len());
        }
        let cluster_len = self.volume.geometry.cluster_len();
        let more = self.volume.table.take((needed - bytes.len()).div_ceil(cluster_len) as u64)?;
        if let Some(last) = chain.last() {
            self.volume.table.append(*last, &more);
        }
        chain.extend(more);
        bytes.resize(chain.len() * cluster_len, 0);
        Ok(())
    }

    fn write_directory(&mut self, directory: &mut Directory, bytes: &[u8]) -> Result<(), Error> {
        match directory {
            Directory::Fixed(offset, _) => self.volume.device.write_at(*offset, bytes),
            Directory::Chain(chain) => {
                let pieces = bytes.chunks_exact(self.volume.geometry.cluster_len());
                chain.iter().zip(pieces).try_for_each(|(cluster, piece)| {
                    let offset = self.volume.geometry.cluster_offset(*cluster);
                    self.volume.device.write_at(offset, piece)
                })
            }
        }
    }

    /// Writes what has changed to the device.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as of [`Overlay::commit`].
    pub fn commit(&mut self) -> Result<(), Error> {
        let Volume { device, geometry, table } = &mut self.volume;
        table.write(device, geometry)?;
        device.commit().map(drop)
    }
}

impl<D: WritableDevice> Editor<D> {
    /// As [`Volume::look_up`].
    ///
    /// # Errors
    ///
    /// As [`Volume::look_up`].
    pub fn look_up(&self, path: &[u8]) -> Result<Option<FatEntry>, Error> {
        self.volume.look_up(path)
    }
}

/// Reads until the buffer is full or the content ends.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count.min(buffer.len() - filled),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Content(error)),
        }
    }
    Ok(filled)
}
