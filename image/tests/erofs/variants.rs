//! Each way of making an image gives the same files back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mender_image::erofs::FileSystem;
use mender_image::erofs::extent::{Algorithm, Stored};
use mender_image::erofs::map::{ErofsFile, ErofsMap};
use mender_image::limits::Limits;

use crate::made_image::{erofs_utils, make, rich_tree};

/// Regular files and links below a folder, with what they hold; `None` for directories.
fn files_of(root: &Path) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let mut files = BTreeMap::from([(b"/".to_vec(), None)]);
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = [b"/", path.strip_prefix(root).unwrap().as_os_str().as_bytes()].concat();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                files.insert(name, None);
                waiting.push(path);
            } else if kind.is_symlink() {
                files.insert(name, Some(fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()));
            } else {
                files.insert(name, Some(fs::read(&path).unwrap()));
            }
        }
    }
    files
}

fn check_extents(file: &ErofsFile) {
    let mut reached = 0;
    for extent in &file.extents {
        assert_eq!(extent.file_offset, reached, "{:?}", file.path);
        assert!(extent.len_bytes > 0);
        reached += extent.len_bytes;
    }
    assert_eq!(reached, file.len_bytes);
}

fn check(image: &[u8], tree: &Path) -> ErofsMap {
    let fs = FileSystem::open(&image, &Limits::default()).unwrap();
    let map = fs.map().unwrap();
    let mut expected = files_of(tree);
    for file in map.files.iter().chain(&map.others) {
        check_extents(file);
        let content = fs.read_file(file).unwrap();
        assert_eq!(content.len() as u64, file.len_bytes);
        for path in [&file.path].into_iter().chain(&file.other_paths) {
            let wanted = expected.remove(path).unwrap_or_else(|| panic!("{path:?} is not in the tree"));
            if let Some(wanted) = wanted {
                assert!(content == wanted, "{}", path.escape_ascii());
            } else {
                assert_eq!(file.mode & 0xf000, 0x4000);
            }
        }
    }
    assert!(expected.is_empty(), "{:?}", expected.keys());
    map
}

#[test]
fn every_way_of_making_an_image_gives_the_same_files() {
    if !erofs_utils() {
        return;
    }
    let tree = rich_tree();
    for options in [
        "",
        "-Eforce-inode-compact",
        "-Eforce-inode-extended",
        "--chunksize=4096",
        "--chunksize=65536 -Eforce-chunk-indexes",
        "-zlz4",
        "-zlz4hc",
        "-zlz4hc,12",
        "-zlz4hc,12 -Elegacy-compress",
        "-zlz4hc,12 -C65536",
        "-zlz4hc,12 -C65536 -Elegacy-compress",
        "-zlz4 -Eztailpacking",
        "-zlz4hc,9 -C16384 -Eztailpacking",
    ] {
        let image = match make(options, tree.path()) {
            Ok(image) => image,
            Err(says) => {
                println!("skipped: {options}: {says}");
                continue;
            }
        };
        let map = check(&image, tree.path());
        let stored = map.files.iter().flat_map(|file| &file.extents).map(|extent| extent.stored);
        let lz4 = stored
            .filter(|stored| matches!(stored, Stored::Packed(packed) if packed.algorithm == Algorithm::Lz4))
            .count();
        assert_eq!(lz4 > 0, options.contains("-z"), "{options}");
        println!("{options}: {} bytes, {lz4} clusters", image.len());
    }
}

#[test]
fn hard_links_are_one_file() {
    if !erofs_utils() {
        return;
    }
    let tree = rich_tree();
    let image = make("-zlz4hc", tree.path()).unwrap();
    let map = FileSystem::open(&&image[..], &Limits::default()).unwrap().map().unwrap();
    let linked = map.files.iter().find(|file| file.path == b"/a/linked").unwrap();
    assert_eq!(linked.other_paths, [b"/len-50000".to_vec()]);
    assert!(map.files.is_sorted_by(|a, b| a.path < b.path));
    assert_eq!(map.others[0].path, b"/");
}

#[test]
fn limits_hold() {
    if !erofs_utils() {
        return;
    }
    let tree = rich_tree();
    let image = make("-zlz4hc", tree.path()).unwrap();
    let image = &image[..];
    let refused = |change: fn(&mut Limits), expected: &str| {
        let mut limits = Limits::default();
        change(&mut limits);
        let error = FileSystem::open(&image, &limits).unwrap().map().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(|limits| limits.directory_entries = 100, "directory entries: expected at most 100, found 101");
    refused(|limits| limits.path_len_bytes = 20, "length of a path: expected at most 20");
    refused(|limits| limits.names_total_bytes = 3000, "length of all paths: expected at most 3000");
    refused(|limits| limits.extents = 50, "extents of all files: expected at most 50");
    refused(|limits| limits.file_len_bytes = 5000, "size: expected at most 5000");
}

/// What later versions of mkfs.erofs can make is refused by name, not misread.
#[test]
fn later_features_are_refused() {
    if !erofs_utils() {
        return;
    }
    let tree = rich_tree();
    let mut image = make("-zlz4hc", tree.path()).unwrap();
    image[1024 + 8] &= !1;
    for (at, value, expected) in [
        (80, 0x21, "superblock: incompatible features: expected only known ones, found 0x20"),
        (86, 1, "superblock: extra devices: expected none, found 1"),
        (90, 1, "superblock: directory blocks: expected of one block, found of 2^1 blocks"),
    ] {
        let mut changed = image.clone();
        changed[1024 + at] = value;
        let error = FileSystem::open(&&changed[..], &Limits::default()).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
}
