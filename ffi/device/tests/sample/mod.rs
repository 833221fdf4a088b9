//! Images and Artifacts between them, in a folder.

use mender_artifact::compression::Compression;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use mender_delta::algorithm::Algorithm;
use mender_delta::artifact::{DeltaArtifactOptions, write_delta_artifact};
use mender_delta::format::native::level::Level;
use mender_delta::format::native::writer::Layout;
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::options::GenerateOptions;
use std::fs;
use std::path::PathBuf;

/// Windows of VCDIFF deltas.
pub(crate) const WINDOW: u32 = 16 << 10;

pub(crate) struct Sample {
    folder: tempfile::TempDir,
    /// What the native delta asks for.
    pub(crate) native_memory: u64,
}

fn image(seed: u8, len: usize) -> Vec<u8> {
    let mut state = 17_u32;
    let mut image: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] & 0x3f
    })
    .take(len)
    .collect();
    for at in (0..len).step_by(701) {
        image[at] = image[at].wrapping_add(seed);
    }
    if seed > 1 {
        image.rotate_left(12_345);
    }
    image
}

impl Sample {
    /// `old.img`, `new.img`; `full.mender`, `full-gz.mender`, `escapes.mender` (for another device); `xdelta3.mender`, `xdelta3-gz.mender`, `native.mender`.
    pub(crate) fn new() -> Self {
        let mut sample = Sample { folder: tempfile::tempdir().unwrap(), native_memory: 0 };
        fs::write(sample.path("old.img"), image(1, 300_000)).unwrap();
        fs::write(sample.path("new.img"), image(2, 310_001)).unwrap();
        sample.full("old.mender", "old", "board", Compression::None);
        sample.full("full.mender", "new", "board", Compression::None);
        sample.full("full-gz.mender", "new", "board", Compression::Gzip);
        sample.full("escapes.mender", "new", "a \\ \"b\"", Compression::None);
        let vcdiff = VcdiffOptions { pack: false, window: WINDOW, ..VcdiffOptions::default() };
        for (name, algorithm, compression) in [
            ("xdelta3.mender", Algorithm::Xdelta3(vcdiff), Compression::None),
            ("xdelta3-gz.mender", Algorithm::Xdelta3(vcdiff), Compression::Gzip),
            ("native.mender", Algorithm::Native, Compression::None),
        ] {
            let layout = Layout::within(Level::Fast, 64 << 10).unwrap();
            let generate = GenerateOptions { layout, ..GenerateOptions::default() };
            let options =
                DeltaArtifactOptions { generate, algorithm, compression, ..DeltaArtifactOptions::default() };
            let mut out = Vec::new();
            let (from, to) = (sample.path("old.mender"), sample.path("full.mender"));
            let report = write_delta_artifact(&from, &to, &mut out, &options).unwrap();
            if name == "native.mender" {
                sample.native_memory = report.delta.memory;
            }
            fs::write(sample.path(name), out).unwrap();
        }
        sample
    }

    fn full(&self, name: &str, image: &str, device: &str, compression: Compression) {
        let input = PayloadInput::from_path(self.path(&format!("{image}.img"))).unwrap();
        let choices = PayloadChoices::default();
        let plan = ArtifactPlan {
            artifact_name: image.into(),
            compatible_types: vec![device.into()],
            payloads: vec![PayloadPlan::rootfs_image(image, input, choices, ChecksumProvide::Standard)],
            compression,
            ..ArtifactPlan::default()
        };
        let mut out = Vec::new();
        write_artifact(plan, &mut out, &WriteOptions::default()).unwrap();
        fs::write(self.path(name), out).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}
