//! Files that must not replace others: keys, and the certificates that belong to them.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::interrupt;
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

/// Writes a key and its certificate, or neither.
///
/// # Errors
/// When one of the names is taken, or the files cannot be written.
pub(crate) fn write_pair(
    (key_path, key): (&Path, &[u8]),
    (certificate_path, certificate): (&Path, &[u8]),
) -> Result<(), Failure> {
    write(key_path, key, Access::Secret)?;
    write(certificate_path, certificate, Access::Public).inspect_err(|_| {
        // Nobody has used it yet.
        let _ = std::fs::remove_file(key_path);
    })
}

/// Writes a new file, which appears whole.
///
/// # Errors
/// When the name is taken, or the file cannot be written.
pub(crate) fn write(path: &Path, contents: &[u8], access: Access) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::io(path, ExitStatus::Output, error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mender-artifact-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Less what the process masks.
        let mode = if access == Access::Secret { 0o600 } else { 0o666 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = access;
    let made = interrupt::make_file(|| builder.tempfile_in(folder), |file| Some(file.path()));
    let (mut file, unfinished) = made.map_err(|error| failed(&error))?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    let kept = file.persist_noclobber(path);
    drop(unfinished);
    match kept {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(taken(path)),
        Err(error) => Err(failed(&error.error)),
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
        write(&path, b"k", Access::Secret).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(all_new(&[&link]).is_err());
        assert!(write(&link, b"k", Access::Secret).is_err());
        assert!(!folder.path().join("nowhere").exists());
    }
}
