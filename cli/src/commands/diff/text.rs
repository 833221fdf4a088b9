//! Differences as text: one line for each, `-` for what only the first has, `+` for what only the second has, `!` for
//! what both have.

use super::images::ImageDifference;
use mender_artifact::diff::{Difference, DifferentFile};
use serde_json::Value;
use std::fmt::Write;

/// All lines; none when nothing differs.
pub(super) fn shown(differences: &[Difference], images: &[(DifferentFile, ImageDifference)]) -> String {
    let mut text = String::new();
    for difference in differences {
        let path = difference.path.iter().map(|part| printable(part)).collect::<Vec<_>>().join("/");
        // Writing to a String cannot fail.
        let _ = match (&difference.a, &difference.b) {
            (Some(a), None) => writeln!(text, "- {path}: {}", value(a)),
            (None, Some(b)) => writeln!(text, "+ {path}: {}", value(b)),
            (a, b) => {
                let side = |side: &Option<Value>| value(side.as_ref().unwrap_or(&Value::Null));
                writeln!(text, "! {path}: {} -> {}", side(a), side(b))
            }
        };
    }
    for (file, image) in images {
        let name = printable(&file.name);
        let mut line = |sign: char, path: &[u8], about: &str| {
            let path = printable(&String::from_utf8_lossy(path));
            let _ = writeln!(text, "{sign} payloads/{}/files/{name}:{path}{about}", file.payload);
        };
        for path in &image.only_in_a {
            line('-', path, "");
        }
        for path in &image.only_in_b {
            line('+', path, "");
        }
        for different in &image.different {
            let about = match (&different.a, &different.b) {
                (Value::Null, Value::Null) => format!(": {}", different.what.name()),
                (a, b) => format!(": {}: {} -> {}", different.what.name(), value(a), value(b)),
            };
            line('!', &different.path, &about);
        }
    }
    text
}

/// As JSON, without control characters.
fn value(value: &Value) -> String {
    printable(&value.to_string())
}

fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
