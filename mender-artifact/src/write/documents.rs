//! The JSON documents of the header archives, in the reference tool's order and spelling.

use super::json::{push_joined, push_string, push_strings, push_value};
use super::plan::{ArtifactPlan, ROOTFS_IMAGE};
use crate::error::{Defect, Entry, Error};
use crate::format_version::FormatVersion;
use crate::header::{PayloadHeader, TypeInfoValue};
use crate::json::check::scratch_bytes;
use crate::limits::Limits;
use crate::manifest::Part;
use crate::read::documents::{AugmentInfo, Checker};

/// More than a reader needs to keep a document or script besides its name and contents.
const KEPT_OVERHEAD_BYTES: usize = 512;

/// Makes sure that our own reader accepts the documents and can keep them, with the scripts.
pub(super) fn check(plan: &ArtifactPlan<'_>) -> Result<(), Error> {
    let limits = Limits::computer();
    let mut kept = 0;
    let mut keep = |entry, len: usize| {
        kept += len + KEPT_OVERHEAD_BYTES;
        if kept > limits.header_kept_bytes {
            return Err(Error::new(Defect::TooLarge, entry).expected(limits.header_kept_bytes).found(kept));
        }
        Ok(())
    };
    for script in &plan.scripts {
        let script = &script.script;
        keep(Entry::Script, script.contents.len()).map_err(|error| error.named(script.name.as_bytes()))?;
    }
    let mut keep_document = |entry, text: &str| {
        // The checksum of the payload may still be added to one of them.
        let len = text.len() + KEPT_OVERHEAD_BYTES;
        if len > limits.json_bytes {
            return Err(Error::new(Defect::TooLarge, entry).expected(limits.json_bytes).found(len));
        }
        keep(entry, len)
    };
    let mut scratch = vec![0; scratch_bytes(limits.json_keys, limits.json_depth)];
    let mut checker = Checker { depth: limits.json_depth, scratch: &mut scratch };
    let info = header_info(plan, Part::Signed);
    keep_document(Entry::HeaderInfo, &info)?;
    let info = checker.header_info(info.as_bytes(), plan.format, &mut Err)?;
    for ((index, payload), payload_type) in (0_u16..).zip(&plan.payloads).zip(info.payload_types()) {
        let entry = Entry::TypeInfo(index);
        let text = type_info(&payload.header, plan.format);
        keep_document(entry, &text)?;
        checker.type_info(text.as_bytes(), entry, payload_type, plan.format, &mut Err)?;
        let entry = Entry::MetaData(index);
        let text = meta_data(&payload.header).unwrap_or_default();
        keep_document(entry, &text)?;
        checker.meta_data(text.as_bytes(), entry)?;
    }
    if plan.augment.is_empty() {
        return Ok(());
    }
    let augment_info = header_info(plan, Part::Augment);
    keep_document(Entry::AugmentInfo, &augment_info)?;
    checker.augment_info(augment_info.as_bytes(), &info, &mut Err)?;
    let types = AugmentInfo::from_checked(augment_info.as_bytes()).map(|info| info.payload_types());
    let types = types.into_iter().flatten();
    for ((index, augment), payload_type) in (0_u16..).zip(&plan.augment).zip(types) {
        let entry = Entry::AugmentTypeInfo(index);
        let text = type_info(&augment.header, plan.format);
        keep_document(entry, &text)?;
        checker.type_info(text.as_bytes(), entry, payload_type, plan.format, &mut Err)?;
        let entry = Entry::AugmentMetaData(index);
        let text = meta_data(&augment.header).unwrap_or_default();
        keep_document(entry, &text)?;
        checker.meta_data(text.as_bytes(), entry)?;
    }
    Ok(())
}

/// header-info of this archive in the plan's format version.
pub(super) fn header_info(plan: &ArtifactPlan<'_>, part: Part) -> String {
    match plan.format {
        FormatVersion::V2 => header_info_2(plan),
        FormatVersion::V3 => header_info_3(plan, part),
    }
}

/// `{"artifact_name":N,"updates":[{"type":T}],"device_types_compatible":[..]}`, keys in this order.
fn header_info_2(plan: &ArtifactPlan<'_>) -> String {
    let mut out = String::from("{\"artifact_name\":");
    push_string(&mut out, &plan.artifact_name);
    out.push_str(",\"updates\":");
    push_types(&mut out, plan, Part::Signed);
    out.push_str(",\"device_types_compatible\":");
    push_strings(&mut out, &plan.compatible_types);
    out.push('}');
    out
}

/// `{"files":["a"]}`, of format version 2.
pub(super) fn files(names: &[String]) -> String {
    let mut out = String::from("{\"files\":");
    push_strings(&mut out, names);
    out.push('}');
    out
}

/// `{"payloads":[{"type":T}],"artifact_provides":{..},"artifact_depends":{..}}`, keys in this order.
fn header_info_3(plan: &ArtifactPlan<'_>, part: Part) -> String {
    let mut out = String::from("{\"payloads\":");
    push_types(&mut out, plan, part);
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
/// all but the type are left out where there is nothing to say, and in format version 2.
pub(super) fn type_info(payload: &PayloadHeader, format: FormatVersion) -> String {
    let mut out = String::from("{\"type\":");
    push_type(&mut out, payload.payload_type.as_deref());
    if format == FormatVersion::V2 {
        out.push('}');
        return out;
    }
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

/// `[{"type":T}]`, the types of all payloads.
fn push_types(out: &mut String, plan: &ArtifactPlan<'_>, part: Part) {
    let headers: Vec<_> = match part {
        Part::Signed => plan.payloads.iter().map(|payload| &payload.header).collect(),
        Part::Augment => plan.augment.iter().map(|augment| &augment.header).collect(),
    };
    let push = |out: &mut String, header: &PayloadHeader| {
        out.push_str("{\"type\":");
        push_type(out, header.payload_type.as_deref());
        out.push('}');
    };
    push_joined(out, '[', headers, push, ']');
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
pub(super) fn meta_data(payload: &PayloadHeader) -> Option<String> {
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
