//! Debian's mender-artifact: the same commands do the same, where it is right.

use crate::made_image::*;
use crate::workplace::{Ended, Workplace};
use std::process::Command;

const TOOL: &str = "/usr/bin/mender-artifact";

/// Whether everything is there that it starts.
fn there() -> bool {
    if !std::path::Path::new(TOOL).exists() {
        println!("skipped: {TOOL} is not installed");
        return false;
    }
    installed(&ALL) && installed(&["parted", "e2fsck"])
}

fn theirs(place: &Workplace, arguments: &[&str]) -> Ended {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(TOOL);
    command.args(arguments).current_dir(place.path("")).env("PATH", format!("{path}:/usr/sbin:/sbin"));
    Ended::of(&command.output().unwrap())
}

/// The words of a command, and whether it leaves a file: where, and with which content.
type Line<'l> = (&'l [&'l str], Option<(&'l str, &'l str)>);

/// Commands that both know.
const COMMANDS: [Line<'_>; 9] = [
    (&["cp", "new", "IMAGE:/etc/new"], Some(("/etc/new", "content"))),
    (&["cp", "new", "IMAGE:/etc/mender/mender.conf"], Some(("/etc/mender/mender.conf", "content"))),
    (&["install", "-m", "0640", "new", "IMAGE:/usr/bin/tool"], Some(("/usr/bin/tool", "content"))),
    (&["install", "-d", "IMAGE:/var/lib/deep"], None),
    (&["cp", "new", "IMAGE:/var/lib/deep/file"], Some(("/var/lib/deep/file", "content"))),
    (&["cp", "new", "DISK:/data/file"], Some(("/data/file", "content"))),
    (&["cp", "new", "DISK:/uboot/file"], Some(("/uboot/file", "content"))),
    (&["cp", "new", "DISK:/boot/efi/other"], Some(("/boot/efi/other", "content"))),
    (&["rm", "IMAGE:/usr/bin/large"], None),
];

#[test]
fn each_reads_what_the_other_has_changed() {
    if !there() {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    make_ext(&place, "ours.img", 16 * MIB, "");
    std::fs::copy(place.path("ours.img"), place.path("theirs.img")).unwrap();
    make_disk(&place, "ours.sdimg", "dos");
    std::fs::copy(place.path("ours.sdimg"), place.path("theirs.sdimg")).unwrap();
    for suffix in ["img", "sdimg"] {
        for (words, left) in COMMANDS {
            if words.iter().any(|word| word.starts_with("DISK")) && suffix == "img" {
                continue;
            }
            let line = |who: &str| -> Vec<String> {
                let image = format!("{who}.{suffix}");
                words.iter().map(|word| word.replace("IMAGE", &image).replace("DISK", &image)).collect()
            };
            let (mine, others) = (line("ours"), line("theirs"));
            let mine: Vec<&str> = mine.iter().map(String::as_str).collect();
            let others: Vec<&str> = others.iter().map(String::as_str).collect();
            place.ok(&mine);
            let ended = theirs(&place, &others);
            assert_eq!(ended.status, 0, "{others:?}: {ended:?}");
            let Some((path, content)) = left else { continue };
            for image in ["ours", "theirs"] {
                let file = format!("{image}.{suffix}:{path}");
                assert_eq!(place.ok(&["cat", &file]), content, "{file}");
                assert_eq!(theirs(&place, &["cat", &file]).stdout, content, "{file}");
            }
        }
    }
    check_ext(&place, "ours.img");
    for path in ["/etc/new", "/etc/mender/mender.conf", "/usr/bin/tool", "/var/lib", "/var/lib/deep/file"] {
        assert_eq!(
            owner_and_mode(&place, "ours.img", path),
            owner_and_mode(&place, "theirs.img", path),
            "{path}"
        );
    }
}

#[test]
fn artifacts_that_were_changed_are_read() {
    if !there() {
        return;
    }
    let place = Workplace::new();
    place.put("new", "content");
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    place.ok(&["write", "rootfs-image", "-f", "rootfs.img", "-n", "r", "-c", "board", "-o", "a.mender"]);
    place.ok(&["cp", "new", "a.mender:/etc/new"]);
    assert_eq!(theirs(&place, &["cat", "a.mender:/etc/new"]).stdout, "content");
    let ended = theirs(&place, &["cp", "new", "a.mender:/etc/newer"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(place.ok(&["cat", "a.mender:/etc/newer"]), "content");
    place.ok(&["rm", "a.mender:/etc/newer"]);
    assert_eq!(theirs(&place, &["validate", "a.mender"]).status, 0);
}
