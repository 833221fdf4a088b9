//! The folder that images are made in.
//!
//! | name | what | mode |
//! |---|---|---|
//! | `images/` | finished images, with private keys in them | 0700, files 0600 |
//! | `certificates/` | certificates as PEM | |
//! | `keys/` | private keys, where somebody wants them kept | 0700, files 0600 |
//! | `manifest.jsonl`, `preauthorize.jsonl` | what is known of the devices | |
//! | `.provision/` | journal, lock, and what is not finished | 0700 |

use super::part::{Part, SUFFIX, shred_left_over};
use super::template::Template;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
#[cfg(not(unix))]
use crate::lock_portable::Lock;
#[cfg(unix)]
use crate::lock_unix::Lock;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Longest file name in bytes: what all file systems take.
const FILE_NAME_MAX_BYTES: usize = 240;

/// The folder, which nobody else works in meanwhile.
pub(crate) struct Folder {
    root: PathBuf,
    /// What the names of images end with, such as `.sdimg`.
    suffix: String,
    _lock: Lock,
}

impl Folder {
    /// Takes a folder, and makes it if there is none. `template` says what names of images end with.
    ///
    /// # Errors
    /// When it cannot be made, or somebody else works in it.
    pub(crate) fn open(root: &Path, template: &Path) -> Result<Self, Failure> {
        make_folder(root, false)?;
        for (name, secret) in [(".provision", true), ("images", true), ("certificates", false)] {
            make_folder(&root.join(name), secret)?;
        }
        let path = root.join(".provision/lock");
        let lock = Lock::take(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::about(
                root,
                ExitStatus::Output,
                "expected a folder that nobody works in, found another provision bulk at work in it",
            ),
            _ => Failure::io(&path, ExitStatus::Output, &error),
        })?;
        let suffix = template.extension().and_then(|extension| extension.to_str()).unwrap_or("img");
        Ok(Self { root: root.to_path_buf(), suffix: format!(".{suffix}"), _lock: lock })
    }

    /// What the names of images end with.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// A file of this name in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join(".provision/journal.jsonl")
    }

    /// The name of a device's image, relative to the folder.
    ///
    /// # Errors
    /// When no file can be called so.
    pub(crate) fn image_name(&self, device: &str) -> Result<String, Failure> {
        let name = format!("{}{}", file_name(device), self.suffix);
        if name.len() > FILE_NAME_MAX_BYTES {
            let message =
                format!("device '{device}': expected a name that files can have, found a longer one");
            return Err(Failure::usage(message));
        }
        Ok(format!("images/{name}"))
    }

    /// Writes the certificates of devices, as far as they are not there. Returns when they will stay.
    pub(crate) fn write_certificates<'i>(
        &self,
        all: impl Iterator<Item = (&'i str, &'i str)>,
    ) -> Result<(), Failure> {
        let folder = self.root.join("certificates");
        let mut written = Vec::new();
        for (device, text) in all {
            let path = folder.join(format!("{}.pem", file_name(device)));
            if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
                continue;
            }
            let part = self.part("certificate");
            fs::write(&part, text)
                .and_then(|()| fs::rename(&part, &path))
                .map_err(|error| Failure::io(&path, ExitStatus::Output, &error))?;
            written.push(path);
        }
        // All at once is much faster than each by itself.
        for path in written {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|error| Failure::io(&path, ExitStatus::Output, &error))?;
        }
        sync_folder(&folder);
        Ok(())
    }

    /// Where an unfinished file goes.
    pub(crate) fn part(&self, name: &str) -> PathBuf {
        self.root.join(".provision").join(format!("{name}{SUFFIX}"))
    }

    /// Keeps the private key of a device.
    pub(crate) fn keep_key(&self, device: &str, key: &[u8]) -> Result<(), Failure> {
        let keys = self.root.join("keys");
        make_folder(&keys, true)?;
        let name = keys.join(format!("{}.key", file_name(device)));
        let part = Part::of(key, &self.part(&format!("key-{}", file_name(device))))?;
        part.sync()?;
        part.persist(&name)?;
        sync_folder(&keys);
        Ok(())
    }

    /// Lets the names of finished images stay.
    pub(crate) fn sync_images(&self) {
        sync_folder(&self.root.join("images"));
    }

    /// Overwrites and removes what a process that was killed has left.
    pub(crate) fn clear_left_over(&self, template: &Template) -> Result<(), Failure> {
        let scratch = self.root.join(".provision");
        let failed = |error: &io::Error| Failure::io(&scratch, ExitStatus::System, error);
        for entry in fs::read_dir(&scratch).map_err(|error| failed(&error))? {
            let path = entry.map_err(|error| failed(&error))?.path();
            if path.as_os_str().as_encoded_bytes().ends_with(SUFFIX.as_bytes()) {
                shred_left_over(&path, template)?;
            }
        }
        Ok(())
    }
}

/// The name of a device as one that all file systems take: letters, digits, `-`, `_` and `.` as they are, others as `%`
/// and two hexadecimal digits for each byte.
fn file_name(device: &str) -> String {
    let mut name = String::new();
    for (index, character) in device.char_indices() {
        let plain =
            character.is_alphanumeric() || matches!(character, '-' | '_') || (character == '.' && index > 0);
        if plain {
            name.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    name
}

/// Makes a folder that may exist. Of one that holds secrets only the owner sees anything, whoever made it.
fn make_folder(path: &Path, secret: bool) -> Result<(), Failure> {
    let made = if secret { fs::create_dir(path) } else { fs::create_dir_all(path) };
    let made = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    };
    #[cfg(unix)]
    let made = made.and_then(|()| {
        use std::os::unix::fs::PermissionsExt;
        if secret { fs::set_permissions(path, fs::Permissions::from_mode(0o700)) } else { Ok(()) }
    });
    made.map_err(|error| Failure::io(path, ExitStatus::Output, &error))
}

/// Not all file systems can.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let _ = File::open(path).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_become_names_of_files() {
        for (device, file) in [
            ("board-0001_a.b", "board-0001_a.b"),
            ("02:00:ff", "02%3A00%3Aff"),
            ("../x", "%2E.%2Fx"),
            (".x", "%2Ex"),
            ("a%b c", "a%25b%20c"),
            ("Ägä", "Ägä"),
        ] {
            assert_eq!(file_name(device), file);
        }
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        let first = Folder::open(&root, Path::new("core.sdimg")).unwrap();
        assert_eq!(first.image_name("a:b").unwrap(), "images/a%3Ab.sdimg");
        assert!(first.image_name(&"€".repeat(64)).is_err());
        let said = Folder::open(&root, Path::new("x")).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("found another provision bulk at work in it"), "{said}");
        drop(first);
        assert_eq!(Folder::open(&root, Path::new("x")).unwrap().suffix(), ".img");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = Folder::open(folder.path(), Path::new("x")).unwrap();
        open.keep_key("a", b"one").unwrap();
        open.keep_key("a", b"two").unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode("images"), mode(".provision"), mode("keys")], [0o700; 3]);
        assert_eq!(mode("keys/a.key"), 0o600);
        assert_eq!(fs::read(folder.path().join("keys/a.key")).unwrap(), b"two");
    }

    #[test]
    fn a_key_that_cannot_be_kept_does_not_lie_about() {
        let folder = tempfile::tempdir().unwrap();
        let open = Folder::open(folder.path(), Path::new("x")).unwrap();
        fs::create_dir_all(folder.path().join("keys/a.key/in the way")).unwrap();
        assert!(open.keep_key("a", b"one").is_err());
        let names = fs::read_dir(folder.path().join(".provision")).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["lock"]);
    }
}
