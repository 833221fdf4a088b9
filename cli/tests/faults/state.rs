//! What is in the folder of a test: all files with their content.

use crate::cases::Case;
use crate::workplace::Workplace;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their path below the folder.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State(pub(crate) BTreeMap<String, Vec<u8>>);

impl State {
    /// What is there now. Keys and certificates that are new each time count as the same, if they are complete.
    pub(crate) fn of(place: &Workplace, case: &Case) -> Self {
        let mut files = BTreeMap::new();
        gather(&place.path(""), "", &mut files);
        for name in case.random {
            if let Some(bytes) = files.get_mut(*name) {
                let text = String::from_utf8_lossy(bytes);
                let is_whole = text.starts_with("-----BEGIN ") && text.ends_with("-----\n");
                assert!(is_whole && text.matches("-----END ").count() == text.matches("-----BEGIN ").count());
                *bytes = b"complete".to_vec();
            }
        }
        Self(files)
    }

    /// What is different from another state, in words.
    pub(crate) fn differences(&self, other: &Self) -> String {
        let names = self.0.keys().chain(other.0.keys().filter(|name| !self.0.contains_key(*name)));
        let differences = names.filter_map(|name| match (self.0.get(name), other.0.get(name)) {
            (Some(one), Some(other)) if one == other => None,
            (Some(one), Some(other)) => {
                let at = one.iter().zip(other).position(|(one, other)| one != other);
                Some(format!("{name}: {} bytes, not {}, first at {at:?}", one.len(), other.len()))
            }
            (Some(one), None) => Some(format!("{name}: {} bytes more than nothing", one.len())),
            _ => Some(format!("{name}: missing")),
        });
        differences.collect::<Vec<_>>().join("; ")
    }
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Copies all files of a folder, with their times, without folders; and makes the one for temporary files.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let copied = to.join(entry.file_name());
            fs::copy(entry.path(), &copied).unwrap();
            let time = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(copied).unwrap().set_modified(time).unwrap();
        }
    }
    fs::create_dir_all(to.join("tmp")).unwrap();
}
