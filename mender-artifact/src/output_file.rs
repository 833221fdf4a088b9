//! Files that appear whole or not at all.

#[path = "output_file_named.rs"]
mod named;
#[cfg(target_os = "linux")]
#[path = "output_file_linux.rs"]
mod nameless;
#[cfg(unix)]
#[path = "output_file_unix.rs"]
mod unfinished;

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use tempfile::TempPath;

use self::named::Named;

/// A file being written. Until [`commit`](Self::commit) it has no name where the system has such files (Linux, on most
/// file systems), so that nothing is left of it however the process ends; elsewhere it lies beside its destination
/// under another name, `.mender-artifact-NAME.part`. Dropped before, it is removed and the destination is as it was. What a
/// process that was killed has left under that name, whoever makes the same file next removes, if nobody holds it
/// (`flock`); where another machine may hold it, which is wherever the system does not tell that the file system is
/// local, if it has not changed for an hour. Who finds at the end that his file was taken away all the same fails.
///
/// The name has a random part instead, and nobody removes what is left of it, where `NAME` is too long for that (more
/// than 233 bytes), where another process writes the same file, or has left such a file that is not yet old enough, and
/// on systems that are no Unix.
///
/// A destination that is a symbolic link stays one: the file that it points to is replaced. One
/// that is no regular file, such as `/dev/null` or a pipe, is written directly.
#[derive(Debug)]
pub struct OutputFile(Inner);

#[derive(Debug)]
enum Inner {
    #[cfg(target_os = "linux")]
    Nameless {
        file: File,
        destination: PathBuf,
    },
    Beside {
        file: Named,
        destination: PathBuf,
    },
    Direct(File),
}

/// How names of files begin and end that are not complete.
const PREFIX: &str = ".mender-artifact-";
const SUFFIX: &str = ".part";
/// Permissions of any new file, less what the process masks.
const NEW_FILE_MODE: u32 = 0o666;
/// Permissions of a file that gets others before it gets its name.
const PRIVATE_MODE: u32 = 0o600;

impl OutputFile {
    /// Makes the file with the permissions that any new file gets.
    ///
    /// # Errors
    /// When nothing can be made beside the destination, or the destination is a folder.
    pub fn create(destination: &Path) -> io::Result<Self> {
        Self::with_mode(destination, NEW_FILE_MODE)
    }

    /// Makes a file that nobody but its owner may read until it is given other permissions, also where it has a name
    /// before it is complete.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_private(destination: &Path) -> io::Result<Self> {
        Self::with_mode(destination, PRIVATE_MODE)
    }

    fn with_mode(destination: &Path, mode: u32) -> io::Result<Self> {
        let (destination, existing) = resolve(destination)?;
        match existing {
            Some(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Some(metadata) if !metadata.is_file() => {
                Ok(Self(Inner::Direct(File::options().write(true).open(destination)?)))
            }
            _ => {
                #[cfg(unix)]
                unfinished::reclaim(&unfinished::unfinished_name(&destination));
                #[cfg(target_os = "linux")]
                if let Some(file) = nameless::create_in(folder_of(&destination), mode) {
                    return Ok(Self(Inner::Nameless { file, destination }));
                }
                Self::beside(destination, mode)
            }
        }
    }

    /// A file with a name of its own until it is committed.
    fn beside(destination: PathBuf, mode: u32) -> io::Result<Self> {
        #[cfg(unix)]
        {
            let path = unfinished::unfinished_name(&destination);
            if let Some(file) = unfinished::begin(&path, mode) {
                let file = Named::new(file, TempPath::try_from_path(path)?, true);
                return Ok(Self(Inner::Beside { file, destination }));
            }
        }
        // Somebody else writes the same file, or its name is as long as a name may be.
        let mut builder = temporary();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(mode));
        }
        #[cfg(not(unix))]
        let _ = mode;
        let (file, path) = builder.tempfile_in(folder_of(&destination))?.into_parts();
        Ok(Self(Inner::Beside { file: Named::new(file, path, false), destination }))
    }

    /// Makes a file that gets the mode and, where the process may give it, the owner of `model`. For changing
    /// an existing file. Until it has them nobody else may read it.
    ///
    /// # Errors
    /// As [`create`](Self::create); also when `model` does not exist.
    pub fn create_like(destination: &Path, model: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(model)?;
        let output = Self::create_private(destination)?;
        if !matches!(output.0, Inner::Direct(_)) {
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, fchown};
                // Changing the owner clears set-user-ID bits, so it comes first. Only root may.
                let _ = fchown(output.file(), Some(metadata.uid()), Some(metadata.gid()));
            }
            output.file().set_permissions(metadata.permissions())?;
        }
        Ok(output)
    }

    /// Makes what was written durable and lets it appear under its name.
    ///
    /// # Errors
    /// When the data cannot be brought to disk or the file cannot be moved. The destination is then
    /// as it was.
    pub fn commit(self) -> io::Result<()> {
        match self.0 {
            Inner::Direct(mut file) => file.flush(),
            #[cfg(target_os = "linux")]
            Inner::Nameless { file, destination } => {
                file.sync_all()?;
                name(&file, &destination)?;
                make_name_durable(&destination);
                Ok(())
            }
            Inner::Beside { mut file, destination } => {
                file.file().sync_all()?;
                file.persist(&destination)?;
                #[cfg(unix)]
                unfinished::release(file.file());
                drop(file);
                make_name_durable(&destination);
                Ok(())
            }
        }
    }

    /// As [`commit`](Self::commit), but never in the place of something that has the name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when the name is taken; else as [`commit`](Self::commit).
    pub fn commit_new(self) -> io::Result<()> {
        match self.0 {
            Inner::Direct(_) => Err(io::ErrorKind::AlreadyExists.into()),
            #[cfg(target_os = "linux")]
            Inner::Nameless { file, destination } => {
                file.sync_all()?;
                nameless::link(&file, &destination)?;
                make_name_durable(&destination);
                Ok(())
            }
            Inner::Beside { mut file, destination } => {
                file.file().sync_all()?;
                file.persist_new(&destination)?;
                #[cfg(unix)]
                unfinished::release(file.file());
                drop(file);
                make_name_durable(&destination);
                Ok(())
            }
        }
    }

    /// Where the bytes are until they are committed; `None` for what has no name or is written directly. For whoever
    /// has to remove it when a signal ends the process, where nothing is dropped.
    #[must_use]
    pub fn path_until_committed(&self) -> Option<&Path> {
        match &self.0 {
            Inner::Beside { file, .. } => file.path(),
            _ => None,
        }
    }

    /// The file itself, for what [`Write`] does not offer.
    #[must_use]
    pub fn file(&self) -> &File {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Inner::Nameless { file, .. } => file,
            Inner::Beside { file, .. } => file.file(),
            Inner::Direct(file) => file,
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// How files are called that are not complete.
fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Gives a file without a name that of its destination.
#[cfg(target_os = "linux")]
fn name(file: &File, destination: &Path) -> io::Result<()> {
    match nameless::link(file, destination) {
        // A name that something has can only be taken over from another name.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let unfinished = unfinished::unfinished_name(destination);
            let named = match unfinished::hold(file).is_ok() && nameless::link(file, &unfinished).is_ok() {
                true => named::still(file, TempPath::try_from_path(unfinished)?)?,
                // Somebody else writes the same file, or its name is as long as a name may be.
                false => {
                    let named =
                        temporary().make_in(folder_of(destination), |path| nameless::link(file, path));
                    named?.into_temp_path()
                }
            };
            named.persist(destination).map_err(|error| error.error)?;
            unfinished::release(file);
            Ok(())
        }
        done => done,
    }
}

/// The new name is durable once its folder is. Not all file systems can do that.
fn make_name_durable(destination: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder_of(destination)).and_then(|folder| folder.sync_all());
    }
}

/// Follows symbolic links to what is there, if anything is.
fn resolve(destination: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    match fs::canonicalize(destination) {
        Ok(path) => {
            let metadata = fs::metadata(&path)?;
            Ok((path, Some(metadata)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(destination).is_ok() {
                return Err(io::Error::new(error.kind(), "a symbolic link to nothing"));
            }
            Ok((destination.to_owned(), None))
        }
        Err(error) => Err(error),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
