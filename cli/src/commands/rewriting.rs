//! An Artifact that is read and written again with its payload: what `sign` and `modify` have in common.

use super::claim::Claim;
use crate::failure::Failure;
use crate::input::{Input, STANDARD};
use crate::output::Output;
use mender_artifact::error::Error;
use mender_artifact::rewrite::{Original, Source, Target};
use std::fs::File;
use std::path::Path;

/// An opened Artifact.
pub(super) enum Opened {
    File(File),
    Stream(Input),
}

impl Opened {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let input = Input::open(path)?;
        if input.size.is_none() {
            return Ok(Self::Stream(input));
        }
        let opened = File::open(path);
        opened
            .map(Self::File)
            .map_err(|error| Failure::io(path, crate::exit_code::ExitStatus::OpenInput, &error))
    }

    /// Claims a file that will be replaced: where no other output is given.
    pub(super) fn claim(&self, path: &Path, output: Option<&Path>) -> Result<Option<Claim>, Failure> {
        match self {
            Self::File(file) if output.is_none() => Claim::take(path, file).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads what stands before the payload.
    pub(super) fn read(&mut self, path: &Path) -> Result<Original<'_>, Failure> {
        let source = match self {
            Self::File(file) => Source::File(file),
            Self::Stream(input) => Source::Stream(Box::new(input)),
        };
        Original::read(source).map_err(|error| Failure::artifact(path, &error))
    }
}

/// Writes a changed Artifact: to `output`, or in the place of `artifact`, whose mode and owner it gets. Whatever fails,
/// both are as they were. `claim` is that on `artifact`, where it is replaced.
pub(super) fn write(
    artifact: &Path,
    output: Option<&Path>,
    claim: Option<&Claim>,
    write: impl FnOnce(Target<'_>) -> Result<(), Error>,
) -> Result<(), Failure> {
    let path = output.unwrap_or(artifact);
    let mut output = if artifact == Path::new(STANDARD) {
        Output::create(path)?
    } else {
        Output::create_like(path, artifact)?
    };
    let written = match output.empty_file() {
        Some(file) => write(Target::File(file)),
        None => write(Target::Stream(&mut output)),
    };
    written.map_err(|error| Failure::artifact(artifact, &error))?;
    claim.map_or(Ok(()), Claim::check)?;
    output.commit()
}
