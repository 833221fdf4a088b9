//! Debian's `mender-artifact` accepts what the writer writes, and finds in it what it would have written
//! itself. Skipped where it is not installed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::members::{Members, contents, inner, members};
use mender_artifact::compression::Compression;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::header::{PayloadHeader, TypeInfoValue};
use mender_artifact::resign::sign_artifact;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, AugmentPlan, PayloadPlan};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};

const COMPRESSIONS: [(Compression, &str); 3] =
    [(Compression::None, "none"), (Compression::Gzip, "gzip"), (Compression::Xz, "lzma")];

/// A folder with inputs, and the reference tool to run in it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// `None`, and a line that says so, where the reference tool is not installed.
    fn new() -> Option<Self> {
        if Command::new("mender-artifact").arg("--version").output().is_err() {
            eprintln!("skipped: mender-artifact is not installed");
            return None;
        }
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let image: Vec<u8> = (0..400_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        bench.put("rootfs.ext4", &image);
        bench.put("a-file.txt", b"contents\n");
        bench.put("empty", b"");
        bench.put("meta.json", br#"{"z":[1,2.50,"<&>"],"a":{"nested":null,"big":1e21,"small":1e-7}}"#);
        bench.put("more.json", br#"{"a":{"more":[]},"z":[2],"n":"<&>"}"#);
        bench.put("scripts/ArtifactInstall_Enter_01_first", b"#!/bin/sh\n");
        bench.put("scripts/ArtifactCommit_Leave_99", b"#!/bin/sh\nexit 0\n");
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, contents: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
    }

    fn input(&self, name: &str) -> PayloadInput<'static> {
        PayloadInput::from_path(self.path(name)).unwrap()
    }

    /// Runs the reference tool; its standard output.
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("mender-artifact")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mender-artifact {arguments:?}: {talk}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, name: &str, plan: ArtifactPlan<'_>) -> Vec<u8> {
        let mut artifact = Vec::new();
        let options =
            WriteOptions { spool_directory: self.folder.path().to_owned(), ..WriteOptions::default() };
        write_artifact(plan, &mut artifact, &options).unwrap();
        fs::write(self.path(name), &artifact).unwrap();
        artifact
    }
}

fn key_path(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name).to_str().unwrap().to_owned()
}

fn private_key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&fs::read(key_path(name)).unwrap()).unwrap()
}

/// Arguments for the reference tool, and a plan for the same thing.
type Case = (&'static str, Vec<&'static str>, fn(&Bench) -> ArtifactPlan<'static>);

fn plan(name: &str, payload: PayloadPlan<'static>) -> ArtifactPlan<'static> {
    ArtifactPlan {
        artifact_name: name.into(),
        compatible_types: vec!["board".into()],
        payloads: vec![payload],
        ..ArtifactPlan::default()
    }
}

fn one(key: &str, value: &str) -> (String, TypeInfoValue) {
    (key.to_owned(), TypeInfoValue::One(value.to_owned()))
}

fn cases() -> Vec<Case> {
    vec![
        ("plain image", vec!["rootfs-image", "-f", "rootfs.ext4", "-n", "release-1", "-t", "board"], |b| {
            let choices = PayloadChoices::default();
            let image = b.input("rootfs.ext4");
            plan(
                "release-1",
                PayloadPlan::rootfs_image("release-1", image, choices, ChecksumProvide::Standard),
            )
        }),
        (
            "image with everything",
            vec![
                "rootfs-image",
                "-f",
                "rootfs.ext4",
                "-n",
                "release-<2>",
                "-t",
                "board",
                "-t",
                "other",
                "-N",
                "release-0",
                "-N",
                "release-1",
                "-g",
                "new",
                "-G",
                "old",
                "-G",
                "older",
                "-p",
                "key:va:lue",
                "-p",
                "rootfs-image.version:mine",
                "-d",
                "need:it",
                "-d",
                "empty:",
                "--clears-provides",
                "mine.*",
                "--clears-provides",
                "rootfs-image.*",
                "--legacy-rootfs-image-checksum",
                "-s",
                "scripts",
            ],
            |b| {
                let choices = PayloadChoices {
                    provides: [one("key", "va:lue"), one("rootfs-image.version", "mine")].into(),
                    depends: [one("need", "it"), one("empty", "")].into(),
                    clears: vec!["mine.*".into(), "rootfs-image.*".into()],
                    ..PayloadChoices::default()
                };
                let image = b.input("rootfs.ext4");
                let payload =
                    PayloadPlan::rootfs_image("release-<2>", image, choices, ChecksumProvide::Legacy);
                ArtifactPlan {
                    compatible_types: vec!["board".into(), "other".into()],
                    depends_names: vec!["release-0".into(), "release-1".into()],
                    artifact_group: Some("new".into()),
                    depends_groups: vec!["old".into(), "older".into()],
                    scripts: ScriptInput::from_directory(&b.path("scripts")).unwrap(),
                    ..plan("release-<2>", payload)
                }
            },
        ),
        (
            "module with files and meta-data",
            vec![
                "module-image",
                "-T",
                "single-file",
                "-n",
                "r 1",
                "-t",
                "board",
                "-f",
                "a-file.txt",
                "-f",
                "empty",
                "-m",
                "meta.json",
                "--software-name",
                "app",
                "--software-filesystem",
                "data",
            ],
            |b| {
                let mut choices = PayloadChoices::default();
                choices.software.name = Some("app".into());
                choices.software.filesystem = Some("data".into());
                let meta_data = serde_json::from_slice(&fs::read(b.path("meta.json")).unwrap()).unwrap();
                let files = vec![b.input("a-file.txt"), b.input("empty")];
                plan("r 1", PayloadPlan::module_image("r 1", "single-file", files, Some(meta_data), choices))
            },
        ),
        (
            "module without files",
            vec!["module-image", "-T", "nothing", "-n", "r1", "-t", "board", "--no-default-software-version"],
            |_| {
                let mut choices = PayloadChoices::default();
                choices.software.no_default = true;
                plan("r1", PayloadPlan::module_image("r1", "nothing", Vec::new(), None, choices))
            },
        ),
        (
            "augmented",
            vec![
                "module-image",
                "-T",
                "signed-type",
                "-n",
                "r1",
                "-t",
                "board",
                "-f",
                "a-file.txt",
                "-m",
                "meta.json",
                "-p",
                "a:b",
                "-d",
                "c:d",
                "-N",
                "r0",
                "-g",
                "new",
                "-G",
                "old",
                "--augment-type",
                "added-type",
                "--augment-file",
                "empty",
                "--augment-file",
                "rootfs.ext4",
                "--augment-provides",
                "a:x",
                "--augment-provides",
                "n:m",
                "--augment-depends",
                "e:f:g",
                "--augment-meta-data",
                "more.json",
            ],
            |b| {
                let json = |name| serde_json::from_slice(&fs::read(b.path(name)).unwrap()).unwrap();
                let choices = PayloadChoices {
                    provides: [one("a", "b")].into(),
                    depends: [one("c", "d")].into(),
                    ..PayloadChoices::default()
                };
                let files = vec![b.input("a-file.txt")];
                let payload =
                    PayloadPlan::module_image("r1", "signed-type", files, Some(json("meta.json")), choices);
                let header = PayloadHeader {
                    payload_type: Some("added-type".into()),
                    provides: [one("a", "x"), one("n", "m")].into(),
                    depends: [one("e", "f:g")].into(),
                    meta_data: Some(json("more.json")),
                    ..PayloadHeader::default()
                };
                ArtifactPlan {
                    depends_names: vec!["r0".into()],
                    artifact_group: Some("new".into()),
                    depends_groups: vec!["old".into()],
                    augment: vec![AugmentPlan {
                        header,
                        files: vec![b.input("empty"), b.input("rootfs.ext4")],
                    }],
                    ..plan("r1", payload)
                }
            },
        ),
        (
            "augmented by a type alone",
            vec!["module-image", "-T", "a", "-n", "r1", "-t", "board", "--augment-type", "b"],
            |_| {
                let payload =
                    PayloadPlan::module_image("r1", "a", Vec::new(), None, PayloadChoices::default());
                let header = PayloadHeader { payload_type: Some("b".into()), ..PayloadHeader::default() };
                let augment = vec![AugmentPlan { header, files: Vec::new() }];
                ArtifactPlan { augment, ..plan("r1", payload) }
            },
        ),
        (
            "version 2",
            vec![
                "rootfs-image",
                "-v",
                "2",
                "-f",
                "rootfs.ext4",
                "-n",
                "release-1",
                "-t",
                "board",
                "-t",
                "other",
                "-s",
                "scripts",
            ],
            |b| {
                let header =
                    PayloadHeader { payload_type: Some("rootfs-image".into()), ..PayloadHeader::default() };
                let payload =
                    PayloadPlan { header, files: vec![b.input("rootfs.ext4")], ..PayloadPlan::default() };
                ArtifactPlan {
                    format: FormatVersion::V2,
                    compatible_types: vec!["board".into(), "other".into()],
                    scripts: ScriptInput::from_directory(&b.path("scripts")).unwrap(),
                    ..plan("release-1", payload)
                }
            },
        ),
        (
            "bootstrap",
            vec!["bootstrap-artifact", "-n", "r1", "-t", "board", "-p", "rootfs-image.version:r1"],
            |_| {
                let provides = [one("rootfs-image.version", "r1")].into();
                plan("r1", PayloadPlan::bootstrap(PayloadChoices { provides, ..PayloadChoices::default() }))
            },
        ),
    ]
}

#[test]
fn the_same_options_give_the_same_artifact() {
    let Some(bench) = Bench::new() else { return };
    for (what, arguments, make_plan) in cases() {
        for (compression, compression_name) in COMPRESSIONS {
            let mut arguments = [&["write"], &arguments[..]].concat();
            arguments.extend(["-o", "theirs.mender", "--compression", compression_name]);
            bench.run(&arguments);
            let ours = bench.write("ours.mender", ArtifactPlan { compression, ..make_plan(&bench) });
            let theirs = fs::read(bench.path("theirs.mender")).unwrap();

            bench.run(&["validate", "ours.mender"]);
            let read = |name| bench.run(&["read", name]);
            assert_eq!(sorted(&read("ours.mender")), sorted(&read("theirs.mender")), "{what}");

            let names = |artifact: &[u8]| -> Vec<(String, u32)> {
                members(artifact).into_iter().map(|member| (member.0, member.1)).collect()
            };
            assert_eq!(names(&ours), names(&theirs), "{what}");
            same_headers(&inner(&ours, "header.tar"), &inner(&theirs, "header.tar"), what);
            if ours_is_augmented(&ours) {
                same_headers(&inner(&ours, "header-augment"), &inner(&theirs, "header-augment"), what);
            }
            // The archives with nothing of the caller's owner in them are alike to the last byte.
            assert_eq!(&ours[..1024], &theirs[..1024], "{what}: member version");
        }
    }
}

fn ours_is_augmented(artifact: &[u8]) -> bool {
    members(artifact).iter().any(|member| member.0 == "manifest-augment")
}

/// The same members with the same contents; scripts may be in another order.
fn same_headers(our_header: &Members, their_header: &Members, what: &str) {
    for (name, mode, their_contents) in their_header {
        let ours = our_header.iter().find(|member| member.0 == *name);
        let ours = ours.unwrap_or_else(|| panic!("{what}: {name} is missing"));
        // Since 4.4 the reference tool names the type of a rootfs-image; this one is older.
        let their_contents = String::from_utf8(their_contents.clone()).unwrap();
        let their_contents = their_contents.replace("{\"type\":\"\"", "{\"type\":\"rootfs-image\"");
        let our_contents = String::from_utf8(ours.2.clone()).unwrap();
        assert_eq!((ours.1, our_contents), (*mode, their_contents), "{what}: {name}");
    }
    let names = |header: &Members| {
        let names = header.iter().map(|member| member.0.clone());
        names.filter(|name| !name.starts_with("scripts/")).collect::<Vec<_>>()
    };
    assert_eq!(names(our_header), names(their_header), "{what}");
    assert_eq!(our_header.len(), their_header.len(), "{what}");
}

/// Lines in an order of their own: the reference tool writes scripts in a random one.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn signatures_are_verified_by_the_reference_tool() {
    let Some(bench) = Bench::new() else { return };
    let keys = [("rsa-pkcs8.pem", "rsa-public.pem"), ("p256-pkcs8.pem", "p256-public.pem")];
    for (private, public) in keys {
        let (key, public, other) = (private_key(private), key_path(public), key_path(keys_other(public)));
        for (compression, _) in COMPRESSIONS {
            for (what, _, make_plan) in cases() {
                let plan = ArtifactPlan { compression, signer: Some(&key), ..make_plan(&bench) };
                let signed = bench.write("signed.mender", plan);
                bench.run(&["validate", "-k", &public, "signed.mender"]);
                let read = bench.run(&["read", "-k", &public, "signed.mender"]);
                assert!(read.contains("Signature: signed and verified correctly"), "{what}: {read}");
                let read = bench.run(&["read", "-k", &other, "signed.mender"]);
                assert!(
                    read.contains("Signature: signed; verification using provided key failed"),
                    "{what}: {read}"
                );

                // Signing afterwards gives the same, but for the mode of manifest.sig.
                let plain = bench.write("plain.mender", ArtifactPlan { compression, ..make_plan(&bench) });
                let mut resigned = Vec::new();
                let report = sign_artifact(plain.as_slice(), &mut resigned, &key, false).unwrap();
                assert!(!report.replaced);
                fs::write(bench.path("resigned.mender"), &resigned).unwrap();
                bench.run(&["validate", "-k", &public, "resigned.mender"]);
                let mut expected = members(&signed);
                expected.iter_mut().filter(|m| m.0 == "manifest.sig").for_each(|m| m.1 = 0o644);
                assert!(members(&resigned) == expected, "{what}");
            }
        }
    }
}

/// Another key than the given one.
fn keys_other(public: &str) -> &'static str {
    if public == "rsa-public.pem" { "p256-public.pem" } else { "rsa-public.pem" }
}

#[test]
fn artifacts_of_the_reference_tool_can_be_signed() {
    let Some(bench) = Bench::new() else { return };
    let (key, public) = (private_key("p256-sec1-parameters.pem"), key_path("p256-public.pem"));
    let rsa = key_path("rsa-pkcs1.pem");
    for (compression, compression_name) in COMPRESSIONS {
        let arguments =
            ["write", "rootfs-image", "-f", "rootfs.ext4", "-n", "r1", "-t", "board", "-s", "scripts"];
        let more = ["-o", "theirs.mender", "--compression", compression_name, "-k", &rsa];
        bench.run(&[&arguments[..], &more].concat());
        let theirs = fs::read(bench.path("theirs.mender")).unwrap();
        let mut ours = Vec::new();
        let report = sign_artifact(theirs.as_slice(), &mut ours, &key, true).unwrap();
        assert!(report.replaced, "{compression:?}");
        fs::write(bench.path("ours.mender"), &ours).unwrap();
        bench.run(&["validate", "-k", &public, "ours.mender"]);
        // And theirs signs ours, which changes it as little.
        bench.run(&["sign", "-k", &rsa, "-f", "-o", "again.mender", "ours.mender"]);
        bench.run(&["validate", "-k", &key_path("rsa-public.pem"), "again.mender"]);
        let again = fs::read(bench.path("again.mender")).unwrap();
        assert_eq!(again.len(), ours.len() + signature_difference(&ours, &again), "{compression:?}");
    }
}

/// How much longer the padded signature of `b` is than that of `a`.
fn signature_difference(a: &[u8], b: &[u8]) -> usize {
    let len = |bytes: &[u8]| {
        let mut archive = tar::Archive::new(bytes);
        let sizes = archive.entries().unwrap().map(Result::unwrap);
        let size = sizes.filter(|entry| entry.path().unwrap().ends_with("manifest.sig")).map(|e| e.size());
        usize::try_from(size.sum::<u64>().next_multiple_of(512)).unwrap()
    };
    len(b) - len(a)
}

#[test]
fn payloads_arrive_as_they_were() {
    let Some(bench) = Bench::new() else { return };
    for (_, _, make_plan) in cases().into_iter().take(3) {
        for (compression, _) in COMPRESSIONS {
            let artifact = bench.write("a.mender", ArtifactPlan { compression, ..make_plan(&bench) });
            for (name, _, found) in inner(&artifact, "data/0000.tar") {
                assert!(found == fs::read(bench.path(&name)).unwrap(), "{name}");
            }
            let header = inner(&artifact, "header.tar");
            assert!(!contents(&header, "header-info").is_empty());
        }
    }
}
