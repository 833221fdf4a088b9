//! `conf`: the configuration of the client inside of images and Artifacts.

use crate::made_image::*;
use crate::workplace::Workplace;

#[test]
fn values_are_set_and_everything_else_stays() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let places = make_disk(&place, "disk.sdimg", "dos");
    assert_eq!(place.ok(&["conf", "get", "disk.sdimg"]), CONF);
    assert_eq!(
        place.ok(&["conf", "get", "disk.sdimg", "ServerURL", "Unknown.2", "TenantToken"]),
        "https://docker.mender.io\n{\"x\":null}\na&b\n"
    );
    place.ok(&[
        "conf",
        "set",
        "disk.sdimg",
        "HttpsClient.Certificate=/data/mender/mender-cert.pem",
        "HttpsClient.Key=/data/mender/mender-cert-private.pem",
        "UpdatePollIntervalSeconds=1800",
        "TenantToken=123",
    ]);
    let expected = r#"{
  "ServerURL": "https://docker.mender.io",
  "Unknown": [
    1,
    2.5,
    {
      "x": null
    }
  ],
  "TenantToken": "123",
  "HttpsClient": {
    "Certificate": "/data/mender/mender-cert.pem",
    "Key": "/data/mender/mender-cert-private.pem"
  },
  "UpdatePollIntervalSeconds": 1800
}
"#;
    for (at, name) in places.iter().zip(["boot", "a", "b", "data"]) {
        take_out(&place, "disk.sdimg", *at, name);
    }
    for root in ["a", "b"] {
        check_ext(&place, root);
        assert_eq!(debugfs(&place, root, "cat /etc/mender/mender.conf"), expected);
        assert_eq!(owner_and_mode(&place, root, "/etc/mender/mender.conf").split(' ').next(), Some("0644"));
    }
    place.put("patch.json", r#"{"Unknown": null, "HttpsClient": {"SkipVerify": false}}"#);
    place.ok(&["conf", "merge", "disk.sdimg", "patch.json", r#"{"ServerURL": null}"#, "TenantToken=x"]);
    assert_eq!(
        place.ok(&["conf", "get", "disk.sdimg", "HttpsClient", "TenantToken"]),
        "{\"Certificate\":\"/data/mender/mender-cert.pem\",\"Key\":\"/data/mender/mender-cert-private.pem\",\
         \"SkipVerify\":false}\nx\n"
    );
    assert!(!place.ok(&["conf", "get", "disk.sdimg"]).contains("Unknown"));
    // The same again changes nothing.
    let before = place.bytes("disk.sdimg");
    place.ok(&["conf", "set", "disk.sdimg", "TenantToken=x"]);
    assert!(place.bytes("disk.sdimg") == before);
}

#[test]
fn artifacts_and_new_configurations() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    place.ok(&["write", "rootfs-image", "-f", "rootfs.img", "-n", "r", "-c", "board", "-o", "a.mender"]);
    place.ok(&["conf", "set", "a.mender", "ServerURL=https://example.com"]);
    place.ok(&["validate", "a.mender"]);
    assert_eq!(place.ok(&["conf", "get", "a.mender", "ServerURL"]), "https://example.com\n");
    place.ok(&["conf", "set", "--file", "/etc/other.conf", "rootfs.img", "a.b=1"]);
    assert_eq!(place.ok(&["cat", "rootfs.img:/etc/other.conf"]), "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
    assert_eq!(owner_and_mode(&place, "rootfs.img", "/etc/other.conf"), "0600 0 0");
}

#[test]
fn what_is_no_json_is_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "a.img", 16 * MIB, "");
    let before = place.bytes("a.img");
    let no_key = "a.img: /etc/mender/mender.conf: expected the key None, found none";
    assert_eq!(place.fails(1, &["conf", "get", "a.img", "ServerURL", "None"]), no_key);
    assert_eq!(
        place.fails(1, &["conf", "set", "a.img", "ServerURL"]),
        "expected KEY=VALUE, found 'ServerURL'"
    );
    assert_eq!(
        place.fails(1, &["conf", "set", "a.img", "ServerURL.x=1"]),
        "a.img: /etc/mender/mender.conf: ServerURL.x: expected an object before 'x', found another value"
    );
    assert!(place.fails(1, &["conf", "merge", "a.img", "{1}"]).starts_with("PATCH: expected JSON"));
    place.put("list.json", "[]");
    let message = place.fails(1, &["conf", "merge", "a.img", "list.json"]);
    assert_eq!(message, "list.json: expected a JSON object, found something else");
    assert!(place.bytes("a.img") == before);
    place.put("broken", "{\"a\": 1,}");
    place.ok(&["cp", "broken", "a.img:/etc/mender/mender.conf"]);
    let before = place.bytes("a.img");
    for command in [&["conf", "get", "a.img"][..], &["conf", "set", "a.img", "a=2"]] {
        let message = place.fails(5, command);
        assert!(message.starts_with("a.img: /etc/mender/mender.conf: expected JSON: "), "{message}");
    }
    assert!(place.bytes("a.img") == before);
}
