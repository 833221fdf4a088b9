//! What cannot be done leaves everything as it was.

use crate::made_image::*;
use crate::workplace::{Ended, Workplace, image_bytes};
use std::fs;

#[test]
fn images_are_as_they_were() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.put("huge", vec![1; 17 << 20]);
    place.put("new", "x");
    let before = place.bytes("a.img");
    let check = |status: i32, arguments: &[&str]| {
        let message = place.fails(status, arguments);
        assert!(place.bytes("a.img") == before, "{arguments:?}");
        message
    };
    assert!(check(3, &["cp", "huge", "a.img:/etc/huge"]).contains("file system is full"));
    assert_eq!(check(1, &["cp", "new", "a.img:/none/new"]), "a.img: path /none/new: not found in the image");
    assert_eq!(check(1, &["cp", "new", "a.img:/etc"]), "a.img: path /etc: is a directory");
    assert_eq!(check(4, &["cp", "missing", "a.img:/etc/x"]), "missing: no such file or directory");
    assert_eq!(check(1, &["cat", "a.img:/outside"]), "a.img: path /outside: not found in the image");
    assert_eq!(check(1, &["cat", "a.img:/etc"]), "a.img: path /etc: is a directory");
    assert_eq!(check(1, &["rm", "-r", "a.img:/"]), "a.img: path /: cannot be created, changed or removed");
    assert_eq!(
        check(1, &["install", "-m", "9", "new", "a.img:/etc/x"]),
        "--mode: expected an octal number from 1 to 7777, as 644, found '9'"
    );
    assert_eq!(check(1, &["install", "new", "a.img:/etc/x"]), "expected --mode, found none; as in -m 644");
    assert_eq!(check(1, &["cp", "new", "other"]), "expected IMAGE:PATH on one side, found it on none");
    assert_eq!(check(1, &["cat", "a.img"]), "expected IMAGE:PATH, found 'a.img'");
    assert_eq!(check(4, &["cat", "b.img:/x"]), "b.img: no such file or directory");
    // Reading is no reason to write.
    let meta = fs::metadata(place.path("a.img")).unwrap().modified().unwrap();
    place.ok(&["cat", "a.img:/etc/mender/mender.conf"]);
    assert_eq!(fs::metadata(place.path("a.img")).unwrap().modified().unwrap(), meta);
    assert!(!place.names().iter().any(|name| name.starts_with(".mender")), "{:?}", place.names());
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.put("large", noise(12 << 20));
    let before = place.bytes("a.img");
    // In units of 512 bytes or of 1 KiB, as the shell has it: 2 or 4 MiB.
    let program = env!("CARGO_BIN_EXE_mender-artifact");
    let script = format!("ulimit -f 4096; exec '{program}' cp large a.img:/etc/large");
    let ended = Ended::of(&tool("sh").args(["-c", &script]).current_dir(place.path("")).output().unwrap());
    assert_eq!(ended.status, 7, "{ended:?}");
    assert!(ended.stderr.contains("file too large"), "{ended:?}");
    assert!(place.bytes("a.img") == before);
}

#[test]
fn small_changes_need_no_temporary_file() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.put("new", "x");
    let done =
        place.command(&["cp", "new", "a.img:/etc/new"]).env("TMPDIR", "/nonexistent").output().unwrap();
    assert_eq!(Ended::of(&done).status, 0, "{done:?}");
    assert_eq!(place.ok(&["cat", "a.img:/etc/new"]), "x");
    // Larger ones go where --tmp says, and the error says so.
    make_ext(&place, "b.img", 128 * MIB, "");
    place.put("large", noise(80 << 20));
    let before = place.bytes("b.img");
    let message = place.fails(7, &["cp", "--tmp", "/nonexistent", "large", "b.img:/etc/large"]);
    assert_eq!(
        message,
        "b.img: temporary file for changes: cannot use it: /nonexistent: no such file or directory"
    );
    assert!(place.bytes("b.img") == before);
    let done = place
        .command(&["cp", "--tmp", ".", "large", "b.img:/etc/large"])
        .env("TMPDIR", "/nonexistent")
        .output();
    assert_eq!(Ended::of(&done.unwrap()).status, 0);
}

#[test]
fn file_systems_that_others_must_repair_are_not_changed() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("new", "x");
    make_ext(&place, "a.img", 16 * MIB, "");
    // The journal has to be replayed.
    let mut bytes = place.bytes("a.img");
    bytes[1024 + 0x60] |= 4;
    let name = "dirty.img";
    // Without its checksum the superblock is refused before anything else is looked at.
    make_ext(&place, name, 16 * MIB, "-O ^metadata_csum");
    let mut dirty = place.bytes(name);
    dirty[1024 + 0x60] |= 4;
    place.put(name, &dirty);
    place.fails(6, &["cp", "new", "dirty.img:/etc/new"]);
    assert!(place.bytes(name) == dirty);
    assert_eq!(place.ok(&["cat", "dirty.img:/etc/mender/artifact_info"]), "artifact_name=release-1\n");
    place.put("a.img", &bytes);
    place.fails(5, &["cp", "new", "a.img:/etc/new"]);
    // Encrypted, and with features from the future.
    make_ext(&place, "encrypted.img", 16 * MIB, "-O encrypt");
    let before = place.bytes("encrypted.img");
    place.fails(6, &["cp", "new", "encrypted.img:/etc/new"]);
    assert!(place.bytes("encrypted.img") == before);
}

#[test]
fn what_is_no_image_is_refused() {
    let place = Workplace::new();
    place.put("empty.img", "");
    place.put("noise.img", noise(100_000));
    place.put("img", image_bytes());
    place.write_image("noise.mender", &[]);
    place.fails(6, &["cat", "noise.mender:/x"]);
    place.put("new", "x");
    for name in ["empty.img", "noise.img"] {
        let before = place.bytes(name);
        let expected = format!(
            "{name}: image: content: expected an ext2, ext3, ext4 or fat file system, found unknown content"
        );
        assert_eq!(place.fails(6, &["cat", &format!("{name}:/x")]), expected);
        assert_eq!(place.fails(6, &["cp", "new", &format!("{name}:/x")]), expected);
        assert!(place.bytes(name) == before);
    }
}
