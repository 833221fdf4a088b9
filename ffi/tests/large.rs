//! Images of more than 4 GiB through the C API for programs on computers: minutes of work and some disk, so only when asked
//! for: `cargo test -p mender-ffi --test large -- --ignored --nocapture`.

// Files with holes are written at offsets.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;

use compile::{build, compiler, say};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::Instant;

const FOUR_GIB: u64 = 1 << 32;
const OLD_BYTES: u64 = FOUR_GIB + (16 << 20);
const NEW_BYTES: u64 = OLD_BYTES + 12_345;

#[test]
#[ignore = "takes minutes"]
fn deltas_beyond_four_gib_are_made_and_applied() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let content: Vec<u8> =
        (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    for (name, bytes) in [("old", OLD_BYTES), ("new", NEW_BYTES)] {
        let file = File::create(path(name)).unwrap();
        file.set_len(bytes).unwrap();
        for at in [0, FOUR_GIB - 100_000, FOUR_GIB + 5_000_000] {
            file.write_all_at(&content, at).unwrap();
        }
    }
    let new = File::options().write(true).open(path("new")).unwrap();
    for at in [4_096_000, FOUR_GIB - 5, FOUR_GIB + 5_100_000, NEW_BYTES - 3] {
        new.write_all_at(b"new", at).unwrap();
    }
    let program = build(&compiler, &["-std=c99"], "tests/large.c", &[], folder.path());
    for algorithm in ["0", "1"] {
        let started = Instant::now();
        let (status, said) =
            say(&program, &[&path("old"), &path("new"), &path("delta"), &path("out"), algorithm]);
        let size = fs::metadata(path("delta")).unwrap().len();
        println!("algorithm {algorithm}, {:?}, delta of {size} bytes: {said}", started.elapsed());
        assert_eq!(status, Some(0), "{said}");
        let told: u64 = said.split(' ').rev().nth(1).unwrap().parse().unwrap();
        assert!(told >= FOUR_GIB, "{said}");
        assert!(Command::new("cmp").args([path("out"), path("new")]).status().unwrap().success());
        fs::remove_file(path("out")).unwrap();
    }
}
