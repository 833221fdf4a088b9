//! Trees, and images made of them with mkfs.erofs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

fn mkfs() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("mkfs.erofs");
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Whether mkfs.erofs is there; says so when not.
pub(crate) fn erofs_utils() -> bool {
    let there = mkfs().arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: mkfs.erofs (erofs-utils) is not installed");
    }
    there
}

/// An image of the files below `tree`, or what mkfs.erofs says against it.
pub(crate) fn make(options: &str, tree: &Path) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    let output = mkfs()
        .args(["-T1750000000", "-U5b9a7c1e-0d3f-4c55-9a3b-6f1f5c0de001", "--all-root"])
        .args(options.split_whitespace())
        .args([&path, tree])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(fs::read(path).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Bytes that compress about as well as text, with stretches that do not and others that do very well.
pub(crate) fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut bytes = Vec::with_capacity(len + 64);
    while bytes.len() < len {
        match random() % 64 {
            0 => bytes.extend((0..random() % 9000).map(|_| random().to_le_bytes()[1])),
            1 => bytes.resize(bytes.len() + usize::try_from(random() % 20_000).unwrap(), 0),
            _ => {
                let words =
                    ["mender", " delta", " of ", "erofs\n", "block ", "1", "23", "\0\0\0\0", "cluster"];
                bytes.extend(words[usize::try_from(random() % 9).unwrap()].bytes());
                bytes.push(random().to_le_bytes()[2]);
            }
        }
    }
    bytes.truncate(len);
    bytes
}

/// Files of all sizes that clusters treat differently, links, many entries, deep paths.
pub(crate) fn rich_tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (seed, len) in
        [0, 1, 100, 4095, 4096, 4097, 8191, 8192, 8193, 12_289, 50_000, 65_536, 300_000, 1_000_001]
            .into_iter()
            .enumerate()
    {
        fs::write(root.join(format!("len-{len}")), content(len, u32::try_from(seed).unwrap())).unwrap();
    }
    fs::write(root.join("zeros"), vec![0; 3_000_000]).unwrap();
    fs::write(root.join("len-300000-again"), content(300_000, 12)).unwrap();
    fs::create_dir_all(root.join("a/b/c/d/e/f/g/h")).unwrap();
    fs::write(root.join("a/b/c/d/e/f/g/h/deep"), b"far down").unwrap();
    fs::hard_link(root.join("len-50000"), root.join("a/linked")).unwrap();
    symlink("../len-1", root.join("a/short")).unwrap();
    symlink("x/".repeat(1000), root.join("a/long")).unwrap();
    fs::create_dir_all(root.join("many")).unwrap();
    for index in 0..400 {
        let name = format!("{index:03}-an-entry-with-a-name-that-is-not-short");
        fs::write(root.join("many").join(name), content(index * 7, u32::try_from(index).unwrap())).unwrap();
    }
    folder
}
