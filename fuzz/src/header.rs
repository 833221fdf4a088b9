//! The documents of a header: any bytes in the place of one of them, in an Artifact that is right otherwise.

use crate::drawn::Drawn;
use crate::parts::{Members, augmented, sound, version_2};
use crate::reading::read;
use mender_artifact::header::{ArtifactHeader, TypeInfoValue};
use serde_json::Value;
use std::collections::BTreeMap;

fn put(members: &mut Members, name: &str, contents: &[u8]) {
    members.iter_mut().find(|(known, _)| known == name).unwrap().1 = contents.to_vec();
}

/// First byte: which document; second: how the Artifact is cut; then the document.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (which, seed, document) = (drawn.byte() % 9, drawn.byte(), drawn.rest());
    let (mut parts, mut added, mut old) = (sound(), augmented(), version_2());
    let bytes = match which {
        0 => {
            parts.version = document.to_vec();
            parts.bytes()
        }
        1..=3 => {
            put(&mut parts.header, NAMES[usize::from(which) - 1], document);
            parts.bytes()
        }
        4..=6 => {
            put(&mut added.header, NAMES[usize::from(which) - 4], document);
            added.bytes()
        }
        7 => {
            put(&mut old.header, "header-info", document);
            old.bytes()
        }
        _ => {
            put(&mut old.header, "headers/0000/files", document);
            old.bytes()
        }
    };
    let Some(report) = read(&bytes, seed) else { return };
    let Ok(theirs) = serde_json::from_slice::<Value>(document) else {
        assert!(document.is_empty(), "accepted what is no JSON");
        return;
    };
    match which {
        1 => check_info(&report.header, &theirs),
        2 => check_type_info(&report.header, &theirs),
        3 => {
            let meta_data = report.header.payloads[0].meta_data.clone();
            assert_eq!(meta_data.unwrap_or(Value::Object(Default::default())), theirs);
        }
        _ => {}
    }
}

const NAMES: [&str; 3] = ["header-info", "headers/0000/type-info", "headers/0000/meta-data"];

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

fn check_info(header: &ArtifactHeader, theirs: &Value) {
    assert_eq!(Value::from(header.artifact_name.as_str()), theirs["artifact_provides"]["artifact_name"]);
    let group = theirs["artifact_provides"]["artifact_group"].as_str();
    assert_eq!(header.artifact_group.as_deref(), group);
    assert_eq!(header.compatible_types, texts(&theirs["artifact_depends"]["device_type"]));
    assert_eq!(header.depends_names, texts(&theirs["artifact_depends"]["artifact_name"]));
    assert_eq!(header.depends_groups, texts(&theirs["artifact_depends"]["artifact_group"]));
}

fn check_type_info(header: &ArtifactHeader, theirs: &Value) {
    let payload = &header.payloads[0];
    let pairs = |pairs: &BTreeMap<String, TypeInfoValue>| {
        let value = |value: &TypeInfoValue| match value {
            TypeInfoValue::One(text) => Value::from(text.as_str()),
            TypeInfoValue::Many(texts) => Value::from(texts.clone()),
        };
        pairs.iter().map(|(key, it)| (key.clone(), value(it))).collect::<BTreeMap<_, _>>()
    };
    let same = |ours: &BTreeMap<String, TypeInfoValue>, key: &str| {
        let theirs = theirs[key].as_object().cloned().unwrap_or_default();
        assert_eq!(pairs(ours), theirs.into_iter().collect::<BTreeMap<_, _>>(), "{key}");
    };
    same(&payload.provides, "artifact_provides");
    same(&payload.depends, "artifact_depends");
    let clears = theirs.get("clears_artifact_provides").filter(|clears| !clears.is_null());
    assert_eq!(payload.clears, clears.map(texts));
}
