//! `delta estimate`.

use crate::images::{changed, ext4, noise, squashfs};
use crate::workplace::Workplace;
use serde_json::Value;

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.ok(arguments)).unwrap()
}

/// Both sizes: estimated and made.
fn sizes(place: &Workplace) -> [u64; 2] {
    let estimated = json(place, &["delta", "estimate", "old.img", "new.img", "--json"]);
    let made = json(place, &["delta", "create", "old.img", "new.img", "-o", "d", "--json"]);
    assert_eq!(estimated["full_bytes"], made["full_bytes"]);
    assert!(estimated["coded_bytes"].as_u64() <= estimated["changed_bytes"].as_u64());
    std::fs::remove_file(place.path("d")).unwrap();
    [&estimated["estimated_delta_bytes"], &made["delta_bytes"]].map(|size| size.as_u64().unwrap())
}

fn near(place: &Workplace, percent: u64) {
    let [estimated, made] = sizes(place);
    assert!(estimated.abs_diff(made) <= made * percent / 100 + 300, "estimated {estimated}, made {made}");
    assert_eq!(place.names(), ["new.img", "old.img"]);
}

#[test]
fn small_images_are_estimated_from_all_of_them() {
    let place = Workplace::new();
    place.put("old.img", noise(300_000, 1));
    place.put("new.img", [changed(&noise(300_000, 1), 200), noise(20_000, 2)].concat());
    near(&place, 5);
    // Nothing at all.
    for [old, new] in [["", ""], ["", "x"], ["x", ""], ["same", "same"]] {
        place.put("old.img", old);
        place.put("new.img", new);
        near(&place, 0);
    }
    let said = place.ok(&["delta", "estimate", "old.img", "new.img"]);
    assert!(said.starts_with("full size       4 bytes\nchanged "), "{said}");
}

/// More than is looked at: every second file is noise, the others change a little.
#[test]
fn large_images_are_estimated_from_samples() {
    let place = Workplace::new();
    let file = |seed: u64, step: usize| changed(&noise(120_000, seed), step);
    let names: Vec<String> = (0..48_u8)
        .map(|i| format!("usr/share/{}{}", char::from(b'a' + i % 24), "x".repeat(usize::from(i / 24))))
        .collect();
    let old: Vec<(&str, Vec<u8>)> =
        names.iter().zip(0..).map(|(name, seed)| (name.as_str(), noise(120_000, seed))).collect();
    let new: Vec<(&str, Vec<u8>)> = names
        .iter()
        .zip(0..)
        .map(|(name, seed)| {
            (name.as_str(), if seed % 2 == 0 { file(seed, 100) } else { noise(120_000, seed + 900) })
        })
        .collect();
    if ext4(&place, "old.img", &old) && ext4(&place, "new.img", &new) {
        near(&place, 15);
        let estimated = json(&place, &["delta", "estimate", "old.img", "new.img", "--json"]);
        assert!(estimated["coded_bytes"].as_u64().unwrap() < estimated["changed_bytes"].as_u64().unwrap());
    }
}

#[test]
fn compressed_images_are_estimated_by_what_they_hold() {
    let place = Workplace::new();
    let half = |bytes: Vec<u8>| bytes.into_iter().map(|byte| byte & 15).collect::<Vec<u8>>();
    let content = half(noise(900_000, 1));
    let new = changed(&content, 2000);
    if squashfs(&place, "old.img", &[("a", content)]) && squashfs(&place, "new.img", &[("a", new)]) {
        near(&place, 10);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let place = Workplace::new();
    place.put("img", "x");
    let message = place.fails(4, &["delta", "estimate", "missing", "img"]);
    assert_eq!(message, "missing: no such file or directory");
}
