//! Images and files that are not what one would wish for: each ends in a right delta, or in one line that says why not.

use crate::images::{changed, ext4, noise};
use crate::workplace::Workplace;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
#[cfg(target_os = "linux")]
use std::time::Duration;

fn there_and_back(place: &Workplace, old: &str, new: &str) -> u64 {
    place.ok(&["delta", "create", old, new, "-o", "d"]);
    place.ok(&["delta", "apply", old, "d", "-o", "again"]);
    assert!(fs::read(place.path("again")).unwrap() == fs::read(place.path(new)).unwrap(), "{old} to {new}");
    fs::metadata(place.path("d")).unwrap().len()
}

#[test]
fn empty_short_identical_and_of_different_sizes() {
    let place = Workplace::new();
    place.put("empty", "");
    place.put("byte", "x");
    place.put("short", noise(5000, 1));
    place.put("long", [noise(5000, 1), noise(200_000, 2)].concat());
    for old in ["empty", "byte", "short", "long"] {
        for new in ["empty", "byte", "short", "long"] {
            let len = there_and_back(&place, old, new);
            if old == new {
                assert!(len < 200, "{old}: {len}");
            }
        }
    }
}

/// The same as images without holes, whether or not the file system keeps holes.
#[test]
fn sparse_files() {
    let place = Workplace::new();
    let sparse = |name: &str, at: u64, bytes: &[u8]| {
        let mut file = File::create(place.path(name)).unwrap();
        file.set_len(8 << 20).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    };
    sparse("old.img", 1 << 20, &noise(50_000, 1));
    sparse("new.img", 5 << 20, &changed(&noise(50_000, 1), 9000));
    assert!(there_and_back(&place, "old.img", "new.img") < 1000);
    let mut full = vec![0; 8 << 20];
    full[5 << 20..(5 << 20) + 50_000].copy_from_slice(&changed(&noise(50_000, 1), 9000));
    place.put("full.img", full);
    let sparse_delta = place.bytes("d");
    place.ok(&["delta", "create", "old.img", "full.img", "-o", "d"]);
    assert!(place.bytes("d") == sparse_delta);
}

/// A damaged file system is a string of bytes, which is told; the delta is right all the same.
#[test]
fn damaged_file_systems() {
    let place = Workplace::new();
    let files = [("etc/a", noise(30_000, 1)), ("usr/b", noise(90_000, 2))];
    if !(ext4(&place, "old.img", &files) && ext4(&place, "new.img", &[("etc/a", noise(31_000, 1))])) {
        return;
    }
    let good = place.bytes("new.img");
    let note = "new.img: its files are not known, it is taken as bytes: ";
    for (what, at, len) in [("superblock", 1024 + 0x10, 8), ("group descriptors", 4096, 64)] {
        let mut bad = good.clone();
        bad[at..at + len].iter_mut().for_each(|byte| *byte = !*byte);
        place.put("new.img", bad);
        let ended = place.run(&["delta", "create", "old.img", "new.img", "-o", "d"]);
        assert_eq!(ended.status, 0, "{what}: {ended:?}");
        let line = format!("mender-artifact: {note}");
        assert!(ended.stderr.starts_with(&line) && ended.stderr.lines().count() == 1, "{what}: {ended:?}");
        place.ok(&["delta", "apply", "old.img", "d", "-o", "again"]);
        assert!(place.bytes("again") == place.bytes("new.img"), "{what}");
    }
    // What was never a file system needs no note.
    place.put("bytes.img", noise(50_000, 3));
    assert_eq!(place.run(&["delta", "create", "bytes.img", "bytes.img", "-o", "d"]).stderr, "");
}

#[test]
fn what_cannot_be_read() {
    let place = Workplace::new();
    place.put("img", noise(9000, 1));
    fs::create_dir(place.path("folder")).unwrap();
    let before = place.names();
    for missing in ["missing", "folder", "img/inside"] {
        for [old, new] in [[missing, "img"], ["img", missing]] {
            let message = place.fails(4, &["delta", "create", old, new, "-o", "d"]);
            assert!(message.starts_with(&format!("{missing}: ")), "{message}");
        }
    }
    assert_eq!(place.names(), before);
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn files_without_permission() {
        let place = Workplace::new();
        place.put("img", noise(9000, 1));
        place.put("secret", noise(9000, 2));
        fs::set_permissions(place.path("secret"), fs::Permissions::from_mode(0o000)).unwrap();
        if File::open(place.path("secret")).is_ok() {
            println!("skipped: the superuser may read everything");
            return;
        }
        let message = place.fails(7, &["delta", "create", "img", "secret", "-o", "d"]);
        assert_eq!(message, "secret: cannot open: permission denied");
    }

    /// What has no length of its own is refused instead of being taken for empty.
    #[test]
    fn pipes_and_devices_of_characters() {
        let place = Workplace::new();
        place.put("img", noise(9000, 1));
        for device in ["/dev/null", "/dev/zero"] {
            let message = place.fails(4, &["delta", "create", "img", device, "-o", "d"]);
            assert!(message.starts_with(device), "{message}");
        }
        assert_eq!(place.names(), ["img"]);
    }

    /// Ends a loop device with the test.
    struct Loop(String);

    impl Drop for Loop {
        fn drop(&mut self) {
            let _ = Command::new("losetup").args(["-d", &self.0]).status();
        }
    }

    #[test]
    fn block_devices() {
        let place = Workplace::new();
        place.put("old.img", noise(1 << 20, 1));
        place.put("new.img", changed(&noise(1 << 20, 1), 50_000));
        let made = Command::new("losetup").args(["--show", "-f", "-r"]).arg(place.path("old.img")).output();
        let device = match made {
            Ok(made) if made.status.success() => {
                Loop(String::from_utf8(made.stdout).unwrap().trim().to_owned())
            }
            _ => {
                println!("skipped: no loop device, which takes the superuser and losetup");
                return;
            }
        };
        place.ok(&["delta", "create", "old.img", "new.img", "-o", "of-file"]);
        place.ok(&["delta", "create", &device.0, "new.img", "-o", "of-device"]);
        assert!(place.bytes("of-device") == place.bytes("of-file"));
        place.ok(&["delta", "apply", &device.0, "of-device", "-o", "again"]);
        assert!(place.bytes("again") == place.bytes("new.img"));
    }

    /// Somebody writes to the new image again and again: either it held still, and the delta is right, or nothing is
    /// left under the output's name.
    #[test]
    fn an_image_that_changes_while_it_is_read() {
        let place = Workplace::new();
        let content = noise(1 << 20, 1);
        place.put("old.img", &content);
        let mut refused = 0;
        for _ in 0..20 {
            if refused > 0 {
                break;
            }
            place.put("new.img", changed(&content, 4000));
            let mut child = place.command(&["delta", "create", "old.img", "new.img", "-o", "d"]);
            let mut child = child
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut file = File::options().write(true).open(place.path("new.img")).unwrap();
            let mut count = 0_u64;
            while child.try_wait().unwrap().is_none() {
                for at in (0..1_u64 << 20).step_by(50_021) {
                    file.seek(SeekFrom::Start(at)).unwrap();
                    file.write_all(&count.to_le_bytes()).unwrap();
                    count += 1;
                }
                // Leaves the processor to the other.
                std::thread::sleep(Duration::from_millis(2));
            }
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                fs::remove_file(place.path("d")).unwrap();
                continue;
            }
            refused += 1;
            assert!([5, 7].contains(&output.status.code().unwrap()), "{output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("changed") || said.contains("wrong result"), "{said}");
            assert_eq!(place.names(), ["new.img", "old.img"]);
        }
        assert!(refused > 0, "nobody noticed");
    }
}
