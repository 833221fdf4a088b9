//! What is different between two Artifacts, item by item.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::compression::Compression;
use crate::digest::{digest, to_hex};
use crate::header::{ArtifactHeader, PayloadFile, PayloadHeader, StateScript, TypeInfoValue};
use crate::read::ReadReport;
use crate::read::verify::SignatureStatus;

/// One item that differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Where it stands: keys from the outside to the inside, payloads by number, scripts and files by name.
    pub path: Vec<String>,
    /// What the first Artifact says; `None` if it has nothing there.
    pub a: Option<Value>,
    /// What the second says.
    pub b: Option<Value>,
}

/// A payload file that both Artifacts have with different contents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DifferentFile {
    /// The number of the payload, from 0.
    pub payload: usize,
    /// The name of the file.
    pub name: String,
}

/// Everything that two Artifacts that have been read say differently, in the order in which it is shown: release,
/// devices, scripts, payloads with their files. Of scripts and files the SHA-256 is compared, of signatures only whether
/// there is one.
#[must_use]
pub fn differences(a: &ReadReport, b: &ReadReport) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), Some(&described(a)), Some(&described(b)), &mut found);
    found
}

/// The payload files that both have under the same name and that differ, in the order of the first.
#[must_use]
pub fn different_files(a: &ArtifactHeader, b: &ArtifactHeader) -> Vec<DifferentFile> {
    let mut found = Vec::new();
    for (payload, (a, b)) in a.payloads.iter().zip(&b.payloads).enumerate() {
        for file in &a.files {
            let other = b.files.iter().find(|other| other.name == file.name);
            if other.is_some_and(|other| other.checksum != file.checksum) {
                found.push(DifferentFile { payload, name: file.name.clone() });
            }
        }
    }
    found
}

/// Adds what differs at `path`: objects are compared key by key, everything else as a whole.
fn compare(path: &mut Vec<String>, a: Option<&Value>, b: Option<&Value>, found: &mut Vec<Difference>) {
    if a == b {
        return;
    }
    let (Some(Value::Object(in_a)), Some(Value::Object(in_b))) = (a, b) else {
        found.push(Difference { path: path.clone(), a: a.cloned(), b: b.cloned() });
        return;
    };
    let only_in_b = in_b.keys().filter(|key| !in_a.contains_key(*key));
    for key in in_a.keys().chain(only_in_b) {
        path.push(key.clone());
        compare(path, in_a.get(key), in_b.get(key), found);
        path.pop();
    }
}

/// An Artifact as an object of objects; lists whose items have names or numbers are objects, too.
fn described(read: &ReadReport) -> Value {
    let header = &read.header;
    let payloads = header.payloads.iter().enumerate();
    let augments = header.augments.iter().enumerate();
    json!({
        "version": header.version,
        "name": header.artifact_name,
        "group": header.artifact_group,
        "signed": !matches!(read.signature, SignatureStatus::Unsigned),
        "compression": suffix(Some(read.compression)),
        "compatible_types": header.compatible_types,
        "depends_names": header.depends_names,
        "depends_groups": header.depends_groups,
        "scripts": by_name(header.scripts.iter().map(script)),
        "payloads": by_name(payloads.map(|(number, it)| {
            let compression = read.payload_compressions.get(number).copied().flatten();
            (number.to_string(), payload(it, compression))
        })),
        // Only there in augmented Artifacts: which header says what.
        "augments": by_name(augments.map(|(number, it)| {
            let halves = json!({"signed": payload(&it.signed, None), "added": payload(&it.added, None)});
            (number.to_string(), halves)
        })),
    })
}

fn payload(payload: &PayloadHeader, compression: Option<Compression>) -> Value {
    json!({
        "type": payload.payload_type,
        "provides": values(&payload.provides),
        "depends": values(&payload.depends),
        "clears_provides": payload.clears,
        "meta_data": payload.meta_data,
        "compression": suffix(compression),
        "files": by_name(payload.files.iter().map(file)),
    })
}

fn script(script: &StateScript) -> (String, Value) {
    let contents = &script.contents;
    let about = json!({
        "mode": octal(script.mode),
        "size_bytes": contents.len(),
        "sha256": to_hex(&digest(contents)),
    });
    (script.name.clone(), about)
}

fn file(file: &PayloadFile) -> (String, Value) {
    let about = json!({
        "size_bytes": file.size,
        "sha256": to_hex(&file.checksum),
        "modified": file.modified,
        "mode": octal(file.mode),
    });
    (file.name.clone(), about)
}

fn values(values: &BTreeMap<String, TypeInfoValue>) -> Value {
    by_name(values.iter().map(|(key, value)| {
        let value = match value {
            TypeInfoValue::One(text) => json!(text),
            TypeInfoValue::Many(texts) => json!(texts),
        };
        (key.clone(), value)
    }))
}

fn by_name(items: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(items.collect::<Map<_, _>>())
}

fn suffix(compression: Option<Compression>) -> Value {
    match compression {
        None => Value::Null,
        Some(Compression::None) => json!("none"),
        Some(Compression::Gzip) => json!("gzip"),
        Some(Compression::Xz) => json!("lzma"),
        Some(Compression::Zstd) => json!("zstd"),
    }
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(header: ArtifactHeader) -> ReadReport {
        ReadReport {
            header,
            signature: SignatureStatus::Unsigned,
            compression: Compression::Gzip,
            payload_compressions: vec![Some(Compression::Gzip)],
            size_bytes: 0,
        }
    }

    fn header() -> ArtifactHeader {
        let file =
            |name: &str| PayloadFile { name: name.into(), checksum: [1; 32], ..PayloadFile::default() };
        ArtifactHeader {
            artifact_name: "r1".into(),
            scripts: vec![StateScript { name: "s".into(), mode: 0o755, contents: b"x".to_vec() }],
            payloads: vec![PayloadHeader {
                provides: BTreeMap::from([("a.b".into(), TypeInfoValue::One("1".into()))]),
                meta_data: Some(json!({"x": {"y": [1, 2]}})),
                files: vec![file("one"), file("two")],
                ..PayloadHeader::default()
            }],
            ..ArtifactHeader::default()
        }
    }

    #[test]
    fn what_is_the_same_does_not_differ() {
        assert_eq!(differences(&report(header()), &report(header())), []);
        assert_eq!(different_files(&header(), &header()), []);
    }

    #[test]
    fn each_item_is_named_with_both_sides() {
        let mut other = header();
        other.artifact_name = "r2".into();
        other.scripts[0].contents = b"yy".to_vec();
        let payload = &mut other.payloads[0];
        payload.provides = BTreeMap::from([("c".into(), TypeInfoValue::Many(vec!["2".into()]))]);
        payload.meta_data = Some(json!({"x": {"y": [1], "z": null}}));
        payload.files[1].checksum = [2; 32];
        payload.files.remove(0);
        let (a, b) = (report(header()), report(other.clone()));
        let found = differences(&a, &b);
        let paths: Vec<String> = found.iter().map(|difference| difference.path.join("/")).collect();
        assert_eq!(
            paths,
            [
                "name",
                "scripts/s/size_bytes",
                "scripts/s/sha256",
                "payloads/0/provides/a.b",
                "payloads/0/provides/c",
                "payloads/0/meta_data/x/y",
                "payloads/0/meta_data/x/z",
                "payloads/0/files/one",
                "payloads/0/files/two/sha256",
            ]
        );
        assert_eq!((found[0].a.clone(), found[0].b.clone()), (Some(json!("r1")), Some(json!("r2"))));
        assert_eq!((found[3].a.clone(), found[3].b.clone()), (Some(json!("1")), None));
        assert_eq!((found[6].a.clone(), found[6].b.clone()), (None, Some(Value::Null)));
        assert_eq!(different_files(&a.header, &other), [DifferentFile { payload: 0, name: "two".into() }]);
        assert_eq!(differences(&b, &a).len(), found.len());
    }
}
