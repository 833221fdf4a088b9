//! From the views of the reader core to owned values.

use super::documents::Texts;
use super::view::{AugmentView, HeaderView, PayloadView};
use crate::error::{Defect, Entry, Error};
use crate::header::augment::merge;
use crate::header::{ArtifactHeader, Augment, PayloadFile, PayloadHeader, StateScript, TypeInfoValue};
use crate::json::text::JsonText;
use crate::json::value::Value;
use crate::manifest::{Line, Subject};
use std::collections::BTreeMap;

/// The header, with the names and checksums of the payload files; their sizes, times and modes
/// come with the payload.
pub(super) fn header(view: &HeaderView<'_>) -> Result<ArtifactHeader, Error> {
    let info = view.info();
    let (mut payloads, mut augments) = (Vec::new(), Vec::new());
    for payload in view.payloads() {
        let signed = payload_header(&payload)?;
        let Some(added) = &payload.augment else {
            payloads.push(signed);
            continue;
        };
        let augment = Augment { signed, added: added_header(payload.payload, added)? };
        payloads.push(merge(payload.payload, &augment)?);
        augments.push(augment);
    }
    Ok(ArtifactHeader {
        version: view.version().number(),
        artifact_name: info.artifact_name().to_string(),
        artifact_group: info.artifact_group().map(|group| group.to_string()),
        compatible_types: texts(info.compatible_types()),
        depends_names: texts(info.depends_names()),
        depends_groups: texts(info.depends_groups()),
        scripts: view
            .scripts()
            .map(|script| StateScript {
                name: script.name.to_owned(),
                mode: script.mode,
                contents: script.contents.to_vec(),
            })
            .collect(),
        payloads,
        augments,
    })
}

fn payload_header(view: &PayloadView<'_>) -> Result<PayloadHeader, Error> {
    Ok(PayloadHeader {
        payload_type: view.payload_type.map(|text| text.to_string()),
        provides: values(view.type_info.provides()),
        depends: values(view.type_info.depends()),
        clears: view.type_info.clears().map(texts),
        meta_data: meta_data(view.meta_data_json, Entry::MetaData(view.payload))?,
        files: files(view.files()),
    })
}

fn added_header(payload: u16, view: &AugmentView<'_>) -> Result<PayloadHeader, Error> {
    Ok(PayloadHeader {
        payload_type: Some(view.payload_type.to_string()),
        provides: values(view.type_info.provides()),
        depends: values(view.type_info.depends()),
        clears: view.type_info.clears().map(texts),
        meta_data: meta_data(view.meta_data_json, Entry::AugmentMetaData(payload))?,
        files: files(view.files()),
    })
}

fn meta_data(json: Option<&[u8]>, entry: Entry) -> Result<Option<serde_json::Value>, Error> {
    let parsed = json.map(serde_json::from_slice).transpose();
    parsed.map_err(|error| Error::new(Defect::Json, entry).caused_by(error))
}

fn files<'a>(lines: impl Iterator<Item = Line<'a>>) -> Vec<PayloadFile> {
    let file = |line: Line<'_>| match line.subject {
        Subject::File { name, .. } => {
            Some(PayloadFile { name: name.to_owned(), checksum: line.checksum, ..PayloadFile::default() })
        }
        _ => None,
    };
    lines.filter_map(file).collect()
}

fn texts(list: Texts<'_>) -> Vec<String> {
    list.map(|text| text.to_string()).collect()
}

fn values<'a>(members: impl Iterator<Item = (JsonText<'a>, Value<'a>)>) -> BTreeMap<String, TypeInfoValue> {
    members.map(|(key, value)| (key.to_string(), one_or_many(value))).collect()
}

fn one_or_many(value: Value<'_>) -> TypeInfoValue {
    match value.as_text() {
        Some(text) => TypeInfoValue::One(text.to_string()),
        None => {
            let items = value.items().into_iter().flatten();
            TypeInfoValue::Many(
                items.filter_map(|item| item.as_text()).map(|text| text.to_string()).collect(),
            )
        }
    }
}
