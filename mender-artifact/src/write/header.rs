//! Builds the header archive: header-info, state scripts, and type-info and meta-data of each payload.

use std::io;

use sha2::{Digest, Sha256};

use super::json::{push_joined, push_string, push_strings, push_value};
use super::plan::{ArtifactPlan, ROOTFS_IMAGE};
use super::spool::Packing;
use crate::compression::encoder::Encoder;
use crate::error::{Defect, Entry, Error};
use crate::header::{PayloadHeader, TypeInfoValue};
use crate::limits::Limits;
use crate::tar::writer::{Member, TarWriter};

/// Mode of everything that is not a file of the caller.
pub(super) const GENERATED_MODE: u32 = 0o600;

/// The compressed header archive and its SHA-256.
pub(super) struct PackedHeader {
    pub(super) archive: Vec<u8>,
    pub(super) checksum: [u8; 32],
}

/// Builds and compresses the header archive. `modified` is the time of what is generated; scripts
/// have their own, already clamped.
pub(super) fn pack(plan: &ArtifactPlan<'_>, packing: Packing, modified: i64) -> Result<PackedHeader, Error> {
    let limits = Limits::computer();
    let mut kept = 0;
    let mut keep = |entry, text: &str| {
        kept += text.len();
        if text.len() > limits.json_bytes || kept > limits.header_kept_bytes {
            return Err(Error::new(Defect::TooLarge, entry).expected(limits.json_bytes).found(text.len()));
        }
        Ok(())
    };
    let failed = |error| Error::io(Entry::Header, error);
    let encoder = Encoder::new(Vec::new(), packing.compression, packing.effort, packing.threads);
    let mut tar = TarWriter::new(encoder.map_err(failed)?);

    let info = header_info(plan);
    keep(Entry::HeaderInfo, &info)?;
    append(&mut tar, "header-info", modified, info.as_bytes()).map_err(failed)?;
    let mut scripts_len = 0;
    for input in &plan.scripts {
        let script = &input.script;
        scripts_len += script.contents.len() as u64;
        if scripts_len > limits.header_bytes / 2 {
            let error = Error::new(Defect::TooLarge, Entry::Script).named(script.name.as_bytes());
            return Err(error.expected(limits.header_bytes / 2).found(scripts_len));
        }
        let name = format!("scripts/{}", script.name);
        let size = script.contents.len() as u64;
        let member = Member { name: &name, size, mode: script.mode, modified: input.modified };
        tar.append(&member, &script.contents).map_err(failed)?;
    }
    for (index, payload) in (0_u16..).zip(&plan.payloads) {
        let info = type_info(&payload.header);
        keep(Entry::TypeInfo(index), &info)?;
        append(&mut tar, &format!("headers/{index:04}/type-info"), modified, info.as_bytes())
            .map_err(failed)?;
        if let Some(data) = meta_data(&payload.header) {
            keep(Entry::MetaData(index), &data)?;
            append(&mut tar, &format!("headers/{index:04}/meta-data"), modified, data.as_bytes())
                .map_err(failed)?;
        }
    }
    let archive = tar.finish().and_then(Encoder::finish).map_err(failed)?;
    let checksum = Sha256::digest(&archive).into();
    Ok(PackedHeader { archive, checksum })
}

fn append<W: io::Write>(
    tar: &mut TarWriter<W>,
    name: &str,
    modified: i64,
    contents: &[u8],
) -> io::Result<()> {
    let size = contents.len() as u64;
    tar.append(&Member { name, size, mode: GENERATED_MODE, modified }, contents)
}

/// `{"payloads":[{"type":T}],"artifact_provides":{..},"artifact_depends":{..}}`, keys in this order.
fn header_info(plan: &ArtifactPlan<'_>) -> String {
    let mut out = String::from("{\"payloads\":");
    push_joined(
        &mut out,
        '[',
        &plan.payloads,
        |out, payload| {
            out.push_str("{\"type\":");
            push_type(out, payload.header.payload_type.as_deref());
            out.push('}');
        },
        ']',
    );
    out.push_str(",\"artifact_provides\":{\"artifact_name\":");
    push_string(&mut out, &plan.artifact_name);
    if let Some(group) = &plan.artifact_group {
        out.push_str(",\"artifact_group\":");
        push_string(&mut out, group);
    }
    out.push_str("},\"artifact_depends\":{");
    if !plan.depends_names.is_empty() {
        out.push_str("\"artifact_name\":");
        push_strings(&mut out, &plan.depends_names);
        out.push(',');
    }
    out.push_str("\"device_type\":");
    push_strings(&mut out, &plan.compatible_types);
    if !plan.depends_groups.is_empty() {
        out.push_str(",\"artifact_group\":");
        push_strings(&mut out, &plan.depends_groups);
    }
    out.push_str("}}");
    out
}

/// `{"type":T,"artifact_depends":{..},"artifact_provides":{..},"clears_artifact_provides":[..]}`;
/// all but the type are left out where there is nothing to say.
fn type_info(payload: &PayloadHeader) -> String {
    let mut out = String::from("{\"type\":");
    push_type(&mut out, payload.payload_type.as_deref());
    let maps = [("artifact_depends", &payload.depends), ("artifact_provides", &payload.provides)];
    for (key, map) in maps {
        if !map.is_empty() {
            out.push_str(",\"");
            out.push_str(key);
            out.push_str("\":");
            push_joined(&mut out, '{', map, push_type_info_member, '}');
        }
    }
    if let Some(clears) = &payload.clears {
        out.push_str(",\"clears_artifact_provides\":");
        push_strings(&mut out, clears);
    }
    out.push('}');
    out
}

fn push_type(out: &mut String, payload_type: Option<&str>) {
    match payload_type {
        Some(payload_type) => push_string(out, payload_type),
        None => out.push_str("null"),
    }
}

fn push_type_info_member(out: &mut String, (key, value): (&String, &TypeInfoValue)) {
    push_string(out, key);
    out.push(':');
    match value {
        TypeInfoValue::One(text) => push_string(out, text),
        TypeInfoValue::Many(texts) => push_strings(out, texts),
    }
}

/// The contents of `meta-data`; `None` where there is no such member. A rootfs-image always has one.
fn meta_data(payload: &PayloadHeader) -> Option<String> {
    match &payload.meta_data {
        Some(value) if value.as_object().is_some_and(|members| !members.is_empty()) => {
            let mut out = String::new();
            push_value(&mut out, value);
            Some(out)
        }
        _ if payload.payload_type.as_deref() == Some(ROOTFS_IMAGE) => Some(String::new()),
        _ => None,
    }
}
