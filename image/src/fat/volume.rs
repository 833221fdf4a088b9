//! A FAT file system that was opened: paths, reading, listing.

use std::io::Write;

use super::geometry::{Geometry, Root};
use super::slots::{self, Found};
use super::table::Table;
use super::timestamp;
use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, PathProblem, Place};
use crate::limits::Limits;
use crate::probe::FatWidth;

/// Longest directory: 65,536 entries.
pub(super) const DIRECTORY_LEN_MAX: u64 = 65_536 * 32;

/// An opened file system. Its allocation table is in memory.
pub struct Volume<D> {
    pub(super) device: D,
    pub(super) geometry: Geometry,
    pub(super) table: Table,
}

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FatEntry {
    /// Its name; the long one where it has one.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Size in bytes; 0 for folders.
    pub len_bytes: u64,
    /// When it was changed last, in seconds since 1970, its date taken as UTC.
    pub modified: u64,
}

/// Where a directory is.
#[derive(Debug, Clone)]
pub(super) enum Directory {
    Fixed(u64, u64),
    Chain(Vec<u32>),
}

impl<D: BlockDevice> Volume<D> {
    /// Opens the file system that `device` holds from its first byte on. `device` may be a reference.
    ///
    /// ```no_run
    /// use mender_image::block_device::FileDevice;
    /// use mender_image::fat::volume::Volume;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let device = FileDevice::new(std::fs::File::open("boot.vfat")?)?;
    /// let volume = Volume::open(device, &Default::default())?;
    /// volume.read_file(b"/config.txt", &mut std::io::stdout())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Format`], [`Error::Unsupported`], [`Error::Limit`] where the allocation table is larger than
    /// [`Limits::allocation_table_bytes`], [`Error::Io`].
    pub fn open(device: D, limits: &Limits) -> Result<Self, Error> {
        let geometry = Geometry::read(&device)?;
        let table = Table::read(&device, &geometry, limits)?;
        Ok(Self { device, geometry, table })
    }

    /// What the boot sector says.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Free room in bytes.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        u64::from(self.table.free()) * self.geometry.cluster_len_bytes
    }

    /// Writes the content of the file at `path` to `output`, and gives its length in bytes. Names are found in any
    /// case.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is no such file; [`Error::Content`] when `output` fails; [`Error::Format`] when its
    /// chain is shorter than it, has a circle, or leads out of the file system; [`Error::Io`].
    pub fn read_file(&self, path: &[u8], output: &mut dyn Write) -> Result<u64, Error> {
        let file = self.find(path)?.ok_or_else(|| Error::path(path, PathProblem::IsADirectory))?;
        if file.is_folder {
            return Err(Error::path(path, PathProblem::IsADirectory));
        }
        let len = u64::from(file.len_bytes);
        let mut rest = len;
        let chain = self.file_chain(&file)?;
        let mut buffer = vec![0; self.geometry.cluster_len()];
        for cluster in chain {
            let here = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
            self.device.read_at(self.geometry.cluster_offset(cluster), &mut buffer[..here])?;
            output.write_all(&buffer[..here]).map_err(Error::Content)?;
            rest = rest.saturating_sub(here as u64);
        }
        Ok(len)
    }

    /// What is in the folder at `path`, in its order.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] when there is no such folder; else as [`Volume::read_file`].
    pub fn list(&self, path: &[u8]) -> Result<Vec<FatEntry>, Error> {
        let directory = match self.find(path)? {
            None => self.root()?,
            Some(found) if found.is_folder => self.folder(&found)?,
            Some(_) => return Err(Error::path(path, PathProblem::NotADirectory)),
        };
        let entries = self.entries(&directory)?;
        Ok(entries.into_iter().map(FatEntry::from).collect())
    }

    /// What is at `path`; `None` when there is nothing. The root is a folder without a name.
    ///
    /// # Errors
    ///
    /// As [`Volume::read_file`]; also when a part before the end is no folder.
    pub fn look_up(&self, path: &[u8]) -> Result<Option<FatEntry>, Error> {
        match self.find(path) {
            Ok(None) => {
                Ok(Some(FatEntry { name: String::new(), is_folder: true, len_bytes: 0, modified: 0 }))
            }
            Ok(Some(found)) => Ok(Some(found.into())),
            Err(Error::Path(error)) if error.problem == PathProblem::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The entry at `path`; `None` for the root.
    pub(super) fn find(&self, path: &[u8]) -> Result<Option<Found>, Error> {
        let mut here: Option<Found> = None;
        for part in parts(path)? {
            let directory = match &here {
                None => self.root()?,
                Some(found) if found.is_folder => self.folder(found)?,
                Some(_) => return Err(Error::path(path, PathProblem::NotADirectory)),
            };
            let mut entries = self.entries(&directory)?.into_iter();
            let found = entries.find(|entry| entry.is_called(part));
            here = Some(found.ok_or_else(|| Error::path(path, PathProblem::NotFound))?);
        }
        Ok(here)
    }

    /// What an entry of a folder leads to.
    pub(super) fn folder(&self, found: &Found) -> Result<Directory, Error> {
        if self.geometry.root == Root::Chain(found.first_cluster) {
            let expected = Expected::Described("a folder other than the root");
            let (place, cluster) = (Place::Cluster(found.first_cluster), u64::from(found.first_cluster));
            return Err(Error::format(place, "first cluster of a folder", expected, cluster));
        }
        self.open_directory(found.first_cluster)
    }

    pub(super) fn root(&self) -> Result<Directory, Error> {
        match self.geometry.root {
            Root::Fixed(offset, len) => Ok(Directory::Fixed(offset, len)),
            Root::Chain(first) => self.open_directory(first),
        }
    }

    /// The directory that begins with cluster `first`. The root of FAT32 is one; no entry may name it.
    pub(super) fn open_directory(&self, first: u32) -> Result<Directory, Error> {
        let most = DIRECTORY_LEN_MAX.div_ceil(self.geometry.cluster_len_bytes);
        Ok(Directory::Chain(self.table.chain(&self.geometry, first, most)?))
    }

    /// The clusters of a file: as many as its size needs.
    pub(super) fn file_chain(&self, file: &Found) -> Result<Vec<u32>, Error> {
        let needed = u64::from(file.len_bytes).div_ceil(self.geometry.cluster_len_bytes);
        if file.first_cluster == 0 && needed == 0 {
            return Ok(Vec::new());
        }
        // Clusters past the size belong to the file all the same.
        let mut chain = self.table.chain(&self.geometry, file.first_cluster, u64::MAX - 1)?;
        if (chain.len() as u64) < needed {
            let place = Place::Cluster(file.first_cluster);
            return Err(Error::format(
                place,
                "clusters of the chain",
                Expected::AtLeast(needed),
                chain.len() as u64,
            ));
        }
        chain.truncate(usize::try_from(needed).unwrap_or(usize::MAX));
        Ok(chain)
    }

    /// The bytes of a directory.
    pub(super) fn directory_bytes(&self, directory: &Directory) -> Result<Vec<u8>, Error> {
        match directory {
            Directory::Fixed(offset, len) => {
                let mut bytes = vec![0; usize::try_from(*len).unwrap_or(0)];
                self.device.read_at(*offset, &mut bytes)?;
                Ok(bytes)
            }
            Directory::Chain(chain) => {
                let mut bytes = vec![0; chain.len() * self.geometry.cluster_len()];
                for (cluster, piece) in chain.iter().zip(bytes.chunks_exact_mut(self.geometry.cluster_len()))
                {
                    self.device.read_at(self.geometry.cluster_offset(*cluster), piece)?;
                }
                Ok(bytes)
            }
        }
    }

    pub(super) fn entries(&self, directory: &Directory) -> Result<Vec<Found>, Error> {
        Ok(slots::read(&self.directory_bytes(directory)?, self.geometry.width == FatWidth::Fat32))
    }
}

impl From<Found> for FatEntry {
    fn from(found: Found) -> Self {
        Self {
            is_folder: found.is_folder,
            len_bytes: if found.is_folder { 0 } else { u64::from(found.len_bytes) },
            modified: timestamp::to_unix(found.date, found.time),
            name: found.name,
        }
    }
}

/// The parts of a path, `.` and empty ones left out and `..` carried out; `..` of the root is the root.
pub(super) fn parts(path: &[u8]) -> Result<Vec<&str>, Error> {
    let text = std::str::from_utf8(path).map_err(|_| Error::path(path, PathProblem::BadName))?;
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Ok(parts)
}
