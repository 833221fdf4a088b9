//! Bare file systems.

use crate::made_image::*;
use crate::workplace::{Ended, Workplace};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// Block sizes and features.
const KINDS: [&str; 5] = [
    "",
    "-b 1024",
    "-O ^has_journal",
    "-O ^metadata_csum,^64bit",
    "-O ^has_journal,^extents,^64bit,^metadata_csum",
];

fn mode(place: &Workplace, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777
}

fn set_mode(place: &Workplace, name: &str, mode: u32) {
    fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the command with this on its standard input.
fn fed(place: &Workplace, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = place
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Ended::of(&child.wait_with_output().unwrap())
}

#[test]
fn files_go_in_and_come_out() {
    if !installed(&ALL) {
        return;
    }
    for options in KINDS {
        let place = Workplace::new();
        make_ext(&place, "a.img", 16 * MIB, options);
        place.put("new file", noise(100_000));
        set_mode(&place, "new file", 0o4751);
        assert_eq!(place.ok(&["cp", "new file", "a.img:/etc/mender/new file"]), "");
        check_ext(&place, "a.img");
        assert_eq!(owner_and_mode(&place, "a.img", "/etc/mender/new file"), "04751 0 0");
        debugfs(
            &place,
            "a.img",
            &format!("dump \"/etc/mender/new file\" {}", place.path("dumped").display()),
        );
        assert!(place.bytes("dumped") == noise(100_000));
        assert_eq!(place.ok(&["cp", "a.img:/etc/mender/new file", "out"]), "");
        assert!(place.bytes("out") == noise(100_000));
        assert_eq!(mode(&place, "out"), 0o751);
        // Over a file that is there, by its name in a folder, and through links inside of the image.
        place.put("mender.conf", "{}");
        set_mode(&place, "mender.conf", 0o600);
        place.ok(&["cp", "mender.conf", "a.img:/etc/mender/"]);
        assert_eq!(place.ok(&["cat", "a.img:/conf-link"]), "{}");
        place.put("mender.conf", "{\"x\": 1}");
        place.ok(&["cp", "mender.conf", "a.img:/conf-link"]);
        assert_eq!(place.ok(&["cat", "a.img:/folder-link/mender.conf"]), "{\"x\": 1}");
        assert_eq!(owner_and_mode(&place, "a.img", "/etc/mender/mender.conf"), "0600 0 0");
        check_ext(&place, "a.img");
    }
}

#[test]
fn standard_streams() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    let ended = fed(&place, &["cp", "-", "a.img:/etc/piped"], b"from a pipe");
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(owner_and_mode(&place, "a.img", "/etc/piped"), "0600 0 0");
    assert_eq!(place.ok(&["cp", "a.img:/etc/piped", "-"]), "from a pipe");
    // More than the 32 KiB after which the reference tool stops.
    let large = place.command(&["cat", "a.img:/usr/bin/large"]).output().unwrap();
    assert!(large.status.success() && large.stdout == noise(300_000));
    assert_eq!(place.ok(&["cat", "a.img:/a b/c d"]), "blanks\n");
    fs::create_dir(place.path("folder")).unwrap();
    place.ok(&["cp", "a.img:/a b/c d", "folder"]);
    assert_eq!(place.bytes("folder/c d"), b"blanks\n");
}

#[test]
fn modes_are_octal_and_folders_are_made() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.put("key", "secret");
    for (given, told) in [("600", "0600"), ("0644", "0644"), ("4755", "04755"), ("1777", "01777")] {
        place.ok(&["install", "-m", given, "key", "a.img:/etc/key"]);
        assert_eq!(owner_and_mode(&place, "a.img", "/etc/key"), format!("{told} 0 0"));
    }
    place.ok(&["install", "-d", "a.img:/var/lib/mender"]);
    place.ok(&["install", "-d", "-m", "700", "a.img:/var/lib/mender/keys/"]);
    place.ok(&["install", "-d", "a.img:/var/lib/mender/keys"]);
    place.ok(&["install", "-m", "644", "key", "a.img:/var/lib/mender/keys/"]);
    for (path, told) in [("/var", "0755"), ("/var/lib/mender", "0755"), ("/var/lib/mender/keys", "0700")] {
        assert_eq!(owner_and_mode(&place, "a.img", path), format!("{told} 0 0"), "{path}");
    }
    assert_eq!(place.ok(&["cat", "a.img:/var/lib/mender/keys/key"]), "secret");
    check_ext(&place, "a.img");
}

#[test]
fn files_and_folders_are_removed() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    place.ok(&["rm", "a.img:/usr/bin/large"]);
    place.ok(&["rm", "a.img:/usr/bin"]);
    assert_eq!(place.fails(1, &["rm", "a.img:/etc"]), "a.img: path /etc: directory is not empty");
    place.ok(&["install", "-d", "a.img:/etc/mender/deep/er"]);
    place.ok(&["rm", "-r", "a.img:/etc"]);
    place.ok(&["rm", "a.img:/conf-link"]);
    check_ext(&place, "a.img");
    let listing = debugfs(&place, "a.img", "ls -p /");
    assert!(
        !listing.contains("/etc/") && !listing.contains("conf-link") && listing.contains("a b"),
        "{listing}"
    );
}

#[test]
fn fat_is_as_good() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_fat(&place, "boot.vfat", 8 * MIB);
    place.put("config.txt", "arm_64bit=1\n");
    place.ok(&["cp", "config.txt", "boot.vfat:/config.txt"]);
    place.ok(&["install", "-d", "boot.vfat:/EFI/BOOT"]);
    place.ok(&["cp", "uEnv.txt", "boot.vfat:/EFI/BOOT/"]);
    let ended = fed(&place, &["cp", "-", "boot.vfat:/config.txt"], b"again");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(place.ok(&["cat", "boot.vfat:/config.txt"]), "again");
    assert_eq!(place.fails(1, &["cat", "boot.vfat:/EFI"]), "boot.vfat: path /EFI: is a directory");
    let listed = run(tool("mtype").arg("-i").arg(place.path("boot.vfat")).arg("::EFI/BOOT/uEnv.txt"));
    assert_eq!(listed, "console=ttyS0\n");
    place.ok(&["rm", "-r", "boot.vfat:/EFI"]);
    check_fat(&place, "boot.vfat");
}

#[test]
fn large_files_wait_in_files() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    // More than stays in memory.
    place.put("large", noise(70 << 20));
    make_ext(&place, "a.img", 96 * MIB, "");
    make_fat(&place, "boot.vfat", 96 * MIB);
    for (image, check) in [("a.img", check_ext as fn(&Workplace, &str)), ("boot.vfat", check_fat)] {
        place.ok(&["cp", "large", &format!("{image}:/large")]);
        check(&place, image);
        place.ok(&["cp", &format!("{image}:/large"), "out"]);
        assert!(place.bytes("out") == place.bytes("large"));
    }
}
