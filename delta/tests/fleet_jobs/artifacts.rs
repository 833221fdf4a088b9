//! Small Artifacts to make deltas of.

use mender_artifact::compression::Compression;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use mender_delta::fleet::digest::Sha256Sum;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::tenant::TenantId;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::PathBuf;

/// Bytes of an image; `seed` changes some of them here and there.
pub(crate) fn image(seed: u8, len: usize) -> Vec<u8> {
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

pub(crate) fn sha256(bytes: &[u8]) -> Sha256Sum {
    Sha256Sum(Sha256::digest(bytes).into())
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(crate) fn spec(name: &str) -> JobSpec {
    JobSpec::new(tenant(name))
}

/// The bytes of a full Artifact of `image`.
pub(crate) fn artifact<'a>(
    name: &str,
    image: &'a [u8],
    change: impl FnOnce(&mut ArtifactPlan<'a>),
) -> Vec<u8> {
    let input = PayloadInput::from_reader("core-image.ext4", Some(image.len() as u64), image)
        .with_mode(0o644)
        .with_modified(1_700_000_000);
    let choices = PayloadChoices::default();
    let mut plan = ArtifactPlan {
        artifact_name: name.into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::rootfs_image(name, input, choices, ChecksumProvide::Standard)],
        compression: Compression::Gzip,
        ..ArtifactPlan::default()
    };
    change(&mut plan);
    let mut out = Vec::new();
    write_artifact(plan, &mut out, &WriteOptions::default()).unwrap();
    out
}

/// Length of images where it does not matter.
pub(crate) const LEN: usize = 300_000;

/// A folder with Artifacts, and room for engines.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// An Artifact whose image was changed by `seed`.
    pub(crate) fn artifact(&self, seed: u8) -> PathBuf {
        self.put(&format!("v{seed}.mender"), &artifact(&format!("v{seed}"), &image(seed, LEN), |_| {}))
    }

    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions { workers: 2, threads: 1, ..EngineOptions::new(self.path("work")) }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.options()).unwrap()
    }
}
