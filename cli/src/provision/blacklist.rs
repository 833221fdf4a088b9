//! The list of revoked certificates that Mender's gateway reads (`BlacklistPath`, `MTLS_BLACKLIST_PATH`): serial
//! numbers as hexadecimal digits, one a line.

use super::serial::Serial;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{STANDARD, read_small};
#[cfg(not(unix))]
use crate::lock_portable::Lock;
#[cfg(unix)]
use crate::lock_unix::Lock;
use crate::output::Output;
use std::io::Write;
use std::path::Path;

/// Largest list: some millions of certificates.
const FILE_MAX_BYTES: u64 = 128 << 20;

/// Serial numbers, each once, in the order in which they came.
pub(crate) struct Blacklist {
    serials: Vec<Serial>,
}

impl Blacklist {
    /// Of these.
    pub(crate) fn new(serials: Vec<Serial>) -> Self {
        let mut list = Self { serials: Vec::new() };
        list.add(serials);
        list
    }

    /// Reads a file; one that does not exist is empty.
    ///
    /// # Errors
    /// A line that is no serial number: whatever it is, it must not get lost.
    pub(crate) fn read_or_empty(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Self { serials: Vec::new() });
        }
        let bytes = read_small(path, FILE_MAX_BYTES, ExitStatus::OpenInput)?;
        let wrong = |message: String| Failure::about(path, ExitStatus::Invalid, message);
        let text =
            std::str::from_utf8(&bytes).map_err(|_| wrong("expected text, found other bytes".into()))?;
        let mut serials = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            serials.push(Serial::parse(line).ok_or_else(|| {
                wrong(format!("line {}: expected hexadecimal digits, found '{line}'", index + 1))
            })?);
        }
        Ok(Self::new(serials))
    }

    /// Adds those to a file that are not in it. One that exists keeps its permissions. Of several processes each waits
    /// for the one before it.
    ///
    /// # Errors
    /// As [`read_or_empty`](Self::read_or_empty); and when the file cannot be written.
    pub(crate) fn add_to(path: &Path, serials: Vec<Serial>) -> Result<(), Failure> {
        let failed = |error| Failure::io(path, ExitStatus::Output, &error);
        let _lock = if path == Path::new(STANDARD) {
            None
        } else {
            // A link's file is replaced, not the link.
            let file = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
            Some(Lock::wait_beside(&file).map_err(failed)?)
        };
        let mut list = Self::read_or_empty(path)?;
        list.add(serials);
        let mut output = if path.exists() { Output::create_like(path, path) } else { Output::create(path) }?;
        output.write_all(list.to_text().as_bytes()).map_err(failed)?;
        output.commit()
    }

    /// Adds those that are not in it.
    pub(crate) fn add(&mut self, serials: Vec<Serial>) {
        let mut known: std::collections::HashSet<Serial> = self.serials.iter().cloned().collect();
        self.serials.extend(serials.into_iter().filter(|serial| known.insert(serial.clone())));
    }

    /// One a line.
    pub(crate) fn to_text(&self) -> String {
        self.serials.iter().map(|serial| format!("{}\n", serial.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_serial_number_stands_once_and_none_gets_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let serial = |text| Serial::parse(text).unwrap();
        let mut list = Blacklist::read_or_empty(&path).unwrap();
        list.add(vec![serial("1f"), serial("2"), serial("01F")]);
        assert_eq!(list.to_text(), "1f\n2\n");
        std::fs::write(&path, "0A\r\n\n2\nff").unwrap();
        let mut list = Blacklist::read_or_empty(&path).unwrap();
        list.add(vec![serial("2"), serial("3")]);
        assert_eq!(list.to_text(), "a\n2\nff\n3\n");
        std::fs::write(&path, "# mine\n").unwrap();
        let said = Blacklist::read_or_empty(&path).map(|_| ()).unwrap_err().to_string();
        assert!(said.ends_with("line 1: expected hexadecimal digits, found '# mine'"), "{said}");
    }
}
