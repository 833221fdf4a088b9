//! Why a command failed: an exit status and one line.

use crate::exit_code::{self, ExitStatus};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

/// A failed command. Shown as `<file>: <message>`, or the message alone where no file is meant.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: ExitStatus,
    file: Option<String>,
    message: String,
}

impl Failure {
    /// The command line cannot be carried out.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::plain(ExitStatus::Usage, message)
    }

    /// A message that names its file itself, or is about none.
    pub(crate) fn plain(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { status, file: None, message: message.into() }
    }

    /// An answer that is told by the exit status; all that is to be said has been said.
    pub(crate) fn silent(status: ExitStatus) -> Self {
        Self::plain(status, "")
    }

    /// Whether there is nothing to be said.
    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    /// Something about one file.
    pub(crate) fn about(file: impl AsRef<Path>, status: ExitStatus, message: impl fmt::Display) -> Self {
        Self { status, file: Some(file.as_ref().display().to_string()), message: message.to_string() }
    }

    /// The same failure with another status.
    pub(crate) fn with_status(self, status: ExitStatus) -> Self {
        Self { status, ..self }
    }

    /// The same failure without words, where a report has them.
    pub(crate) fn already_told(self) -> Self {
        Self::plain(self.status, "")
    }

    /// A failed system call on one file.
    pub(crate) fn io(file: impl AsRef<Path>, status: ExitStatus, error: &io::Error) -> Self {
        let status = if error.kind() == io::ErrorKind::BrokenPipe { ExitStatus::Success } else { status };
        Self::about(file, status, plain(error))
    }

    /// What the Artifact library says about one file.
    pub(crate) fn artifact(file: impl AsRef<Path>, error: &mender_artifact::error::Error) -> Self {
        let status =
            if broken_pipe(error) { ExitStatus::Success } else { exit_code::of_artifact_error(error) };
        Self::about(file, status, chain(error))
    }

    /// What the image library says about one file.
    pub(crate) fn image(file: impl AsRef<Path>, error: &mender_image::error::Error) -> Self {
        let status = if broken_pipe(error) { ExitStatus::Success } else { exit_code::of_image_error(error) };
        Self::about(file, status, chain(error))
    }

    /// What the Artifact library says about a file that its message names.
    pub(crate) fn unnamed_artifact(error: &mender_artifact::error::Error) -> Self {
        Self::plain(exit_code::of_artifact_error(error), chain(error))
    }
}

/// The files that a delta has to do with; an error says which one is meant.
#[derive(Clone, Copy)]
pub(crate) struct DeltaFiles<'a> {
    pub(crate) base: &'a Path,
    pub(crate) delta: &'a Path,
    pub(crate) output: &'a Path,
}

impl Failure {
    /// What the delta library says about one of `files`.
    pub(crate) fn delta(files: DeltaFiles<'_>, error: &mender_delta::error::Error) -> Self {
        use mender_delta::error::Error as Delta;
        let caller_broke =
            |code: i32| code != 0 && io::Error::from_raw_os_error(code).kind() == io::ErrorKind::BrokenPipe;
        let gone = match error {
            Delta::Target(caller) => caller_broke(caller.code),
            other => broken_pipe(other),
        };
        let status = if gone { ExitStatus::Success } else { exit_code::of_delta_error(error) };
        let message = chain(error);
        match error {
            // These name their file themselves.
            Delta::Io { .. } | Delta::Artifact { .. } | Delta::Pair { .. } => Self::plain(status, message),
            Delta::Changed { .. } => Self::plain(status, message),
            Delta::BaseDigest { .. } | Delta::BaseSize { .. } | Delta::Base(_) => {
                Self::about(files.base, status, message)
            }
            Delta::Target(_) if status != ExitStatus::Success => {
                Self::about(files.output, ExitStatus::Output, message)
            }
            _ => Self::about(files.delta, status, message),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a file name or a library put into it.
        let file = self.file.iter().flat_map(|file| file.chars().chain(": ".chars()));
        for character in file.chain(self.message.chars()) {
            fmt::Write::write_char(formatter, if character.is_control() { ' ' } else { character })?;
        }
        Ok(())
    }
}

/// An error and what led to it, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = match error.downcast_ref::<io::Error>() {
            Some(error) => plain(error),
            None => error.to_string(),
        };
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}

/// Whether somewhere below an error the reader of our output has gone away.
pub(crate) fn broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The system's message in our manner: lower case, without the number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    match (characters.next(), characters.clone().next()) {
        // "I/O error" and the like stay as they are.
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_messages_are_lower_case_and_without_number() {
        assert_eq!(plain(&io::Error::from_raw_os_error(2)), "no such file or directory");
    }

    #[test]
    fn a_message_stays_on_one_line() {
        let failure = Failure::about("a\u{1b}b", ExitStatus::Invalid, "one\ntwo");
        assert_eq!(failure.to_string(), "a b: one two");
    }

    #[test]
    fn a_broken_pipe_is_success() {
        let error = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::io("-", ExitStatus::Output, &error).status, ExitStatus::Success);
    }
}
