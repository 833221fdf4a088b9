//! `delta plan`.

use crate::images::{changed, noise};
use crate::workplace::Workplace;
use serde_json::{Value, json};

const MODULE: &str = "rootfs-image.update-module.mender-delta.mender_update_module";

/// Three releases in the folder `all`, the second a little different from the first, the third something else.
fn releases() -> Workplace {
    let place = Workplace::new();
    std::fs::create_dir(place.path("all")).unwrap();
    let first = noise(300_000, 1);
    let images = [first.clone(), changed(&first, 30_000), noise(300_000, 2)];
    for (number, image) in (1..).zip(images) {
        place.put("img", image);
        let (name, output) = (format!("release-{number}"), format!("all/{number}.mender"));
        place.ok(&["write", "rootfs-image", "-f", "img", "-n", &name, "-c", "board", "-o", &output]);
    }
    place.put("all/readme.txt", "not looked at");
    place
}

/// What a device provides that runs a release.
fn provides(place: &Workplace, number: u8) -> Value {
    let read = place.ok(&["read", "--json", &format!("all/{number}.mender")]);
    let read: Value = serde_json::from_str(&read).unwrap();
    let mut provides = read["payloads"][0]["provides"].clone();
    provides["artifact_name"] = read["name"].clone();
    provides["device_type"] = json!("board");
    provides[MODULE] = json!("mender-delta");
    provides
}

fn json_of(place: &Workplace, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.ok(&[&["delta", "plan"], arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn one_device_before_and_after_its_delta_is_made() {
    let place = releases();
    place.put("device.json", provides(&place, 1).to_string());
    let ask = ["--catalog", "all", "--device", "device.json", "--release", "release-2"];
    let planned = json_of(&place, &ask);
    assert_eq!(
        [&planned["plan"], &planned["from"], &planned["to"], &planned["algorithm"]],
        ["generate", "1.mender", "2.mender", "native"]
    );
    // What is planned for can be made, and is then what the device gets.
    let text = place.ok(&[&["delta", "plan"], &ask[..], &["--no-generate"]].concat());
    assert!(text.starts_with("plan            full image\nartifact        2.mender, "), "{text}");
    assert!(text.contains("no delta:\n  deltas_disabled: the tenant makes no deltas\n"), "{text}");
    place.ok(&[
        "write",
        "delta-image",
        "--from",
        "all/1.mender",
        "--to",
        "all/2.mender",
        "-o",
        "all/1-2.mender",
    ]);
    let found = json_of(&place, &ask);
    assert_eq!((&found["plan"], &found["id"]), (&json!("existing"), &json!("1-2.mender")));
    assert_eq!(
        found["refused"],
        json!([{"id": "2.mender", "code": "larger", "text": "larger than 1-2.mender"}])
    );
    // Delta or not, the device reports the same afterwards: what the release provides, without the module.
    assert_eq!(found["provides_afterwards"], planned["provides_afterwards"]);
    let mut expected = provides(&place, 2);
    expected.as_object_mut().unwrap().remove(MODULE);
    assert_eq!(found["provides_afterwards"], expected);
    // It is no delta for others.
    place.put("device.json", provides(&place, 3).to_string());
    assert_eq!(json_of(&place, &ask)["from"], "3.mender");
    // Nothing for those who run it.
    place.put("device.json", provides(&place, 2).to_string());
    let text = place.ok(&[&["delta", "plan"], &ask[..]].concat());
    assert!(text.starts_with("plan            nothing\nnot taken:\n  1-2.mender: depends_value: "), "{text}");
    assert!(text.ends_with("  2.mender: already_installed: the device runs this release\n"), "{text}");
}

#[test]
fn a_fleet_from_a_saved_catalog() {
    let place = releases();
    let line = |number: u8, id: &str, count: u64| {
        let (id, count) = (json!(id), json!(count));
        json!({"id": id, "count": count, "device_provides": provides(&place, number)}).to_string() + "\n"
    };
    place.put("fleet", [line(1, "a", 2), line(3, "b", 1), line(3, "c", 5), line(2, "d", 1)].concat());
    let ask = ["--fleet", "fleet", "--release", "release-2"];
    let text =
        place.ok(&[&["delta", "plan", "--catalog", "all", "--save-catalog", "saved"], &ask[..]].concat());
    let saved = place.bytes("saved");
    assert_eq!(saved.iter().filter(|byte| **byte == b'\n').count(), 3);
    // The same without the Artifacts.
    let ask = [&["--catalog", "saved"], &ask[..]].concat();
    assert_eq!(place.ok(&[&["delta", "plan"], &ask[..]].concat()), text);
    assert!(text.starts_with("devices         9 in 3 states\n"), "{text}");
    let planned = json_of(&place, &[&ask[..], &["--assume", "50"]].concat());
    let full = planned["deltas"][0]["full_bytes"].as_u64().unwrap();
    let rows: Vec<_> = planned["deltas"].as_array().unwrap().iter().collect();
    assert_eq!(rows.len(), 2);
    for (row, (from, devices)) in rows.iter().zip([("3.mender", 6), ("1.mender", 2)]) {
        let half = full.div_ceil(2);
        assert_eq!(
            (&row["from"], &row["devices"], &row["size_from"]),
            (&json!(from), &json!(devices), &json!("assumed"))
        );
        assert_eq!(
            (&row["delta_bytes"], &row["saved_bytes"]),
            (&json!(half), &json!(devices * (full - half)))
        );
    }
    assert_eq!(planned["nothing"][0]["devices"], 1);
    // From the Artifacts there are estimates: of 3 there is nothing to gain.
    let planned = json_of(
        &place,
        &[
            "--catalog",
            "all",
            "--estimate",
            "9",
            "--min-saving",
            "90",
            "--fleet",
            "fleet",
            "--release",
            "release-2",
        ],
    );
    let row = &planned["deltas"][0];
    assert_eq!((&row["from"], &row["size_from"]), (&json!("1.mender"), &json!("estimated")));
    assert!(row["delta_bytes"].as_u64().unwrap() < full / 10, "{row}");
    assert_eq!(
        (&planned["full"][0]["reasons"][0]["code"], &planned["full"][0]["devices"]),
        (&json!("no_gain"), &json!(6))
    );
    place.put("saved", saved);
    // Who has what.
    let found = json_of(&place, &["--catalog", "saved", "--fleet", "fleet", "--who-has", "2.mender"]);
    assert_eq!((&found["counts"], &found["have"]), (&json!({"has": 1, "accepts": 8}), &json!(["d"])));
    let text =
        place.ok(&["delta", "plan", "--catalog", "saved", "--fleet", "fleet", "--who-has", "3.mender"]);
    assert_eq!(text, "has it          6\nwould take it   3\n");
}

#[test]
fn failures_have_a_line_and_a_status() {
    let place = releases();
    place.put("device.json", provides(&place, 1).to_string());
    place.put("bad.json", "{\"id\": 1}");
    place.put("fleet", "{\"device_type\":\"board\"}\n{}\n");
    let fails = |status: i32, arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').collect();
        place.fails(status, &[&["delta", "plan"], &words[..]].concat())
    };
    let device = "--device device.json --release release-2";
    assert_eq!(fails(4, &format!("--catalog none {device}")), "none: no such file or directory");
    assert!(fails(5, &format!("--catalog bad.json {device}")).starts_with("bad.json: artifacts: "));
    assert!(fails(5, &format!("--catalog img {device}")).starts_with("img: "));
    assert!(
        fails(5, "--catalog all --device bad.json --release release-2").starts_with("bad.json: device: ")
    );
    let message = fails(5, "--catalog all --fleet fleet --release release-2");
    assert!(message.starts_with("fleet: line 2: device: device_type: expected"), "{message}");
    assert!(
        fails(1, &format!("--catalog all {device} --tenant a/b"))
            .starts_with("--tenant: name of a tenant has")
    );
    assert!(fails(1, "--catalog all --device device.json").contains("--release"));
    assert!(fails(1, &format!("--catalog all {device} --fleet fleet")).contains("--fleet"));
    assert!(fails(1, &format!("--catalog all {device} --algorithm bsdiff")).contains("found bsdiff"));
    assert!(fails(1, "--catalog all --fleet fleet --who-has x").ends_with("no artifact has the id 'x'"));
    assert!(fails(3, &format!("--catalog all {device} --save-catalog device.json")).contains("device.json"));
    assert_eq!(
        fails(4, "--catalog all --device none --release release-2"),
        "none: no such file or directory"
    );
    // Two different Artifacts of one name.
    std::fs::create_dir(place.path("more")).unwrap();
    place.put("more/1.mender", place.bytes("all/2.mender"));
    assert_eq!(
        fails(5, &format!("--catalog all --catalog more {device}")),
        "more/1.mender: 1.mender: id of another artifact"
    );
    // Damage is found before anything is decided.
    let mut bytes = place.bytes("all/2.mender");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.put("all/2.mender", bytes);
    assert!(fails(5, &format!("--catalog all {device}")).starts_with("all/2.mender: "));
}
