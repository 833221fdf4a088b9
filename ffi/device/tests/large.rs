//! Images of more than 4 GiB through the C API, here and on simulated processors with 32 and 64 bits: minutes of work, so
//! only when asked for: `cargo test -p mender-device --test large -- --ignored --nocapture`. `MAR_LARGE_CROSS=0` leaves the
//! simulated ones out.

// Files with holes are written at offsets.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;

use compile::{CROSS, build, compiler, cross_library, library, say};
use mender_artifact::compression::Compression;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const FOUR_GIB: u64 = 1 << 32;
const OLD_BYTES: u64 = FOUR_GIB + (16 << 20);
const NEW_BYTES: u64 = OLD_BYTES + 12_345;

fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    let byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(byte).take(len).collect()
}

/// Mostly holes, with something to copy on both sides of 4 GiB and across it.
fn pair(folder: &Path) -> [PathBuf; 2] {
    let blob = noise(1, 300_000);
    let paths = ["old", "new"].map(|name| folder.join(name));
    for (path, bytes) in paths.iter().zip([OLD_BYTES, NEW_BYTES]) {
        let file = File::create(path).unwrap();
        file.set_len(bytes).unwrap();
        for at in [0, FOUR_GIB - 100_000, FOUR_GIB + 5_000_000] {
            file.write_all_at(&blob, at).unwrap();
        }
    }
    let new = File::options().write(true).open(&paths[1]).unwrap();
    for at in [4_096_000, FOUR_GIB - 5, FOUR_GIB + 5_100_000, NEW_BYTES - 3] {
        new.write_all_at(b"new", at).unwrap();
    }
    // What was below 4 GiB is above it now, and the other way round.
    new.write_all_at(&noise(2, 70_000), FOUR_GIB + 9_000_000).unwrap();
    new.write_all_at(&blob[..200_000], FOUR_GIB + 12_000_001).unwrap();
    new.write_all_at(&blob[50_000..], 70_000_001).unwrap();
    paths
}

fn delta(folder: &Path, [old, new]: &[PathBuf; 2], name: &str, algorithm: &Algorithm) -> PathBuf {
    let [old, new] = [old, new].map(|path| MappedImage::open(path).unwrap());
    let mut out = Cursor::new(Vec::new());
    generate(old.bytes(), new.bytes(), &GenerateOptions::default(), algorithm, &mut out).unwrap();
    let path = folder.join(name);
    fs::write(&path, out.into_inner()).unwrap();
    path
}

#[test]
#[ignore = "takes minutes"]
fn offsets_beyond_four_gib_are_read_and_written() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let images = pair(folder.path());
    let mut sha256 = Sha256::new();
    std::io::copy(&mut File::open(&images[1]).unwrap(), &mut sha256).unwrap();
    let sha256: String = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let vcdiff = Algorithm::Xdelta3(VcdiffOptions { pack: false, ..VcdiffOptions::default() });
    let deltas = [
        ("mender-native", delta(folder.path(), &images, "native.delta", &Algorithm::Native)),
        ("xdelta3", delta(folder.path(), &images, "xdelta3.delta", &vcdiff)),
    ];
    let apply = |who: &str, start: &dyn Fn() -> Command| {
        for (algorithm, delta) in &deltas {
            let (started, flash) = (Instant::now(), folder.path().join("flash"));
            let mut command = start();
            command
                .args([algorithm, &NEW_BYTES.to_string()[..], &sha256])
                .arg(delta)
                .arg(&images[0])
                .arg(&flash);
            let (status, said) = say(&mut command);
            println!("{who}, {algorithm}, {:?}: {said}", started.elapsed());
            let expected = format!("{NEW_BYTES} of {NEW_BYTES} bytes written, base read up to ");
            assert!(status == Some(0) && said.contains(&expected), "{said}");
            assert!(said.ends_with(&format!("flash written up to {NEW_BYTES}\n")), "{said}");
            let compared = Command::new("cmp").arg(&flash).arg(&images[1]).status().unwrap();
            assert!(compared.success(), "{who}, {algorithm}: a wrong image");
        }
    };
    let here = build(&compiler, "-std=c99", "tests/large.c", &[], library(), folder.path());
    apply("here", &|| {
        let mut command = Command::new(&here);
        command.env("LARGE_READ_BACK", "1");
        command
    });
    for cross in CROSS.into_iter().filter(|_| std::env::var("MAR_LARGE_CROSS").as_deref() != Ok("0")) {
        let Some(library) = cross_library(cross) else { continue };
        let [triple, cc, qemu] = cross;
        let program = build(cc, "-std=c99", "tests/large.c", &["-static"], &library, folder.path());
        apply(triple, &|| {
            let mut command = Command::new(qemu);
            command.arg(&program);
            command
        });
    }
}

#[test]
#[ignore = "takes minutes"]
fn an_artifact_of_more_than_four_gib_is_read_as_a_stream() {
    let Some(compiler) = compiler("CXX", "c++") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [_, new] = pair(folder.path());
    let list = build(&compiler, "-std=c++17", "examples/list.cpp", &[], library(), folder.path());
    let mut child = Command::new(&list).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = PayloadInput::from_path(&new).unwrap();
    let choices = PayloadChoices::default();
    let plan = ArtifactPlan {
        artifact_name: "large".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::rootfs_image("large", input, choices, ChecksumProvide::Standard)],
        compression: Compression::None,
        ..ArtifactPlan::default()
    };
    write_artifact(plan, &mut child.stdin.take().unwrap(), &WriteOptions::default()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains(&format!("{NEW_BYTES} bytes\n")), "{said}");
}
