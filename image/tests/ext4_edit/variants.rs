//! The same operations on all kinds of file systems.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;

use mender_image::ext4::FileSystem;
use mender_image::ext4::edit::{Attributes, Editor};
use mender_image::ext4::metadata::FileKind;
use mender_image::limits::Limits;
use tempfile::TempDir;

use crate::image::{Image, MIB, attributes, content, e2fsprogs};

/// Name, length in MiB, options of mke2fs.
const VARIANTS: &[(&str, u64, &str)] = &[
    ("ext2-1k", 8, "-t ext2 -b 1024"),
    ("ext2-1k-indexed", 8, "-t ext2 -b 1024"),
    ("ext2-2k", 8, "-t ext2 -b 2048"),
    ("ext2-4k-no-filetype", 8, "-t ext2 -b 4096 -O ^filetype,^dir_index"),
    ("ext2-dense-backups", 20, "-t ext2 -b 1024 -O ^sparse_super,^resize_inode"),
    ("ext2-revision-0", 8, "-t ext2 -b 1024 -I 128 -r 0 -O none"),
    ("ext3-1k", 16, "-t ext3 -b 1024 -J size=4"),
    ("ext3-4k", 16, "-t ext3 -b 4096 -J size=4"),
    ("ext4-1k", 24, "-t ext4 -b 1024 -J size=4"),
    ("ext4-1k-indexed", 24, "-t ext4 -b 1024 -J size=4"),
    ("ext4-2k-indexed-no-csum", 16, "-t ext4 -b 2048 -O ^has_journal,^metadata_csum"),
    ("ext4-4k-indexed-inline", 16, "-t ext4 -b 4096 -O ^has_journal,inline_data"),
    ("ext4-2k", 24, "-t ext4 -b 2048 -J size=4"),
    ("ext4-4k", 24, "-t ext4 -b 4096 -J size=4"),
    ("ext4-64k", 64, "-t ext4 -b 65536 -O ^has_journal -N 2000"),
    ("ext4-bare", 16, "-t ext4 -b 1024 -O ^has_journal,^metadata_csum,^64bit,^flex_bg,^resize_inode"),
    ("ext4-no-csum", 16, "-t ext4 -b 4096 -O ^metadata_csum,^64bit"),
    ("ext4-uninit-bg", 24, "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^64bit,^flex_bg -J size=1"),
    ("ext4-uninit-bg-64bit", 24, "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,64bit -J size=1"),
    ("ext4-small-inodes", 16, "-t ext4 -b 1024 -I 128 -O ^has_journal"),
    ("ext4-large-inodes", 16, "-t ext4 -b 4096 -I 1024 -O ^has_journal -N 1000"),
    ("ext4-no-extents", 16, "-t ext4 -b 1024 -O ^extent,^64bit,^has_journal"),
    ("ext4-inline", 16, "-t ext4 -b 4096 -I 256 -O inline_data,^has_journal"),
    ("ext4-inline-wide", 16, "-t ext4 -b 1024 -I 1024 -O inline_data,^has_journal -N 1000"),
    ("ext4-sparse-super2", 24, "-t ext4 -b 1024 -O sparse_super2,^resize_inode,^has_journal"),
    ("ext4-meta-bg", 64, "-t ext4 -b 1024 -O meta_bg,^resize_inode,^has_journal -N 4000"),
    ("ext4-meta-bg-no-flex", 64, "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg,^has_journal -N 4000"),
    ("ext4-seed", 16, "-t ext4 -b 4096 -O metadata_csum_seed,large_dir,stable_inodes,^has_journal"),
    ("ext4-orphan-file", 16, "-t ext4 -b 4096 -O orphan_file -J size=4"),
    ("ext4-many-groups", 24, "-t ext4 -b 1024 -g 1024 -O ^has_journal,^resize_inode -N 3072"),
    (
        "ext4-many-groups-no-flex",
        24,
        "-t ext4 -b 1024 -g 1024 -O ^has_journal,^flex_bg,^resize_inode -N 3072",
    ),
];

/// What the images hold before anything is changed.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("usr/etc/mender")).unwrap();
    fs::write(root.join("usr/etc/mender/artifact_info"), b"artifact_name=release-1\n").unwrap();
    symlink("usr/etc", root.join("etc")).unwrap();
    symlink("/usr/etc/mender/artifact_info", root.join("info")).unwrap();
    symlink("later", root.join("dangling")).unwrap();
    symlink("round-b", root.join("round-a")).unwrap();
    symlink("round-a", root.join("round-b")).unwrap();
    symlink("t".repeat(100), root.join("long-link")).unwrap();
    fs::create_dir(root.join("many")).unwrap();
    for index in 0..200 {
        fs::write(
            root.join(format!("many/an-entry-with-a-rather-long-name-{index:04}")),
            content(index, index),
        )
        .unwrap();
    }
    fs::write(root.join("big"), content(300_000, 1)).unwrap();
    fs::write(root.join("linked-a"), content(5000, 2)).unwrap();
    fs::hard_link(root.join("linked-a"), root.join("linked-b")).unwrap();
    fs::create_dir_all(root.join("deep/a/b")).unwrap();
    fs::write(root.join("deep/a/b/file"), content(2000, 3)).unwrap();
    fs::hard_link(root.join("deep/a/b/file"), root.join("deep/a/again")).unwrap();
    fs::hard_link(root.join("deep/a/b/file"), root.join("outside")).unwrap();
    symlink("x".repeat(200), root.join("deep/a/link")).unwrap();
    folder
}

fn put(editor: &mut Editor<'_>, path: &str, bytes: &[u8], mode: u16) {
    let mut content = bytes;
    editor
        .put_file(path.as_bytes(), &mut content, &attributes(mode))
        .unwrap_or_else(|e| panic!("{path}: {e}"));
}

#[test]
fn every_operation_on_every_variant_leaves_a_clean_file_system() {
    if !e2fsprogs() {
        return;
    }
    let tree = tree();
    for (name, len, options) in VARIANTS {
        println!("{name}");
        let mut image = Image::new(len * MIB, &format!("{options} -m 0"), Some(tree.path()));
        if name.contains("indexed") {
            image.index_folders();
        }
        image.check(name);
        let mut again = image.bytes.clone();
        let mut step = |what: &str, operations: &dyn Fn(&mut Editor<'_>)| {
            image.edit(operations);
            image.check(&format!("{name}: {what}"));
            let mut editor = Editor::open(&mut again, &Limits::default()).unwrap();
            operations(&mut editor);
            editor.commit().unwrap();
        };
        step("put over a small file", &|e| {
            put(e, "/etc/mender/artifact_info", b"artifact_name=release-2\n", 0o644)
        });
        step("put through a link", &|e| put(e, "/info", b"artifact_name=release-3\n", 0o4755));
        step("put new", &|e| put(e, "/etc/mender/mender.conf", &content(700, 5), 0o600));
        step("put an empty file", &|e| put(e, "etc/empty", b"", 0o644));
        step("put a tiny file", &|e| put(e, "/tiny", b"x", 0o644));
        step("put through a dangling link", &|e| put(e, "/dangling", &content(5000, 6), 0o644));
        step("put a large file", &|e| put(e, "/large", &content(3_000_000, 7), 0o644));
        step("put a smaller one over it", &|e| put(e, "/large", &content(1_234_567, 8), 0o644));
        step("put over a file with two names", &|e| put(e, "/linked-a", &content(100, 9), 0o644));
        step("put into a long folder", &|e| put(e, "/many/one-more", &content(100, 10), 0o644));
        step("put many into it", &|e| {
            for index in 0..60 {
                put(
                    e,
                    &format!("/many/yet-another-entry-with-a-long-name-{index}"),
                    &content(index, index),
                    0o644,
                );
            }
        });
        step("make a folder", &|e| e.make_folder(b"/new", &attributes(0o1777), false).unwrap());
        step("make folders", &|e| {
            e.make_folder(b"/new/a/b/c/", &attributes(0o755), true).unwrap();
            e.make_folder(b"/new/a/b", &attributes(0o700), true).unwrap();
        });
        step("fill a folder", &|e| {
            for index in 0..150 {
                put(e, &format!("/new/a/file-{index}"), &content(index * 10, index), 0o640);
            }
        });
        step("link", &|e| e.make_symlink(b"/new/short", b"a/file-7", &attributes(0)).unwrap());
        step("long link", &|e| {
            e.make_symlink(b"/new/long", "y/".repeat(200).as_bytes(), &attributes(0)).unwrap();
        });
        step("attributes", &|e| {
            e.set_attributes(b"/big", &Attributes { mode: 0o6755, uid: 70_001, gid: 5, mtime_seconds: -5 })
                .unwrap();
            e.set_attributes(b"/new", &attributes(0o500)).unwrap();
            e.set_attributes(b"/", &attributes(0o711)).unwrap();
        });
        step("remove a file", &|e| e.remove(b"/big", false).unwrap());
        step("remove a link", &|e| e.remove(b"/long-link", false).unwrap());
        step("remove one of two names", &|e| e.remove(b"/linked-b", false).unwrap());
        step("remove a tree", &|e| e.remove(b"/deep", true).unwrap());
        step("remove many", &|e| {
            for index in (0..200).step_by(2) {
                e.remove(format!("/many/an-entry-with-a-rather-long-name-{index:04}").as_bytes(), false)
                    .unwrap();
            }
        });
        step("put and remove", &|e| {
            put(e, "/passing", &content(100_000, 1), 0o644);
            e.remove(b"/passing", false).unwrap();
            e.make_folder(b"/empty", &attributes(0o755), false).unwrap();
            e.remove(b"/empty/", false).unwrap();
        });
        step("put after removing", &|e| put(e, "/many/again", &content(50_000, 3), 0o644));
        assert!(again == image.bytes, "{name}: two runs differ");
        image.check_ranges();
        check_result(&image, name);
    }
}

fn check_result(image: &Image, name: &str) {
    let bytes = &image.bytes[..];
    let fs = FileSystem::open(&bytes, &Limits::default()).unwrap();
    let mut expected: Vec<(String, Vec<u8>)> = vec![
        ("/usr/etc/mender/artifact_info".into(), b"artifact_name=release-3\n".to_vec()),
        ("/usr/etc/mender/mender.conf".into(), content(700, 5)),
        ("/usr/etc/empty".into(), Vec::new()),
        ("/tiny".into(), b"x".to_vec()),
        ("/later".into(), content(5000, 6)),
        ("/large".into(), content(1_234_567, 8)),
        ("/linked-a".into(), content(100, 9)),
        ("/many/again".into(), content(50_000, 3)),
        ("/many/an-entry-with-a-rather-long-name-0199".into(), content(199, 199)),
        ("/outside".into(), content(2000, 3)),
    ];
    for index in 0..150 {
        expected.push((format!("/new/a/file-{index}"), content(index * 10, index)));
    }
    for index in 0..60 {
        expected.push((format!("/many/yet-another-entry-with-a-long-name-{index}"), content(index, index)));
    }
    for (path, expected) in &expected {
        assert!(fs.read_file(path.as_bytes()).unwrap() == *expected, "{name}: {path}");
        let mut streamed = Vec::new();
        fs.open_file(path.as_bytes()).unwrap().read_to_end(&mut streamed).unwrap();
        assert!(streamed == *expected, "{name}: {path}");
    }
    for (path, expected) in expected.iter().take(10) {
        assert!(image.dump(path) == *expected, "{name}: {path}");
    }
    let info = fs.metadata(b"/info").unwrap();
    assert_eq!((info.kind, info.mode, info.uid, info.gid), (FileKind::Regular, 0o4755, 1000, 70_000));
    assert_eq!((info.mtime_seconds, info.links), (1_700_000_000, 1));
    assert!(image.stat("/info").contains("Type: symlink"));
    let stat = image.stat("/usr/etc/mender/artifact_info");
    assert!(stat.contains("Mode:  04755"), "{stat}");
    assert!(stat.contains("User:  1000") && stat.contains("Group: 70000"), "{stat}");
    assert!(stat.contains("mtime: 0x6553f100"), "{stat}");
    assert_eq!(fs.metadata(b"/new").unwrap().mode, 0o500);
    assert_eq!(fs.metadata(b"/new/a").unwrap().mode, 0o755);
    assert_eq!(fs.metadata(b"/").unwrap().mode, 0o711);
    assert_eq!(fs.read_link(b"/new/short").unwrap(), b"a/file-7");
    assert_eq!(fs.read_link(b"/new/long").unwrap(), "y/".repeat(200).as_bytes());
    let names: Vec<Vec<u8>> = fs.list(b"/").unwrap().into_iter().map(|entry| entry.name).collect();
    let mut expected = [
        "dangling",
        "etc",
        "info",
        "large",
        "later",
        "linked-a",
        "lost+found",
        "many",
        "new",
        "outside",
        "round-a",
        "round-b",
        "tiny",
        "usr",
    ]
    .map(|name| name.as_bytes().to_vec());
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn times_become_the_nearest_that_inodes_hold() {
    if !e2fsprogs() {
        return;
    }
    for (options, latest) in
        [("-t ext4 -b 4096", (1 << 34) - (1 << 31) - 1), ("-t ext4 -b 4096 -I 128", (1 << 31) - 1)]
    {
        let mut image = Image::new(8 * MIB, &format!("{options} -O ^has_journal"), None);
        for (seconds, expected) in [
            (0, 0),
            (-1, -1),
            (i64::MIN, -(1 << 31)),
            ((1 << 31) - 1, (1 << 31) - 1),
            (1 << 31, latest.min(1 << 31)),
            (5_000_000_000, latest.min(5_000_000_000)),
            (i64::MAX, latest),
        ] {
            let attributes = Attributes { mtime_seconds: seconds, ..attributes(0o644) };
            image.edit(|editor| editor.put_file(b"/file", &mut &b"x"[..], &attributes).unwrap());
            image.check(options);
            let device = &image.bytes[..];
            let fs = FileSystem::open(&device, &Limits::default()).unwrap();
            assert_eq!(fs.metadata(b"/file").unwrap().mtime_seconds, expected, "{options}: {seconds}");
        }
    }
}
