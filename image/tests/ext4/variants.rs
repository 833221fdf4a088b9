//! The same tree in all kinds of file systems, compared with the tree and with debugfs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use mender_image::block_device::{BlockDevice, FileDevice};
use mender_image::file_map::{FileMap, Kind, MappedFile};

use crate::made_image::{MadeImage, both_ends, e2fsprogs};
use crate::tree::rich_tree;

const MIB: u64 = 1 << 20;

/// Name, length in MiB, options of mke2fs.
const VARIANTS: &[(&str, u64, &str)] = &[
    ("ext2-1k", 24, "-t ext2 -b 1024"),
    ("ext2-2k", 24, "-t ext2 -b 2048"),
    ("ext2-4k-no-filetype", 24, "-t ext2 -b 4096 -O ^filetype,^dir_index"),
    ("ext2-dense-backups", 40, "-t ext2 -b 1024 -O ^sparse_super,^resize_inode"),
    ("ext2-revision-0", 24, "-t ext2 -b 1024 -I 128 -r 0 -O none"),
    ("ext3-1k", 24, "-t ext3 -b 1024 -J size=4"),
    ("ext3-4k", 24, "-t ext3 -b 4096 -J size=4"),
    ("ext4-1k", 32, "-t ext4 -b 1024 -J size=4"),
    ("ext4-2k", 32, "-t ext4 -b 2048 -J size=4"),
    ("ext4-4k", 32, "-t ext4 -b 4096 -J size=4"),
    ("ext4-64k", 96, "-t ext4 -b 65536 -O ^has_journal"),
    ("ext4-bare", 24, "-t ext4 -b 1024 -O ^has_journal,^metadata_csum,^64bit,^flex_bg,^resize_inode"),
    ("ext4-small-inodes", 24, "-t ext4 -b 1024 -I 128 -O ^has_journal"),
    ("ext4-no-extents", 24, "-t ext4 -b 1024 -O ^extent,^64bit,^has_journal"),
    ("ext4-inline", 32, "-t ext4 -b 4096 -I 256 -O inline_data,^has_journal"),
    ("ext4-inline-wide", 32, "-t ext4 -b 1024 -I 1024 -O inline_data,^has_journal -N 2000"),
    ("ext4-sparse-super2", 40, "-t ext4 -b 1024 -O sparse_super2,^resize_inode,^has_journal"),
    ("ext4-meta-bg", 160, "-t ext4 -b 1024 -O meta_bg,^resize_inode,^has_journal"),
    ("ext4-meta-bg-no-flex", 160, "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg,^has_journal"),
    (
        "ext4-extras",
        32,
        "-t ext4 -b 4096 -O quota,project,mmp,ea_inode,large_dir,verity,stable_inodes,casefold,metadata_csum_seed",
    ),
    ("ext4-orphan-file", 32, "-t ext4 -b 4096 -O orphan_file -J size=4"),
    ("ext4-bigalloc", 64, "-t ext4 -b 4096 -C 16384 -O bigalloc,^has_journal"),
];

#[test]
fn every_variant_agrees_with_the_tree_and_with_debugfs() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    for (name, len, options) in VARIANTS {
        println!("{name}");
        let image = MadeImage::new(len * MIB, &format!("{options} -m 0 -N 2000"), tree.path());
        let map = FileMap::of(&image.bytes[..]).unwrap_or_else(|error| panic!("{name}: {error}"));
        // mke2fs 1.47.0 gives sparse files that do not stay in the inode the size of their last block with data.
        check_tree(&map, &image.bytes, tree.path(), options.contains("inline_data"));
        check_tiling(&map);
        check_blocks(&map, &image);
        if !options.contains("bigalloc") {
            check_free_blocks(&map, &image);
        }
        let device = FileDevice::new(fs::File::open(image.path()).unwrap()).unwrap();
        assert_eq!(FileMap::of(&device).unwrap(), map, "{name}");
    }
}

/// Files, links and folders are those of the tree, with its bytes.
fn check_tree(map: &FileMap, image: &[u8], tree: &Path, wrong_sparse_sizes: bool) {
    let mut files = BTreeMap::new();
    for file in &map.files {
        for path in std::iter::once(&file.path).chain(&file.other_paths) {
            assert!(files.insert(path.clone(), file).is_none(), "a path twice: {}", path.escape_ascii());
            assert_eq!(map.file(path), Some(file));
        }
        assert!(file.other_paths.iter().all(|other| file.path < *other));
    }
    let mut links: BTreeMap<_, _> = map.symlinks.iter().map(|link| (link.path.clone(), link)).collect();
    let mut directories: BTreeSet<_> =
        map.directories.iter().map(|directory| directory.path.clone()).collect();
    assert!(directories.remove(&b"/lost+found"[..]));
    assert!(directories.remove(&b"/"[..]));
    assert_eq!(map.directories[0].path, b"/");
    assert_eq!(map.file(b"/deep/linked"), None);

    let mut waiting = vec![tree.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let host = entry.unwrap().path();
            let path = [b"/", host.strip_prefix(tree).unwrap().as_os_str().as_bytes()].concat();
            let data = fs::symlink_metadata(&host).unwrap();
            if data.is_dir() {
                assert!(directories.remove(&path), "{}", path.escape_ascii());
                waiting.push(host);
            } else if data.is_symlink() {
                let link = links.remove(&path).unwrap_or_else(|| panic!("{}", path.escape_ascii()));
                assert_eq!(link.target, fs::read_link(&host).unwrap().as_os_str().as_bytes());
                let stored: Vec<u8> =
                    link.ranges.iter().flat_map(|range| at(image, *range)).copied().collect();
                assert_eq!(link.target, stored);
            } else {
                let file = files.remove(&path).unwrap_or_else(|| panic!("{}", path.escape_ascii()));
                assert_eq!(u64::try_from(file.other_paths.len()).unwrap() + 1, data.nlink());
                assert_eq!(u32::from(file.mode), data.permissions().mode() & 0o7777);
                let mut expected = fs::read(&host).unwrap();
                if wrong_sparse_sizes && path.starts_with(b"/sparse/") {
                    expected.resize(range_of(file.len_bytes), 0);
                }
                assert!(read(file, image) == expected, "{}", path.escape_ascii());
            }
        }
    }
    assert!(files.is_empty() && links.is_empty() && directories.is_empty());
}

fn range_of(len: u64) -> usize {
    usize::try_from(len).unwrap()
}

fn at(image: &[u8], range: mender_image::file_map::FileRange) -> &[u8] {
    &image[range_of(range.device_offset)..range_of(range.device_offset + range.len_bytes)]
}

pub(crate) fn read(file: &MappedFile, image: &[u8]) -> Vec<u8> {
    let mut content = vec![0; range_of(file.len_bytes)];
    for range in &file.ranges {
        let start = range_of(range.file_offset);
        content[start..start + range_of(range.len_bytes)].copy_from_slice(at(image, *range));
    }
    content
}

/// Regions cover the image once, and a search finds for each what a walk finds.
pub(crate) fn check_tiling_only(map: &FileMap) {
    let mut reached = 0;
    for region in map.regions() {
        assert_eq!(region.offset, reached);
        assert!(region.len_bytes > 0);
        reached = region.end();
        assert_eq!(map.region_at(region.offset), Some(region));
        assert_eq!(map.region_at(region.end() - 1), Some(region));
        assert_eq!(map.kind_at(region.offset), Some(region.kind));
    }
    assert_eq!(reached, map.image_len_bytes);
    assert_eq!(map.kind_at(reached), None);
    assert_eq!(map.kind_at(u64::MAX), None);
}

/// And each range of a file is found as that file's.
pub(crate) fn check_tiling(map: &FileMap) {
    check_tiling_only(map);
    for (index, file) in (0u32..).zip(&map.files) {
        for range in &file.ranges {
            assert!(range.len_bytes > 0 && range.file_offset + range.len_bytes <= file.len_bytes);
            for (offset, file_offset) in [
                (range.device_offset, range.file_offset),
                (range.device_offset + range.len_bytes - 1, range.file_offset + range.len_bytes - 1),
            ] {
                match map.kind_at(offset).unwrap() {
                    Kind::InodeTable => {}
                    kind => {
                        assert_eq!(kind, Kind::File { file: index, file_offset });
                        assert_eq!(map.file_at(offset), Some((file, file_offset)));
                    }
                }
            }
        }
    }
}

/// What debugfs says about each file: `(0-11):100-111, (IND):112, (12[u]):113`.
fn check_blocks(map: &FileMap, image: &MadeImage) {
    let requests: Vec<String> = map.files.iter().map(|file| format!("stat <{}>", file.inode)).collect();
    for (file, answer) in map.files.iter().zip(image.ask(&requests)) {
        let blocks = answer.split_once("BLOCKS:\n").or_else(|| answer.split_once("EXTENTS:\n"));
        let mut expected = BTreeMap::new();
        for item in
            blocks.map_or("", |(_, list)| list).split(['\n', ' ', ',']).filter(|item| item.starts_with('('))
        {
            let (logical, physical) = item.trim_start_matches('(').split_once("):").unwrap();
            if logical.contains("IND") || logical.contains("ETB") || logical.contains("[u]") {
                continue;
            }
            let ((first, last), (physical, _)) = (both_ends(logical), both_ends(physical));
            for index in 0..=last - first {
                expected.insert(first + index, physical + index);
            }
        }
        let mut found = BTreeMap::new();
        for range in &file.ranges {
            if map.kind_at(range.device_offset) == Some(Kind::InodeTable) {
                continue;
            }
            for index in 0..range.len_bytes.div_ceil(map.block_len_bytes) {
                let logical = range.file_offset / map.block_len_bytes + index;
                found.insert(logical, range.device_offset / map.block_len_bytes + index);
            }
        }
        assert_eq!(found, expected, "{}: {answer}", file.path.escape_ascii());
    }
}

/// What nothing claims is what the allocation bitmaps call free.
fn check_free_blocks(map: &FileMap, image: &MadeImage) {
    let mut expected = BTreeSet::new();
    for (first, last) in image.free_blocks() {
        expected.extend(first..=last);
    }
    let mut found = BTreeSet::new();
    for region in map.regions().iter().filter(|region| region.kind == Kind::Unused) {
        found.extend(region.offset / map.block_len_bytes..region.end() / map.block_len_bytes);
    }
    let lost: Vec<_> = expected.difference(&found).take(10).collect();
    let extra: Vec<_> = found.difference(&expected).take(10).collect();
    assert!(
        lost.is_empty() && extra.is_empty(),
        "free but claimed: {lost:?}; in use but not claimed: {extra:?}"
    );
}

/// Holes between small files make a large one fragmented; debugfs allocates without writing.
#[test]
fn fragmented_and_preallocated_files_agree_with_debugfs() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    for options in ["-t ext4 -b 1024 -O ^has_journal", "-t ext2 -b 1024"] {
        let mut image = MadeImage::new(24 * MIB, &format!("{options} -m 0 -N 2000"), tree.path());
        let large = tree.path().join("len-1500000");
        let mut requests: Vec<String> = (0..700)
            .step_by(2)
            .map(|n| format!("rm /many/an-entry-with-a-name-that-fills-its-block-soon-{n:05}"))
            .collect();
        // Takes what is free in one piece, so that the next file gets the small holes.
        requests.push(format!("write {} /fragmented", large.display()));
        if options.contains("ext4") {
            requests.push("fallocate /len-1 5 40".to_owned());
            requests.push("write /dev/null /allocated".to_owned());
            requests.push("fallocate /allocated 0 99".to_owned());
            requests.push("set_inode_field /allocated size 50000".to_owned());
            requests.push("ea_set /len-60 user.large ".to_owned() + &"v".repeat(600));
        }
        image.change(&requests);
        let map = FileMap::of(&image.bytes[..]).unwrap();
        check_tiling(&map);
        check_blocks(&map, &image);
        check_free_blocks(&map, &image);
        let file = |path: &[u8]| map.files.iter().find(|file| file.path == path).unwrap();
        assert!(read(file(b"/fragmented"), &image.bytes) == fs::read(&large).unwrap());
        assert!(file(b"/fragmented").ranges.len() > 100, "{}", file(b"/fragmented").ranges.len());
        if options.contains("ext4") {
            assert_eq!(file(b"/allocated").len_bytes, 50000);
            assert!(file(b"/allocated").ranges.is_empty());
            let preallocated: u64 = map
                .regions()
                .iter()
                .filter(|region| matches!(region.kind, Kind::Preallocated { .. }))
                .map(|region| region.len_bytes)
                .sum();
            assert_eq!(preallocated, (100 + 36) * 1024);
            assert!(map.regions().iter().any(|region| region.kind == Kind::ExtendedAttributes));
        }
        assert!(map.regions().iter().any(|region| region.kind == Kind::MappingBlocks));
    }
}

#[test]
fn what_lies_after_the_file_system_is_told_apart() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    let mut image = MadeImage::new(24 * MIB, "-t ext2 -b 1024 -N 2000", tree.path());
    image.bytes.extend_from_slice(&[7; 5000]);
    let map = FileMap::of(&image.bytes[..]).unwrap();
    assert_eq!(map.file_system_len_bytes, 24 * MIB);
    assert_eq!(map.image_len_bytes, image.bytes[..].len_bytes());
    assert_eq!(map.kind_at(24 * MIB), Some(Kind::PastFileSystem));
    assert_eq!(map.kind_at(24 * MIB + 4999), Some(Kind::PastFileSystem));
    assert_eq!(map.kind_at(24 * MIB + 5000), None);
    check_tiling(&map);
}
