//! How far a download has come, kept where a loss of power does not reach.
//!
//! Nothing depends on it: an attempt after an interruption compares all of the image with the medium, and so goes on
//! wherever the last one ended. The journal tells how far that was, to whoever reads the client's log.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::Hex;
use super::slots::Slot;

/// A record is a few hundred bytes.
const FILE_LIMIT_BYTES: u64 = 1 << 16;

/// What is being written where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) partition: PathBuf,
    pub(crate) image_bytes: u64,
    pub(crate) image_sha256: Option<[u8; 32]>,
}

/// The journal of one download.
#[derive(Debug)]
pub(crate) struct Journal {
    /// None where no place for it is configured.
    path: Option<PathBuf>,
    work: Work,
    /// What the last attempt at the same work had brought to the medium.
    pub(crate) before_bytes: Option<u64>,
}

impl Journal {
    /// Reads what is there; a journal that cannot be read, or is about something else, says nothing.
    pub(crate) fn open(
        path: Option<PathBuf>,
        slot: &Slot,
        image_bytes: u64,
        image_sha256: Option<[u8; 32]>,
    ) -> Self {
        let work = Work { partition: slot.path.clone(), image_bytes, image_sha256 };
        let before_bytes = path.as_deref().and_then(|path| durable_bytes(path, &work));
        Self { path, work, before_bytes }
    }

    /// Notes that the first `durable_bytes` of the image are on the medium. Only to be called when they are.
    ///
    /// # Errors
    ///
    /// The note cannot be written; the old one is still there then.
    pub(crate) fn note(&self, durable_bytes: u64) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut record = self.work.to_json();
        record["durable_bytes"] = durable_bytes.into();
        replace(path, format!("{record}\n").as_bytes())
    }

    /// The work is done.
    ///
    /// # Errors
    ///
    /// The journal cannot be removed.
    pub(crate) fn close(&self) -> io::Result<()> {
        match self.path.as_deref().map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Work {
    fn to_json(&self) -> Value {
        json!({
            "partition": self.partition.to_string_lossy(),
            "image_bytes": self.image_bytes,
            "image_sha256": self.image_sha256.as_ref().map(|digest| Hex(digest).to_string()),
        })
    }
}

fn durable_bytes(path: &Path, work: &Work) -> Option<u64> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(FILE_LIMIT_BYTES).read_to_string(&mut text).ok()?;
    let mut record: Value = serde_json::from_str(&text).ok()?;
    let durable = record.as_object_mut()?.remove("durable_bytes")?.as_u64()?;
    (record == work.to_json() && durable <= work.image_bytes).then_some(durable)
}

/// Puts a file in the place of another one, durably: after a loss of power it is the old or the new one.
///
/// # Errors
///
/// The operating system's.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = fs::File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_work_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let slot = |name: &str| Slot::for_test(name, 3);
        let open = |name: &str, bytes, digest| Journal::open(Some(path.clone()), &slot(name), bytes, digest);
        let first = open("/dev/x3", 100, Some([7; 32]));
        assert_eq!(first.before_bytes, None);
        first.note(40).unwrap();
        first.note(60).unwrap();
        assert_eq!(open("/dev/x3", 100, Some([7; 32])).before_bytes, Some(60));
        assert_eq!(open("/dev/x2", 100, Some([7; 32])).before_bytes, None);
        assert_eq!(open("/dev/x3", 101, Some([7; 32])).before_bytes, None);
        assert_eq!(open("/dev/x3", 100, Some([8; 32])).before_bytes, None);
        assert_eq!(open("/dev/x3", 100, None).before_bytes, None);
        first.note(101).unwrap();
        assert_eq!(open("/dev/x3", 100, Some([7; 32])).before_bytes, None, "more than there is");
        for damaged in ["", "{", "[]", "{\"durable_bytes\": 5}"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(open("/dev/x3", 100, Some([7; 32])).before_bytes, None, "{damaged}");
        }
        first.close().unwrap();
        assert!(!path.exists());
        open("/dev/x3", 100, None).close().unwrap();
    }

    #[test]
    fn without_a_place_there_is_no_journal() {
        let journal = Journal::open(None, &Slot::for_test("/dev/x3", 3), 100, None);
        journal.note(50).unwrap();
        assert_eq!(journal.before_bytes, None);
        journal.close().unwrap();
    }
}
