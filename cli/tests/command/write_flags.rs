//! What the flags of `write` put into an Artifact.

use crate::workplace::{Workplace, image_bytes};
use serde_json::{Value, json};

fn payload(place: &Workplace, more: &[&str]) -> Value {
    place.write_image("a.mender", more);
    let text = place.ok(&["read", "--json", "a.mender"]);
    let mut json: Value = serde_json::from_str(&text).unwrap();
    let mut payload = json["payloads"][0].take();
    // Every image has one; the tests below are about the others.
    if let Some(provides) = payload["provides"].as_object_mut() {
        provides.remove("rootfs-image.checksum");
    }
    payload
}

#[test]
fn the_version_that_is_provided() {
    let place = Workplace::new();
    let provides = |more: &[&str]| payload(&place, more)["provides"].take();
    assert_eq!(provides(&[]), json!({"rootfs-image.version": "release-1"}));
    assert_eq!(provides(&["--software-version", "7"]), json!({"rootfs-image.version": "7"}));
    assert_eq!(provides(&["--software-name", "app"]), json!({"rootfs-image.app.version": "release-1"}));
    assert_eq!(provides(&["--software-filesystem", "data"]), json!({"data.version": "release-1"}));
    assert_eq!(provides(&["--no-default-software-version"]), json!({}));
    assert_eq!(
        provides(&["-p", "rootfs-image.version:given", "--software-version", "7"]),
        json!({"rootfs-image.version": "7"})
    );
    assert_eq!(
        provides(&["--software-version", "7", "-p", "rootfs-image.version:given"]),
        json!({"rootfs-image.version": "given"})
    );
}

#[test]
fn the_checksum_that_is_provided() {
    let place = Workplace::new();
    let keys = |more: &[&str]| -> Vec<String> {
        place.write_image("a.mender", &[&["--no-default-software-version"], more].concat());
        let json: Value = serde_json::from_str(&place.ok(&["read", "--json", "a.mender"])).unwrap();
        json["payloads"][0]["provides"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&[]), ["rootfs-image.checksum"]);
    assert_eq!(keys(&["--legacy-rootfs-image-checksum"]), ["rootfs_image_checksum"]);
    assert!(keys(&["--no-checksum-provide"]).is_empty());
}

#[test]
fn what_is_cleared() {
    let place = Workplace::new();
    let clears = |more: &[&str]| payload(&place, more)["clears_provides"].take();
    assert_eq!(clears(&[]), json!(["artifact_group", "rootfs_image_checksum", "rootfs-image.*"]));
    assert_eq!(clears(&["--no-default-clears-provides"]), json!(null));
    assert_eq!(clears(&["--no-default-clears-provides", "--clears-provides", "a"]), json!(["a"]));
    assert_eq!(clears(&["--software-name", "app"]), json!(["rootfs-image.app.*"]));
}

#[test]
fn every_compression_gives_the_same_payload() {
    let place = Workplace::new();
    for (name, said) in [
        ("none", "none"),
        ("gzip", "gzip"),
        ("lzma", "lzma"),
        ("zstd_best", "zstd"),
        ("zstd_better", "zstd"),
        ("zstd_fast", "zstd"),
        ("zstd_fastest", "zstd"),
    ] {
        place.write_image("a.mender", &["--compression", name]);
        let json: Value = serde_json::from_str(&place.ok(&["read", "--json", "a.mender"])).unwrap();
        assert_eq!(json["compression"], said);
        assert_eq!(json["payloads"][0]["files"][0]["size_bytes"], image_bytes().len());
        place.ok(&["validate", "a.mender"]);
    }
}

#[test]
fn compression_may_stand_before_the_command() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    let write = ["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o", "a"];
    let said = |arguments: &[&str]| {
        place.ok(arguments);
        let json: Value = serde_json::from_str(&place.ok(&["read", "--json", "a"])).unwrap();
        json["compression"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(&[&["--compression", "none"], &write[..]].concat()), "none");
    assert_eq!(said(&[&["--compression", "none"], &write[..], &["--compression", "lzma"]].concat()), "lzma");
    assert_eq!(said(&write), "gzip");
}

#[test]
fn a_folder_of_scripts() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("scripts")).unwrap();
    for name in ["ArtifactReboot_Leave_01", "ArtifactInstall_Enter_01_a"] {
        place.put(&format!("scripts/{name}"), "#!/bin/sh\n");
    }
    place.write_image("a.mender", &["-s", "scripts"]);
    let text = place.ok(&["read", "a.mender"]);
    assert!(
        text.contains(
            "  State scripts:\n    - ArtifactInstall_Enter_01_a\n    - ArtifactReboot_Leave_01\n\n"
        ),
        "{text}"
    );
    place.put("scripts/README", "no script");
    let message = place
        .fails(1, &["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o", "b", "-s", "scripts"]);
    assert!(message.starts_with("scripts/README: "), "{message}");
}
