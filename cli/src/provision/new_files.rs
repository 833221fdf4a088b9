//! Files that must not replace others: keys, and the certificates that belong to them.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::interrupt::{self, Guard};
use mender_artifact::output_file::OutputFile;
use std::io::{self, Write};
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone.
    Secret,
    /// Everybody.
    Public,
}

/// Refuses names that are taken, before anything is made.
///
/// # Errors
/// The first that exists, whatever it is.
pub(crate) fn all_new(paths: &[&Path]) -> Result<(), Failure> {
    for (index, path) in paths.iter().enumerate() {
        if path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        if paths.iter().take(index).any(|other| other == path) {
            return Err(Failure::about(path, ExitStatus::Usage, "expected two names, found the same twice"));
        }
    }
    Ok(())
}

/// Writes a key and its certificate, or neither. Only what kills the process between the two names leaves the one
/// without the other.
///
/// # Errors
/// When one of the names is taken, or the files cannot be written.
pub(crate) fn write_pair(key: (&Path, &[u8]), certificate: (&Path, &[u8])) -> Result<(), Failure> {
    let key_path = key.0;
    let key = New::written(key_path, key.1, Access::Secret)?;
    let certificate = New::written(certificate.0, certificate.1, Access::Public)?;
    key.keep()?;
    // Nobody has used it yet.
    certificate.keep().inspect_err(|_| remove_all(&[key_path]))
}

/// A file that is complete and has no name yet.
struct New<'p> {
    path: &'p Path,
    file: OutputFile,
    _unfinished: Option<Guard>,
}

impl<'p> New<'p> {
    fn written(path: &'p Path, contents: &[u8], access: Access) -> Result<Self, Failure> {
        let failed = |error: &io::Error| Failure::io(path, ExitStatus::Output, error);
        let create = match access {
            Access::Secret => OutputFile::create_private,
            Access::Public => OutputFile::create,
        };
        // A link to nothing is a name that is taken, too.
        if path.symlink_metadata().is_ok() {
            return Err(taken(path));
        }
        let made = interrupt::make_file(|| create(path), OutputFile::path_until_committed);
        let (mut file, unfinished) = made.map_err(|error| failed(&error))?;
        file.write_all(contents).and_then(|()| file.file().sync_all()).map_err(|error| failed(&error))?;
        Ok(Self { path, file, _unfinished: unfinished })
    }

    fn keep(self) -> Result<(), Failure> {
        self.file.commit_new().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(self.path),
            _ => Failure::io(self.path, ExitStatus::Output, &error),
        })
    }
}

/// Takes away what was just made and nobody has used yet.
pub(crate) fn remove_all(paths: &[&Path]) {
    for path in paths {
        let _ = std::fs::remove_file(path);
    }
}

fn taken(path: &Path) -> Failure {
    Failure::about(path, ExitStatus::Output, "expected the name of a new file, found one that exists")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_is_replaced_and_a_pair_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
        fs::write(&certificate, "mine").unwrap();
        assert!(write_pair((&key, b"k"), (&certificate, b"c")).is_err());
        assert!(!key.exists());
        assert_eq!(fs::read(&certificate).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(all_new(&[&key, &certificate]).is_err());
        assert!(all_new(&[&key, &key]).is_err());
        fs::remove_file(&certificate).unwrap();
        all_new(&[&key, &certificate]).unwrap();
        write_pair((&key, b"k"), (&certificate, b"c")).unwrap();
        assert_eq!(fs::read(&key).unwrap(), b"k");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners_and_links_are_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let write = |path: &Path| New::written(path, b"k", Access::Secret).and_then(New::keep);
        write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(all_new(&[&link]).is_err());
        assert!(write(&link).is_err());
        assert!(!folder.path().join("nowhere").exists());
    }
}
