//! What commands show: text for people, JSON for programs.

pub(crate) mod delta;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod local_time;
#[cfg(feature = "server")]
pub(crate) mod plan;
pub(crate) mod usage;
pub(crate) mod validation;

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::talk;
use mender_artifact::header::ArtifactHeader;
use std::io::{self, Write};
use std::path::Path;

/// Writes a finished report to stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::io(STANDARD, ExitStatus::Output, &error))
}

/// Writes a finished report to stdout, or to stderr where the output itself went to stdout.
pub(crate) fn print_beside(output: &Path, text: &str) -> Result<(), Failure> {
    if output != Path::new(STANDARD) {
        return print(text);
    }
    // Talk is no reason to fail.
    let _ = io::stderr().write_all(text.as_bytes());
    Ok(())
}

/// Tells on stdout that all went well, where the exit status could say it as well.
pub(crate) fn print_success(text: &str) -> Result<(), Failure> {
    if talk::is_quiet() { Ok(()) } else { print(text) }
}

/// Tells why the command fails, if nobody has told it yet.
pub(crate) fn complain(failure: &Failure) {
    let text = failure.to_string();
    if !text.is_empty() {
        // Nothing depends on it.
        let _ = writeln!(io::stderr(), "mender-artifact: {text}");
    }
}

/// Tells that the augmented part of an Artifact is not signed, if there is one.
pub(crate) fn warn_if_augmented(path: &Path, header: &ArtifactHeader) {
    if !header.augments.is_empty() {
        warn(&format!(
            "{}: augmented: no signature covers manifest-augment, header-augment.tar and the files they name",
            path.display()
        ));
    }
}

/// Tells the person something that stands in no report.
pub(crate) fn tell(message: &str) {
    if !talk::is_quiet() {
        // Nothing depends on it.
        let _ = writeln!(io::stderr(), "mender-artifact: {message}");
    }
}

/// Tells the person something that is no failure.
pub(crate) fn warn(message: &str) {
    if !talk::is_quiet() {
        // Nothing depends on it.
        let _ = writeln!(io::stderr(), "mender-artifact: warning: {message}");
    }
}
