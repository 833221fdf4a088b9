//! State scripts on their way into an Artifact, and the names that clients run.

use std::fs;
use std::path::Path;

use super::input::{mode_of, modified_of};
use crate::entry_name::check_script;
use crate::error::{Defect, Entry, Error};
use crate::header::StateScript;
use crate::limits::Limits;

/// The states of an update that scripts of an Artifact can be for. `Idle`, `Sync` and `Download`
/// scripts live on the device instead.
const STATES: [&str; 6] = [
    "ArtifactInstall",
    "ArtifactReboot",
    "ArtifactCommit",
    "ArtifactRollback",
    "ArtifactRollbackReboot",
    "ArtifactFailure",
];
/// When in a state a script runs.
const ACTIONS: [&str; 3] = ["Enter", "Leave", "Error"];

/// A state script to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptInput {
    /// Name, mode and contents.
    pub script: StateScript,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub modified: i64,
}

impl ScriptInput {
    /// Reads the script at `path`; its name is the last part of the path.
    ///
    /// # Errors
    /// When the name is not one that clients run, or the file cannot be read or is no regular file.
    pub fn from_path(path: &Path) -> Result<Self, Error> {
        let io = |error| Error::io(Entry::Script, error).with_path(path);
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_str().ok_or_else(|| bad_name(name.as_encoded_bytes()).with_path(path))?;
        check_state_script(name).map_err(|error| error.with_path(path))?;
        let metadata = fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            let error = Error::new(Defect::Io, Entry::Script);
            return Err(error.with_path(path).expected("a regular file").found("something else"));
        }
        let limit = Limits::computer().header_kept_bytes;
        if metadata.len() > limit as u64 {
            let error = Error::new(Defect::TooLarge, Entry::Script).with_path(path);
            return Err(error.expected(limit).found(metadata.len()));
        }
        let contents = fs::read(path).map_err(io)?;
        let script = StateScript { name: name.into(), mode: mode_of(&metadata), contents };
        Ok(Self { script, modified: modified_of(&metadata) })
    }

    /// Reads every script in the folder `path`, in the order of their names. Everything in the folder
    /// must be a script.
    ///
    /// # Errors
    /// As [`from_path`](Self::from_path); also when the folder cannot be read.
    pub fn from_directory(path: &Path) -> Result<Vec<Self>, Error> {
        let io = |error| Error::io(Entry::Script, error).with_path(path);
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(io)? {
            paths.push(entry.map_err(io)?.path());
        }
        paths.sort_unstable();
        paths.iter().map(|path| Self::from_path(path)).collect()
    }
}

impl From<StateScript> for ScriptInput {
    /// A script whose time is not known: 1970.
    fn from(script: StateScript) -> Self {
        Self { script, modified: 0 }
    }
}

/// Checks the name of a state script: state, action and a number of two digits, joined by `_`, then
/// nothing or `_` and a description of printable characters, as in `ArtifactInstall_Enter_05_wifi`.
///
/// The reference tool also lets anything stand directly behind the number. Clients do not run such
/// a script, so it is refused.
///
/// # Errors
/// [`Defect::Name`] in [`Entry::Script`].
pub fn check_state_script(name: &str) -> Result<(), Error> {
    check_script(name.as_bytes())?;
    let sound = || {
        let (state, rest) = name.split_once('_')?;
        let (action, rest) = rest.split_once('_')?;
        let (number, description) = rest.split_at_checked(2)?;
        let sound = STATES.contains(&state)
            && ACTIONS.contains(&action)
            && number.bytes().all(|b| b.is_ascii_digit())
            && (description.is_empty() || description.len() > 1 && description.starts_with('_'));
        Some(sound)
    };
    if sound() == Some(true) { Ok(()) } else { Err(bad_name(name.as_bytes())) }
}

fn bad_name(name: &[u8]) -> Error {
    Error::new(Defect::Name, Entry::Script)
        .named(name)
        .expected("a name such as ArtifactInstall_Enter_05_description")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_clients_run() {
        for state in STATES {
            for action in ACTIONS {
                assert!(check_state_script(&format!("{state}_{action}_00")).is_ok());
            }
        }
        for name in ["ArtifactInstall_Enter_99_wifi-driver", "ArtifactCommit_Leave_01_a_b.sh"] {
            assert!(check_state_script(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_clients_ignore() {
        for name in [
            "",
            "foo",
            "ArtifactInstall",
            "ArtifactInstall_Enter",
            "ArtifactInstall_Enter_1",
            "ArtifactInstall_Enter_001",
            "ArtifactInstall_Enter_01foo",
            "ArtifactInstall_Enter_01_",
            "ArtifactInstall_Enter_01_a b",
            "ArtifactInstall_Enter_01_a/b",
            "ArtifactInstall_enter_01",
            "artifactInstall_Enter_01",
            "xArtifactInstall_Enter_01",
            "Download_Enter_00",
            "Idle_Enter_00",
            "ArtifactInstall_Enter_é0",
            "../ArtifactInstall_Enter_01",
        ] {
            assert_eq!(check_state_script(name).unwrap_err().defect(), Defect::Name, "{name}");
        }
    }
}
