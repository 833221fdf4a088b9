//! `--min-saving` and `--max-delta-size`.

use crate::images::{changed, ext4, noise};
use crate::workplace::{Workplace, image_bytes};
use serde_json::Value;

/// What `xz`, as Artifacts have it, makes of an image.
fn packed_len(place: &Workplace, name: &str) -> u64 {
    place.ok(&[
        "write",
        "module-image",
        "-T",
        "t",
        "-n",
        "r",
        "-c",
        "b",
        "-f",
        name,
        "--compression",
        "lzma",
        "-o",
        "packed",
    ]);
    let len = place.bytes("packed").len() as u64;
    std::fs::remove_file(place.path("packed")).unwrap();
    len
}

#[test]
fn a_delta_that_saves_enough_is_kept_and_told_about() {
    let place = Workplace::new();
    place.put("old.img", image_bytes());
    place.put("new.img", changed(&image_bytes(), 5000));
    let create = ["delta", "create", "old.img", "new.img", "-o", "d", "--json", "--min-saving"];
    let packed = packed_len(&place, "new.img");
    for least in ["0", "50", "99.5%"] {
        let ended = place.run(&[&create[..], &[least]].concat());
        assert_eq!(ended.status, 0, "{ended:?}");
        let made: Value = serde_json::from_str(&ended.stdout).unwrap();
        let delta = made["delta_bytes"].as_u64().unwrap();
        assert!(
            ended.stderr.starts_with(&format!("mender-artifact: the delta has {delta} bytes, ")),
            "{ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 1);
        let found = made["packed"]["bytes"].as_u64().unwrap();
        // The Artifact has 8 to 15 kB around it.
        assert!(
            found <= packed && (made["packed"]["is_at_least"] == true || found + 20_000 > packed),
            "{made}"
        );
        assert_eq!(made["packed"]["method"], "xz");
        let quiet = place.run(&[&create[..], &[least, "-q"]].concat());
        assert_eq!((quiet.status, quiet.stderr.as_str()), (0, ""));
    }
    let made: Value = serde_json::from_str(&place.ok(&create[..create.len() - 1])).unwrap();
    assert_eq!(made["packed"], Value::Null);
}

#[test]
fn a_delta_that_saves_too_little_is_not_kept() {
    let place = Workplace::new();
    place.put("old.img", noise(60_000, 1));
    place.put("new.img", noise(60_000, 2));
    place.put("d", "precious");
    let create = ["delta", "create", "old.img", "new.img", "-o", "d", "--min-saving"];
    for least in ["0", "10"] {
        let message = place.fails(10, &[&create[..], &[least]].concat());
        assert!(message.starts_with("d: not worth it: 6"), "{message}");
        assert!(message.ends_with(&format!("expected at least {least}.0 %")), "{message}");
    }
    assert_eq!(place.bytes("d"), b"precious");
    assert_eq!(place.names(), ["d", "new.img", "old.img"]);
    // Wrong values are told before anything is done.
    for bad in ["100", "-5", "much"] {
        place.fails(1, &[&create[..], &[bad]].concat());
    }
}

#[test]
fn a_delta_that_is_too_large_fails_with_what_costs_the_most() {
    let place = Workplace::new();
    let old = vec![("etc/a", noise(20_000, 1))];
    let new =
        vec![("etc/a", noise(20_000, 1)), ("usr/large", noise(50_000, 2)), ("usr/small", noise(9_000, 3))];
    if !(ext4(&place, "old.img", &old) && ext4(&place, "new.img", &new)) {
        return;
    }
    let create = ["delta", "create", "old.img", "new.img", "-o", "d"];
    let ended = place.run(&[&create[..], &["--max-delta-size", "50KB"]].concat());
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[1].ends_with("new file          /usr/large"), "{ended:?}");
    assert!(lines[2].ends_with("new file          /usr/small"), "{ended:?}");
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("mender-artifact: d: larger than --max-delta-size: expected at most 50000 "),
        "{last}"
    );
    assert_eq!(place.names(), ["new.img", "old.img"]);
    place.ok(&[&create[..], &["--max-delta-size", "70K"]].concat());
    // Other formats are only measured.
    let foreign = ["--algorithm", "bsdiff", "--max-delta-size", "50KB"];
    place.fails(3, &[&create[..], &foreign].concat());
}

#[test]
fn delta_artifacts_are_held_to_it_too() {
    let place = Workplace::new();
    place.put("img", noise(70_000, 1));
    place.write_image("old.mender", &[]);
    place.put("img", noise(70_000, 2));
    place.write_image("new.mender", &[]);
    place.put("d.mender", "precious");
    let write = ["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "d.mender"];
    let message = place.fails(10, &[&write[..], &["--min-saving", "5"]].concat());
    assert!(message.starts_with("d.mender: not worth it: 7"), "{message}");
    let ended = place.run(&[&write[..], &["--max-delta-size", "1K"]].concat());
    assert_eq!(ended.status, 3);
    assert!(ended.stderr.contains("free space and unknown content"), "{ended:?}");
    assert_eq!(place.bytes("d.mender"), b"precious");
    place.put("img", changed(&noise(70_000, 1), 9000));
    place.write_image("new.mender", &[]);
    let ended =
        place.run(&[&write[..], &["--min-saving", "90", "--max-delta-size", "2K", "--json"]].concat());
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.stderr.contains(": it saves "), "{ended:?}");
    assert!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap()["packed"]["bytes"].as_u64().unwrap() > 2000
    );
}
