//! `provision revoke`.

use crate::certificates::{ISSUER, with_certificates};
use crate::openssl;

#[test]
fn serial_numbers_come_out_as_gateways_list_them() {
    let place = with_certificates();
    let more = ["--device", "d2", "--key-out", "2.key", "--cert-out", "2.pem"];
    let line = place.ok(&[&["provision", "device"][..], &ISSUER, &more].concat());
    place.put("manifest.jsonl", [place.bytes("manifest.jsonl"), line.into_bytes()].concat());

    let first = place.ok(&["provision", "revoke", "--manifest", "manifest.jsonl", "d1"]);
    assert_eq!(first.len(), 33, "{first}");
    assert!(first.trim_end().bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{first}");
    assert_eq!(place.ok(&["provision", "revoke", "--cert", "device-cert.pem"]), first);
    let second = place.ok(&["provision", "revoke", "--cert", "2.pem"]);
    let both = ["provision", "revoke", "--manifest", "manifest.jsonl", "d1", "d2", "--cert", "2.pem"];
    assert_eq!(place.ok(&both), format!("{first}{second}"));
    if openssl::is_here() {
        assert_eq!(openssl::serial(&place, "2.pem").to_lowercase(), second.trim_end());
    }

    place.put("list", "0ABC\n");
    let add = ["provision", "revoke", "--blacklist", "list", "--cert"];
    place.ok(&[&add[..], &["2.pem"]].concat());
    place.ok(&[&add[..], &["2.pem", "--cert", "device-cert.pem"]].concat());
    assert_eq!(String::from_utf8(place.bytes("list")).unwrap(), format!("abc\n{second}{first}"));
}

#[test]
fn nothing_is_printed_for_what_is_not_known() {
    let place = with_certificates();
    place.put("list", "not a number\n");
    place.put("damaged.jsonl", [place.bytes("manifest.jsonl"), b"{\n".to_vec()].concat());
    for (status, line, says) in [
        (1, vec!["--manifest", "manifest.jsonl", "d1", "d3"], "manifest.jsonl: expected device 'd3'"),
        (1, vec!["d1"], "--manifest"),
        (1, vec![], "<DEVICE>..."),
        (4, vec!["--manifest", "none.jsonl", "d1"], "none.jsonl: no such file"),
        (5, vec!["--manifest", "damaged.jsonl", "d1"], "damaged.jsonl: line 2: expected JSON"),
        (1, vec!["--cert", "ca-private.key"], "ca-private.key: expected a certificate"),
        (
            5,
            vec!["--cert", "device-cert.pem", "--blacklist", "list"],
            "list: line 1: expected hexadecimal digits",
        ),
    ] {
        let said = place.fails(status, &[&["provision", "revoke"][..], &line].concat());
        assert!(said.contains(says), "{line:?}: {said}");
    }
    assert_eq!(place.bytes("list"), b"not a number\n");
}
