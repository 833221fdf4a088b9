//! Images inside of Artifacts.

use crate::made_image::*;
use crate::workplace::{Workplace, key};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const TOOL: &str = "/usr/bin/mender-artifact";

fn write(place: &Workplace, name: &str, more: &[&str]) {
    if !place.path("rootfs.img").exists() {
        make_ext(place, "rootfs.img", 16 * MIB, "");
        place.set_time("rootfs.img", 1_700_000_000);
    }
    let flags = ["write", "rootfs-image", "-f", "rootfs.img", "-n", "release-1", "-c", "board", "-o", name];
    place.ok(&[&flags, more].concat());
}

/// Takes the image out of an Artifact and looks for faults.
fn dumped(place: &Workplace, artifact: &str) {
    let _ = fs::remove_dir_all(place.path("dumped"));
    place.ok(&["dump", artifact, "--files", "dumped"]);
    check_ext(place, "dumped/rootfs.img");
}

#[test]
fn files_change_in_all_compressions() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    for compression in ["none", "gzip", "lzma", "zstd_better"] {
        let flags = ["--compression", compression, "-p", "k:v", "-d", "x:y"];
        write(&place, "a.mender", &flags);
        fs::set_permissions(place.path("a.mender"), fs::Permissions::from_mode(0o640)).unwrap();
        let before = place.ok(&["read", "a.mender"]);
        assert_eq!(place.ok(&["cat", "a.mender:/etc/mender/artifact_info"]), "artifact_name=release-1\n");
        place.ok(&["cp", "new", "a.mender:/etc/new"]);
        place.ok(&["install", "-m", "4755", "new", "a.mender:/usr/bin/"]);
        place.ok(&["rm", "a.mender:/usr/bin/large"]);
        assert_eq!(place.ok(&["cat", "a.mender:/usr/bin/new"]), "content");
        place.ok(&["cp", "a.mender:/etc/new", "out"]);
        assert_eq!(place.bytes("out"), b"content");
        place.ok(&["validate", "a.mender"]);
        assert_eq!(fs::metadata(place.path("a.mender")).unwrap().permissions().mode() & 0o7777, 0o640);
        dumped(&place, "a.mender");
        assert_eq!(owner_and_mode(&place, "dumped/rootfs.img", "/usr/bin/new"), "04755 0 0");
        // Only the checksums are different.
        let after = place.ok(&["read", "a.mender"]);
        let same: Vec<_> = before.lines().zip(after.lines()).filter(|(one, other)| one != other).collect();
        assert_eq!(before.lines().count(), after.lines().count());
        assert!(same.iter().all(|(line, _)| line.contains("checksum: ")), "{same:?}");
        assert_eq!(same.len(), 2, "{same:?}");
        if Path::new(TOOL).exists() && !compression.starts_with("zstd") {
            let theirs = Command::new(TOOL)
                .args(["validate", "a.mender"])
                .current_dir(place.path(""))
                .output()
                .unwrap();
            assert!(theirs.status.success(), "{theirs:?}");
        }
    }
}

#[test]
fn the_result_is_what_would_have_been_written() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", noise(50_000));
    for compression in ["none", "gzip", "zstd_better"] {
        write(&place, "a.mender", &["--compression", compression]);
        place.ok(&["cp", "new", "a.mender:/etc/new"]);
        let image = place.bytes("rootfs.img");
        place.ok(&["cp", "new", "rootfs.img:/etc/new"]);
        place.set_time("rootfs.img", 1_700_000_000);
        write(&place, "b.mender", &["--compression", compression]);
        let (a, b) = (place.bytes("a.mender"), place.bytes("b.mender"));
        // The archives have the time when they were made.
        let differ = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert!(a.len() == b.len() && differ < 100, "{compression}: {} {} {differ}", a.len(), b.len());
        place.put("rootfs.img", image);
        place.set_time("rootfs.img", 1_700_000_000);
    }
}

#[test]
fn signatures_are_taken_out_or_made_anew() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    let (private, public) = (key("p256-pkcs8.pem"), key("p256-public.pem"));
    write(&place, "a.mender", &["-k", &private]);
    let signed = place.bytes("a.mender");
    // What fails, and what only reads, leaves the signature.
    place.fails(1, &["cp", "new", "a.mender:/none/new"]);
    place.ok(&["cat", "a.mender:/etc/mender/mender.conf"]);
    assert!(place.bytes("a.mender") == signed);
    let ended = place.run(&["cp", "new", "a.mender:/etc/new"]);
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (
            0,
            "mender-artifact: warning: a.mender: the signature does not belong to what was changed and was taken out; \
             sign it again\n"
        )
    );
    place.fails(5, &["validate", "a.mender", "-k", &public]);
    place.put("a.mender", &signed);
    place.ok(&["cp", "-k", &private, "new", "a.mender:/etc/new"]);
    place.ok(&["validate", "a.mender", "-k", &public]);
    place.ok(&["install", "-m", "600", "-k", &private, "new", "a.mender:/etc/newer"]);
    place.ok(&["rm", "-k", &private, "a.mender:/etc/new"]);
    place.ok(&["validate", "a.mender", "-k", &public]);
}

#[test]
fn what_an_artifact_does_not_have_is_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    write(&place, "a.mender", &[]);
    let before = place.bytes("a.mender");
    for path in ["/data/x", "/uboot/x", "/boot/efi/x"] {
        let expected = format!(
            "a.mender: path {path}: expected a path of the root file system, found one of another partition, which no \
             Artifact has"
        );
        assert_eq!(place.fails(1, &["cp", "new", &format!("a.mender:{path}")]), expected);
        assert_eq!(place.fails(1, &["cat", &format!("a.mender:{path}")]), expected);
    }
    place.ok(&["cp", "new", "a.mender:/database/x"]);
    assert!(place.bytes("a.mender") != before);
    place.put("file", "no image");
    place.ok(&["write", "module-image", "-T", "t", "-f", "file", "-n", "r", "-c", "b", "-o", "m.mender"]);
    assert_eq!(
        place.fails(6, &["cat", "m.mender:/x"]),
        "m.mender: image: content: expected an ext2, ext3, ext4 or fat file system, found unknown content"
    );
    place.ok(&["write", "bootstrap-artifact", "-n", "r", "-c", "b", "-o", "b.mender"]);
    place.fails(1, &["cat", "b.mender:/x"]);
    place.put("damaged.mender", &before[..before.len() / 2]);
    place.fails(5, &["cp", "new", "damaged.mender:/etc/x"]);
}
