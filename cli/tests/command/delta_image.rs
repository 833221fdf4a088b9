//! Delta Artifacts out of two full ones.

use crate::workplace::{Workplace, image_bytes, key};
use serde_json::Value;

/// Two releases as full Artifacts, with something of everything in the second one.
fn releases(place: &Workplace) {
    let mut image = image_bytes();
    place.put("img", &image);
    place.write_image("old.mender", &[]);
    image[70_000..70_004].copy_from_slice(b"news");
    image.extend_from_slice(b"more at the end");
    place.put("img", &image);
    place.put("ArtifactInstall_Enter_10", "#!/bin/sh\n");
    place.ok(&[
        "write",
        "rootfs-image",
        "-f",
        "img",
        "-n",
        "release-2",
        "-c",
        "board",
        "-c",
        "board-2",
        "-o",
        "new.mender",
        "-s",
        "ArtifactInstall_Enter_10",
        "-d",
        "bootloader:7",
        "-p",
        "kernel:6",
        "-g",
        "beta",
        "-G",
        "alpha",
        "-N",
        "release-1",
        "--clears-provides",
        "own.*",
    ]);
}

fn json(place: &Workplace, artifact: &str) -> Value {
    serde_json::from_str(&place.ok(&["read", "--json", artifact])).unwrap()
}

#[test]
fn it_stands_for_the_new_release_and_depends_on_the_old_image() {
    let place = Workplace::new();
    releases(&place);
    let said =
        place.ok(&["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "d.mender"]);
    let (full, size) = (place.bytes("new.mender").len(), place.bytes("d.mender").len());
    assert!(
        said.starts_with(&format!("full size       {full} bytes\ndelta size      {size} bytes\n")),
        "{said}"
    );
    for line in ["saving ", "time ", "peak memory "] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{said}");
    }
    place.ok(&["validate", "d.mender"]);

    let (old, new, mut delta) =
        (json(&place, "old.mender"), json(&place, "new.mender"), json(&place, "d.mender"));
    let mut payload = delta["payloads"][0].take();
    for same in ["name", "group", "compatible_types", "depends_names", "depends_groups", "scripts"] {
        assert_eq!(delta[same], new[same], "{same}");
    }
    let full = &new["payloads"][0];
    assert_eq!(payload["type"], "mender-delta");
    assert_eq!(payload["provides"], full["provides"]);
    assert_eq!(payload["clears_provides"], full["clears_provides"]);
    assert_eq!(payload["meta_data"]["delta_algorithm"], "mender-native");
    assert_eq!(payload["meta_data"]["rootfs_file_size"], full["files"][0]["size_bytes"]);
    assert_eq!(payload["files"][0]["name"], "img.delta");
    let base = payload["depends"].as_object_mut().unwrap().remove("rootfs-image.checksum");
    assert_eq!(base.as_ref(), Some(&old["payloads"][0]["files"][0]["sha256"]));
    assert_eq!(payload["depends"], full["depends"]);

    place.put("old.img", image_bytes());
    place.ok(&["delta", "apply", "old.img", "d.mender", "-o", "again.img"]);
    assert_eq!(place.bytes("again.img"), place.bytes("img"));
}

#[test]
fn signed_and_the_same_twice() {
    let place = Workplace::new();
    releases(&place);
    let flags = ["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o"];
    let private = key("rsa-pkcs1.pem");
    place.ok(&[&flags[..], &["one", "-k", &private]].concat());
    place.ok(&[&flags[..], &["two", "-k", &private, "--no-progress"]].concat());
    assert_eq!(place.bytes("one"), place.bytes("two"));
    place.ok(&["validate", "one", "-k", &key("rsa-public.pem")]);
}

#[test]
fn what_makes_no_delta() {
    let place = Workplace::new();
    releases(&place);
    place.ok(&["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-f", "img", "-o", "module.mender"]);
    place.write_image("no-checksum.mender", &["--no-checksum-provide"]);
    place.put("cut.mender", &place.bytes("old.mender")[..5000]);
    place.put("d.mender", "precious");
    let before = place.names();
    for (status, from, to) in [
        (1, "module.mender", "new.mender"),
        (1, "old.mender", "module.mender"),
        (1, "no-checksum.mender", "new.mender"),
        (5, "cut.mender", "new.mender"),
        (5, "old.mender", "cut.mender"),
        (4, "missing.mender", "new.mender"),
        (4, "old.mender", "missing.mender"),
    ] {
        let message =
            place.fails(status, &["write", "delta-image", "--from", from, "--to", to, "-o", "d.mender"]);
        let blamed = if from == "old.mender" { to } else { from };
        assert!(message.starts_with(&format!("{blamed}: ")), "{message}");
        assert_eq!(place.bytes("d.mender"), b"precious");
        assert_eq!(place.names(), before);
    }
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let place = Workplace::new();
    releases(&place);
    place.put("old.img", image_bytes());
    place.put("new.img", [&image_bytes()[..], b"and more"].concat());
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "pair.delta"]);
    let before: Vec<_> = place.names().iter().map(|name| (name.clone(), place.bytes(name))).collect();
    for arguments in [
        &["delta", "create", "old.img", "new.img", "-o", "old.img"][..],
        &["delta", "create", "old.img", "new.img", "-o", "./new.img"],
        &["delta", "apply", "old.img", "pair.delta", "-o", "old.img"],
        &["delta", "apply", "old.img", "pair.delta", "-o", "pair.delta"],
        &["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "new.mender"],
        &["write", "rootfs-image", "-f", "old.img", "-n", "r", "-c", "b", "-o", "old.img"],
    ] {
        let error = place.fails(3, arguments);
        assert!(error.contains("expected another name for the output, found that of the input"), "{error}");
    }
    let after: Vec<_> = place.names().iter().map(|name| (name.clone(), place.bytes(name))).collect();
    assert!(before == after);
}

/// What Mender's own Update Module looks at.
#[test]
fn for_the_update_module_of_mender() {
    let place = Workplace::new();
    releases(&place);
    place.put("old.img", image_bytes());
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["--algorithm", "xdelta3"], more].concat()
    }
    let flags = ["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "d.mender"];

    place.ok(&[&flags[..], &with(&[])].concat());
    let payload = json(&place, "d.mender")["payloads"][0].take();
    assert_eq!(payload["type"], "mender-binary-delta");
    assert_eq!(payload["files"][0]["name"], "img.delta");
    let size = place.bytes("img").len();
    let expected = serde_json::json!({"delta_algorithm": "xdelta3", "rootfs_file_size": size});
    assert_eq!(payload["meta_data"], expected);
    place.ok(&["delta", "apply", "old.img", "d.mender", "-o", "again.img"]);
    assert_eq!(place.bytes("again.img"), place.bytes("img"));

    place.ok(&[&flags[..], &with(&["-D", "-B 1048576 -W65536", "-D=-I 0"])].concat());
    let payload = json(&place, "d.mender")["payloads"][0].take();
    let expected = serde_json::json!(["-B", "1048576", "-W", "65536", "-I", "0"]);
    assert_eq!(payload["meta_data"]["decoder_arguments"], expected);
    let info: Value = serde_json::from_str(&place.ok(&["delta", "info", "--json", "d.mender"])).unwrap();
    assert_eq!(info["windows"], size.div_ceil(65536));

    for (words, message) in [
        ("-9", "-D: expected -B, -W, -P or -I, found '-9'"),
        ("-B", "-D: expected a number of bytes behind -B, found '-B'"),
        ("-B +1", "-D: expected a number of bytes behind -B, found '-B'"),
        ("-Bx", "-D: expected a number of bytes behind -B, found '-Bx'"),
    ] {
        assert_eq!(place.fails(1, &[&flags[..], &with(&["-D", words])].concat()), message);
    }
    let message = place.fails(1, &[&flags[..], &["-D", "-B 1048576"]].concat());
    assert_eq!(message, "-D goes with --algorithm xdelta3");

    place.ok(&[&flags[..], &["--algorithm", "bsdiff"]].concat());
    let payload = json(&place, "d.mender")["payloads"][0].take();
    assert_eq!(payload["meta_data"]["delta_algorithm"], "bsdiff");
}

/// A delta of Artifacts that somebody else has made is none.
#[test]
fn both_artifacts_must_be_signed_with_the_key_that_is_named() {
    let place = Workplace::new();
    releases(&place);
    let (private, public, other) = (key("p256-sec1.pem"), key("p256-public.pem"), key("rsa-public.pem"));
    let flags = ["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "d.mender"];
    let verified = [&flags[..], &["--verify-key", &public]].concat();
    for unsigned in ["old.mender", "new.mender"] {
        let message = place.fails(5, &verified);
        assert!(message.starts_with(unsigned) && message.contains("is not signed"), "{message}");
        assert!(!place.names().contains(&"d.mender".to_owned()));
        place.ok(&["sign", unsigned, "-k", &private]);
    }
    place.ok(&verified);
    assert!(place.names().contains(&"d.mender".to_owned()));
    let other = [&flags[..], &["--verify-key", &other]].concat();
    place.fails(5, &other);
}
