//! Images made by mksquashfs: every file is where the map says, and damage is an error, never a panic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says why it is skipped")]

use flate2::{Decompress, FlushDecompress, Status};
use mender_image::limits::Limits;
use mender_image::squashfs::map::{BlockKind, SquashfsMap};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

fn unpack(packed: &[u8], plain: &mut [u8]) -> Option<usize> {
    let mut decompress = Decompress::new(true);
    let status = decompress.decompress(packed, plain, FlushDecompress::Finish);
    (status.ok()? == Status::StreamEnd).then(|| usize::try_from(decompress.total_out()).unwrap())
}

fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Files that use every way in which squashfs stores one.
fn fill(root: &Path) {
    let text = |len: usize| b"words that come again and again, ".repeat(len / 32 + 1)[..len].to_vec();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(root.join("empty directory")).unwrap();
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join("a/small"), text(100)).unwrap();
    fs::write(root.join("a/one block"), text(131_072)).unwrap();
    fs::write(root.join("a/many blocks"), text(700_001)).unwrap();
    fs::write(root.join("a/b/noise"), noise(1, 300_000)).unwrap();
    fs::write(root.join("a/b/holes"), [noise(2, 131_072), vec![0; 400_000], noise(3, 5000)].concat())
        .unwrap();
    fs::write(root.join("a/twin"), text(700_001)).unwrap();
    fs::hard_link(root.join("a/small"), root.join("second name")).unwrap();
    std::os::unix::fs::symlink("a/small", root.join("link")).unwrap();
    for i in 0..900 {
        fs::write(root.join(format!("a/b/file {i}")), noise(i, i as usize % 300)).unwrap();
    }
}

/// `None` when mksquashfs is not there.
fn made(options: &[&str]) -> Option<(tempfile::TempDir, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    fill(&dir.path().join("root"));
    let mut command = Command::new("mksquashfs");
    command.args(["root", "image", "-comp", "gzip", "-quiet", "-no-progress", "-all-root"]).args(options);
    match command.current_dir(dir.path()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: no mksquashfs");
            return None;
        }
        status => assert!(status.unwrap().success()),
    }
    let image = fs::read(dir.path().join("image")).unwrap();
    Some((dir, image))
}

fn content(image: &[u8], map: &SquashfsMap, path: &[u8]) -> Vec<u8> {
    let file = map.files.iter().find(|file| file.path == path || file.other_paths.iter().any(|p| p == path));
    let file = file.unwrap_or_else(|| panic!("{} is not in the map", String::from_utf8_lossy(path)));
    let mut out = vec![0; usize::try_from(file.len_bytes).unwrap()];
    for piece in &file.pieces {
        let block = map.blocks[piece.block];
        let start = usize::try_from(block.device_offset).unwrap();
        let stored = &image[start..start + block.len_bytes as usize];
        let mut plain = vec![0; block.plain_len_bytes as usize];
        if block.is_compressed {
            let len = unpack(stored, &mut plain).unwrap();
            plain.truncate(len);
        } else {
            plain = stored.to_vec();
        }
        assert_ne!(block.kind, BlockKind::Metadata);
        let at = usize::try_from(piece.file_offset).unwrap();
        let from = piece.block_offset as usize;
        out[at..at + piece.len_bytes as usize].copy_from_slice(&plain[from..from + piece.len_bytes as usize]);
    }
    out
}

#[test]
fn every_file_is_where_the_map_says() {
    for options in [
        &[][..],
        &["-b", "4096", "-Xcompression-level", "1"],
        &["-no-fragments", "-noI"],
        &["-always-use-fragments"],
    ] {
        let Some((dir, image)) = made(options) else { return };
        let map = SquashfsMap::of(&&image[..], &Limits::default(), &unpack).unwrap();
        let mut files = 0;
        for (path, real) in walk(&dir.path().join("root"), "") {
            assert!(content(&image, &map, path.as_bytes()) == real, "{path} with {options:?}");
            files += 1;
        }
        // Two of them are one.
        assert_eq!(map.files.len(), files - 1);
        let mut reached = 96;
        for block in &map.blocks {
            assert!(block.device_offset >= reached, "{block:?} with {options:?}");
            reached = block.device_offset + u64::from(block.len_bytes);
        }
        let covered: u64 = map.blocks.iter().map(|block| u64::from(block.len_bytes)).sum();
        let used = u64::from_le_bytes(image[40..48].try_into().unwrap());
        // The superblock and lists of pointers are no blocks.
        assert!(used - covered < 400, "{covered} of {used} with {options:?}");
        assert_eq!(map.options.is_empty(), !options.contains(&"-Xcompression-level"));
    }
}

fn walk(dir: &Path, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}/{}", entry.file_name().into_string().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(walk(&entry.path(), &path));
        } else if kind.is_file() {
            found.push((path, fs::read(entry.path()).unwrap()));
        }
    }
    found
}

#[test]
fn damage_is_an_error_or_another_map() {
    let Some((_dir, image)) = made(&["-noI", "-noF", "-b", "4096"]) else { return };
    let table =
        |at: usize| usize::try_from(u64::from_le_bytes(image[at..at + 8].try_into().unwrap())).unwrap();
    let (metadata, mut refused) = (table(64), 0);
    let places = (0..96).chain((metadata..image.len()).step_by(29));
    for at in places {
        for value in [0, 1, 0x7f, 0xff, image[at] ^ 0x10] {
            let mut bad = image.clone();
            bad[at] = value;
            if let Ok(map) = SquashfsMap::of(&&bad[..], &Limits::default(), &unpack) {
                let end =
                    map.blocks.iter().map(|block| block.device_offset + u64::from(block.len_bytes)).max();
                assert!(end.unwrap_or(0) <= bad.len() as u64);
                for piece in map.files.iter().flat_map(|file| &file.pieces) {
                    assert!(piece.block < map.blocks.len());
                }
            } else {
                refused += 1;
            }
        }
    }
    assert!(refused > 300, "{refused}");
    for len in [0, 95, 96, 97, metadata, metadata + 1, image.len() - 5000] {
        assert!(SquashfsMap::of(&&image[..len], &Limits::default(), &unpack).is_err(), "{len}");
    }
}

#[test]
fn limits_hold() {
    let Some((_dir, image)) = made(&[]) else { return };
    let mut limits = Limits::default();
    limits.metadata_total_bytes = 20_000;
    let error = SquashfsMap::of(&&image[..], &limits, &unpack).unwrap_err().to_string();
    assert!(error.contains("length of all metadata"), "{error}");
    let mut limits = Limits::default();
    limits.directory_entries = 100;
    let error = SquashfsMap::of(&&image[..], &limits, &unpack).unwrap_err().to_string();
    assert!(error.contains("directory entries"), "{error}");
}
