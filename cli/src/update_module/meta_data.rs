//! What the Artifact's headers say about the delta, before a byte of it is read.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::error::{Error, PayloadProblem};

/// The clients re-serialise the JSON; a delta's meta-data is under a hundred bytes.
const FILE_LIMIT_BYTES: u64 = 1 << 20;
/// `delta_algorithm` of the format that this module applies.
const NATIVE: &str = "mender-native";
/// Payload types whose payload may be such a delta.
const PAYLOAD_TYPES: [&str; 2] = ["mender-delta", "mender-binary-delta"];

/// The checked meta-data of a delta payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeltaMetaData {
    /// Bytes of the image that the delta makes.
    pub(crate) rootfs_file_size: u64,
}

impl DeltaMetaData {
    /// Reads `header/payload_type` and `header/meta-data`.
    ///
    /// # Errors
    ///
    /// Files that are missing or not JSON, another payload type, another algorithm, no size.
    pub(crate) fn read(tree: &Path) -> Result<Self, Error> {
        let payload_type = read_text(&tree.join("header/payload_type"))?;
        let payload_type = payload_type.trim_end_matches('\n');
        if !PAYLOAD_TYPES.contains(&payload_type) {
            return Err(Error::Payload(PayloadProblem::Type { found: payload_type.to_owned() }));
        }
        let path = tree.join("header/meta-data");
        let text = read_text(&path)?;
        let problem = |problem| Error::Payload(problem);
        let value: Value = serde_json::from_str(text.trim())
            .map_err(|source| problem(PayloadProblem::MetaDataNotJson { path: path.clone(), source }))?;
        let algorithm = value.get("delta_algorithm").and_then(Value::as_str);
        if algorithm != Some(NATIVE) {
            let found = algorithm.map(str::to_owned);
            return Err(problem(PayloadProblem::Algorithm { found, expected: NATIVE }));
        }
        let rootfs_file_size = value
            .get("rootfs_file_size")
            .and_then(Value::as_u64)
            .ok_or_else(|| problem(PayloadProblem::NoSize))?;
        Ok(Self { rootfs_file_size })
    }
}

fn read_text(path: &Path) -> Result<String, Error> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(FILE_LIMIT_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|error| Error::io("read", path, error))
}
