//! Deltas between plain images.

use crate::workplace::{Workplace, image_bytes};
use mender_delta::format::block_list::Header;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// An image, and the next one: some bytes changed, some moved, some new.
fn pair(place: &Workplace) {
    let old = image_bytes();
    let mut new = old.clone();
    new[70_000..70_004].copy_from_slice(b"news");
    new.rotate_left(4096);
    new.extend_from_slice(b"more at the end");
    place.put("old.img", old);
    place.put("new.img", new);
}

#[test]
fn there_and_back() {
    let place = Workplace::new();
    pair(&place);
    let said = place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    let size = place.bytes("d").len();
    assert!(said.starts_with("full size       200015 bytes\n"), "{said}");
    assert!(said.contains(&format!("delta size      {size} bytes\n")), "{said}");
    assert!(size < 20_000, "{size}");
    let said = place.ok(&["delta", "apply", "old.img", "d", "-o", "again.img"]);
    assert!(said.starts_with("base            200000 bytes"), "{said}");
    assert_eq!(place.bytes("again.img"), place.bytes("new.img"));
    assert_eq!(place.names(), ["again.img", "d", "new.img", "old.img"]);
}

#[test]
fn a_block_list_has_the_digest_of_each_block() {
    let place = Workplace::new();
    pair(&place);
    assert_eq!(place.ok(&["delta", "block-list", "new.img", "-o", "new.img.blocks"]), "");
    let (image, list) = (place.bytes("new.img"), place.bytes("new.img.blocks"));
    let header = Header::parse(&list).unwrap();
    assert_eq!((header.block_bytes, header.image_bytes), (1 << 16, image.len() as u64));
    assert_eq!(header.image_sha256[..], Sha256::digest(&image)[..]);
    let digests: Vec<u8> = image.chunks(1 << 16).flat_map(Sha256::digest).collect();
    assert_eq!(list[Header::LEN..], digests);
    place.fails(3, &["delta", "block-list", "new.img", "-o", "new.img"]);
    assert_eq!(place.bytes("new.img"), image);
}

#[test]
fn json_reports() {
    let place = Workplace::new();
    pair(&place);
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&place.ok(arguments)).unwrap() };
    let made = json(&["delta", "create", "old.img", "new.img", "-o", "d", "--json"]);
    assert_eq!(made["full_bytes"], 200_015);
    assert_eq!(made["delta_bytes"], place.bytes("d").len());
    let info = json(&["delta", "info", "d", "--json"]);
    assert_eq!(info["base"]["size_bytes"], 200_000);
    assert_eq!(info["new"]["size_bytes"], 200_015);
    assert_eq!(info["memory_to_apply_bytes"], made["memory_to_apply_bytes"]);
    let applied = json(&["delta", "apply", "old.img", "d", "-o", "n", "--json"]);
    assert_eq!(applied["new_sha256"], info["new"]["sha256"]);
}

#[test]
fn standard_output_gets_the_delta_and_the_image_alone() {
    let place = Workplace::new();
    pair(&place);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    let output = place.command(&["delta", "create", "old.img", "new.img", "-o", "-"]).output().unwrap();
    assert_eq!(output.stdout, place.bytes("d"));
    let output = place.command(&["delta", "apply", "old.img", "d", "-o", "-"]).output().unwrap();
    assert_eq!(output.stdout, place.bytes("new.img"));
    assert!(String::from_utf8(output.stderr).unwrap().contains("new image       200015 bytes\n"));
}

#[test]
fn another_base_is_refused() {
    let place = Workplace::new();
    pair(&place);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    let mut touched = place.bytes("old.img");
    touched[150_000] ^= 1;
    place.put("touched.img", touched);
    place.put("short.img", &place.bytes("old.img")[..1000]);
    let before = place.names();
    let message = place.fails(8, &["delta", "apply", "touched.img", "d", "-o", "n"]);
    assert!(message.starts_with("touched.img: wrong base: expected SHA-256 "), "{message}");
    assert_eq!(
        place.fails(8, &["delta", "apply", "short.img", "d", "-o", "n"]),
        "short.img: wrong base: expected 200000 bytes, found 1000"
    );
    assert_eq!(place.names(), before);
    // What is not thrown away gets nothing before the base is known to be right.
    for base in ["touched.img", "short.img"] {
        let ended = place.command(&["delta", "apply", base, "d", "-o", "-"]).output().unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(8), 0), "{base}");
    }
}

#[test]
fn a_damaged_delta_leaves_nothing() {
    let place = Workplace::new();
    pair(&place);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    let delta = place.bytes("d");
    for len in [0, 1, 131, 132, delta.len() / 2, delta.len() - 1] {
        place.put("cut", &delta[..len]);
        let message = place.fails(5, &["delta", "apply", "old.img", "cut", "-o", "n"]);
        assert!(message.starts_with("cut: "), "{message}");
        place.fails(5, &["delta", "info", "cut"]);
    }
    for at in [0, 20, 50, 90, 120, 140, delta.len() / 2, delta.len() - 1] {
        let mut flipped = delta.clone();
        flipped[at] ^= 0x10;
        place.put("flipped", &flipped);
        let ended = place.run(&["delta", "apply", "old.img", "flipped", "-o", "n"]);
        assert!([5, 6, 8, 9].contains(&ended.status), "{at}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1);
    }
    place.put("longer", [&delta[..], b"x"].concat());
    place.fails(5, &["delta", "apply", "old.img", "longer", "-o", "n"]);
    assert!(!place.path("n").exists());
}

#[test]
fn the_delta_may_be_in_an_artifact() {
    let place = Workplace::new();
    pair(&place);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "img.delta"]);
    let module = ["write", "module-image", "-n", "r", "-c", "b", "-f", "img.delta", "-o"];
    place.ok(&[&module[..], &["d.mender", "-T", "mender-delta"]].concat());
    place.ok(&["delta", "apply", "old.img", "d.mender", "-o", "again.img"]);
    assert_eq!(place.bytes("again.img"), place.bytes("new.img"));
    assert_eq!(place.ok(&["delta", "info", "d.mender"]), place.ok(&["delta", "info", "img.delta"]));

    place.ok(&[&module[..], &["other.mender", "-T", "other"]].concat());
    assert_eq!(
        place.fails(6, &["delta", "apply", "old.img", "other.mender", "-o", "n"]),
        "other.mender: expected one file of payload type mender-delta or mender-binary-delta, found other"
    );
    let mut damaged = place.bytes("d.mender");
    let at = damaged.len() - 2000;
    damaged[at] ^= 1;
    place.put("damaged.mender", damaged);
    place.fails(5, &["delta", "apply", "old.img", "damaged.mender", "-o", "n"]);
    assert!(!place.path("n").exists());
}

#[test]
fn other_formats_there_and_back() {
    let place = Workplace::new();
    pair(&place);
    for (name, flags) in [
        ("xdelta3", &["--algorithm", "xdelta3"][..]),
        ("plain", &["--algorithm=xdelta3", "--no-secondary-compression"]),
        ("bsdiff", &["--algorithm", "bsdiff"]),
    ] {
        place.ok(&[&["delta", "create", "old.img", "new.img", "-o", name], flags].concat());
        let said = place.ok(&["delta", "apply", "old.img", name, "-o", "again.img"]);
        assert!(said.starts_with("base            not told by the delta\n"), "{said}");
        assert_eq!(place.bytes("again.img"), place.bytes("new.img"), "{name}");
        let info: Value = serde_json::from_str(&place.ok(&["delta", "info", "--json", name])).unwrap();
        assert_eq!(info["format"], if name == "bsdiff" { "bsdiff" } else { "vcdiff" });
        assert_eq!(info["new"]["size_bytes"], 200_015);
        assert_eq!(info["delta_bytes"], place.bytes(name).len());
        let text = place.ok(&["delta", "info", name]);
        assert!(text.contains("new image       200015 bytes\n"), "{text}");
    }
    assert_eq!(&place.bytes("plain")[..5], [0xd6, 0xc3, 0xc4, 0, 0]);
    assert_eq!(&place.bytes("xdelta3")[..6], [0xd6, 0xc3, 0xc4, 0, 1, 2]);
    let mut other = place.bytes("old.img");
    other[90_000] ^= 1;
    place.put("other.img", other);
    let message = place.fails(5, &["delta", "apply", "other.img", "xdelta3", "-o", "n"]);
    assert!(message.starts_with("xdelta3: wrong base or damaged delta: window at offset 6"), "{message}");
    place.put("longer", [&place.bytes("xdelta3")[..], b"x"].concat());
    place.fails(5, &["delta", "apply", "old.img", "longer", "-o", "n"]);
    let flags = ["delta", "create", "old.img", "new.img", "-o", "n", "--no-secondary-compression"];
    let message = place.fails(1, &flags);
    assert_eq!(message, "--no-secondary-compression goes with --algorithm xdelta3");
    assert!(!place.path("n").exists());
}

#[test]
fn a_delta_for_a_small_device_keeps_within_its_memory() {
    let place = Workplace::new();
    pair(&place);
    for (memory, limit, level) in [
        ("48K", 48 << 10, "max"),
        ("64K", 64 << 10, "default"),
        ("256K", 256 << 10, "default"),
        ("1MiB", 1 << 20, "fast"),
        ("8M", 8 << 20, "default"),
        ("32M", 32 << 20, "max"),
    ] {
        let flags = ["--apply-memory", memory, "--level", level, "--json"];
        let said = place.ok(&[&["delta", "create", "old.img", "new.img", "-o", "d"][..], &flags].concat());
        let made: Value = serde_json::from_str(&said).unwrap();
        let needed = made["memory_to_apply_bytes"].as_u64().unwrap();
        assert!(needed <= limit, "{memory}: {needed}");
        assert!(made["delta_bytes"].as_u64().unwrap() < 20_000, "{memory}: {made}");
        place.ok(&["delta", "apply", "old.img", "d", "-o", "again.img"]);
        assert_eq!(place.bytes("again.img"), place.bytes("new.img"), "{memory}");
    }
    let create = ["delta", "create", "old.img", "new.img", "-o", "e"];
    let refused = |status, flags: &[&str]| place.fails(status, &[&create[..], flags].concat());
    refused(9, &["--apply-memory", "47K"]);
    refused(1, &["--apply-memory", "16MB"]);
    refused(1, &["--level", "fast", "--algorithm", "bsdiff"]);
    assert!(!place.names().contains(&"e".to_owned()));
}
