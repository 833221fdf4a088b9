//! `IMAGE:PATH`, a file in an image.

use crate::failure::Failure;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What the reference tool knows images by.
const SUFFIXES: [&str; 4] = [".mender", ".sdimg", ".uefiimg", ".img"];

/// A file or folder in an image or Artifact.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct Address {
    /// The image or Artifact.
    pub(in crate::commands) image: PathBuf,
    /// The path in it; begins with a slash.
    pub(in crate::commands) path: Vec<u8>,
}

impl Address {
    /// What a word that must be one means.
    pub(in crate::commands) fn required(word: &OsStr) -> Result<Self, Failure> {
        Self::find(word, |_| true)
            .ok_or_else(|| Failure::usage(format!("expected IMAGE:PATH, found '{}'", word.to_string_lossy())))
    }

    /// What a word means that may be the name of a file. It is an address if a colon follows a suffix of images, as for
    /// the reference tool; or if a file exists that is called as what stands before `:/`, and none as the whole.
    pub(in crate::commands) fn of(word: &OsStr) -> Option<Self> {
        Self::find(word, |image| !Path::new(word).exists() && Path::new(image).is_file())
    }

    fn find(word: &OsStr, is_image: impl Fn(&OsStr) -> bool) -> Option<Self> {
        let bytes = word.as_encoded_bytes();
        let colons = || (0..bytes.len()).filter(|at| bytes[*at] == b':');
        let by_suffix =
            colons().find(|at| SUFFIXES.iter().any(|suffix| bytes[..*at].ends_with(suffix.as_bytes())));
        let by_slash = || {
            let mut places = colons().filter(|at| *at > 0 && bytes.get(at + 1) == Some(&b'/'));
            places.find(|at| before(word, *at).is_some_and(|image| is_image(&image)))
        };
        let at = by_suffix.or_else(by_slash)?;
        let mut path = bytes[at + 1..].to_vec();
        if path.is_empty() {
            return None;
        }
        if path[0] != b'/' {
            path.insert(0, b'/');
        }
        Some(Self { image: PathBuf::from(before(word, at)?), path })
    }
}

/// What stands before the colon at byte `at`.
#[cfg(unix)]
fn before(word: &OsStr, at: usize) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(&word.as_bytes()[..at]).to_owned())
}

/// The same where names are text.
#[cfg(not(unix))]
fn before(word: &OsStr, at: usize) -> Option<OsString> {
    word.to_str()?.get(..at).map(OsString::from)
}

/// The last part of a path of the host, as the name in a folder of an image.
pub(in crate::commands) fn base_name(path: &Path) -> Result<Vec<u8>, Failure> {
    match path.file_name() {
        Some(name) => Ok(name.as_encoded_bytes().to_vec()),
        None => Err(Failure::usage(format!("expected the name of a file, found '{}'", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_and_a_colon_make_an_address() {
        for (word, image, path) in [
            ("a.sdimg:/etc/x", "a.sdimg", "/etc/x"),
            ("dir.img/a b.uefiimg:/x y", "dir.img/a b.uefiimg", "/x y"),
            ("a.mender:etc/x", "a.mender", "/etc/x"),
            ("a:b.img:/x:y", "a:b.img", "/x:y"),
            ("a.img:/b.img:/x", "a.img", "/b.img:/x"),
        ] {
            let address = Address { image: image.into(), path: path.into() };
            assert_eq!(Address::of(OsStr::new(word)), Some(address), "{word}");
        }
        for word in ["a.img", "a.img:", "img:/x", "a.imgx:/x", "-", ""] {
            assert_eq!(Address::of(OsStr::new(word)), None, "{word}");
        }
    }

    #[test]
    fn where_an_image_must_be_any_name_is_one() {
        let address = Address::required(OsStr::new("rootfs.ext4:/etc/x")).unwrap();
        assert_eq!(address, Address { image: "rootfs.ext4".into(), path: b"/etc/x".to_vec() });
        assert!(Address::required(OsStr::new("rootfs.ext4")).is_err());
        assert!(Address::required(OsStr::new(":/x")).is_err());
    }
}
