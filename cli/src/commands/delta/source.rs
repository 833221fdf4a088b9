//! Where a delta comes from: a file of its own, or the payload of a delta Artifact.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::Input;
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::header::ArtifactHeader;
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_delta::artifact;
use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;

/// The payload types of Artifacts that carry a delta.
const PAYLOAD_TYPES: [&str; 2] = [artifact::PAYLOAD_TYPE, artifact::XDELTA3_PAYLOAD_TYPE];
/// The beginning of every Artifact: the name of its first member.
const ARTIFACT_BEGIN: &[u8] = b"version\0";

/// The bytes of a delta. An Artifact is read to its end and checked first; its payload waits in a nameless file.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    let mut input = Input::open(path)?;
    let mut begin = Vec::with_capacity(ARTIFACT_BEGIN.len());
    input
        .by_ref()
        .take(ARTIFACT_BEGIN.len() as u64)
        .read_to_end(&mut begin)
        .map_err(|error| Failure::io(path, ExitStatus::System, &error))?;
    let is_artifact = begin == ARTIFACT_BEGIN;
    let whole = Cursor::new(begin).chain(input);
    if is_artifact { Ok(Box::new(payload(path, whole)?)) } else { Ok(Box::new(whole)) }
}

fn payload(path: &Path, artifact: impl Read) -> Result<File, Failure> {
    let kept = |error: std::io::Error| Failure::io("temporary file", ExitStatus::System, &error);
    let mut sink = DeltaPayload { file: tempfile::tempfile().map_err(kept)?, other: None };
    let read = read_artifact(artifact, &ReadOptions::default(), &mut sink);
    if let Some(found) = sink.other {
        let message =
            format!("expected one file of payload type {}, found {found}", PAYLOAD_TYPES.join(" or "));
        return Err(Failure::about(path, ExitStatus::Unsupported, message));
    }
    read.map_err(|error| Failure::artifact(path, &error))?;
    sink.file.rewind().map_err(kept)?;
    Ok(sink.file)
}

/// Keeps the payload of a delta Artifact; refuses others before their payload comes.
struct DeltaPayload {
    file: File,
    /// What another Artifact has instead.
    other: Option<String>,
}

impl PayloadSink for DeltaPayload {
    fn header(&mut self, header: &ArtifactHeader) -> Result<(), Error> {
        self.other = match &header.payloads[..] {
            [payload]
                if payload.payload_type.as_deref().is_some_and(|name| PAYLOAD_TYPES.contains(&name)) =>
            {
                match payload.files.len() {
                    1 => return Ok(()),
                    count => Some(format!("{count} files")),
                }
            }
            [payload] => Some(payload.payload_type.clone().unwrap_or_else(|| "none".to_owned())),
            payloads => Some(format!("{} payloads", payloads.len())),
        };
        Err(Error::new(Defect::Cancelled, Entry::HeaderInfo))
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|error| Error::io(Entry::PayloadFile(0), error))
    }
}
