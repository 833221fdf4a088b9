//! `modify` inside of images.

use crate::made_image::*;
use crate::workplace::{Workplace, key};
use serde_json::Value;

const FLAGS: [&str; 10] =
    ["-n", "release-2", "-u", "https://new", "-t", "token", "-c", "server.crt", "-v", "verify.pem"];

fn check(place: &Workplace, image: &str) {
    let cat = |path: &str| place.ok(&["cat", &format!("{image}:/etc/mender/{path}")]);
    assert_eq!(cat("artifact_info"), "artifact_name=release-2\n");
    let conf: Value = serde_json::from_str(&cat("mender.conf")).unwrap();
    assert_eq!((&conf["ServerURL"], &conf["TenantToken"]), (&"https://new".into(), &"token".into()));
    assert_eq!(conf["Unknown"][0], 1);
    assert_eq!(cat("server.crt"), "certificate");
    assert_eq!(cat("artifact-verify-key.pem"), "key");
}

#[test]
fn name_server_and_keys_are_changed() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    place.put("server.crt", "certificate");
    place.put("verify.pem", "key");
    let places = make_disk(&place, "disk.sdimg", "gpt");
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    let key = key("p256-pkcs8.pem");
    place.ok(&["write", "rootfs-image", "-f", "rootfs.img", "-n", "release-1", "-c", "b", "-o", "a.mender"]);
    for image in ["disk.sdimg", "rootfs.img", "a.mender"] {
        place.ok(&[&["modify", image][..], &FLAGS].concat());
        check(&place, image);
    }
    check_ext(&place, "rootfs.img");
    assert_eq!(owner_and_mode(&place, "rootfs.img", "/etc/mender/artifact_info"), "0644 0 0");
    take_out(&place, "disk.sdimg", places[2], "b.img");
    check_ext(&place, "b.img");
    check(&place, "b.img");
    place.ok(&["validate", "a.mender"]);
    assert!(place.ok(&["read", "a.mender"]).contains("Name: release-2"));
    // Other things besides.
    place.ok(&[
        "modify",
        "a.mender",
        "-n",
        "release-3",
        "-g",
        "group",
        "--compression",
        "zstd_fast",
        "-k",
        &key,
    ]);
    assert_eq!(place.ok(&["cat", "a.mender:/etc/mender/artifact_info"]), "artifact_name=release-3\n");
    place.ok(&["dump", "a.mender", "--files", "dumped"]);
    check_ext(&place, "dumped/rootfs.img");
    let before = place.bytes("a.mender");
    place.ok(&["modify", "a.mender", "-n", "release-4", "-o", "b.mender", "-k", &key]);
    assert!(place.bytes("a.mender") == before);
    assert_eq!(place.ok(&["cat", "b.mender:/etc/mender/artifact_info"]), "artifact_name=release-4\n");
}

#[test]
fn what_an_image_does_not_have_is_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    let before = place.bytes("rootfs.img");
    for flags in [&["-g", "group"][..], &["-p", "a:b"], &["--compression", "none"], &["-o", "out"]] {
        let message = place.fails(1, &[&["modify", "rootfs.img", "-n", "x"], flags].concat());
        assert!(message.ends_with(": expected an Artifact, found an image"), "{message}");
    }
    place.fails(4, &["modify", "rootfs.img", "-n", "x", "-c", "missing"]);
    assert!(place.bytes("rootfs.img") == before);
}
