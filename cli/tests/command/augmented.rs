//! `write module-image --augment-…`, and what `read` and `validate` make of it; beside the reference tool where it is
//! installed.

use crate::workplace::{Workplace, key};
use serde_json::{Value, json};
use std::process::Command;

const MODULE: [&str; 9] = ["write", "module-image", "-T", "signed-type", "-n", "r1", "-c", "board", "-o"];

fn workplace() -> Workplace {
    let place = Workplace::new();
    place.put("one", "the first");
    place.put("two", "the second");
    place.put("meta.json", r#"{"list":[1],"object":{"kept":1}}"#);
    place.put("more.json", r#"{"list":[2],"object":{"new":null}}"#);
    for name in ["one", "two"] {
        place.set_time(name, 1_600_000_000);
    }
    place
}

const EVERYTHING: [&str; 17] = [
    "-f",
    "one",
    "-m",
    "meta.json",
    "-p",
    "a:b",
    "--augment-type",
    "added-type",
    "--augment-provides",
    "a:c:d",
    "--augment-provides=n:m",
    "--augment-depends",
    "e:f",
    "--augment-file",
    "two",
    "--augment-meta-data",
    "more.json",
];

fn payload(place: &Workplace, name: &str) -> Value {
    let json: Value = serde_json::from_str(&place.ok(&["read", "--json", name])).unwrap();
    json["payloads"][0].clone()
}

#[test]
fn flags_put_it_beside_the_payload() {
    let place = workplace();
    for compression in ["none", "gzip", "lzma", "zstd_fast"] {
        let private = key("p256-sec1.pem");
        let flags = [&EVERYTHING[..], &["--compression", compression, "-k", &private]].concat();
        place.ok(&[&MODULE[..], &["a.mender"], &flags].concat());
        let ended = place.run(&["validate", "-k", &key("p256-public.pem"), "a.mender"]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(ended.stderr.contains("augmented: no signature covers manifest-augment"), "{ended:?}");
        let payload = payload(&place, "a.mender");
        assert_eq!(payload["type"], "added-type");
        let provides = json!({"a": "c:d", "n": "m", "rootfs-image.signed-type.version": "r1"});
        assert_eq!(payload["provides"], provides);
        assert_eq!(payload["depends"], json!({"e": "f"}));
        assert_eq!(payload["meta_data"], json!({"list": [2], "object": {"kept": 1, "new": null}}));
        let names: Vec<_> = payload["files"].as_array().unwrap().iter().map(|file| &file["name"]).collect();
        assert_eq!(names, ["one", "two"]);
    }
    place.ok(&[&MODULE[..], &["b.mender", "--augment-type", "other"]].concat());
    assert_eq!(payload(&place, "b.mender")["type"], "other");
}

#[test]
fn the_reference_tool_reads_it() {
    if Command::new("mender-artifact").arg("--version").output().is_err() {
        eprintln!("skipped: mender-artifact is not installed");
        return;
    }
    let place = workplace();
    let theirs = |arguments: &[&str]| {
        let output = Command::new("mender-artifact")
            .args(arguments)
            .current_dir(place.path(""))
            .env("TZ", "UTC")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for compression in ["none", "gzip", "lzma"] {
        let ours = [&MODULE[..], &["ours"], &EVERYTHING[..], &["--compression", compression]].concat();
        place.ok(&ours);
        let their_word = |word| match word {
            "-c" => "-t",
            "ours" => "theirs",
            word => word,
        };
        theirs(&ours.iter().copied().map(their_word).collect::<Vec<&str>>());
        theirs(&["validate", "ours"]);
        assert_eq!(theirs(&["read", "ours"]), theirs(&["read", "theirs"]), "{compression}");
        assert_eq!(place.ok(&["read", "ours"]), place.ok(&["read", "theirs"]), "{compression}");
    }
}

#[test]
fn what_is_refused() {
    let place = workplace();
    let fails = |more: &[&str]| place.fails(1, &[&MODULE[..], &["a.mender"], more].concat());
    assert_eq!(fails(&["--augment-provides", "a:b"]), "--augment-provides: needs a name with --augment-type");
    assert_eq!(fails(&["--augment-file", "two"]), "--augment-file: needs a name with --augment-type");
    assert_eq!(fails(&["--augment-type", ""]), "--augment-type: needs a name with --augment-type");
    assert_eq!(
        fails(&["--augment-type", "t", "--augment-depends", "none"]),
        "--augment-depends: expected KEY:VALUE, found 'none'"
    );
    assert_eq!(
        fails(&["--augment-type", "t", "-f", "one", "--augment-file", "one"]),
        "one: data/0000: 'one': present more than once"
    );
    assert_eq!(
        fails(&["--augment-type", "rootfs-image"]),
        "header-augment.tar/header-info: 'type': unexpected value: expected another type than rootfs-image"
    );
    assert_eq!(
        fails(&["-m", "meta.json", "--augment-type", "t", "--augment-meta-data", "one"]),
        "one: malformed JSON: expected ident at line 1 column 2"
    );
    place.put("a.mender", "precious");
    assert_eq!(
        place.fails(
            3,
            &[&MODULE[..], &["a.mender", "--augment-type", "t", "--augment-file", "a.mender"]].concat()
        ),
        "a.mender: expected another name for the output, found that of the input a.mender"
    );
    assert_eq!(place.bytes("a.mender"), b"precious");
    let image = ["write", "rootfs-image", "-f", "one", "-n", "r", "-c", "b", "--augment-type", "t"];
    assert_eq!(place.run(&image).status, 1);
}
