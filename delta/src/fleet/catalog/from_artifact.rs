//! Summaries of Artifacts out of their bytes.

use super::error::CatalogError;
use super::summary::{
    ARTIFACT_GROUP, ARTIFACT_NAME, ArtifactSummary, DEVICE_TYPE, FileSummary, Format, PayloadSummary,
    PayloadType,
};
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::header::{ArtifactHeader, PayloadHeader, TypeInfoValue};
use mender_artifact::read::verify::SignatureStatus;
use mender_artifact::read::{ReadOptions, ReadReport, read_artifact};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};

impl ArtifactSummary {
    /// Reads an Artifact to its end, checks it, and keeps what a catalog needs. Nothing has to be seekable.
    ///
    /// `id` is what the server calls it; without one it is the SHA-256 of the Artifact. `options` has the limits, and
    /// what to do about the signature.
    ///
    /// # Errors
    /// `Io` when `input` fails, `Artifact` for what is wrong with the Artifact, `Field` when two of its parts say
    /// something different of one key, and `Limit`.
    pub fn from_artifact(
        input: impl Read,
        id: Option<&str>,
        options: &ReadOptions<'_>,
    ) -> Result<Self, CatalogError> {
        let mut input = Hashed { input, hash: Sha256::new(), failure: None };
        let read = read_artifact(&mut input, options, &mut ());
        if let Some(failure) = input.failure {
            return Err(CatalogError::Io(failure));
        }
        let report = read.map_err(CatalogError::Artifact)?;
        let sha256 = hex(&input.hash.finalize());
        summarize(&report, id.unwrap_or(&sha256), &sha256)?.checked()
    }
}

/// Hashes what is read, and keeps the failure apart from what is wrong with the Artifact.
struct Hashed<R> {
    input: R,
    hash: Sha256,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer) {
            Ok(len) => {
                self.hash.update(&buffer[..len]);
                Ok(len)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.failure = Some(error);
                Err(told)
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn summarize(report: &ReadReport, id: &str, sha256: &str) -> Result<ArtifactSummary, CatalogError> {
    let header = &report.header;
    Ok(ArtifactSummary {
        id: id.to_owned(),
        name: header.artifact_name.clone(),
        info: Format { version: header.version, ..Format::default() },
        size: report.size_bytes,
        sha256: Some(sha256.to_owned()),
        device_types: header.compatible_types.clone(),
        depends: depends(id, header)?,
        provides: provides(id, header)?,
        clears: clears(header),
        updates: header.payloads.iter().map(payload).collect(),
        signed: !matches!(report.signature, SignatureStatus::Unsigned),
        augmented: !header.augments.is_empty(),
    })
}

/// Two parts of the Artifact name the same key: clients refuse that, or take either.
fn twice(id: &str, field: &'static str, key: &str) -> CatalogError {
    CatalogError::field(id, field, "each key once", key)
}

fn depends(id: &str, header: &ArtifactHeader) -> Result<BTreeMap<String, Vec<String>>, CatalogError> {
    let mut all = BTreeMap::new();
    for (key, values) in [(ARTIFACT_NAME, &header.depends_names), (ARTIFACT_GROUP, &header.depends_groups)] {
        if !values.is_empty() {
            all.insert(key.to_owned(), values.clone());
        }
    }
    for (key, value) in header.payloads.iter().flat_map(|payload| &payload.depends) {
        let values = match value {
            TypeInfoValue::One(value) => vec![value.clone()],
            TypeInfoValue::Many(values) => values.clone(),
        };
        if key == DEVICE_TYPE || all.insert(key.clone(), values).is_some() {
            return Err(twice(id, "artifact_depends", key));
        }
    }
    Ok(all)
}

fn provides(id: &str, header: &ArtifactHeader) -> Result<BTreeMap<String, String>, CatalogError> {
    let mut all = BTreeMap::from([(ARTIFACT_NAME.to_owned(), header.artifact_name.clone())]);
    if let Some(group) = &header.artifact_group {
        all.insert(ARTIFACT_GROUP.to_owned(), group.clone());
    }
    for (key, value) in header.payloads.iter().flat_map(|payload| &payload.provides) {
        let TypeInfoValue::One(value) = value else {
            let error = Error::new(Defect::Json, Entry::HeaderInfo).named(key.as_bytes());
            return Err(CatalogError::Artifact(error.expected("a text for each key of provides")));
        };
        if all.insert(key.clone(), value.clone()).is_some() {
            return Err(twice(id, "artifact_provides", key));
        }
    }
    Ok(all)
}

/// The patterns of all payloads; none if no payload has any.
fn clears(header: &ArtifactHeader) -> Option<Vec<String>> {
    let lists: Vec<_> = header.payloads.iter().filter_map(|payload| payload.clears.as_ref()).collect();
    (!lists.is_empty()).then(|| lists.into_iter().flatten().cloned().collect())
}

fn payload(payload: &PayloadHeader) -> PayloadSummary {
    let file = |file: &mender_artifact::header::PayloadFile| FileSummary {
        name: file.name.clone(),
        checksum: hex(&file.checksum),
        size: file.size,
    };
    PayloadSummary {
        type_info: PayloadType { name: payload.payload_type.clone() },
        files: payload.files.iter().map(file).collect(),
    }
}
