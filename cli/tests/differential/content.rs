//! An Artifact taken apart with the crates tar, flate2 and liblzma: nothing of the project's own reader.

use crate::Findings;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;

/// A file in an archive.
#[derive(Debug, Default)]
struct Member {
    name: String,
    contents: Vec<u8>,
    mode: u32,
    modified: u64,
    owner: String,
}

/// What there is to compare.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Names of the outer archive.
    names: Vec<String>,
    version: Value,
    /// Name to checksum; without those of version and header, whose bytes may differ.
    manifest: BTreeMap<String, String>,
    header_info: Value,
    /// Name, mode, digest.
    scripts: BTreeMap<String, String>,
    type_info: Value,
    /// As it is when it is no JSON, such as empty.
    meta_data: Option<Value>,
    /// The documents of an augmented header; its part of the manifest.
    augment: BTreeMap<String, Value>,
    manifest_augment: BTreeMap<String, String>,
    /// What the header archive has besides.
    others: Vec<String>,
    /// Name, mode, time, size, digest.
    payload: Vec<String>,
    owners: Vec<String>,
}

impl Content {
    pub(crate) fn of(artifact: &[u8]) -> Self {
        let mut content = Self::default();
        for member in members(artifact) {
            content.names.push(member.name.clone());
            match member.name.as_str() {
                "version" => content.version = json(&member.contents),
                "manifest" => content.manifest = manifest(&member.contents),
                "manifest.sig" => {}
                "manifest-augment" => content.manifest_augment = manifest(&member.contents),
                name if name.starts_with("header-augment.tar") => {
                    for document in members(&unpacked(name, &member.contents)) {
                        content
                            .augment
                            .insert(document.name, sorted(Some(&json(&document.contents))).unwrap());
                    }
                }
                name if name.starts_with("header.tar") => content.header(name, &member.contents),
                name => content.payload(name, &member.contents),
            }
        }
        content
    }

    fn header(&mut self, name: &str, bytes: &[u8]) {
        for member in members(&unpacked(name, bytes)) {
            match member.name.as_str() {
                "header-info" => self.header_info = json(&member.contents),
                "headers/0000/type-info" => self.type_info = json(&member.contents),
                "headers/0000/meta-data" => {
                    let empty = member.contents.is_empty();
                    self.meta_data = Some(if empty { Value::Null } else { json(&member.contents) });
                }
                name => match name.strip_prefix("scripts/") {
                    Some(script) => {
                        let what = format!("{:o} {}", member.mode, hex(&member.contents));
                        self.scripts.insert(script.to_owned(), what);
                    }
                    None => self.others.push(format!("{name} {}", hex(&member.contents))),
                },
            }
        }
    }

    fn payload(&mut self, name: &str, bytes: &[u8]) {
        for member in members(&unpacked(name, bytes)) {
            let Member { name, contents, mode, modified, owner } = member;
            self.payload.push(format!("{name} {mode:o} {modified} {} {}", contents.len(), hex(&contents)));
            self.owners.push(owner);
        }
    }

    pub(crate) fn compare(&self, theirs: &Self, case: &str, findings: &Findings) {
        let same = |what: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
            findings.same(case, what, format!("{ours:?}"), format!("{theirs:?}"));
        };
        same("names of members", &self.names, &theirs.names);
        same("version", &self.version, &theirs.version);
        same("manifest", &self.manifest, &theirs.manifest);
        same("scripts", &self.scripts, &theirs.scripts);
        same("meta-data", &self.meta_data, &theirs.meta_data);
        same("augmented manifest", &self.manifest_augment, &theirs.manifest_augment);
        same("augmented header", &self.augment, &theirs.augment);
        same("other header files", &self.others, &theirs.others);
        same("payload", &self.payload, &theirs.payload);
        same("owners", &self.owners, &theirs.owners);
        fields("header-info", &self.header_info, &theirs.header_info, case, findings);
        fields("type-info", &self.type_info, &theirs.type_info, case, findings);
    }
}

/// Key by key, so that a known difference in one hides nothing in another.
fn fields(what: &str, ours: &Value, theirs: &Value, case: &str, findings: &Findings) {
    let (Value::Object(our_fields), Value::Object(their_fields)) = (ours, theirs) else {
        return findings.same(case, what, ours, theirs);
    };
    let mut keys: Vec<&String> = our_fields.keys().chain(their_fields.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let shown = |value: Option<&Value>| value.map_or_else(|| "missing".to_owned(), Value::to_string);
        findings.same(
            case,
            &format!("{what}.{key}"),
            shown(sorted(our_fields.get(key)).as_ref()),
            shown(sorted(their_fields.get(key)).as_ref()),
        );
    }
}

/// Objects have no order.
fn sorted(value: Option<&Value>) -> Option<Value> {
    value.map(|value| match value {
        Value::Object(object) => {
            let ordered: BTreeMap<_, _> =
                object.iter().map(|(key, value)| (key.clone(), sorted(Some(value)).unwrap())).collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(values) => values.iter().map(|value| sorted(Some(value)).unwrap()).collect(),
        other => other.clone(),
    })
}

fn members(archive: &[u8]) -> Vec<Member> {
    tar::Archive::new(archive)
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            let header = entry.header();
            Member {
                name: String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                mode: header.mode().unwrap(),
                modified: header.mtime().unwrap(),
                owner: header.username().unwrap().unwrap_or("").to_owned(),
                contents,
            }
        })
        .collect()
}

fn unpacked(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match name.rsplit_once('.').unwrap().1 {
        "gz" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).map(drop).unwrap(),
        "xz" => liblzma::read::XzDecoder::new_multi_decoder(bytes).read_to_end(&mut plain).map(drop).unwrap(),
        _ => plain.extend_from_slice(bytes),
    }
    plain
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn manifest(bytes: &[u8]) -> BTreeMap<String, String> {
    let lines = std::str::from_utf8(bytes).unwrap().lines().map(|line| line.split_once("  ").unwrap());
    lines
        .filter(|(_, name)| *name != "version" && !name.starts_with("header"))
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
