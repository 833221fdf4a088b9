//! Files that appear whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file being written. It lies beside its destination under another name until
/// [`commit`](Self::commit) moves it there; dropped before, it is removed and the destination is as
/// it was.
///
/// A destination that is a symbolic link stays one: the file that it points to is replaced. One
/// that is no regular file, such as `/dev/null` or a pipe, is written directly.
#[derive(Debug)]
pub struct OutputFile(Inner);

#[derive(Debug)]
enum Inner {
    Beside { file: NamedTempFile, destination: PathBuf },
    Direct(File),
}

impl OutputFile {
    /// Makes the file with the permissions that any new file gets.
    ///
    /// # Errors
    /// When nothing can be made beside the destination, or the destination is a folder.
    pub fn create(destination: &Path) -> io::Result<Self> {
        let (destination, existing) = resolve(destination)?;
        match existing {
            Some(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Some(metadata) if !metadata.is_file() => {
                Ok(Self(Inner::Direct(File::options().write(true).open(destination)?)))
            }
            _ => {
                let directory = folder_of(&destination);
                let mut builder = tempfile::Builder::new();
                builder.prefix(".mender-artifact-").suffix(".part");
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    // Less what the process masks, as for any new file.
                    builder.permissions(fs::Permissions::from_mode(0o666));
                }
                Ok(Self(Inner::Beside { file: builder.tempfile_in(directory)?, destination }))
            }
        }
    }

    /// Makes a file that gets the mode and, where the process may give it, the owner of `model`. For changing
    /// an existing file.
    ///
    /// # Errors
    /// As [`create`](Self::create); also when `model` does not exist.
    pub fn create_like(destination: &Path, model: &Path) -> io::Result<Self> {
        let output = Self::create(destination)?;
        if let Inner::Beside { file, .. } = &output.0 {
            let metadata = fs::metadata(model)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, fchown};
                // Changing the owner clears set-user-ID bits, so it comes first. Only root may.
                let _ = fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid()));
            }
            file.as_file().set_permissions(metadata.permissions())?;
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
            Inner::Beside { file, destination } => {
                file.as_file().sync_all()?;
                file.persist(&destination).map_err(|error| error.error)?;
                // The new name is durable once its folder is. Not all file systems can do that.
                if cfg!(unix) {
                    let _ = File::open(folder_of(&destination)).and_then(|folder| folder.sync_all());
                }
                Ok(())
            }
        }
    }

    /// Where the bytes are until they are committed; `None` for what is written directly. For whoever has to remove
    /// it when a signal ends the process, where nothing is dropped.
    #[must_use]
    pub fn path_until_committed(&self) -> Option<&Path> {
        match &self.0 {
            Inner::Beside { file, .. } => Some(file.path()),
            Inner::Direct(_) => None,
        }
    }

    /// The file itself, for what [`Write`] does not offer.
    #[must_use]
    pub fn file(&self) -> &File {
        match &self.0 {
            Inner::Beside { file, .. } => file.as_file(),
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
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_committed_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(!path.exists());
        output.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn dropping_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"old").unwrap();
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(output.path_until_committed().is_some_and(Path::exists));
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn folders_and_missing_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OutputFile::create(folder.path()).is_err());
        assert!(OutputFile::create(&folder.path().join("no/a")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_modes_can_be_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        let mut output = OutputFile::create_like(&link, &path).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        std::os::unix::fs::symlink("nothing", folder.path().join("dangling")).unwrap();
        assert!(OutputFile::create(&folder.path().join("dangling")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_directly() {
        let mut output = OutputFile::create(Path::new("/dev/null")).unwrap();
        output.write_all(b"gone").unwrap();
        output.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
