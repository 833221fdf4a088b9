//! Reads what another implementation writes: Debian's `mender-artifact` 3.9.0, where installed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use mender_artifact::compression::Compression;
use mender_artifact::header::{PayloadFile, TypeInfoValue};
use mender_artifact::read::verify::SignatureStatus;
use parts::{Members, read};
use std::path::Path;
use std::process::Command;

/// A work folder, or `None` where the tool is absent.
fn workplace() -> Option<tempfile::TempDir> {
    if Command::new("mender-artifact").arg("--version").output().is_err() {
        println!("skipped: mender-artifact not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let image: Vec<u8> = (0..400_000_u32).flat_map(|n| (n / 5 * 77).to_le_bytes()).collect();
    for (name, contents) in [
        ("image.ext4", &image[..]),
        ("one", b"the first"),
        ("two", b"the second"),
        ("meta.json", br#"{"list":[1,{"x":"y"}],"n":1.5}"#),
        ("ArtifactInstall_Enter_01_a", b"#!/bin/sh\ntrue\n"),
        ("ArtifactCommit_Leave_02", b"#!/bin/sh\nfalse\n"),
    ] {
        std::fs::write(folder.path().join(name), contents).unwrap();
    }
    Some(folder)
}

fn run(program: &str, folder: &Path, words: &str) {
    let output = Command::new(program).args(words.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
}

fn read_file(folder: &Path, name: &str) -> (mender_artifact::read::ReadReport, Members) {
    read(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn rootfs_image_in_every_compression() {
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    for (word, compression) in
        [("gzip", Compression::Gzip), ("lzma", Compression::Xz), ("none", Compression::None)]
    {
        run(
            "mender-artifact",
            folder,
            &format!(
                "--compression {word} write rootfs-image -t board -t other -n release-1 -f image.ext4 -o a.mender \
                 -s ArtifactInstall_Enter_01_a -s ArtifactCommit_Leave_02 --no-progress"
            ),
        );
        let (report, payload) = read_file(folder, "a.mender");
        assert_eq!(report.compression, compression);
        assert_eq!(report.payload_compressions, [Some(compression)]);
        let header = &report.header;
        assert_eq!((header.version, header.artifact_name.as_str()), (3, "release-1"));
        assert_eq!(header.compatible_types, ["board", "other"]);
        assert_eq!(header.artifact_group, None);
        let mut scripts: Vec<_> = header.scripts.iter().map(|script| script.name.as_str()).collect();
        scripts.sort_unstable();
        assert_eq!(scripts, ["ArtifactCommit_Leave_02", "ArtifactInstall_Enter_01_a"]);
        let only = &header.payloads[0];
        assert_eq!(only.payload_type.as_deref(), Some("rootfs-image"));
        assert_eq!(only.provides["rootfs-image.version"], TypeInfoValue::One("release-1".to_owned()));
        let image = std::fs::read(folder.join("image.ext4")).unwrap();
        let sum = parts::line("", &image);
        assert_eq!(only.provides["rootfs-image.checksum"], TypeInfoValue::One(sum[..64].to_owned()));
        let clears = ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"];
        assert_eq!(only.clears.as_deref().unwrap(), clears);
        assert_eq!(only.meta_data, None);
        assert_eq!((only.files[0].name.as_str(), only.files[0].size), ("image.ext4", 1_600_000));
        assert!(payload == [("0/image.ext4".to_owned(), image)]);
    }
}

#[test]
fn module_image_with_everything() {
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    run(
        "mender-artifact",
        folder,
        "write module-image -t board -n release-2 -T my-module -f one -f two -m meta.json -p a:b -d c:d \
         -N release-1 -G group-a -g group-b -o m.mender --software-filesystem data-partition",
    );
    let (report, payload) = read_file(folder, "m.mender");
    let header = &report.header;
    assert_eq!(header.artifact_group.as_deref(), Some("group-b"));
    assert_eq!(header.depends_names, ["release-1"]);
    assert_eq!(header.depends_groups, ["group-a"]);
    let only = &header.payloads[0];
    assert_eq!(only.payload_type.as_deref(), Some("my-module"));
    assert_eq!(only.provides["a"], TypeInfoValue::One("b".to_owned()));
    assert_eq!(only.provides["data-partition.my-module.version"], TypeInfoValue::One("release-2".to_owned()));
    assert_eq!(only.depends["c"], TypeInfoValue::One("d".to_owned()));
    assert_eq!(only.clears.as_deref().unwrap(), ["data-partition.my-module.*"]);
    assert_eq!(only.meta_data, Some(serde_json::json!({"list": [1, {"x": "y"}], "n": 1.5})));
    assert_eq!(payload[0], ("0/one".to_owned(), b"the first".to_vec()));
    assert_eq!(payload[1], ("0/two".to_owned(), b"the second".to_vec()));
    assert_eq!(only.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn bootstrap_artifact() {
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    run("mender-artifact", folder, "write bootstrap-artifact -t board -n release-0 -p a:b -o b.mender");
    let (report, payload) = read_file(folder, "b.mender");
    assert_eq!(report.header.payloads[0].payload_type, None);
    assert_eq!(report.header.payloads[0].provides["a"], TypeInfoValue::One("b".to_owned()));
    assert_eq!(report.header.payloads[0].files, []);
    assert_eq!(payload, []);
}

#[test]
fn version_2() {
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    for (word, compression) in
        [("gzip", Compression::Gzip), ("lzma", Compression::Xz), ("none", Compression::None)]
    {
        run(
            "mender-artifact",
            folder,
            &format!(
                "--compression {word} write rootfs-image -v 2 -t board -t other -n release-1 -f image.ext4 \
                 -o v2.mender -s ArtifactInstall_Enter_01_a --no-progress"
            ),
        );
        let (report, payload) = read_file(folder, "v2.mender");
        let header = &report.header;
        assert_eq!((report.compression, header.version), (compression, 2));
        assert_eq!(header.artifact_name, "release-1");
        assert_eq!(header.compatible_types, ["board", "other"]);
        assert_eq!(header.scripts[0].name, "ArtifactInstall_Enter_01_a");
        let only = &header.payloads[0];
        assert_eq!(only.payload_type.as_deref(), Some("rootfs-image"));
        assert!(only.provides.is_empty() && only.depends.is_empty());
        assert_eq!((&only.clears, &only.meta_data), (&None, &None));
        assert_eq!((only.files[0].name.as_str(), only.files[0].size), ("image.ext4", 1_600_000));
        assert!(payload == [("0/image.ext4".to_owned(), std::fs::read(folder.join("image.ext4")).unwrap())]);
    }
}

#[test]
fn augmented() {
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    std::fs::write(folder.join("more.json"), br#"{"list":[2],"n":2,"o":{"p":null}}"#).unwrap();
    for (word, compression) in
        [("gzip", Compression::Gzip), ("lzma", Compression::Xz), ("none", Compression::None)]
    {
        run(
            "mender-artifact",
            folder,
            &format!(
                "--compression {word} write module-image -t board -n r -T t -f one -m meta.json -p a:b -p x:y \
                 -d c:d -N old -g group --augment-type u --augment-file two --augment-provides a:B \
                 --augment-provides n:N --augment-depends c:D --augment-meta-data more.json -o aug.mender"
            ),
        );
        let (report, payload) = read_file(folder, "aug.mender");
        assert_eq!(report.compression, compression);
        let only = &report.header.payloads[0];
        assert_eq!(only.payload_type.as_deref(), Some("u"));
        let one = |text: &str| TypeInfoValue::One(text.to_owned());
        let provides = [("a", "B"), ("n", "N"), ("rootfs-image.t.version", "r"), ("x", "y")];
        let found: Vec<_> = only.provides.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        assert_eq!(found, provides.map(|(key, value)| (key, one(value))));
        assert_eq!((only.depends.len(), &only.depends["c"]), (1, &one("D")));
        assert_eq!(only.clears.as_deref().unwrap(), ["rootfs-image.t.*"]);
        assert_eq!(only.meta_data, Some(serde_json::json!({"list": [2], "n": 2, "o": {"p": null}})));
        let names = |files: &[PayloadFile]| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&only.files), ["one", "two"]);
        assert_eq!(only.files[1].size, 10);
        let [augment] = &report.header.augments[..] else { panic!("one payload") };
        assert_eq!(augment.signed.payload_type.as_deref(), Some("t"));
        assert_eq!(augment.signed.provides["a"], one("b"));
        assert_eq!(names(&augment.signed.files), ["one"]);
        assert_eq!(augment.added.provides.len(), 2);
        assert_eq!(augment.added.files[0].size, 10);
        assert_eq!(payload[0], ("0/one".to_owned(), b"the first".to_vec()));
        assert_eq!(payload[1], ("0/two".to_owned(), b"the second".to_vec()));
    }
    // The reference tool writes this, and cannot read it.
    run(
        "mender-artifact",
        folder,
        "write module-image -t board -n r -T t -f one --augment-type u --augment-file one -o twice.mender",
    );
    let error = read(&std::fs::read(folder.join("twice.mender")).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "manifest-augment: 'data/0000/one': present more than once (at byte 0)");
}

#[test]
fn signatures_by_rsa_and_p256() {
    use mender_artifact::check::validate;
    use mender_artifact::limits::Limits;
    use mender_artifact::sign::public_key::PublicKey;
    let Some(folder) = workplace() else { return };
    let folder = folder.path();
    let made = Command::new("openssl").args(["version"]).output();
    if made.is_err() {
        println!("skipped: openssl not installed");
        return;
    }
    run("openssl", folder, "genrsa -traditional -out rsa.pem 3072");
    run("openssl", folder, "rsa -in rsa.pem -pubout -out rsa.pub");
    run("openssl", folder, "ecparam -genkey -name prime256v1 -noout -out ec.pem");
    run("openssl", folder, "ec -in ec.pem -pubout -out ec.pub");
    for (key, other) in [("rsa", "ec"), ("ec", "rsa")] {
        run(
            "mender-artifact",
            folder,
            &format!("write module-image -t board -n r -T t -f one -k {key}.pem -o {key}.mender"),
        );
        let bytes = std::fs::read(folder.join(format!("{key}.mender"))).unwrap();
        let public = |name: &str| {
            PublicKey::from_pem(&std::fs::read(folder.join(format!("{name}.pub"))).unwrap()).unwrap()
        };
        let limits = Limits::default();
        let report = validate(&bytes[..], Some(&public(key)), &limits).unwrap();
        assert!(matches!(report.signature, SignatureStatus::Verified));
        assert!(validate(&bytes[..], Some(&public(other)), &limits).is_err());
        assert!(validate(&bytes[..], None, &limits).is_err());
        assert!(matches!(read(&bytes).unwrap().0.signature, SignatureStatus::NotChecked));
        run(
            "mender-artifact",
            folder,
            &format!("write module-image -t board -n r -T t -f one -o {key}.mender"),
        );
        let unsigned = std::fs::read(folder.join(format!("{key}.mender"))).unwrap();
        assert!(validate(&unsigned[..], Some(&public(key)), &limits).is_err());
    }
}
