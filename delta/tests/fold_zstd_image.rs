//! Deltas of squashfs images that mksquashfs compressed with zstd.

#![cfg(all(unix, feature = "generate"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says when it is skipped"
)]

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;

/// Text of which each line is different, and no two files are alike.
fn text(seed: usize, lines: usize) -> String {
    let line = |n: usize| {
        let mixed = (n * 7919 + seed * 104_729) % 65_521;
        let word = ["alpha", "beta", "gamma"][mixed % 3];
        format!("{mixed:x} line {n} of file {seed}: {} {word}\n", mixed * mixed % 9973)
    };
    (0..lines).map(line).collect()
}

/// Whether mksquashfs, as the zstd program, uses the version of libzstd that is followed here; says so when not.
fn is_followed() -> bool {
    let version = Command::new("zstd").arg("--version").stderr(Stdio::null()).output();
    let is_there = version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v1.5.4"));
    if !is_there {
        println!("skipped: libzstd 1.5.4, as in Debian 12, is not installed");
    }
    is_there
}

fn mksquashfs(level: &str, image: &Path, tree: &Path) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new("mksquashfs")
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .args([tree, image])
        .args([
            "-comp",
            "zstd",
            "-Xcompression-level",
            level,
            "-noappend",
            "-all-root",
            "-no-progress",
            "-quiet",
        ])
        .args(["-mkfs-time", "1750000000", "-all-time", "1750000000"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success())
}

/// A word more at the start of a file changes all of its blocks; the delta must hardly grow by that.
#[test]
fn a_word_at_the_start_of_files_costs_little() {
    if !is_followed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trees = ["old", "new"].map(|name| folder.path().join(name));
    for (tree, before) in trees.iter().zip(["", "a word more\n"]) {
        fs::create_dir(tree).unwrap();
        for seed in 0..4 {
            let lines = 4000 + 3000 * seed;
            fs::write(tree.join(format!("file-{seed}")), before.to_owned() + &text(seed, lines)).unwrap();
        }
        fs::write(tree.join("same"), text(99, 9000)).unwrap();
    }
    for level in ["15", "19"] {
        let mut images = Vec::new();
        for tree in &trees {
            let path = folder.path().join("image");
            if !mksquashfs(level, &path, tree) {
                println!("skipped: mksquashfs (squashfs-tools) with zstd is not installed");
                return;
            }
            images.push(fs::read(path).unwrap());
        }
        let changed = images[0].iter().zip(&images[1]).filter(|(old, new)| old != new).count();
        assert!(changed > 100_000, "{changed}");
        let mut delta = Cursor::new(Vec::new());
        let report = generate(&images[0], &images[1], &GenerateOptions::default(), &mut delta).unwrap();
        println!("level {level}: {} bytes for {changed} changed ones", report.delta_len);
        assert!(report.header.fold_len > 0, "{level}");
        assert!(report.delta_len < 10_000, "{level}: {}", report.delta_len);
    }
}
