//! JSON for programs. docs/scripting.md says what stands in it; keys are only ever added.

use super::human::{Signature, hex};
use mender_artifact::compression::Compression;
use mender_artifact::header::{ArtifactHeader, PayloadFile, PayloadHeader, TypeInfoValue};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `read --json`.
pub(crate) fn artifact(header: &ArtifactHeader, signature: Signature, compression: Compression) -> Value {
    json!({
        "format": "mender",
        "version": header.version,
        "name": header.artifact_name,
        "group": header.artifact_group,
        "signature": signature_name(signature),
        "compression": compression_name(compression),
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
        "files": payload.files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn file(file: &PayloadFile) -> Value {
    json!({
        "name": file.name,
        "size_bytes": file.size,
        "sha256": hex(&file.checksum),
        "modified": file.modified,
        "mode": format!("{:04o}", file.mode),
    })
}

fn values(values: &BTreeMap<String, TypeInfoValue>) -> Value {
    let one = |value: &TypeInfoValue| match value {
        TypeInfoValue::One(value) => json!(value),
        TypeInfoValue::Many(values) => json!(values),
    };
    Value::Object(values.iter().map(|(key, value)| (key.clone(), one(value))).collect())
}

fn signature_name(signature: Signature) -> &'static str {
    match signature {
        Signature::Unsigned => "none",
        Signature::NotChecked => "not-checked",
        Signature::Verified => "verified",
        Signature::Failed => "failed",
    }
}

fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Xz => "lzma",
        Compression::Zstd => "zstd",
    }
}

/// A value as a report of its own.
pub(crate) fn text(value: &Value) -> String {
    format!("{value:#}\n")
}
