//! What the Artifact's headers say about the delta, before a byte of it is read.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::error::{Error, PayloadProblem};

/// The clients re-serialise the JSON; a delta's headers are far below a kilobyte each.
const FILE_LIMIT_BYTES: u64 = 1 << 20;
/// `delta_algorithm`s that this module applies. Which of them it is, the delta's own bytes tell.
const ALGORITHMS: [&str; 2] = ["mender-native", "xdelta3"];
/// Payload types whose payload may be such a delta.
const PAYLOAD_TYPES: [&str; 2] = ["mender-delta", "mender-binary-delta"];
/// The digest of a root file system image, under its present and its former name.
const CHECKSUMS: [&str; 2] = ["rootfs-image.checksum", "rootfs_image_checksum"];

/// The checked headers of a delta payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeltaMetaData {
    /// Bytes of the image that the delta makes.
    pub(crate) rootfs_file_size: u64,
    /// SHA-256 of images that may be the base, from what the payload depends on; empty if it does not say.
    pub(crate) base_sha256: Vec<[u8; 32]>,
    /// SHA-256 of the image that the delta makes, from what the payload provides.
    pub(crate) target_sha256: Option<[u8; 32]>,
}

impl DeltaMetaData {
    /// Reads `header/payload_type`, `header/meta-data` and `header/type-info`.
    ///
    /// # Errors
    ///
    /// Files that are not JSON, another payload type, another algorithm, no size, checksums that are none.
    pub(crate) fn read(tree: &Path) -> Result<Self, Error> {
        let payload_type = read_text(&tree.join("header/payload_type"))?;
        let payload_type = payload_type.trim_end_matches('\n');
        if !PAYLOAD_TYPES.contains(&payload_type) {
            return Err(Error::Payload(PayloadProblem::Type { found: payload_type.to_owned() }));
        }
        let meta_data = read_json(&tree.join("header/meta-data"))?;
        let type_info = read_json(&tree.join("header/type-info"))?;
        let problem = |problem| Error::Payload(problem);
        if let Some(algorithm) = meta_data.get("delta_algorithm") {
            let found = algorithm.as_str().unwrap_or_default();
            if !ALGORITHMS.contains(&found) {
                return Err(problem(PayloadProblem::Algorithm { found: found.to_owned() }));
            }
        }
        let rootfs_file_size = meta_data
            .get("rootfs_file_size")
            .and_then(Value::as_u64)
            .ok_or_else(|| problem(PayloadProblem::NoSize))?;
        let provided = checksums(&type_info, "artifact_provides")?;
        Ok(Self {
            rootfs_file_size,
            base_sha256: checksums(&type_info, "artifact_depends")?,
            target_sha256: provided.first().copied(),
        })
    }
}

/// The image checksums in one of the lists of the payload's type-info; a value is one text or several.
fn checksums(type_info: &Value, list: &'static str) -> Result<Vec<[u8; 32]>, Error> {
    let Some(value) = CHECKSUMS.iter().find_map(|name| type_info.get(list)?.get(name)) else {
        return Ok(Vec::new());
    };
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let digests = values.iter().map(|value| {
        value
            .as_str()
            .and_then(parse_sha256)
            .ok_or_else(|| Error::Payload(PayloadProblem::NotAChecksum { list, found: value.to_string() }))
    });
    digests.collect()
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// A file of the Artifact's header; one that is missing or empty says nothing.
fn read_json(path: &Path) -> Result<Value, Error> {
    let text = match read_text(path) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text.trim())
        .map_err(|source| Error::Payload(PayloadProblem::HeaderNotJson { path: path.to_owned(), source }))
}

fn read_text(path: &Path) -> Result<String, Error> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(FILE_LIMIT_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|error| Error::io("read", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(meta_data: &str, type_info: &str) -> Result<DeltaMetaData, String> {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("header")).unwrap();
        let write = |name: &str, text: &str| fs::write(tree.path().join("header").join(name), text).unwrap();
        write("payload_type", "mender-binary-delta\n");
        write("meta-data", meta_data);
        if !type_info.is_empty() {
            write("type-info", type_info);
        }
        DeltaMetaData::read(tree.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn checksums_are_taken_under_both_names_one_or_several() {
        let meta_data =
            r#"{"rootfs_file_size": 5, "delta_algorithm": "xdelta3", "decoder_arguments": ["-W1"]}"#;
        let (one, two) = ("01".repeat(32), "Ab".repeat(32));
        let type_info = format!(
            r#"{{"artifact_provides": {{"rootfs-image.checksum": "{one}", "rootfs_image_checksum": "{two}"}},
                "artifact_depends": {{"rootfs_image_checksum": ["{one}", "{two}"]}}}}"#
        );
        let found = read(meta_data, &type_info).unwrap();
        assert_eq!(found.target_sha256, Some([1; 32]));
        assert_eq!(found.base_sha256, [[1; 32], [0xab; 32]]);
        assert_eq!(found.rootfs_file_size, 5);
        let without = read(r#"{"rootfs_file_size": 5}"#, "").unwrap();
        assert_eq!((without.target_sha256, without.base_sha256.len()), (None, 0));
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let good = r#"{"rootfs_file_size": 5}"#;
        let cases = [
            ("{", "", "meta-data: EOF"),
            (good, "{", "type-info: EOF"),
            ("", "", "no rootfs_file_size"),
            (
                r#"{"rootfs_file_size": 5, "delta_algorithm": "bsdiff"}"#,
                "",
                "delta_algorithm \"bsdiff\" is not",
            ),
            (good, r#"{"artifact_depends": {"rootfs-image.checksum": "12"}}"#, "artifact_depends"),
            (good, r#"{"artifact_provides": {"rootfs-image.checksum": 12}}"#, "found 12"),
        ];
        for (meta_data, type_info, expected) in cases {
            let message = read(meta_data, type_info).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
