//! What `read` prints, to the byte: scripts parse it.

use crate::workplace::{Workplace, image_bytes, key};
use sha2::{Digest, Sha256};
use std::fs;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 2024-05-06 07:08:09 UTC.
const TIME: u64 = 1_714_979_289;

#[test]
fn a_rootfs_image() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.set_time("img", TIME);
    place.write_image("a.mender", &["-c", "board-2"]);
    let sum = hex(&image_bytes());
    let expected = format!(
        "Mender Artifact:
  Name: release-1
  Format: mender
  Version: 3
  Signature: no signature
  Compatible types: [board, board-2]
  Provides group: \n  Depends on one of artifact(s): []
  Depends on one of group(s): []
  State scripts: []

Updates:
  - Type: rootfs-image
    Provides:
      rootfs-image.checksum: {sum}
      rootfs-image.version: release-1
    Depends: {{}}
    Clears Provides: [artifact_group, rootfs_image_checksum, rootfs-image.*]
    Metadata: {{}}
    Files:
      - checksum: {sum}
        modified: 2024-05-06 07:08:09 +0000 UTC
        name: img
        size: 200000
"
    );
    assert_eq!(place.ok(&["read", "a.mender"]), expected);
    assert_eq!(place.ok(&["read", "--no-progress", "a.mender"]), expected);

    let mut elsewhere = place.command(&["read", "a.mender"]);
    let output = elsewhere.env("TZ", "XYZ-5:30").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("modified: 2024-05-06 12:38:09 +0530 XYZ\n"), "{text}");
}

#[test]
fn a_module_image_with_everything() {
    let place = Workplace::new();
    place.put("b", "second");
    place.put("a", "first");
    place.put("meta", r#"{"z": [1, {"k": "<v>"}], "a": 1.5}"#);
    place.put("ArtifactInstall_Enter_10_y", "#!/bin/sh\n");
    place.put("ArtifactCommit_Leave_02", "#!/bin/sh\n");
    place.set_time("a", TIME);
    place.set_time("b", TIME);
    place.ok(&[
        "write",
        "module-image",
        "-T",
        "single-file",
        "-n",
        "a name",
        "-c",
        "board",
        "-o",
        "a.mender",
        "-f",
        "b",
        "-f",
        "a",
        "-m",
        "meta",
        "-p",
        "one:1",
        "-p",
        "two:2:2",
        "-d",
        "need:it",
        "-g",
        "beta",
        "-G",
        "alpha",
        "-G",
        "beta",
        "-N",
        "old",
        "-N",
        "older",
        "--clears-provides",
        "own.*",
        "-s",
        "ArtifactInstall_Enter_10_y",
        "-s",
        "ArtifactCommit_Leave_02",
    ]);
    let expected = format!(
        r#"Mender Artifact:
  Name: a name
  Format: mender
  Version: 3
  Signature: no signature
  Compatible types: [board]
  Provides group: beta
  Depends on one of artifact(s): [old, older]
  Depends on one of group(s): [alpha, beta]
  State scripts:
    - ArtifactCommit_Leave_02
    - ArtifactInstall_Enter_10_y

Updates:
  - Type: single-file
    Provides:
      one: 1
      rootfs-image.single-file.version: a name
      two: 2:2
    Depends:
      need: it
    Clears Provides: [own.*, rootfs-image.single-file.*]
    Metadata:
      {{
        "a": 1.5,
        "z": [
          1,
          {{
            "k": "\u003cv\u003e"
          }}
        ]
      }}
    Files:
      - checksum: {}
        modified: 2024-05-06 07:08:09 +0000 UTC
        name: b
        size: 6
      - checksum: {}
        modified: 2024-05-06 07:08:09 +0000 UTC
        name: a
        size: 5
"#,
        hex(b"second"),
        hex(b"first")
    );
    assert_eq!(place.ok(&["read", "a.mender"]), expected);
}

#[test]
fn a_bootstrap_artifact() {
    let place = Workplace::new();
    place.ok(&[
        "write",
        "bootstrap-artifact",
        "-n",
        "first",
        "-c",
        "board",
        "-o",
        "a.mender",
        "-p",
        "k:v",
        "--clears-provides",
        "*",
    ]);
    let text = place.ok(&["read", "a.mender"]);
    let expected = "\nUpdates:\n  - Type: Empty type\n    Provides:\n      k: v\n    Depends: {}\n    \
                    Clears Provides: [*]\n    Metadata: {}\n    Files: []\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn the_four_texts_about_the_signature() {
    let place = Workplace::new();
    place.write_image("plain", &[]);
    place.write_image("signed", &["-k", &key("p256-sec1.pem")]);
    let line = |arguments: &[&str]| {
        let text = place.ok(&[&["read"], arguments].concat());
        text.lines().find_map(|line| line.strip_prefix("  Signature: ")).unwrap().to_owned()
    };
    let (right, wrong) = (key("p256-public.pem"), key("rsa-public.pem"));
    assert_eq!(line(&["plain"]), "no signature");
    assert_eq!(line(&["plain", "-k", &right]), "no signature");
    assert_eq!(
        line(&["signed"]),
        "signed but no key for verification provided; please use `-k` option for providing verification key"
    );
    assert_eq!(line(&["signed", "-k", &right]), "signed and verified correctly");
    assert_eq!(line(&["signed", "-k", &wrong]), "signed; verification using provided key failed");
}

#[test]
fn json_says_the_same() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.set_time("img", TIME);
    place.put("ArtifactInstall_Enter_10", "#!/bin/sh\n");
    place.write_image("a.mender", &["-d", "k:v", "-s", "ArtifactInstall_Enter_10", "--compression", "none"]);
    let json: serde_json::Value = serde_json::from_str(&place.ok(&["read", "--json", "a.mender"])).unwrap();
    let sum = hex(&image_bytes());
    assert_eq!(
        json,
        serde_json::json!({
            "format": "mender",
            "version": 3,
            "name": "release-1",
            "group": null,
            "signature": "none",
            "compression": "none",
            "compatible_types": ["board"],
            "depends_names": [],
            "depends_groups": [],
            "scripts": [{"name": "ArtifactInstall_Enter_10", "size_bytes": 10, "mode": "0644"}],
            "payloads": [{
                "type": "rootfs-image",
                "provides": {"rootfs-image.checksum": sum, "rootfs-image.version": "release-1"},
                "depends": {"k": "v"},
                "clears_provides": ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"],
                "meta_data": null,
                "files": [{
                    "name": "img",
                    "size_bytes": 200_000,
                    "sha256": sum,
                    "modified": TIME,
                    "mode": "0644",
                }],
            }],
            "augments": [],
        })
    );
}

#[test]
fn standard_input_is_read_too() {
    let place = Workplace::new();
    place.write_image("a.mender", &[]);
    let mut command = place.command(&["read", "-"]);
    command.stdin(fs::File::open(place.path("a.mender")).unwrap());
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(text, place.ok(&["read", "a.mender"]));
}
