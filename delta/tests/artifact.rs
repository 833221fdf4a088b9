//! Delta Artifacts from two full ones: what they say, what they turn into, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mender_artifact::compression::Compression;
use mender_artifact::error as artifact_error;
use mender_artifact::header::{ArtifactHeader, TypeInfoValue};
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use mender_delta::apply::file::{ApplyOptions, apply_files};
use mender_delta::artifact::{DeltaArtifactOptions, PAYLOAD_TYPE, write_delta_artifact};
use mender_delta::error::{Category, Error};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

fn image(seed: u8, len: usize) -> Vec<u8> {
    let mut state = 17_u32;
    let mut image: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(len)
    .collect();
    for at in (0..len).step_by(7001) {
        image[at] = image[at].wrapping_add(seed);
    }
    image
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a full Artifact of `image` after `change` had its way with the plan.
    fn artifact(&self, name: &str, image: &[u8], change: impl FnOnce(&mut ArtifactPlan<'_>)) -> PathBuf {
        let path = self.path(&format!("{name}.ext4"));
        fs::write(&path, image).unwrap();
        let input = PayloadInput::from_path(&path).unwrap().with_name("core-image.ext4");
        let choices = PayloadChoices::default();
        let mut plan = ArtifactPlan {
            artifact_name: name.into(),
            artifact_group: Some("beta".into()),
            compatible_types: vec!["board".into(), "board-rev2".into()],
            depends_groups: vec!["alpha".into()],
            payloads: vec![PayloadPlan::rootfs_image(name, input, choices, ChecksumProvide::Standard)],
            compression: Compression::Gzip,
            ..ArtifactPlan::default()
        };
        change(&mut plan);
        let mut out = Vec::new();
        write_artifact(plan, &mut out, &WriteOptions::default()).unwrap();
        let path = self.path(&format!("{name}.mender"));
        fs::write(&path, out).unwrap();
        path
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl PayloadSink for Kept {
    fn data(&mut self, bytes: &[u8]) -> Result<(), artifact_error::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn made(from: &Path, to: &Path) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write_delta_artifact(from, to, &mut out, &DeltaArtifactOptions::default())?;
    Ok(out)
}

fn read(artifact: &[u8]) -> (ArtifactHeader, Vec<u8>) {
    let mut kept = Kept::default();
    let report = read_artifact(artifact, &ReadOptions::default(), &mut kept).unwrap();
    (report.header, kept.0)
}

#[test]
fn it_says_what_the_new_one_says_and_depends_on_the_old_one() {
    let folder = Folder::new();
    let (old, new) = (image(1, 300_000), image(2, 310_001));
    let (from, to) = (folder.artifact("v1", &old, |_| ()), folder.artifact("v2", &new, |_| ()));
    let artifact = made(&from, &to).unwrap();
    assert_eq!(artifact, made(&from, &to).unwrap(), "twice the same");

    let (header, delta) = read(&artifact);
    let (full, _) = read(&fs::read(&to).unwrap());
    let (payload, of_full) = (&header.payloads[0], &full.payloads[0]);
    assert_eq!(payload.payload_type.as_deref(), Some(PAYLOAD_TYPE));
    assert_eq!(payload.provides, of_full.provides);
    assert_eq!(payload.provides["rootfs-image.checksum"], TypeInfoValue::One(hex(&new)));
    assert_eq!(payload.clears, of_full.clears);
    assert_eq!(payload.depends.len(), 1);
    assert_eq!(payload.depends["rootfs-image.checksum"], TypeInfoValue::One(hex(&old)));
    assert_eq!(payload.files[0].name, "core-image.ext4.delta");
    let meta_data = payload.meta_data.as_ref().unwrap();
    assert_eq!(meta_data["delta_algorithm"], "mender-native");
    assert_eq!(meta_data["rootfs_file_size"], 310_001);
    assert_eq!(
        ArtifactHeader { payloads: Vec::new(), ..header },
        ArtifactHeader { payloads: Vec::new(), ..full }
    );

    let mut applied = Vec::new();
    let base = folder.path("v1.ext4");
    apply_files(&base, &mut &delta[..], &mut applied, &ApplyOptions::default()).unwrap();
    assert!(applied == new);
    assert!(artifact.len() < 20_000, "{} bytes", artifact.len());
}

fn refused(from: &Path, to: &Path) -> String {
    let error = made(from, to).unwrap_err();
    assert!(matches!(error, Error::Pair { .. }), "{error}");
    let text = error.to_string();
    let (_, text) = text.split_once(".mender: ").unwrap();
    text.to_owned()
}

#[test]
fn pairs_that_make_no_delta() {
    let folder = Folder::new();
    let (old, new) = (image(1, 50_000), image(2, 50_000));
    let from = folder.artifact("v1", &old, |_| ());
    let to = folder.artifact("v2", &new, |_| ());

    let other = folder.artifact("other", &new, |plan| plan.compatible_types = vec!["toaster".into()]);
    assert_eq!(refused(&from, &other), "compatible types: expected one of board, board-rev2, found toaster");
    let module = folder.artifact("module", &new, |plan| {
        plan.payloads[0].header.payload_type = Some("single-file".into());
    });
    assert_eq!(refused(&from, &module), "payload type: expected rootfs-image, found single-file");
    assert_eq!(refused(&module, &to), "payload type: expected rootfs-image, found single-file");
    let without = folder.artifact("without", &old, |plan| plan.payloads[0].checksum_provide = None);
    let expected = format!("provides rootfs-image.checksum: expected {}, found nothing", hex(&old));
    assert_eq!(refused(&without, &to), expected);
    let bound = folder.artifact("bound", &new, |plan| {
        let elsewhere = TypeInfoValue::One("elsewhere".into());
        plan.payloads[0].header.depends.insert("rootfs-image.checksum".into(), elsewhere);
    });
    let expected = format!("depends rootfs-image.checksum: expected {}, found elsewhere", hex(&old));
    assert_eq!(refused(&from, &bound), expected);
}

#[test]
fn damaged_and_missing_artifacts() {
    let folder = Folder::new();
    let from = folder.artifact("v1", &image(1, 50_000), |_| ());
    let mut bytes = fs::read(&from).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = folder.path("damaged.mender");
    fs::write(&damaged, bytes).unwrap();
    let error = made(&from, &damaged).unwrap_err();
    assert!(matches!(&error, Error::Artifact { path, .. } if *path == damaged), "{error:?}");
    let missing = made(&folder.path("missing.mender"), &from).unwrap_err();
    assert_eq!(missing.category(), Category::Io);
}
