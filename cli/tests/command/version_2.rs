//! `write rootfs-image -v 2`.

use crate::workplace::{Workplace, key};
use serde_json::{Value, json};

#[test]
fn an_image_and_nothing_else() {
    let place = Workplace::new();
    let private = key("rsa-pkcs1.pem");
    for compression in ["none", "gzip", "lzma", "zstd_fast"] {
        place.write_image("a.mender", &["-v", "2", "--compression", compression, "-k", &private]);
        place.ok(&["validate", "-k", &key("rsa-public.pem"), "a.mender"]);
        let json: Value = serde_json::from_str(&place.ok(&["read", "--json", "a.mender"])).unwrap();
        assert_eq!(json["version"], 2);
        let payload = &json["payloads"][0];
        assert_eq!((&payload["type"], &payload["provides"]), (&json!("rootfs-image"), &json!({})));
        assert_eq!(payload["files"][0]["name"], "img");
    }
    let text = place.ok(&["read", "a.mender"]);
    assert!(text.contains("  Version: 2\n  Signature: signed but no key"), "{text}");
    assert!(text.contains("  Compatible types: [board]\n  State scripts: []\n"), "{text}");
}

#[test]
fn what_it_cannot_say_is_refused() {
    let place = Workplace::new();
    place.write_image("a.mender", &[]);
    let image = ["write", "rootfs-image", "-f", "img", "-n", "r", "-c", "b", "-o", "b.mender", "--version=2"];
    for (word, value, flag) in [
        ("-N", "r0", "--artifact-name-depends"),
        ("-g", "group", "--provides-group"),
        ("-G", "group", "--depends-groups"),
        ("-p", "a:b", "--provides"),
        ("-d", "a:b", "--depends"),
        ("--clears-provides", "a", "--clears-provides"),
        ("--software-name", "a", "--software-name"),
        ("--software-version", "1", "--software-version"),
        ("--software-filesystem", "a", "--software-filesystem"),
    ] {
        let error = place.fails(1, &[&image[..], &[word, value]].concat());
        assert_eq!(error, format!("{flag}: not in format version 2"));
    }
    let none = ["--no-checksum-provide", "--no-default-software-version", "--no-default-clears-provides"];
    place.ok(&[&image[..], &none].concat());
    for kind in [&["module-image", "-T", "t"][..], &["bootstrap-artifact"]] {
        let words = [&["write"], kind, &["-n", "r", "-c", "b", "-o", "c.mender", "-v", "2"]].concat();
        assert_eq!(place.fails(2, &words), "format version: expected 3, found 2");
    }
}
