//! Files read by their path.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use mender_image::error::Error;
use mender_image::ext4::FileSystem;
use mender_image::ext4::metadata::FileKind;
use mender_image::limits::Limits;

use crate::made_image::{MadeImage, e2fsprogs};
use crate::tree::{content, rich_tree};

const MIB: u64 = 1 << 20;

#[test]
fn paths_lead_through_links_and_never_out() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    for options in ["-t ext4 -b 4096 -O inline_data", "-t ext2 -b 1024"] {
        let image = MadeImage::new(32 * MIB, &format!("{options} -N 2000"), tree.path());
        let bytes = &image.bytes[..];
        let mut limits = Limits::default();
        limits.file_len_bytes = 2_000_000;
        let fs = FileSystem::open(&bytes, &limits).unwrap();
        assert!(!fs.needs_recovery());
        let info = b"artifact_name=release-1\n".to_vec();
        for path in [
            &b"/usr/etc/mender/artifact_info"[..],
            b"/etc/mender/artifact_info",
            b"etc/mender/artifact_info",
            b"/../../etc/mender/./artifact_info",
            b"/absolute",
            b"/empty/upwards",
            b"//empty/../absolute",
        ] {
            assert_eq!(fs.read_file(path).unwrap(), info, "{}", path.escape_ascii());
        }
        for len in [0, 1, 60, 61, 100, 1025, 300_000, 1_500_000] {
            let path = format!("/len-{len}");
            assert!(fs.read_file(path.as_bytes()).unwrap() == content(len, len), "{path}");
        }
        let many = "/many/an-entry-with-a-name-that-fills-its-block-soon-00699";
        assert_eq!(fs.read_file(many.as_bytes()).unwrap(), content(699 % 90, 699));
        let hole = fs.read_file(b"/sparse/only-a-hole").unwrap();
        assert!(hole == fs::read(tree.path().join("sparse/only-a-hole")).unwrap());
        for (path, message) in [
            (&b"/etc/nothing"[..], "path /etc/nothing: not found in the image"),
            (b"/len-1/x", "path /len-1/x: a part before the end is no directory"),
            (b"/etc", "path /etc: no regular file"),
            (b"", "path : no regular file"),
            (b"/round-a", "path /round-a: too many symbolic links"),
            (b"/symlink-58", "path /symlink-58: not found in the image"),
        ] {
            assert_eq!(fs.read_file(path).unwrap_err().to_string(), message);
        }
        let error = fs.read_file(b"/sparse/holes").unwrap_err();
        assert!(error.to_string().contains(": size: expected at most 2000000, found "), "{error}");
        assert!(matches!(error, Error::Limit(_)));
    }
}

#[test]
fn streams_of_files_agree_with_the_tree_through_holes() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    for options in ["-t ext4 -b 4096 -O inline_data", "-t ext4 -b 1024", "-t ext2 -b 1024"] {
        let image = MadeImage::new(32 * MIB, &format!("{options} -N 2000"), tree.path());
        let bytes = &image.bytes[..];
        let fs = FileSystem::open(&bytes, &Limits::default()).unwrap();
        for path in
            ["sparse/holes", "sparse/only-a-hole", "len-0", "len-61", "len-130", "len-300000", "symlink-1"]
        {
            let mut read = Vec::new();
            match fs.open_file(path.as_bytes()) {
                Ok(mut file) => {
                    // Pieces that end inside blocks.
                    let mut buffer = [0; 1000];
                    loop {
                        let len = file.read(&mut buffer).unwrap();
                        read.extend_from_slice(&buffer[..len]);
                        if len == 0 {
                            break;
                        }
                    }
                    assert_eq!(file.len_bytes(), u64::try_from(read.len()).unwrap());
                    let mut expected = fs::read(tree.path().join(path)).unwrap();
                    // mke2fs 1.47.0 gives such sparse files the size of their last block with data.
                    if options.contains("inline_data") && path.starts_with("sparse/") {
                        expected.resize(read.len(), 0);
                    }
                    assert!(read == expected, "{options}: {path}");
                }
                Err(error) => assert_eq!(error.to_string(), "path symlink-1: not found in the image"),
            }
        }
    }
}

#[test]
fn what_is_known_of_a_file_agrees_with_the_tree() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    let image = MadeImage::new(32 * MIB, "-t ext4 -b 4096 -N 2000", tree.path());
    let bytes = &image.bytes[..];
    let fs = FileSystem::open(&bytes, &Limits::default()).unwrap();
    let mut names = Vec::new();
    for entry in fs.list(b"/").unwrap() {
        names.push(entry.name.clone());
        if entry.name == b"lost+found" {
            continue;
        }
        let host = fs::symlink_metadata(tree.path().join(OsStr::from_bytes(&entry.name))).unwrap();
        let known = fs.link_metadata(&entry.name).unwrap();
        assert_eq!(known, entry.metadata);
        assert_eq!((known.uid, known.gid), (host.uid(), host.gid()));
        assert_eq!(known.mtime_seconds, host.mtime());
        assert_eq!(known.kind == FileKind::Directory, host.is_dir());
        assert_eq!(known.kind == FileKind::Symlink, host.is_symlink());
        if known.kind == FileKind::Regular {
            assert_eq!(u32::from(known.mode), host.mode() & 0o7777);
            assert_eq!((known.len_bytes, u64::from(known.links)), (host.len(), host.nlink()));
        }
    }
    let mut expected: Vec<Vec<u8>> = fs::read_dir(tree.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().as_bytes().to_vec())
        .chain([b"lost+found".to_vec()])
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(fs.read_link(b"/etc").unwrap(), b"usr/etc");
    assert_eq!(fs.read_link(b"/len-1").unwrap_err().to_string(), "path /len-1: no symbolic link");
    assert_eq!(fs.metadata(b"/etc/").unwrap().kind, FileKind::Directory);
    assert_eq!(fs.link_metadata(b"/etc/").unwrap().kind, FileKind::Directory);
    let error = fs.metadata(b"/len-1/").unwrap_err().to_string();
    assert_eq!(error, "path /len-1/: a part before the end is no directory");
    assert!(fs.list(b"/len-1").is_err());
}

#[test]
fn limits_hold() {
    if !e2fsprogs() {
        return;
    }
    let tree = rich_tree();
    let image = MadeImage::new(24 * MIB, "-t ext2 -b 1024 -N 2000", tree.path());
    let refused = |set: fn(&mut Limits), expected: &str| {
        let mut limits = Limits::default();
        set(&mut limits);
        let error = mender_image::file_map::FileMap::with_limits(&image.bytes[..], &limits).unwrap_err();
        assert!(matches!(error, Error::Limit(_)));
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(|limits| limits.directory_entries = 100, "directory entries: expected at most 100, found 101");
    refused(|limits| limits.path_len_bytes = 200, "length of a path: expected at most 200, found ");
    refused(
        |limits| limits.names_total_bytes = 10_000,
        "length of all paths: expected at most 10000, found ",
    );

    let mut limits = Limits::default();
    limits.lookup_blocks = 3;
    let bytes = &image.bytes[..];
    let error = FileSystem::open(&bytes, &limits).unwrap().read_file(b"/many/x").unwrap_err();
    assert!(error.to_string().contains("directory blocks read: expected at most 3, found "), "{error}");
}
