//! `delta store`.

use crate::artifacts::{object_task, put, run, store, write_version};
use crate::workplace::Workplace;
use serde_json::Value;

#[test]
fn what_is_put_is_listed_got_and_collected() {
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let at = ["--store", "store", "--tenant", "acme"];
    let line = |words: &[&str]| -> Vec<String> {
        ["delta", "store"].iter().chain(words).chain(&at).map(|word| (*word).to_owned()).collect()
    };
    let ok = |words: &[&str]| {
        let words = line(words);
        place.ok(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let from = ok(&["put", &old]).trim().parse().unwrap();
    let to = put(&place, &store(&place), "acme", &new);
    assert_eq!(
        run(&place, &["delta", "worker", "--store", "store"], &object_task("acme", from, to).to_string())
            .status,
        0
    );
    let listed = ok(&["list", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).unwrap();
    let key = listed["key"].as_str().unwrap();
    assert!(ok(&["list"]).starts_with(key));
    assert_eq!(ok(&["get", "--key", key, "-o", "by-key"]), "");
    assert_eq!(ok(&["get", "--object", listed["sha256"].as_str().unwrap(), "-o", "by-digest"]), "");
    assert!(place.bytes("by-key") == place.bytes("by-digest"));
    place.ok(&["validate", "by-key"]);
    assert_eq!(ok(&["get", "--object", &from.to_string(), "-o", "input"]), "");
    assert!(place.bytes("input") == place.bytes(&old));

    let refused = |status: i32, words: &[&str]| {
        let words = line(words);
        place.fails(status, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    refused(4, &["get", "--object", &"0".repeat(64), "-o", "x"]);
    refused(4, &["get", "--key", &"0".repeat(64), "-o", "x"]);
    refused(1, &["get", "--key", "../../etc/passwd", "-o", "x"]);
    assert!(!place.path("x").exists());
    // Damage is not delivered, and collected when it is looked for.
    let object = place.path("store/acme/objects").join(listed["sha256"].as_str().unwrap());
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    assert!(refused(5, &["get", "--key", key, "-o", "x"]).contains("damaged"));
    let gc = |words: &[&str]| -> Value {
        serde_json::from_str(ok(&[&["gc", "--json"], words].concat()).trim()).unwrap()
    };
    assert_eq!(gc(&[])["keys_broken"], 0);
    assert_eq!(gc(&["--verify", "--dry-run"])["keys_broken"], 1);
    assert_eq!(gc(&["--verify"])["keys_broken"], 1);
    assert_eq!(ok(&["list"]), "");
    // The inputs are orphans, and young.
    assert_eq!(gc(&["--grace", "1h"])["objects"], 0);
    assert_eq!(gc(&["--grace", "0s"])["objects"], 2);
    assert!(ok(&["gc"]).starts_with("removed: 0 objects"));
}
