//! Deltas of EROFS images that mkfs.erofs made.

#![cfg(all(unix, feature = "generate"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
        format!(
            "{mixed:x} line {n} of file {seed}: {} {}\n",
            mixed * mixed % 9973,
            ["alpha", "beta", "gamma"][mixed % 3]
        )
    };
    (0..lines).map(line).collect()
}

fn mkfs(options: &str, image: &Path, tree: &Path) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new("mkfs.erofs")
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .args([options, "-T1750000000", "-U5b9a7c1e-0d3f-4c55-9a3b-6f1f5c0de001", "--all-root"])
        .args([image, tree])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success())
}

/// A word more at the start of a file moves the cuts of all clusters behind it; the delta must hardly grow by that.
#[test]
fn a_word_at_the_start_of_files_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let trees = ["old", "new"].map(|name| folder.path().join(name));
    for (tree, before) in trees.iter().zip(["", "a word more\n"]) {
        fs::create_dir(tree).unwrap();
        for seed in 0..12 {
            fs::write(tree.join(format!("file-{seed}")), before.to_owned() + &text(seed, 3000 + 900 * seed))
                .unwrap();
        }
        fs::write(tree.join("same"), text(99, 9000)).unwrap();
    }
    for options in ["-zlz4", "-zlz4hc", "-zlz4hc,12"] {
        let mut images = Vec::new();
        for tree in &trees {
            let path = folder.path().join("image");
            if !mkfs(options, &path, tree) {
                println!("skipped: mkfs.erofs (erofs-utils) is not installed");
                return;
            }
            images.push(fs::read(path).unwrap());
        }
        let changed =
            images[0].chunks(4096).zip(images[1].chunks(4096)).filter(|(old, new)| old != new).count();
        assert!(changed > 100, "{changed}");
        let mut delta = Cursor::new(Vec::new());
        let report = generate(&images[0], &images[1], &GenerateOptions::default(), &mut delta).unwrap();
        println!("{options}: {} bytes for {changed} clusters", report.delta_len);
        assert!(report.header.fold_len > 0, "{options}");
        assert!(report.delta_len < 16_000, "{options}: {}", report.delta_len);
    }
}
