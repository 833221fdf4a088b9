//! What is finished in a folder of images, as its journal and the files in it tell together.

use super::device::{Device, Issued};
use super::folder::Folder;
use super::journal::{Events, Issue, Journal};
use super::serial::Serial;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::human::hex;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

/// The devices that are finished, and all keys and serial numbers that were ever given out.
pub(super) struct Finished {
    pub(super) placed: HashMap<String, Issue>,
    /// What each device got last whose image has perhaps not got its name.
    open: HashMap<String, Issue>,
    serials: HashSet<Serial>,
    public_keys: HashSet<String>,
}

impl Finished {
    /// What the journal says.
    pub(super) fn of(events: Events) -> Self {
        let mut all = Self {
            placed: HashMap::new(),
            open: HashMap::new(),
            serials: HashSet::new(),
            public_keys: HashSet::new(),
        };
        for issue in events.issued {
            let record = &issue.record;
            all.serials.insert(record.serial.clone());
            all.public_keys.insert(record.public_key.clone());
            let placed = events.placed.contains(&record.serial);
            let map = if placed { &mut all.placed } else { &mut all.open };
            map.insert(record.device.clone(), issue);
        }
        all
    }

    /// Whether the image of a device is finished.
    ///
    /// # Errors
    /// When something else is in its place, it is gone, or the device was made with another identity.
    pub(super) fn look_for(
        &mut self,
        device: &Device,
        folder: &Folder,
        allow_missing: bool,
        journal: &mut Journal,
    ) -> Result<bool, Failure> {
        let path = folder.file(&folder.image_name(&device.name)?);
        let size = match path.symlink_metadata() {
            Ok(about) if about.is_file() => Some(about.len()),
            Ok(_) => return Err(unknown(&path)),
            Err(_) => None,
        };
        if let Some(Issue { record, .. }) = self.placed.get(&device.name) {
            if record.identity != device.identity {
                return Err(Failure::about(
                    &path,
                    ExitStatus::Usage,
                    format!(
                        "identity of device '{}': expected {}, as it was made with, found another in the list",
                        device.name,
                        record.identity_json()
                    ),
                ));
            }
            let expected = record.image.as_ref().map(|image| image.size_bytes);
            return match size {
                Some(size) if Some(size) == expected => Ok(true),
                Some(_) => Err(unknown(&path)),
                None if allow_missing => Ok(true),
                None => Err(Failure::about(
                    &path,
                    ExitStatus::OpenInput,
                    "expected the image that was made, found none; --allow-missing goes on without it",
                )),
            };
        }
        if size.is_none() {
            return Ok(false);
        }
        // Somebody was ended between giving it its name and saying so.
        let issue = self.open.get(&device.name).filter(|issue| issue.record.identity == device.identity);
        let Some(issue) = issue else { return Err(unknown(&path)) };
        let sha256 = digest(&path)?;
        if issue.record.image.as_ref().is_none_or(|image| image.sha256 != sha256) {
            return Err(unknown(&path));
        }
        journal.placed(&issue.record.serial)?;
        self.placed.insert(device.name.clone(), issue.clone());
        Ok(true)
    }

    /// Refuses keys and serial numbers that were given out before.
    ///
    /// # Errors
    /// When the system's random numbers repeat themselves.
    pub(super) fn keep(&mut self, issued: Issued) -> Result<Issued, Failure> {
        let is_new = self.serials.insert(issued.record.serial.clone())
            && self.public_keys.insert(issued.record.public_key.clone());
        if is_new {
            return Ok(issued);
        }
        let message =
            "the random numbers of the system repeat themselves: expected a new key, found an old one";
        Err(Failure::plain(ExitStatus::System, message))
    }
}

fn unknown(path: &Path) -> Failure {
    let message = "expected no file or the image that was made, found something else";
    Failure::about(path, ExitStatus::Output, message)
}

fn digest(path: &Path) -> Result<String, Failure> {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let (mut digest, mut buffer) = (Sha256::new(), vec![0u8; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(&digest.finalize())),
                len => digest.update(&buffer[..len]),
            }
        }
    };
    read().map_err(|error| Failure::io(path, ExitStatus::System, &error))
}
