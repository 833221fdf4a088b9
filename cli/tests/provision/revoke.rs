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

#[test]
fn several_at_once_lose_nothing_and_the_list_keeps_its_permissions() {
    let place = with_certificates();
    let lines = String::from_utf8(place.bytes("manifest.jsonl")).unwrap();
    let serial = place.ok(&["provision", "revoke", "--manifest", "manifest.jsonl", "d1"]);
    let all: Vec<String> = (1..=16).map(|n| format!("{n:x}{}", &serial.trim_end()[2..])).collect();
    let devices: Vec<String> = (1..=16).map(|n| format!("many{n}")).collect();
    let line = |(device, other): (&String, &String)| {
        lines.replace("\"d1\"", &format!("\"{device}\"")).replace(serial.trim_end(), other)
    };
    place.put("many.jsonl", devices.iter().zip(&all).map(line).collect::<String>());
    place.put("list", "abc\n");
    #[cfg(unix)]
    std::fs::set_permissions(place.path("list"), std::os::unix::fs::PermissionsExt::from_mode(0o640))
        .unwrap();
    let revoke = ["provision", "revoke", "--blacklist", "list", "--manifest", "many.jsonl"];
    let start = |device: &String| place.command(&[&revoke[..], &[device]].concat()).spawn().unwrap();
    let started: Vec<_> = devices.iter().map(start).collect();
    for mut one in started {
        assert!(one.wait().unwrap().success());
    }
    let list = String::from_utf8(place.bytes("list")).unwrap();
    let mut found: Vec<&str> = list.lines().collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = all.iter().map(String::as_str).chain(["abc"]).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(place.path("list")).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o640);
    }
}
