//! Damaged Artifacts and deltas through the C API, under the sanitizers. `MAR_HOSTILE_ROUNDS` says how many (2,000),
//! `MAR_HOSTILE_SEED` which ones; `MAR_HOSTILE_INSTRUMENTED=1` has the library watched, too, which takes an unstable
//! option of the compiler.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;
mod sample;

use compile::{SANITIZERS, build, compiler, instrumented_library, library, say, works};
use mender_artifact::digest::{digest, to_hex};
use mender_artifact::error::Error;
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_delta::format::vcdiff::header::WindowHeader;
use mender_delta::format::vcdiff::number;
use sample::Sample;
use std::env::var;
use std::fs;
use std::process::Command;

#[derive(Default)]
struct Payload(Vec<u8>);

impl PayloadSink for Payload {
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Puts the delta of an Artifact into a file of its own.
fn unwrap_delta(sample: &Sample, artifact: &str, name: &str) {
    let mut payload = Payload::default();
    read_artifact(&sample.read(artifact)[..], &ReadOptions::default(), &mut payload).unwrap();
    fs::write(sample.path(name), payload.0).unwrap();
}

/// A VCDIFF delta of nothing but new bytes, without check values.
fn unchecked(image: &[u8]) -> Vec<u8> {
    let mut delta = vec![0xd6, 0xc3, 0xc4, 0, 0];
    for piece in image.chunks(32 << 10) {
        // Add, with its size behind it.
        let mut instructions = vec![1];
        number::put(&mut instructions, piece.len() as u64);
        let window = WindowHeader {
            segment: None,
            target_len: piece.len() as u64,
            packed: [false; 3],
            lens: [piece.len() as u64, instructions.len() as u64, 0],
            adler32: None,
            len: 0,
        };
        delta.extend(window.encode());
        delta.extend_from_slice(piece);
        delta.extend(instructions);
    }
    delta
}

#[test]
fn no_damage_crashes_or_passes_for_right() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let sample = Sample::new();
    let folder = tempfile::tempdir().unwrap();
    let flags = if works(&compiler, SANITIZERS, folder.path()) { SANITIZERS } else { &[] };
    let library = match var("MAR_HOSTILE_INSTRUMENTED") {
        Ok(_) => &instrumented_library(),
        Err(_) => library(),
    };
    let program = build(&compiler, "-std=c99", "tests/hostile.c", flags, library, folder.path());
    unwrap_delta(&sample, "xdelta3.mender", "xdelta3.delta");
    unwrap_delta(&sample, "native.mender", "native.delta");
    fs::write(sample.path("unchecked.delta"), unchecked(&sample.read("new.img"))).unwrap();
    let rounds = var("MAR_HOSTILE_ROUNDS").unwrap_or_else(|_| "2000".to_owned());
    let seed = var("MAR_HOSTILE_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut command = Command::new(&program);
    command.args([&rounds, &seed, &sample.native_memory.to_string()]);
    command.arg(to_hex(&digest(&sample.read("new.img"))));
    for name in [
        "old.img",
        "new.img",
        "xdelta3.delta",
        "unchecked.delta",
        "native.delta",
        "xdelta3.mender",
        "native.mender",
        "xdelta3-gz.mender",
        "full.mender",
        "full-gz.mender",
    ] {
        command.arg(sample.path(name));
    }
    let (status, said) = say(&mut command);
    println!("{said}");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(" 0 wrong ones") && !said.contains(": 0 right images"), "{said}");
}
