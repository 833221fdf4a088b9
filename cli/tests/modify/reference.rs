//! Debian's mender-artifact: what it makes of the same flags, and whether it takes what we make.

use crate::workplace::{Ended, Workplace, image_bytes, key};
use std::process::Command;

const TOOL: &str = "/usr/bin/mender-artifact";

fn theirs(place: &Workplace, arguments: &[&str]) -> Option<Ended> {
    if !std::path::Path::new(TOOL).exists() {
        println!("skipped: {TOOL} is not installed");
        return None;
    }
    let output = Command::new(TOOL).args(arguments).current_dir(place.path("")).output().unwrap();
    let ended = Ended::of(&output);
    assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
    Some(ended)
}

fn parts(place: &Workplace) {
    place.put("img", image_bytes());
    place.set_time("img", 1_714_979_289);
    place.put("meta", "{\"k\": \"v\"}");
    place.put("other", "{\"l\": [2, {\"x\": null}]}");
}

/// The text of `read` without the times, which it does not keep.
fn read(place: &Workplace, name: &str) -> String {
    let text = place.ok(&["read", name]);
    text.lines().filter(|line| !line.contains("modified: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_flags_change_the_same() {
    let place = Workplace::new();
    parts(&place);
    for kind in [&["rootfs-image"][..], &["module-image", "-T", "t", "-m", "meta"]] {
        let own =
            ["-f", "img", "-n", "r1", "-c", "board", "--clears-provides", "x", "-G", "old", "-g", "mine"];
        place.ok(&[&["write"], kind, &own, &["-o", "original"]].concat());
        for flags in [
            &["-n", "r2"][..],
            &["--artifact-name", "r2"],
            &["--name", "r2"],
            &["-N", "a", "-N", "b"],
            &["-g", "g"],
            &["-G", "a", "-G", "b"],
            &["-p", "a:b", "-p", "c:d:e"],
            &["-d", "a:b", "-d", "c:d:e"],
            &["--clears-provides", "y", "--clears-provides", "z"],
            &["--delete-clears-provides", "x"],
            &["-n", "r2", "-p", "a:b", "--compression", "none"],
            &["-m", "other"],
        ] {
            if flags[0] == "-m" && kind.len() == 1 {
                continue;
            }
            for name in ["ours", "theirs"] {
                place.put(name, place.bytes("original"));
            }
            if theirs(&place, &[&["modify"], flags, &["theirs"]].concat()).is_none() {
                return;
            }
            assert_eq!(place.run(&[&["modify", "ours"], flags].concat()).status, 0);
            let theirs = read(&place, "theirs");
            let ours = read(&place, "ours");
            assert_eq!(ours, theirs, "{kind:?} {flags:?}");
        }
    }
}

#[test]
fn it_takes_what_we_change() {
    let place = Workplace::new();
    parts(&place);
    for compression in ["none", "gzip", "lzma"] {
        place.write_image("a", &["--compression", compression]);
        place.ok(&["modify", "a", "-n", "r2", "-g", "g", "-d", "a:b", "-k", &key("rsa-pkcs1.pem")]);
        let public = key("rsa-public.pem");
        let Some(ended) = theirs(&place, &["validate", "a", "-k", &public]) else { return };
        assert!(ended.stdout.contains("validated successfully"), "{ended:?}");
        let text =
            theirs(&place, &["read", "a", "-k", &public]).map_or_else(String::new, |ended| ended.stdout);
        for part in ["Name: r2", "signed and verified correctly", "a: b"] {
            assert!(text.contains(part), "{text}");
        }
        // With the room that keeps a large payload on its boundary.
        place.put("img", vec![7; 17 << 20]);
        place.write_image("large", &["--compression", "none"]);
        place.put("img", image_bytes());
        place.ok(&["sign", "large", "-k", &key("p256-sec1.pem")]);
        theirs(&place, &["validate", "large", "-k", &key("p256-public.pem")]);
        theirs(&place, &["sign", "-f", "-k", &key("rsa-pkcs1.pem"), "large"]);
        place.ok(&["validate", "large", "-k", &public]);
    }
}

#[test]
fn it_takes_the_arguments_that_we_print() {
    let place = Workplace::new();
    parts(&place);
    let write = [
        "write",
        "module-image",
        "-T",
        "t",
        "-n",
        "r1",
        "-c",
        "board",
        "-f",
        "img",
        "-m",
        "meta",
        "-p",
        "a:b c",
    ];
    place.ok(&[&write[..], &["-o", "a"]].concat());
    let folders = ["--files", "out", "--meta-data", "out"];
    let printed = place.ok(&[&["dump", "a", "--print0-cmdline"], &folders[..]].concat());
    // The name that 3.9 has for it.
    let printed = printed.replace("--compatible-types", "--device-type");
    let words: Vec<&str> = printed.trim_end_matches('\0').split('\0').collect();
    if theirs(&place, &[&words[..], &["-o", "again"]].concat()).is_none() {
        return;
    }
    assert_eq!(place.ok(&["read", "again"]), place.ok(&["read", "a"]));
    // And the words are those that it prints itself, but for the order of provides.
    let sorted = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    let own =
        theirs(&place, &["dump", "--print-cmdline", "a"]).map_or_else(String::new, |ended| ended.stdout);
    let ours = place.ok(&["dump", "a", "--print0-cmdline"]).replace("--compatible-types", "--device-type");
    assert_eq!(sorted(&own), sorted(&ours.replace('\0', " ")));
}

#[test]
fn its_augmented_artifacts_and_those_of_version_2_can_be_changed() {
    let place = Workplace::new();
    parts(&place);
    // It shows no nested lists of augmented Artifacts.
    place.put("plain", "{\"l\": \"x\"}");
    let sign = ["-k", &key("rsa-pkcs1.pem")];
    let check = ["-k", &key("rsa-public.pem")];
    let module = [
        "write",
        "module-image",
        "-T",
        "one",
        "-n",
        "r1",
        "-t",
        "board",
        "-m",
        "meta",
        "-p",
        "a:b",
        "-o",
        "a",
    ];
    let augment = [
        "--augment-type",
        "two",
        "--augment-provides",
        "c:d",
        "--augment-meta-data",
        "meta",
        "--augment-file",
        "img",
    ];
    if theirs(&place, &[&module[..], &augment, &sign].concat()).is_none() {
        return;
    }
    assert_eq!(place.run(&["modify", "a", "-n", "r2", "-p", "k:v", "-m", "plain"]).status, 0);
    theirs(&place, &["validate", "a"]);
    let text = theirs(&place, &["read", "a"]).map_or_else(String::new, |ended| ended.stdout);
    for part in ["Name: r2", "Type:   two", "Provides:\n\tk: v\n    Depends", "\"l\": \"x\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("\"k\""), "{text}");
    place.ok(&[&["modify", "a", "--compression", "lzma", "--clears-provides", "x"], &sign[..]].concat());
    theirs(&place, &[&["validate", "a"], &check[..]].concat());

    theirs(
        &place,
        &["write", "rootfs-image", "-v", "2", "-f", "img", "-n", "r1", "-t", "board", "-o", "old"],
    );
    place.ok(&[&["modify", "old", "-n", "r2"], &sign[..]].concat());
    theirs(&place, &[&["validate", "old"], &check[..]].concat());
    let text = theirs(&place, &["read", "old"]).map_or_else(String::new, |ended| ended.stdout);
    assert!(text.contains("Name: r2\n  Format: mender\n  Version: 2"), "{text}");
    let message = place.fails(6, &["modify", "old", "-g", "group"]);
    assert!(
        message.contains("expected 3 where more than name and scripts is to change, found 2"),
        "{message}"
    );
}
