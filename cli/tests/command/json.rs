//! `--json` gives what the schemas in docs/ say, and validate all that is wrong.

use crate::workplace::{Workplace, key};
use serde_json::Value;

/// A schema in docs/.
fn schema(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is wrong with a value by the keywords that our schemas use; any other keyword stops the test.
fn wrong(schema: &Value, root: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("{at}: {what}: {value}"));
        }
    };
    let mut below = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        let rules = || rule.as_array().unwrap().iter();
        let length = value.as_str().map(|text| text.chars().count() as u64);
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "const" => must(value == rule, "const"),
            "enum" => must(rules().any(|allowed| allowed == value), "enum"),
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                };
                must(if rule.is_array() { rules().any(is) } else { is(rule) }, "type");
            }
            "required" => {
                rules().for_each(|name| must(value.get(name.as_str().unwrap()).is_some(), "required"))
            }
            "minimum" => {
                must(value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()), "minimum")
            }
            "minLength" => must(length.is_none_or(|length| length >= rule.as_u64().unwrap()), "minLength"),
            "maxLength" => must(length.is_none_or(|length| length <= rule.as_u64().unwrap()), "maxLength"),
            "$ref" => {
                let definition = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                below.extend(wrong(definition, root, value, at));
            }
            "properties" => {
                // Every key is in the schema, so that whoever adds one documents it.
                for (key, value) in value.as_object().unwrap() {
                    match rule.get(key) {
                        Some(schema) => below.extend(wrong(schema, root, value, &format!("{at}.{key}"))),
                        None => below.push(format!("{at}.{key}: not in the schema")),
                    }
                }
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().unwrap() {
                    below.extend(wrong(rule, root, value, &format!("{at}.{key}")));
                }
            }
            "items" => {
                for value in value.as_array().into_iter().flatten() {
                    below.extend(wrong(rule, root, value, &format!("{at}[]")));
                }
            }
            other => panic!("a keyword that this test does not know: {other}"),
        }
    }
    found.extend(below);
    found
}

fn holds(schema_name: &str, text: &str) -> Value {
    let (schema, value) = (schema(schema_name), serde_json::from_str(text).unwrap());
    assert_eq!(wrong(&schema, &schema, &value, "$"), [""; 0]);
    value
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let schema = schema("validate.schema.json");
    let mut value: Value = serde_json::json!({
        "valid": true, "name": null, "version": 3, "signature": "none", "complete": true,
        "problems": [{"category": "format", "entry": "version", "offset": null, "message": ""}], "more_problems": 0
    });
    assert_eq!(wrong(&schema, &schema, &value, "$"), [""; 0]);
    value["version"] = 4.into();
    value["problems"][0]["offset"] = (-1).into();
    value["problems"][0]["entry"] = "".into();
    value["name"] = 1.into();
    value["new"] = 1.into();
    value.as_object_mut().unwrap().remove("valid");
    assert_eq!(wrong(&schema, &schema, &value, "$").len(), 6);
}

#[test]
fn read() {
    let place = Workplace::new();
    place.put("meta", r#"{"k": [1, null]}"#);
    place.put("ArtifactInstall_Enter_01", "#!/bin/sh\n");
    let more =
        ["-p", "a:b", "-d", "c:d", "-N", "old", "-g", "g", "-G", "h", "-s", "ArtifactInstall_Enter_01"];
    place.write_image("signed", &[&more[..], &["-k", &key("p256-sec1.pem")]].concat());
    let read = holds("read.schema.json", &place.ok(&["read", "--json", "signed"]));
    assert_eq!((&read["signature"], &read["group"]), (&"not-checked".into(), &"g".into()));
    for (public, says) in [("p256-public.pem", "verified"), ("rsa-public.pem", "failed")] {
        let read = holds("read.schema.json", &place.ok(&["read", "--json", "signed", "-k", &key(public)]));
        assert_eq!(read["signature"], says);
    }
    place.ok(&[
        "write",
        "module-image",
        "-T",
        "t",
        "-n",
        "r",
        "-c",
        "b",
        "-m",
        "meta",
        "-f",
        "img",
        "-o",
        "module",
    ]);
    let read = holds("read.schema.json", &place.ok(&["read", "--json", "module"]));
    assert_eq!(read["payloads"][0]["meta_data"], serde_json::json!({"k": [1, null]}));
    place.ok(&["write", "bootstrap-artifact", "-n", "r", "-c", "b", "-o", "bootstrap"]);
    let read = holds("read.schema.json", &place.ok(&["read", "--json", "bootstrap"]));
    assert_eq!(read["payloads"][0]["type"], Value::Null);
    // Nothing for what is not sound.
    place.fails(5, &["read", "--json", "img"]);
}

#[test]
fn validate() {
    let place = Workplace::new();
    place.write_image("good", &["--compression", "none", "-k", &key("p256-sec1.pem")]);
    let (public, other) = (key("p256-public.pem"), key("rsa-public.pem"));
    let found = holds("validate.schema.json", &place.ok(&["validate", "--json", "good", "-k", &public]));
    assert_eq!((&found["valid"], &found["signature"]), (&true.into(), &"verified".into()));
    assert_eq!(found["name"], "release-1");

    // A wrong signature and a wrong checksum, both told.
    let mut bad = place.bytes("good");
    let image = bad.windows(9).rposition(|bytes| bytes == b"data/0000").unwrap() + 512 + 512 + 1000;
    bad[image] ^= 1;
    place.put("bad", bad);
    let ended = place.run(&["validate", "--json", "bad", "-k", &other]);
    assert_eq!((ended.status, ended.stderr.as_str()), (5, ""));
    let found = holds("validate.schema.json", &ended.stdout);
    assert_eq!((&found["valid"], &found["complete"]), (&false.into(), &true.into()));
    let problems = found["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{found:#}");
    assert!(problems.iter().all(|problem| problem["category"] == "verify"));

    // The same in lines.
    let ended = place.run(&["validate", "bad", "-k", &other]);
    assert_eq!((ended.status, ended.stdout.as_str()), (5, ""));
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("mender-artifact: bad: {}", problem["message"].as_str().unwrap()))
        .collect();
    assert_eq!(ended.stderr.lines().collect::<Vec<_>>(), lines);

    place.put("cut", &place.bytes("good")[..5000]);
    let found =
        holds("validate.schema.json", &place.run(&["validate", "--json", "cut", "-k", &public]).stdout);
    assert_eq!((&found["complete"], &found["problems"][0]["category"]), (&false.into(), &"format".into()));
    // What is no Artifact's fault is told as ever.
    place.fails(4, &["validate", "--json", "missing"]);
}

#[test]
fn delta_explain() {
    let place = Workplace::new();
    let old = crate::workplace::image_bytes();
    let mut new = old.clone();
    new[70_000..70_004].copy_from_slice(b"news");
    place.put("old.img", &old);
    place.put("new.img", [&new[..], b"more"].concat());
    let said = place.ok(&["delta", "explain", "--json", "old.img", "new.img"]);
    let found = holds("explain.schema.json", &said);
    assert_eq!((&found["old_bytes"], &found["new_files_known"]), (&200_000.into(), &false.into()));
}
