//! `diff`: what differs, and how it is told.

use crate::workplace::{Workplace, key};
use std::fs;
use std::process::Command;

#[test]
fn the_same_is_0_different_is_1_trouble_is_more() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    place.ok(&["modify", "a", "-n", "release-2", "-o", "b"]);
    assert_eq!(place.ok(&["diff", "a", "a"]), "");
    let ended = place.run(&["diff", "a", "b"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (1, ""));
    assert_eq!(ended.stdout, "! name: \"release-1\" -> \"release-2\"\n");
    place.put("bad", "x");
    for (status, arguments) in [
        (5, &["diff", "a", "bad"][..]),
        (4, &["diff", "a", "missing"]),
        (2, &["diff", "a", "-"]),
        (2, &["diff", "a"]),
        (2, &["diff", "a", "b", "--wrong"]),
    ] {
        place.fails(status, arguments);
    }
}

#[test]
fn every_kind_of_difference_has_its_line() {
    let place = Workplace::new();
    place.put("one", "1");
    place.put("ArtifactInstall_Enter_10", "x");
    place.set_time("one", 1);
    let write = ["write", "module-image", "-T", "t", "-n", "r", "-c", "board", "-f", "one"];
    place.ok(&[&write[..], &["-o", "a", "-s", "ArtifactInstall_Enter_10", "-p", "k:1"]].concat());
    place.put("one", "2");
    place.set_time("one", 1);
    place.put("two", "");
    place.set_time("two", 1);
    place.ok(&[&write[..], &["-f", "two", "-o", "b", "-d", "k:1", "-k", &key("rsa-pkcs1.pem")]].concat());
    let text = place.run(&["diff", "a", "b"]).stdout;
    for line in [
        "! signed: false -> true",
        "- scripts/ArtifactInstall_Enter_10: {",
        "- payloads/0/provides/k: \"1\"",
        "+ payloads/0/depends/k: \"1\"",
        "! payloads/0/files/one/sha256: \"6b86b273ff34fce1",
        "+ payloads/0/files/two: {",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} in {text}");
    }
    assert_eq!(text.lines().count(), 6, "{text}");
    let ended = place.run(&["diff", "a", "b", "--json"]);
    assert_eq!(ended.status, 1);
    for part in ["\"same\": false", "\"path\": [\n        \"signed\"\n      ]", "\"images\": []"] {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    assert!(place.ok(&["diff", "a", "a", "--json"]).contains("\"same\": true"));
}

/// An ext4 image of a folder with these files; links are files whose contents begin with `-> `.
fn image(place: &Workplace, name: &str, files: &[(&str, &str)]) -> bool {
    let folder = place.path("tree");
    let _ = fs::remove_dir_all(&folder);
    for (path, contents) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[cfg(unix)]
        if let Some(target) = contents.strip_prefix("-> ") {
            std::os::unix::fs::symlink(target, path).unwrap();
            continue;
        }
        fs::write(path, contents).unwrap();
    }
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-d", "tree", name, "4M"])
        .current_dir(place.path(""))
        .status();
    let made = made.is_ok_and(|status| status.success());
    if !made {
        println!("skipped: mkfs.ext4 is not installed");
    }
    made
}

#[test]
fn images_are_compared_file_by_file() {
    let place = Workplace::new();
    let large = "x".repeat(600_000);
    let changed = large.clone() + "y";
    let same_size = format!("{}z{}", &large[..400_000], &large[400_001..]);
    let old = [
        ("etc/same", "1"),
        ("etc/gone", "1"),
        ("etc/contents", large.as_str()),
        ("etc/size", &large),
        ("link", "-> a"),
        ("kind", "file"),
    ];
    let new = [
        ("etc/same", "1"),
        ("etc/new", "1"),
        ("etc/contents", &same_size),
        ("etc/size", &changed),
        ("link", "-> b"),
        ("kind", "-> file"),
    ];
    for (name, files) in [("old", &old), ("new", &new)] {
        if !image(&place, "img", files) {
            return;
        }
        fs::remove_file(place.path(name)).ok();
        place.write_image(name, &["--compression", "zstd_fast"]);
        fs::remove_file(place.path("img")).unwrap();
    }
    let ended = place.run(&["diff", "old", "new"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (1, ""));
    let image: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_once("payloads/0/files/img:").map(|(_, it)| it))
        .collect();
    assert_eq!(
        image,
        [
            "/etc/gone",
            "/etc/new",
            "/etc/contents: contents",
            "/etc/size: size_bytes: 600000 -> 600001",
            "/kind: kind: \"file\" -> \"symbolic link\"",
            "/link: target: \"a\" -> \"b\"",
        ],
        "{}",
        ended.stdout
    );
    let json = place.run(&["diff", "--json", "old", "new"]).stdout;
    assert!(json.contains("\"only_in_a\": [\n        \"/etc/gone\"\n      ]"), "{json}");
}
