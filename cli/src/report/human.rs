//! The text of `read`, in the layout of release 4.4 of the reference tool, which scripts parse.

use super::local_time;
use mender_artifact::header::{ArtifactHeader, PayloadFile, PayloadHeader, TypeInfoValue};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What `read` says about the signature; the texts are the reference tool's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Unsigned,
    NotChecked,
    Verified,
    Failed,
}

impl Signature {
    fn text(self) -> &'static str {
        match self {
            Self::Unsigned => "no signature",
            Self::NotChecked => {
                "signed but no key for verification provided; \
                 please use `-k` option for providing verification key"
            }
            Self::Verified => "signed and verified correctly",
            Self::Failed => "signed; verification using provided key failed",
        }
    }
}

/// The whole text.
pub(crate) fn artifact(header: &ArtifactHeader, signature: Signature) -> String {
    let mut text = Text(String::new());
    text.line(0, "Mender Artifact:");
    text.line(1, &format!("Name: {}", printable(&header.artifact_name)));
    text.line(1, "Format: mender");
    text.line(1, &format!("Version: {}", header.version));
    text.line(1, &format!("Signature: {}", signature.text()));
    text.line(1, &format!("Compatible types: {}", list(&header.compatible_types)));
    if header.version >= 3 {
        let group = header.artifact_group.as_deref().unwrap_or("");
        text.line(1, &format!("Provides group: {}", printable(group)));
        text.line(1, &format!("Depends on one of artifact(s): {}", list(&header.depends_names)));
        text.line(1, &format!("Depends on one of group(s): {}", list(&header.depends_groups)));
    }
    if header.scripts.is_empty() {
        text.line(1, "State scripts: []");
    } else {
        text.line(1, "State scripts:");
        for script in &header.scripts {
            text.line(2, &format!("- {}", printable(&script.name)));
        }
    }
    text.line(0, "");
    text.line(0, "Updates:");
    for payload in &header.payloads {
        text.payload(payload);
    }
    text.0
}

struct Text(String);

impl Text {
    /// One line, two blanks for each level.
    fn line(&mut self, level: usize, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{:1$}{line}", "", level * 2);
    }

    fn payload(&mut self, payload: &PayloadHeader) {
        let kind = payload.payload_type.as_deref().unwrap_or("Empty type");
        self.line(1, &format!("- Type: {}", printable(kind)));
        self.values("Provides", &payload.provides);
        self.values("Depends", &payload.depends);
        self.line(2, &format!("Clears Provides: {}", list(payload.clears.as_deref().unwrap_or(&[]))));
        self.meta_data(payload.meta_data.as_ref());
        if payload.files.is_empty() {
            self.line(2, "Files: []");
        } else {
            self.line(2, "Files:");
            for file in &payload.files {
                self.file(file);
            }
        }
    }

    fn values(&mut self, title: &str, values: &BTreeMap<String, TypeInfoValue>) {
        if values.is_empty() {
            return self.line(2, &format!("{title}: {{}}"));
        }
        self.line(2, &format!("{title}:"));
        for (key, value) in values {
            let value = match value {
                TypeInfoValue::One(value) => printable(value),
                TypeInfoValue::Many(values) => format!("[{}]", printable(&values.join(" "))),
            };
            self.line(3, &format!("{}: {value}", printable(key)));
        }
    }

    fn meta_data(&mut self, meta_data: Option<&Value>) {
        let shown = meta_data.filter(|value| value.as_object().is_some_and(|object| !object.is_empty()));
        let Some(value) = shown else { return self.line(2, "Metadata: {}") };
        self.line(2, "Metadata:");
        let pretty = format!("{:#}", sorted(value));
        for line in pretty.lines() {
            self.line(3, &escaped(line));
        }
    }

    fn file(&mut self, file: &PayloadFile) {
        self.line(3, &format!("- checksum: {}", hex(&file.checksum)));
        self.line(4, &format!("modified: {}", local_time::shown(file.modified)));
        self.line(4, &format!("name: {}", printable(&file.name)));
        self.line(4, &format!("size: {}", file.size));
    }
}

fn list(items: &[String]) -> String {
    format!("[{}]", printable(&items.join(", ")))
}

/// Control characters must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Keys in bytewise order, at every depth.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let ordered: BTreeMap<&String, Value> =
                object.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The reference tool escapes in JSON what HTML or JavaScript would trip over. It only occurs inside of texts.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            '\u{7f}'..='\u{9f}' => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    text
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_artifact::header::StateScript;

    #[test]
    fn everything_there_is() {
        let header = ArtifactHeader {
            version: 3,
            artifact_name: "release-2".into(),
            artifact_group: Some("beta".into()),
            compatible_types: vec!["a".into(), "b".into()],
            depends_names: vec!["release-1".into(), "release-0".into()],
            depends_groups: vec!["alpha".into()],
            scripts: vec![
                StateScript { name: "ArtifactInstall_Enter_00".into(), ..StateScript::default() },
                StateScript { name: "ArtifactCommit_Leave_05_x".into(), ..StateScript::default() },
            ],
            payloads: vec![PayloadHeader {
                payload_type: Some("single-file".into()),
                provides: BTreeMap::from([
                    ("z".into(), TypeInfoValue::One("1".into())),
                    ("Z".into(), TypeInfoValue::Many(vec!["a".into(), "b".into()])),
                ]),
                depends: BTreeMap::from([("k".into(), TypeInfoValue::One("v".into()))]),
                clears: Some(vec!["rootfs-image.*".into(), "x".into()]),
                meta_data: Some(serde_json::json!({"b": [1, {"y": 1, "x": "<&>"}], "a": {}})),
                files: vec![PayloadFile {
                    name: "file.txt".into(),
                    size: 12,
                    checksum: [0xab; 32],
                    ..PayloadFile::default()
                }],
            }],
            ..ArtifactHeader::default()
        };
        let modified = local_time::shown(0);
        let checksum = "ab".repeat(32);
        let expected = format!(
            "Mender Artifact:
  Name: release-2
  Format: mender
  Version: 3
  Signature: signed and verified correctly
  Compatible types: [a, b]
  Provides group: beta
  Depends on one of artifact(s): [release-1, release-0]
  Depends on one of group(s): [alpha]
  State scripts:
    - ArtifactInstall_Enter_00
    - ArtifactCommit_Leave_05_x

Updates:
  - Type: single-file
    Provides:
      Z: [a b]
      z: 1
    Depends:
      k: v
    Clears Provides: [rootfs-image.*, x]
    Metadata:
      {{
        \"a\": {{}},
        \"b\": [
          1,
          {{
            \"x\": \"\\u003c\\u0026\\u003e\",
            \"y\": 1
          }}
        ]
      }}
    Files:
      - checksum: {checksum}
        modified: {modified}
        name: file.txt
        size: 12
"
        );
        assert_eq!(artifact(&header, Signature::Verified), expected);
    }

    #[test]
    fn nothing_but_what_must_be_there() {
        let header = ArtifactHeader {
            version: 3,
            artifact_name: "n".into(),
            compatible_types: vec!["d".into()],
            payloads: vec![PayloadHeader::default()],
            ..ArtifactHeader::default()
        };
        assert_eq!(
            artifact(&header, Signature::Unsigned),
            "Mender Artifact:\n  Name: n\n  Format: mender\n  Version: 3\n  Signature: no signature\n  \
             Compatible types: [d]\n  Provides group: \n  Depends on one of artifact(s): []\n  \
             Depends on one of group(s): []\n  State scripts: []\n\nUpdates:\n  - Type: Empty type\n    \
             Provides: {}\n    Depends: {}\n    Clears Provides: []\n    Metadata: {}\n    Files: []\n"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
