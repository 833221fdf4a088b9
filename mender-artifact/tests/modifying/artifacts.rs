//! Artifacts for the tests, and what is in them, as the crate `tar` sees it.

use mender_artifact::compression::Compression;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::header::{ArtifactHeader, PayloadHeader, StateScript, TypeInfoValue};
use mender_artifact::read::{ReadOptions, read_artifact};
use mender_artifact::rewrite::{Original, Source, Target};
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, AugmentPlan, PayloadPlan};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};
use std::collections::BTreeMap;
use std::io::Read;

pub(crate) const P256: &[u8] = include_bytes!("../keys/p256-pkcs8.pem");

pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_pem(P256).unwrap()
}

pub(crate) fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, TypeInfoValue> {
    pairs.iter().map(|(key, value)| ((*key).into(), TypeInfoValue::One((*value).into()))).collect()
}

pub(crate) fn script(name: &str) -> ScriptInput {
    let script = StateScript { name: name.into(), mode: 0o755, contents: name.as_bytes().to_vec() };
    ScriptInput { script, modified: 7 }
}

/// Two files, two scripts, meta-data.
pub(crate) fn module(compression: Compression, signer: Option<&dyn Signer>) -> Vec<u8> {
    let choices = PayloadChoices {
        provides: values(&[("a.version", "1")]),
        depends: values(&[("b", "2")]),
        clears: vec!["x".into()],
        ..PayloadChoices::default()
    };
    let contents: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
    let files = vec![
        PayloadInput::from_reader("one", None, std::io::Cursor::new(contents)).with_modified(123),
        PayloadInput::from_reader("two", None, &b"two"[..]).with_mode(0o640),
    ];
    let meta_data = Some(serde_json::json!({"note": "<first>"}));
    write(PayloadPlan::module_image("r1", "files", files, meta_data, choices), compression, signer)
}

/// A root file system of `len` zeros.
pub(crate) fn rootfs(len: u64, compression: Compression, signer: Option<&dyn Signer>) -> Vec<u8> {
    let file = PayloadInput::from_reader("img", Some(len), std::io::repeat(0).take(len));
    let choices = PayloadChoices::default();
    let payload = PayloadPlan::rootfs_image("r1", file, choices, ChecksumProvide::Standard);
    write(payload, compression, signer)
}

pub(crate) fn bootstrap() -> Vec<u8> {
    let choices = PayloadChoices { provides: values(&[("a", "1")]), ..PayloadChoices::default() };
    write(PayloadPlan::bootstrap(choices), Compression::Gzip, None)
}

fn write(payload: PayloadPlan<'_>, compression: Compression, signer: Option<&dyn Signer>) -> Vec<u8> {
    let bootstrap = payload.header.payload_type.is_none();
    let scripts = ["ArtifactInstall_Enter_10", "ArtifactInstall_Enter_30"];
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into(), "board2".into()],
        depends_groups: vec!["old".into()],
        scripts: if bootstrap { Vec::new() } else { scripts.map(script).to_vec() },
        payloads: vec![payload],
        compression,
        signer,
        ..ArtifactPlan::default()
    };
    let mut artifact = Vec::new();
    let options = WriteOptions { source_date_epoch: Some(1_000_000), ..WriteOptions::default() };
    write_artifact(plan, &mut artifact, &options).unwrap();
    artifact
}

pub(crate) fn original(artifact: &[u8]) -> Original<'_> {
    Original::read(Source::Stream(Box::new(artifact))).unwrap()
}

pub(crate) fn written(original: Original<'_>) -> Vec<u8> {
    let mut artifact = Vec::new();
    original.write(Target::Stream(&mut artifact)).unwrap();
    artifact
}

pub(crate) fn read(artifact: &[u8]) -> ArtifactHeader {
    read_artifact(artifact, &ReadOptions::default(), &mut ()).unwrap().header
}

/// Name, mode, time and contents of each member of a tar archive.
pub(crate) type Members = Vec<(String, u32, u64, Vec<u8>)>;

pub(crate) fn members(archive: &[u8]) -> Members {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        (name, mode, time, contents)
    });
    entries.collect()
}

/// The member whose name begins with `prefix`.
pub(crate) fn member(artifact: &[u8], prefix: &str) -> Vec<u8> {
    members(artifact).into_iter().find(|member| member.0.starts_with(prefix)).unwrap().3
}

/// The files of the header archive.
pub(crate) fn header_files(artifact: &[u8]) -> Members {
    let outer = members(artifact);
    let header = outer.iter().find(|member| member.0.starts_with("header.tar")).unwrap();
    members(&unpacked(&header.0, &header.3))
}

pub(crate) fn unpacked(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match name.rsplit('.').next().unwrap() {
        "gz" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap(),
        "xz" => liblzma::read::XzDecoder::new_multi_decoder(bytes).read_to_end(&mut unpacked).unwrap(),
        "zst" => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut unpacked).unwrap(),
        _ => return bytes.to_vec(),
    };
    unpacked
}

/// An Artifact with a second header that no signature covers: another type, a provide, meta-data and a file.
pub(crate) fn augmented(added_meta_data: bool, signer: Option<&dyn Signer>) -> Vec<u8> {
    let choices = PayloadChoices {
        provides: values(&[("a", "1"), ("b", "1")]),
        clears: vec!["x".into()],
        no_default_clears: true,
        ..PayloadChoices::default()
    };
    let file = |name: &str| PayloadInput::from_reader(name, None, std::io::Cursor::new(name.to_owned()));
    let meta_data = (!added_meta_data).then(|| serde_json::json!({"signed": 1}));
    let added = PayloadHeader {
        payload_type: Some("other".into()),
        provides: values(&[("b", "2")]),
        meta_data: added_meta_data.then(|| serde_json::json!({"added": 1})),
        ..PayloadHeader::default()
    };
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::module_image("r1", "files", vec![file("one")], meta_data, choices)],
        augment: vec![AugmentPlan { header: added, files: vec![file("two")] }],
        signer,
        ..ArtifactPlan::default()
    };
    let mut artifact = Vec::new();
    write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
    artifact
}

/// An Artifact of format version 2.
pub(crate) fn version_2() -> Vec<u8> {
    let file = PayloadInput::from_reader("img", None, &b"image"[..]);
    let header = PayloadHeader { payload_type: Some("rootfs-image".into()), ..PayloadHeader::default() };
    let plan = ArtifactPlan {
        format: FormatVersion::V2,
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan { header, files: vec![file], checksum_provide: None }],
        ..ArtifactPlan::default()
    };
    let mut artifact = Vec::new();
    write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
    artifact
}
