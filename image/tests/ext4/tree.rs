//! A tree of files that uses what file systems treat differently.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

/// Bytes that differ at every offset of a block and between files.
pub(crate) fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at / 7 + at * 13 + seed * 31) % 251 + 1).unwrap()).collect()
}

pub(crate) fn rich_tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for len in [0, 1, 59, 60, 61, 100, 130, 1023, 1024, 1025, 4096, 4097, 50_000, 300_000, 1_500_000] {
        fs::write(root.join(format!("len-{len}")), content(len, len)).unwrap();
    }
    fs::create_dir(root.join("sparse")).unwrap();
    let sparse = File::create(root.join("sparse/holes")).unwrap();
    for offset in [200_000, 3_000_000, 75_000_000] {
        sparse.write_all_at(&content(10_000, 5), offset).unwrap();
    }
    sparse.set_len(80_000_001).unwrap();
    File::create(root.join("sparse/only-a-hole")).unwrap().set_len(1_000_000).unwrap();

    fs::create_dir(root.join("many")).unwrap();
    for index in 0..700 {
        let name = format!("an-entry-with-a-name-that-fills-its-block-soon-{index:05}");
        fs::write(root.join("many").join(name), content(index % 90, index)).unwrap();
    }
    fs::write(root.join("n".repeat(255)), b"long name").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"not utf-8 \xff\n \"x\"")), b"odd name").unwrap();
    let deep = root.join("deep/".repeat(40));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), b"40 levels down").unwrap();
    fs::create_dir(root.join("empty")).unwrap();

    fs::write(root.join("deep/linked-b"), content(5000, 77)).unwrap();
    fs::hard_link(root.join("deep/linked-b"), root.join("deep/linked-c")).unwrap();
    fs::hard_link(root.join("deep/linked-b"), root.join("also-linked")).unwrap();
    fs::set_permissions(root.join("len-100"), fs::Permissions::from_mode(0o4751)).unwrap();

    for len in [1, 58, 59, 60, 61, 200, 1000] {
        symlink("t".repeat(len), root.join(format!("symlink-{len}"))).unwrap();
    }
    make_etc(root);
    folder
}

/// Links that lead around and out, for reading by path.
fn make_etc(root: &Path) {
    fs::create_dir_all(root.join("usr/etc/mender")).unwrap();
    fs::write(root.join("usr/etc/mender/artifact_info"), b"artifact_name=release-1\n").unwrap();
    symlink("usr/etc", root.join("etc")).unwrap();
    symlink("/etc/mender/artifact_info", root.join("absolute")).unwrap();
    symlink("../../../../etc/./mender/../mender//artifact_info", root.join("empty/upwards")).unwrap();
    symlink("round-b", root.join("round-a")).unwrap();
    symlink("round-a", root.join("round-b")).unwrap();
}
