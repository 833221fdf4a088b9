//! Debian's mender-artifact: it accepts what we write, and we accept what it writes.

use crate::workplace::{Ended, Workplace, image_bytes, key};
use std::process::Command;

const TOOL: &str = "/usr/bin/mender-artifact";

/// Compressions that release 3.9 knows.
const COMPRESSIONS: [&str; 3] = ["none", "gzip", "lzma"];
/// Keys that release 3.9 can use: PKCS#1 and SEC1.
const KEYS: [Option<(&str, &str)>; 3] =
    [None, Some(("rsa-pkcs1.pem", "rsa-public.pem")), Some(("p256-sec1.pem", "p256-public.pem"))];

fn installed() -> bool {
    let there = std::path::Path::new(TOOL).exists();
    if !there {
        println!("skipped: {TOOL} is not installed");
    }
    there
}

fn theirs(place: &Workplace, arguments: &[&str]) -> Ended {
    let output = Command::new(TOOL).args(arguments).current_dir(place.path("")).output().unwrap();
    let ended = Ended::of(&output);
    assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
    ended
}

/// Every compression with every kind of key, as flags for writing and for checking.
fn for_all(mut body: impl FnMut(&[&str], &[&str])) {
    for compression in COMPRESSIONS {
        for keys in KEYS {
            let mut write = vec!["--compression", compression];
            let (private, public) = match keys {
                Some((private, public)) => (key(private), key(public)),
                None => (String::new(), String::new()),
            };
            let mut check = Vec::new();
            if keys.is_some() {
                write.extend(["-k", &private]);
                check.extend(["-k", &public]);
            }
            body(&write, &check);
        }
    }
}

#[test]
fn it_accepts_what_we_write() {
    if !installed() {
        return;
    }
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.put("second", "two");
    place.put("meta", r#"{"k": "v"}"#);
    place.put("ArtifactInstall_Enter_10", "#!/bin/sh\n");
    for_all(|write, check| {
        place.write_image("a.mender", &[&["-s", "ArtifactInstall_Enter_10", "-d", "x:y"], write].concat());
        theirs(&place, &[&["validate", "a.mender"], check].concat());
        let text = theirs(&place, &[&["read", "a.mender"], check].concat()).stdout;
        for line in ["  Name: release-1", "  Compatible devices: '[board]'", "    Type:   rootfs-image"] {
            assert!(text.contains(line), "{text}");
        }
        if !check.is_empty() {
            assert!(text.contains("signed and verified correctly"), "{text}");
        }
        let module = ["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-o", "m", "-f", "img", "-f"];
        place.ok(&[&module[..], &["second", "-m", "meta", "-g", "group"], write].concat());
        theirs(&place, &[&["validate", "m"], check].concat());
        place
            .ok(&[&["write", "bootstrap-artifact", "-n", "r", "-c", "b", "-o", "s", "-p", "a:b"], write]
                .concat());
        theirs(&place, &[&["validate", "s"], check].concat());
    });
}

#[test]
fn we_accept_what_it_writes() {
    if !installed() {
        return;
    }
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.put("second", "two");
    place.put("meta", r#"{"k": "v"}"#);
    place.put("ArtifactInstall_Enter_10", "#!/bin/sh\n");
    for_all(|write, check| {
        let image =
            ["write", "rootfs-image", "-f", "img", "-n", "release-1", "-t", "board", "-o", "a.mender"];
        theirs(&place, &[&image[..], &["-s", "ArtifactInstall_Enter_10", "-d", "x:y"], write].concat());
        place.ok(&[&["validate", "a.mender"], check].concat());
        let text = place.ok(&[&["read", "a.mender"], check].concat());
        for part in [
            "  Name: release-1\n",
            "    - ArtifactInstall_Enter_10\n",
            "      x: y\n",
            "  - Type: rootfs-image\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
        if !check.is_empty() {
            assert!(text.contains("signed and verified correctly"), "{text}");
        }
        let module = ["write", "module-image", "-T", "t", "-n", "r", "-t", "b", "-o", "m", "-f", "img", "-f"];
        theirs(&place, &[&module[..], &["second", "-m", "meta", "-g", "group"], write].concat());
        place.ok(&[&["validate", "m"], check].concat());
        theirs(&place, &[&["write", "bootstrap-artifact", "-n", "r", "-t", "b", "-o", "s"], write].concat());
        place.ok(&[&["validate", "s"], check].concat());
    });
}

#[test]
fn both_put_the_same_into_an_artifact() {
    if !installed() {
        return;
    }
    let place = Workplace::new();
    place.put("img", image_bytes());
    // It rounds times to the nearest second, we round down.
    place.set_time("img", 1_714_979_289);
    for more in [
        &[][..],
        &["--software-name", "app", "--software-version", "7"],
        &["--software-filesystem", "data"],
        &["--no-default-software-version"],
        &["--no-default-clears-provides"],
        &["--clears-provides", "x", "--clears-provides", "rootfs-image.*"],
        &["--legacy-rootfs-image-checksum", "-p", "a:b", "-d", "c:d"],
        &["-N", "one", "-N", "two", "-g", "group", "-G", "other"],
        &["-p", "rootfs-image.version:x", "--software-version", "y"],
        &["--software-version", "y", "-p", "rootfs-image.version:x"],
    ] {
        for (kind, own) in [("rootfs-image", &[][..]), ("module-image", &["-T", "t"])] {
            if kind == "module-image" && more.contains(&"--legacy-rootfs-image-checksum") {
                continue;
            }
            let flags = |output| {
                [&["write", kind, "-f", "img", "-n", "r", "-t", "b", "-o", output], own, more].concat()
            };
            theirs(&place, &flags("theirs"));
            assert_eq!(place.run(&flags("ours")).status, 0);
            assert_eq!(place.ok(&["read", "ours"]), place.ok(&["read", "theirs"]), "{kind} {more:?}");
        }
    }
}
