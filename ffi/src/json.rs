//! What an Artifact says, as JSON: the words of `mender-artifact read --json`, which docs/read.schema.json defines.

use mender_artifact::compression::Compression;
use mender_artifact::digest::to_hex;
use mender_artifact::header::{ArtifactHeader, PayloadHeader, TypeInfoValue};
use mender_artifact::read::ReadReport;
use mender_artifact::read::verify::SignatureStatus;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All that is known.
pub(crate) fn artifact(report: &ReadReport) -> Value {
    let header: &ArtifactHeader = &report.header;
    json!({
        "format": "mender",
        "version": header.version,
        "name": header.artifact_name,
        "group": header.artifact_group,
        "signature": signature(&report.signature),
        "compression": compression(report.compression),
        "compatible_types": header.compatible_types,
        "depends_names": header.depends_names,
        "depends_groups": header.depends_groups,
        "scripts": header.scripts.iter().map(|script| json!({
            "name": script.name,
            "size_bytes": script.contents.len(),
            "mode": format!("{:04o}", script.mode),
        })).collect::<Vec<_>>(),
        "payloads": header.payloads.iter().map(payload).collect::<Vec<_>>(),
        "augments": header.augments.iter().map(|augment| json!({
            "signed": payload(&augment.signed),
            "added": payload(&augment.added),
        })).collect::<Vec<_>>(),
    })
}

fn payload(payload: &PayloadHeader) -> Value {
    json!({
        "type": payload.payload_type,
        "provides": values(&payload.provides),
        "depends": values(&payload.depends),
        "clears_provides": payload.clears,
        "meta_data": payload.meta_data,
        "files": payload.files.iter().map(|file| json!({
            "name": file.name,
            "size_bytes": file.size,
            "sha256": to_hex(&file.checksum),
            "modified": file.modified,
            "mode": format!("{:04o}", file.mode),
        })).collect::<Vec<_>>(),
    })
}

fn values(values: &BTreeMap<String, TypeInfoValue>) -> Value {
    let one = |value: &TypeInfoValue| match value {
        TypeInfoValue::One(value) => json!(value),
        TypeInfoValue::Many(values) => json!(values),
    };
    Value::Object(values.iter().map(|(key, value)| (key.clone(), one(value))).collect())
}

/// The word for what is known about a signature.
pub(crate) fn signature(status: &SignatureStatus) -> &'static str {
    match status {
        SignatureStatus::Unsigned => "none",
        SignatureStatus::NotChecked => "not-checked",
        SignatureStatus::Verified => "verified",
        SignatureStatus::Failed(_) => "failed",
    }
}

/// The word for a compression.
pub(crate) fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Xz => "lzma",
        Compression::Zstd => "zstd",
    }
}
