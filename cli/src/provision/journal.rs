//! What has been done in a folder of images, so that a process that ends anywhere can be followed by another.
//!
//! One line of JSON for each event, added and never changed; an unfinished last line is as if it had not been.
//!
//! | event | when | |
//! |---|---|---|
//! | `begun` | first | what all images have in common |
//! | `issued` | before an image gets its name | the record of the device, as the manifest has it, and its certificates |
//! | `placed` | after it has got it, for good | serial number |
//!
//! That an image is placed may get lost, and comes for several at once: then it is compared with its record.

use super::record::{LINE_MAX_BYTES, Record};
use super::serial::Serial;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A journal that is open.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Length of all whole lines.
    len_bytes: u64,
    /// Why a line could not be added. Nothing may come behind a half line.
    broken: Option<io::Error>,
}

/// What a journal says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    /// What all images have in common.
    pub(crate) begun: Option<Value>,
    /// Whatever was issued, in its order; later ones of a device take the place of earlier ones.
    pub(crate) issued: Vec<Issue>,
    /// Serial numbers of the devices whose images have their names.
    pub(crate) placed: HashSet<Serial>,
}

/// What a device got: its record, and its certificates as PEM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Issue {
    pub(crate) record: Record,
    pub(crate) certificates: String,
}

impl Journal {
    /// Opens or makes it, and reads what it says.
    ///
    /// # Errors
    /// When it cannot be read or has a line that is no event.
    pub(crate) fn open(path: &Path) -> Result<(Self, Events), Failure> {
        let failed = |error: &io::Error| Failure::io(path, ExitStatus::System, error);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(|error| failed(&error))?;
        let mut events = Events::default();
        let mut sound_len_bytes = 0u64;
        let mut reader = BufReader::new(&file);
        for number in 1u64.. {
            let wrong = |message: String| {
                Failure::about(path, ExitStatus::Invalid, format!("line {number}: {message}"))
            };
            let mut line = Vec::new();
            let mut limited = reader.by_ref().take(LINE_MAX_BYTES as u64 + 1);
            let read = limited.read_until(b'\n', &mut line).map_err(|error| failed(&error))?;
            if line.len() > LINE_MAX_BYTES {
                let message = format!("larger than the limit: expected at most {LINE_MAX_BYTES} bytes");
                return Err(wrong(message).with_status(ExitStatus::Limit));
            }
            // Somebody was ended in the middle of it.
            if line.last() != Some(&b'\n') {
                break;
            }
            events.add(&line).map_err(wrong)?;
            sound_len_bytes = sound_len_bytes.saturating_add(read as u64);
        }
        file.set_len(sound_len_bytes)
            .and_then(|()| file.seek(SeekFrom::Start(sound_len_bytes)))
            .map_err(|error| failed(&error))?;
        let journal = Self { path: path.to_path_buf(), file, len_bytes: sound_len_bytes, broken: None };
        Ok((journal, events))
    }

    /// Records what all images have in common.
    pub(crate) fn begun(&mut self, common: &Value) -> Result<(), Failure> {
        self.add(&json!({"event": "begun", "common": common}))?;
        self.sync()
    }

    /// Records what a device is about to get. Returns when the record will stay.
    pub(crate) fn issued(&mut self, issue: &Issue) -> Result<(), Failure> {
        let (record, certificates) = (issue.record.to_json(), &issue.certificates);
        self.add(&json!({"event": "issued", "record": record, "certificates": certificates}))?;
        self.sync()
    }

    /// Records that its image has its name.
    pub(crate) fn placed(&mut self, serial: &Serial) -> Result<(), Failure> {
        self.add(&json!({"event": "placed", "serial": serial.as_str()}))
    }

    /// Returns when all events will stay.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|error| Failure::io(&self.path, ExitStatus::Output, &error))
    }

    fn add(&mut self, event: &Value) -> Result<(), Failure> {
        if let Some(error) = &self.broken {
            return Err(Failure::io(&self.path, ExitStatus::Output, error));
        }
        let line = format!("{event}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // Whoever opens it next cuts a half line off, too.
            let _ = self.file.set_len(self.len_bytes);
            let failure = Failure::io(&self.path, ExitStatus::Output, &error);
            self.broken = Some(error);
            return Err(failure);
        }
        self.len_bytes = self.len_bytes.saturating_add(line.len() as u64);
        Ok(())
    }
}

impl Events {
    fn add(&mut self, line: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| format!("expected JSON: {error}"))?;
        let missing = |key: &str| format!("expected '{key}', found none");
        match value.get("event").and_then(Value::as_str) {
            Some("begun") => {
                self.begun = Some(value.get("common").ok_or_else(|| missing("common"))?.clone());
            }
            Some("issued") => {
                let record = Record::from_json(value.get("record").ok_or_else(|| missing("record"))?)?;
                let certificates = value.get("certificates").and_then(Value::as_str);
                let certificates = certificates.ok_or_else(|| missing("certificates"))?.to_owned();
                self.issued.push(Issue { record, certificates });
            }
            Some("placed") => {
                let serial = value.get("serial").and_then(Value::as_str).and_then(Serial::parse);
                self.placed.insert(serial.ok_or_else(|| missing("serial"))?);
            }
            _ => return Err("expected an event, found another object".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn issue() -> Issue {
        Issue { record: record(), certificates: "-----BEGIN CERTIFICATE-----\n".into() }
    }

    #[test]
    fn what_was_added_is_there_and_what_was_cut_off_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, events) = Journal::open(&path).unwrap();
        assert_eq!(events, Events::default());
        journal.begun(&json!({"a": 1})).unwrap();
        journal.issued(&issue()).unwrap();
        let without = std::fs::read(&path).unwrap();
        journal.placed(&record().serial).unwrap();
        drop(journal);
        let all = std::fs::read(&path).unwrap();
        for len in without.len()..=all.len() {
            std::fs::write(&path, &all[..len]).unwrap();
            let (mut journal, events) = Journal::open(&path).unwrap();
            assert_eq!(events.begun, Some(json!({"a": 1})));
            assert_eq!(events.issued, [issue()]);
            assert_eq!(events.placed.len(), usize::from(len == all.len()), "{len}");
            journal.placed(&record().serial).unwrap();
            drop(journal);
            assert!(Journal::open(&path).unwrap().1.placed.contains(&record().serial));
        }
    }

    #[test]
    fn a_damaged_journal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        for (text, says) in [
            ("{}\n", "line 1: expected an event"),
            ("{\"event\":\"begun\",\"common\":1}\nx\n", "line 2: expected JSON"),
            ("{\"event\":\"placed\",\"serial\":\"x\"}\n", "line 1: expected 'serial'"),
            ("{\"event\":\"issued\",\"record\":{}}\n", "line 1: expected a text 'serial'"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = Journal::open(&path).map(|_| ()).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
