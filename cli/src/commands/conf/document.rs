//! A JSON object whose members keep their order.

use crate::failure::Failure;
use serde_json::{Map, Value};
use std::fmt;

/// Indentation where the document has none of its own.
const INDENT: &str = "  ";

/// Reads a document, which must be an object.
pub(in crate::commands) fn parse(text: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("expected a JSON object, found something else".to_owned()),
        Err(error) => Err(format!("expected JSON: {error}")),
    }
}

/// The text of a document, indented as `like` is.
pub(in crate::commands) fn text(value: &Value, like: &[u8]) -> String {
    let like = String::from_utf8_lossy(like);
    let indent = like.lines().skip(1).find(|line| !line.trim().is_empty()).map(|line| {
        let blank = line.len() - line.trim_start().len();
        line[..blank].to_owned()
    });
    let mut text = match indent.as_deref() {
        // In one line, as it was.
        None if like.trim_start().starts_with('{') && like.trim().len() > 2 => value.to_string(),
        indent => indented(value, indent.filter(|indent| !indent.is_empty()).unwrap_or(INDENT)),
    };
    if like.is_empty() || like.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// In lines, each level a step of `indent` further in.
fn indented(value: &Value, indent: &str) -> String {
    let lines = format!("{value:#}");
    let lines = lines.lines().map(|line| {
        // No text of JSON has a line break in it, so what begins a line is indentation.
        let rest = line.trim_start_matches(' ');
        format!("{}{rest}", indent.repeat((line.len() - rest.len()) / INDENT.len()))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Merges a patch (RFC 7396): members are set, those that are null are removed, objects are merged.
pub(in crate::commands) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Names from the outermost object on, as in `HttpsClient.Certificate`; a number counts from 0 in a list.
#[derive(Debug)]
pub(in crate::commands) struct Key(Vec<String>);

impl Key {
    /// A dot that belongs to a name has a backslash before it.
    pub(in crate::commands) fn parse(text: &str) -> Result<Self, Failure> {
        let mut parts = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '.' => parts.push(String::new()),
                '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(characters.next())),
                other => parts.last_mut().into_iter().for_each(|part| part.push(other)),
            }
        }
        if parts.iter().any(String::is_empty) {
            return Err(Failure::usage(format!("expected a key as HttpsClient.Certificate, found '{text}'")));
        }
        Ok(Self(parts))
    }

    /// The value at the key.
    pub(in crate::commands) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, part| match value {
            Value::Object(object) => object.get(part),
            Value::Array(list) => list.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Sets the value at the key, and makes the objects on the way. The text is JSON; or itself, where it is no JSON or
    /// a text is what is there.
    pub(in crate::commands) fn set(&self, value: &mut Value, text: &str) -> Result<(), String> {
        let mut here = value;
        for part in &self.0 {
            here = match here {
                Value::Object(object) => object.entry(part).or_insert(Value::Null),
                Value::Null => {
                    *here = Value::Object(Map::new());
                    let Value::Object(object) = here else { return Ok(()) };
                    object.entry(part).or_insert(Value::Null)
                }
                Value::Array(list) => {
                    let len = list.len();
                    let place = part.parse::<usize>().ok().and_then(|at| list.get_mut(at));
                    place.ok_or_else(|| {
                        format!("{self}: expected a place in a list of {len}, found '{part}'")
                    })?
                }
                _ => return Err(format!("{self}: expected an object before '{part}', found another value")),
            };
        }
        let is_text = here.is_string();
        *here = match serde_json::from_str(text) {
            Ok(json @ Value::String(_)) => json,
            Ok(json) if !is_text => json,
            _ => Value::from(text),
        };
        Ok(())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merging_follows_the_examples_of_the_rfc() {
        for (target, patch, expected) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }

    #[test]
    fn values_keep_the_type_that_is_there() {
        let mut conf = json!({"z": 1, "Token": "1", "Servers": [{"ServerURL": "a"}], "n": {"x": true}});
        let mut set = |key: &str, text: &str| Key::parse(key).unwrap().set(&mut conf, text);
        set("Token", "123").unwrap();
        set("Poll", "1800").unwrap();
        set("HttpsClient.Certificate", "/data/a b.pem").unwrap();
        set("Servers.0.ServerURL", "\"quoted\"").unwrap();
        set("a\\.b", "").unwrap();
        assert_eq!(
            set("n.x.y", "1").unwrap_err(),
            "n.x.y: expected an object before 'y', found another value"
        );
        assert!(set("Servers.1.x", "1").is_err());
        assert_eq!(
            conf.to_string(),
            r#"{"z":1,"Token":"123","Servers":[{"ServerURL":"quoted"}],"n":{"x":true},"Poll":1800,"HttpsClient":{"Certificate":"/data/a b.pem"},"a.b":""}"#
        );
        assert!(Key::parse("a..b").is_err() && Key::parse("").is_err());
    }

    #[test]
    fn indentation_stays() {
        for like in ["{\n    \"a\": 1\n}\n", "{\n\t\"a\": 1\n}", "{\"a\":1}", "{\"a\":1}\n"] {
            assert_eq!(text(&json!({"a": 1}), like.as_bytes()), like);
        }
        assert_eq!(text(&json!({"a": 1}), b""), "{\n  \"a\": 1\n}\n");
        assert_eq!(text(&json!({"a": 1}), b"{}\n"), "{\n  \"a\": 1\n}\n");
    }
}
