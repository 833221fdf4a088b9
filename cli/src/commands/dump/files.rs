//! Dumped files: they lie in their folder under other names until everything is known to be sound, and never take the
//! place of something that is there.

use super::made_folders::MadeFolders;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::interrupt::{self, Guard};
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::header::{ArtifactHeader, PayloadFile};
use mender_artifact::read::PayloadSink;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::{NamedTempFile, TempPath};

/// Mode bits that a file outside of an Artifact gets: not those that make it run as somebody else.
const MODE_MASK: u32 = 0o777;

/// A folder that gets files.
pub(super) struct Folder {
    path: PathBuf,
    /// Complete files and the names that they are to get.
    pending: Vec<Pending>,
    /// Where in `pending` a name is.
    places: BTreeMap<PathBuf, usize>,
    /// The folder itself, where it was made for this; dropped after what lies in it.
    made: MadeFolders,
}

/// A complete file under its first name, what removes it at a signal, and the name that it is to get.
type Pending = (TempPath, Option<Guard>, PathBuf);
/// A file that is being written.
type Begun = (NamedTempFile, Option<Guard>, PathBuf);

impl Folder {
    /// Makes the folder, with those above it, where it is not there.
    pub(super) fn make(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref().to_path_buf();
        let made = MadeFolders::make(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { path, pending: Vec::new(), places: BTreeMap::new(), made })
    }

    /// Refuses a name that something has already, here or among what is pending.
    fn free(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        if path.symlink_metadata().is_ok() || self.places.contains_key(&path) {
            return Err(is_there(&path));
        }
        Ok(path)
    }

    /// Begins a file for something called `name`.
    fn begin(&self, name: &str) -> Result<Begun, Failure> {
        let path = self.free(name)?;
        let make =
            || tempfile::Builder::new().prefix(".mender-artifact-").suffix(".part").tempfile_in(&self.path);
        let made = interrupt::make_file(make, |file| Some(file.path()));
        let (file, guard) = made.map_err(|error| failed(&self.path, &error))?;
        Ok((file, guard, path))
    }

    /// Adds a file with these contents, and gives the name that it will have.
    pub(super) fn put(&mut self, name: &str, contents: &[u8], mode: u32) -> Result<PathBuf, Failure> {
        let (mut file, guard, path) = self.begin(name)?;
        let done = file.write_all(contents).and_then(|()| set_mode(file.as_file(), mode));
        done.map_err(|error| failed(&path, &error))?;
        self.add((file, guard, path.clone()));
        Ok(path)
    }

    /// A file is complete.
    fn add(&mut self, (file, guard, path): Begun) {
        self.places.insert(path.clone(), self.pending.len());
        self.pending.push((file.into_temp_path(), guard, path));
    }
}

/// Gives the files of all folders their names, or those of none.
pub(super) fn keep(folders: impl IntoIterator<Item = Folder>) -> Result<(), Failure> {
    // In this order: what was made is dropped after what came into it.
    let (made, pending): (Vec<_>, Vec<_>) =
        folders.into_iter().map(|folder| (folder.made, folder.pending)).unzip();
    let mut kept: Vec<(PathBuf, Guard)> = Vec::new();
    for (file, _guard, path) in pending.into_iter().flatten() {
        if let Err(error) = file.persist_noclobber(&path) {
            kept.iter().for_each(|(path, _)| drop(fs::remove_file(path)));
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => is_there(&path),
                _ => failed(&path, &error.error),
            });
        }
        let again = path.clone();
        kept.push((path, interrupt::undo_with(move || drop(fs::remove_file(again)))));
    }
    made.into_iter().for_each(MadeFolders::keep);
    Ok(())
}

fn is_there(path: &Path) -> Failure {
    Failure::about(path, ExitStatus::System, "is there already and is not overwritten")
}

/// Takes the payload files, if there is a folder for them.
pub(super) struct PayloadFiles {
    /// Dropped before the folder that it lies in.
    current: Option<Begun>,
    folder: Option<Folder>,
    /// Names of the files, by payload and name in the Artifact.
    names: BTreeMap<(usize, String), PathBuf>,
    /// Why the sink has stopped the reading.
    pub(super) failure: Option<Failure>,
}

impl PayloadFiles {
    pub(super) fn new(folder: Option<Folder>) -> Self {
        Self { folder, current: None, names: BTreeMap::new(), failure: None }
    }

    /// Stops the reading; the failure is reported instead of what the reader says.
    fn stop(&mut self, failure: Failure) -> Error {
        self.failure = Some(failure);
        Error::new(Defect::Cancelled, Entry::Artifact)
    }

    /// Gives the files the times and modes that the Artifact says. Where they will be, by their names in the Artifact.
    pub(super) fn set_times_and_modes(
        &self,
        header: &ArtifactHeader,
    ) -> Result<BTreeMap<String, PathBuf>, Failure> {
        let mut paths = BTreeMap::new();
        let Some(folder) = &self.folder else { return Ok(paths) };
        for (index, payload) in header.payloads.iter().enumerate() {
            for file in &payload.files {
                let Some(path) = self.names.get(&(index, file.name.clone())) else { continue };
                let pending = folder.places.get(path).and_then(|place| folder.pending.get(*place));
                if let Some((pending, ..)) = pending {
                    set_time_and_mode(pending, file).map_err(|error| failed(path, &error))?;
                }
                paths.insert(file.name.clone(), path.clone());
            }
        }
        Ok(paths)
    }

    pub(super) fn into_folder(self) -> Option<Folder> {
        self.folder
    }
}

impl PayloadSink for PayloadFiles {
    fn begin_file(&mut self, payload: usize, name: &str, _: u64) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        match folder.begin(name) {
            Ok(begun) => {
                self.names.insert((payload, name.to_owned()), begun.2.clone());
                self.current = Some(begun);
                Ok(())
            }
            Err(failure) => Err(self.stop(failure)),
        }
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some((file, _, path)) = &mut self.current else { return Ok(()) };
        if let Err(error) = file.write_all(bytes) {
            let failure = failed(path, &error);
            return Err(self.stop(failure));
        }
        Ok(())
    }

    fn end_file(&mut self) -> Result<(), Error> {
        if let (Some(folder), Some(complete)) = (&mut self.folder, self.current.take()) {
            folder.add(complete);
        }
        Ok(())
    }
}

fn set_time_and_mode(path: &Path, file: &PayloadFile) -> io::Result<()> {
    let opened = File::options().write(true).open(path)?;
    let since = u64::try_from(file.modified).unwrap_or(0);
    if let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since)) {
        opened.set_modified(time)?;
    }
    set_mode(&opened, file.mode)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode & MODE_MASK))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::io(path, ExitStatus::System, error)
}
