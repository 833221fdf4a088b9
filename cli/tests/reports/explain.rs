//! `delta explain`.

use crate::images::{changed, ext4, noise, squashfs};
use crate::workplace::Workplace;
use serde_json::Value;

type Files = Vec<(&'static str, Vec<u8>)>;

/// A file with a time at its second block.
fn stamped(seconds: u32) -> Vec<u8> {
    let mut bytes = noise(8192, 7);
    bytes[4096..4100].copy_from_slice(&seconds.to_le_bytes());
    bytes
}

fn headed(head: &[u8], body: Vec<u8>) -> Vec<u8> {
    [head, &body].concat()
}

/// One file for each reason.
fn releases() -> [Files; 2] {
    let (tool, notes, kept) = (noise(60_000, 1), noise(20_000, 2), noise(90_000, 3));
    let packed = b"\xfd7zXZ\0";
    [
        vec![
            ("usr/bin/tool", headed(b"\x7fELF", tool.clone())),
            ("etc/notes", notes.clone()),
            ("usr/share/was-here", kept.clone()),
            ("usr/share/same", noise(50_000, 4)),
            ("var/stamp", stamped(1_700_000_000)),
            ("doc/manual.xz", headed(packed, noise(30_000, 5))),
        ],
        vec![
            ("usr/bin/tool", headed(b"\x7fELF", changed(&tool, 500))),
            ("etc/notes", changed(&notes, 300)),
            ("usr/share/is-here", kept),
            ("usr/share/same", noise(50_000, 4)),
            ("var/stamp", stamped(1_760_000_000)),
            ("doc/manual.xz", headed(packed, noise(30_000, 6))),
            ("usr/lib/added", noise(25_000, 8)),
        ],
    ]
}

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.ok(&[&["delta", "explain", "--json"], arguments].concat())).unwrap()
}

fn total(explained: &Value, of: &str) -> u64 {
    explained[of].as_array().unwrap().iter().map(|row| row["delta_bytes"].as_u64().unwrap()).sum()
}

fn row<'e>(explained: &'e Value, name: &str) -> &'e Value {
    explained["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn costs_are_those_of_the_delta_and_every_reason_is_told() {
    let place = Workplace::new();
    let [old, new] = releases();
    if !(ext4(&place, "old.img", &old) && ext4(&place, "new.img", &new)) {
        return;
    }
    for level in ["default", "fast"] {
        place.ok(&["delta", "create", "old.img", "new.img", "-o", "d", "--level", level]);
        let explained = json(&place, &["old.img", "new.img", "d"]);
        let size = place.bytes("d").len() as u64;
        assert_eq!(explained["delta_bytes"], size);
        assert_eq!((total(&explained, "rows"), total(&explained, "reasons")), (size, size));
        for (name, reason) in [
            ("/usr/bin/tool", "code"),
            ("/etc/notes", "data"),
            ("/usr/lib/added", "new"),
            ("/var/stamp", "timestamps"),
            ("/doc/manual.xz", "recompressed"),
            ("inodes", "structure"),
        ] {
            assert_eq!(row(&explained, name)["reason"], reason, "{level} {name}: {explained:#}");
        }
        // Noise cannot be packed, so that its length is its cost, and what changed is told one by one.
        for (name, len) in [("/usr/lib/added", 25_000), ("/doc/manual.xz", 30_000)] {
            let cost = row(&explained, name)["delta_bytes"].as_u64().unwrap();
            assert!((len..len + len / 40).contains(&cost), "{level} {name}: {cost}");
        }
        assert_eq!(row(&explained, "/usr/bin/tool")["changed_bytes"], 120);
        let stamp = row(&explained, "/var/stamp");
        assert_eq!(stamp["changed_bytes"], stamp["changed_time_bytes"]);
        let rows = explained["rows"].as_array().unwrap();
        assert!(
            rows.iter()
                .all(|row| row["name"] != "/usr/share/same" || row["delta_bytes"].as_u64().unwrap() < 20)
        );
        let moved = rows.iter().find(|row| row["name"] == "/usr/share/is-here");
        if let Some(moved) = moved {
            assert_eq!((&moved["reason"], &moved["from"]), (&"moved".into(), &"/usr/share/was-here".into()));
        }
        // Making the same delta on the way gives the same.
        assert_eq!(json(&place, &["old.img", "new.img", "--level", level]), explained);
    }
}

#[test]
fn text_shows_the_dearest_and_the_page_has_everything() {
    let place = Workplace::new();
    let [old, new] = releases();
    if !(ext4(&place, "old.img", &old) && ext4(&place, "new.img", &new)) {
        return;
    }
    let said = place.ok(&["delta", "explain", "old.img", "new.img", "--top", "2", "--html", "page.html"]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("delta size      "), "{said}");
    assert!(lines[lines.len() - 2].contains("new file          /usr/lib/added"), "{said}");
    assert!(lines[lines.len() - 3].contains("recompressed      /doc/manual.xz"), "{said}");
    assert!(lines.last().unwrap().ends_with(" more rows"), "{said}");
    let all = place.ok(&["delta", "explain", "old.img", "new.img", "--top", "0"]);
    assert!(all.contains("/var/stamp") && !all.contains("more rows"), "{all}");

    let page = String::from_utf8(place.bytes("page.html")).unwrap();
    let explained = json(&place, &["old.img", "new.img"]);
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["explained"], explained);
    for row in explained["rows"].as_array().unwrap() {
        assert!(data["words"][row["reason"].as_str().unwrap()].is_string());
    }
    assert_eq!(place.names(), ["new.img", "old.img", "page.html"]);
}

/// Blocks of a squashfs are unpacked, and what they hold is told file by file.
#[test]
fn files_in_compressed_images_are_told_apart() {
    let place = Workplace::new();
    // Half of each byte: worth packing.
    let half = |bytes: Vec<u8>| bytes.into_iter().map(|byte| byte & 15).collect::<Vec<u8>>();
    let (large, small) = (half(noise(500_000, 1)), half(noise(9_000, 2)));
    let old = vec![("large", large.clone()), ("small", small.clone()), ("other", half(noise(9_000, 3)))];
    let new = vec![("large", changed(&large, 9000)), ("small", small), ("other", half(noise(9_000, 4)))];
    if !(squashfs(&place, "old.img", &old) && squashfs(&place, "new.img", &new)) {
        return;
    }
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    let explained = json(&place, &["old.img", "new.img", "d"]);
    assert_eq!(total(&explained, "rows"), place.bytes("d").len() as u64);
    assert_eq!(row(&explained, "/large")["reason"], "data");
    assert_eq!(row(&explained, "/large")["changed_bytes"], 56);
    assert!(row(&explained, "/large")["delta_bytes"].as_u64().unwrap() < 500, "{explained:#}");
    // Half a byte for each.
    assert!((4_400..4_800).contains(&row(&explained, "/other")["delta_bytes"].as_u64().unwrap()));
}

#[test]
fn images_without_files_are_taken_as_bytes() {
    let place = Workplace::new();
    place.put("old.img", noise(100_000, 1));
    place.put("new.img", [changed(&noise(100_000, 1), 1000), noise(5_000, 2)].concat());
    let explained = json(&place, &["old.img", "new.img"]);
    assert_eq!(row(&explained, "free space and unknown content")["reason"], "unmapped");
    assert_eq!(total(&explained, "rows"), explained["delta_bytes"].as_u64().unwrap());
    let said = place.ok(&["delta", "explain", "old.img", "new.img"]);
    assert!(said.contains("note            the old image's files are not known"), "{said}");
    // Nothing, and nothing to be said.
    place.put("empty", "");
    let explained = json(&place, &["old.img", "empty"]);
    assert_eq!((&explained["delta_bytes"], total(&explained, "rows")), (&132.into(), 132));
}

#[test]
fn what_cannot_be_explained() {
    let place = Workplace::new();
    place.put("old.img", noise(50_000, 1));
    place.put("new.img", changed(&noise(50_000, 1), 999));
    place.put("third.img", noise(50_000, 9));
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "d"]);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "x", "--algorithm", "xdelta3"]);
    place.ok(&["delta", "create", "old.img", "new.img", "-o", "b", "--algorithm", "bsdiff"]);
    let explain = |status, words: &[&str]| place.fails(status, &[&["delta", "explain"], words].concat());
    let message = explain(8, &["third.img", "new.img", "d"]);
    assert!(message.starts_with("third.img: wrong base: expected SHA-256 "), "{message}");
    let message = explain(5, &["old.img", "third.img", "d"]);
    assert!(message.starts_with("d: wrong result: expected SHA-256 "), "{message}");
    for delta in ["x", "b"] {
        let message = explain(6, &["old.img", "new.img", delta]);
        assert_eq!(message, format!("{delta}: expected a delta of --algorithm native, found another format"));
    }
    let delta = place.bytes("d");
    for len in [0, 100, 132, 150, delta.len() - 1] {
        place.put("cut", &delta[..len]);
        explain(5, &["old.img", "new.img", "cut"]);
    }
    explain(3, &["old.img", "new.img", "d", "--html", "old.img"]);
    assert_eq!(place.bytes("old.img"), noise(50_000, 1));
}
