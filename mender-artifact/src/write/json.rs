//! JSON text exactly as Go's encoding/json writes it, because other tools compare and re-encode it.
//!
//! Minified; object keys sorted by their bytes; `<`, `>`, `&`, U+2028 and U+2029 escaped besides what
//! JSON itself demands; numbers as the shortest decimal that reads back as the same double, with an
//! exponent only below 1e-6 and from 1e21. Integers of 64 bits are the exception: they keep all
//! their digits, where Go would round them to a double.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Appends `text` as a JSON string.
pub(super) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Appends `["a","b"]`.
pub(super) fn push_strings(out: &mut String, texts: &[String]) {
    push_joined(out, '[', texts, |out, text| push_string(out, text), ']');
}

/// Appends `items` between `open` and `close`, separated by commas.
pub(super) fn push_joined<T>(
    out: &mut String,
    open: char,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
    close: char,
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(close);
}

/// Appends any value.
pub(crate) fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => push_number(out, number),
        Value::String(text) => push_string(out, text),
        Value::Array(items) => push_joined(out, '[', items, push_value, ']'),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key.as_bytes());
            let push_member = |out: &mut String, (key, value): (&String, &Value)| {
                push_string(out, key);
                out.push(':');
                push_value(out, value);
            };
            push_joined(out, '{', members, push_member, '}');
        }
    }
}

fn push_number(out: &mut String, number: &Number) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        out.push_str(&number.to_string());
        return;
    };
    // Writing to a String cannot fail. Rust prints the shortest digits, too.
    let _ = match float.abs() {
        0.0 | 1e-6..1e21 => write!(out, "{float}"),
        _ => {
            let text = format!("{float:e}");
            let text = if text.contains("e-") { text } else { text.replace('e', "e+") };
            out.write_str(&text)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let mut out = String::new();
        push_value(&mut out, &serde_json::from_str(json).unwrap());
        out
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        // Second column: what the reference tool makes of the first, but for the long integer.
        let cases = [
            ("1.50", "1.5"),
            ("1e21", "1e+21"),
            ("1e20", "100000000000000000000"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("-0.0", "-0"),
            ("1.5e300", "1.5e+300"),
            ("-2.5e-10", "-2.5e-10"),
            ("0", "0"),
            ("-17", "-17"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ];
        for (input, output) in cases {
            assert_eq!(text(input), output);
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let input =
            "{\"b<>&\":\"\\u0001\\b\\f\\n\\r\\t\\u2028\\u2029\\\\\\\"/\\u007fä\",\"a\":[true,false,null,{}]}";
        let output = "{\"a\":[true,false,null,{}],\"b\\u003c\\u003e\\u0026\":\"\\u0001\\b\\f\\n\\r\\t\\u2028\\u2029\\\\\\\"/\u{7f}ä\"}";
        assert_eq!(text(input), output);
    }

    #[test]
    fn keys_are_sorted_by_their_bytes() {
        assert_eq!(
            text(r#"{"b":1,"a":2,"B":3,"é":4,"z":5,"":6}"#),
            r#"{"":6,"B":3,"a":2,"b":1,"z":5,"é":4}"#
        );
    }
}
