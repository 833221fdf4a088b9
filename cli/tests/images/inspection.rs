//! `inspect`.

use crate::made_image::*;
use crate::workplace::Workplace;
use serde_json::Value;

#[test]
fn text_json_and_picture() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let places = make_disk(&place, "disk.sdimg", "dos");
    place.ok(&["install", "-d", "disk.sdimg:/data/mender"]);
    place.put("fallback.conf", "{\"Servers\": [{\"ServerURL\": \"https://fallback\"}]}");
    place.ok(&["cp", "fallback.conf", "disk.sdimg:/data/mender/mender.conf"]);
    let before = place.bytes("disk.sdimg");
    let text = place.ok(&["inspect", "disk.sdimg"]);
    for line in [
        "disk.sdimg: 64.0 MiB (67108864 bytes)",
        "Partition table: mbr, sectors of 512 bytes",
        "Partition 1: fat12",
        "Partition 2: ext4",
        "  artifact_info: artifact_name=release-1",
        "  /etc/mender/mender.conf: https://docker.mender.io, keys ServerURL Unknown TenantToken",
        "  /mender/mender.conf: https://fallback, keys Servers",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("a&b"), "a secret: {text}");
    let found: Value = serde_json::from_str(&place.ok(&["inspect", "--json", "disk.sdimg"])).unwrap();
    let schema = include_str!("../../../docs/inspect.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let same = |schema: &Value, value: &Value| assert_eq!(keys(&schema["properties"]), keys(value));
    same(&schema, &found);
    same(&schema["$defs"]["part"], &found["parts"][1]);
    same(&schema["$defs"]["configuration"], &found["parts"][1]["configurations"][0]);
    for (part, (number, offset, len)) in found["parts"].as_array().unwrap().iter().zip(&places) {
        assert_eq!((&part["partition"], &part["offset_bytes"]), (&(*number).into(), &(*offset).into()));
        assert_eq!(part["size_bytes"], *len);
        assert!(part["problem"].is_null(), "{part}");
    }
    // As debugfs says.
    take_out(&place, "disk.sdimg", places[1], "a");
    let stats = debugfs(&place, "a", "stats -h");
    let number = |key: &str| -> u64 {
        let line = stats.lines().find(|line| line.starts_with(key)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(found["parts"][1]["free_bytes"], number("Free blocks:") * number("Block size:"));
    place.ok(&["inspect", "disk.sdimg", "--html", "layout.html"]);
    let page = String::from_utf8(place.bytes("layout.html")).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("<svg") && !page.contains("http:"),
        "{page}"
    );
    assert_eq!(page.matches("<g>").count(), 4);
    assert!(place.bytes("disk.sdimg") == before);
    place.fails(3, &["inspect", "disk.sdimg", "--html", "disk.sdimg"]);
}

#[test]
fn bare_file_systems_artifacts_and_damage() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    assert!(place.ok(&["inspect", "rootfs.img"]).contains("File system: ext4\n"));
    place.ok(&["write", "rootfs-image", "-f", "rootfs.img", "-n", "r", "-c", "b", "-o", "a.mender"]);
    assert!(place.ok(&["inspect", "a.mender"]).starts_with("a.mender (in an Artifact): 16.0 MiB"));
    make_disk(&place, "disk.img", "gpt");
    let mut bytes = place.bytes("disk.img");
    let last = bytes.len() - 512 + 20;
    bytes[last] ^= 1;
    place.put("disk.img", &bytes);
    let text = place.ok(&["inspect", "disk.img"]);
    assert!(text.contains("  Problem: the copy at the end is missing or damaged\n"), "{text}");
    bytes.truncate(40 << 20);
    place.put("cut.img", &bytes);
    assert!(place.fails(5, &["inspect", "cut.img"]).contains("partition 3: end: expected at most"), "{text}");
}
