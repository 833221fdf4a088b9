//! From the views of the reader core to owned values.

use super::documents::Texts;
use super::view::{HeaderView, PayloadView};
use crate::error::{Defect, Entry, Error};
use crate::header::{ArtifactHeader, PayloadFile, PayloadHeader, StateScript, TypeInfoValue};
use crate::json::text::JsonText;
use crate::json::value::Value;
use crate::manifest::Subject;
use std::collections::BTreeMap;

/// The header, with the names and checksums of the payload files; their sizes, times and modes
/// come with the payload.
pub(super) fn header(view: &HeaderView<'_>) -> Result<ArtifactHeader, Error> {
    let info = view.info();
    Ok(ArtifactHeader {
        version: 3,
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
        payloads: view.payloads().map(|payload| payload_header(&payload)).collect::<Result<_, _>>()?,
    })
}

fn payload_header(view: &PayloadView<'_>) -> Result<PayloadHeader, Error> {
    let meta_data = view
        .meta_data_json
        .map(serde_json::from_slice)
        .transpose()
        .map_err(|error| Error::new(Defect::Json, Entry::MetaData(view.payload)).caused_by(error))?;
    let files = view.files().filter_map(|line| match line.subject {
        Subject::File { name, .. } => {
            Some(PayloadFile { name: name.to_owned(), checksum: line.checksum, ..PayloadFile::default() })
        }
        _ => None,
    });
    Ok(PayloadHeader {
        payload_type: view.payload_type.map(|text| text.to_string()),
        provides: values(view.type_info.provides()),
        depends: values(view.type_info.depends()),
        clears: view.type_info.clears().map(texts),
        meta_data,
        files: files.collect(),
    })
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
