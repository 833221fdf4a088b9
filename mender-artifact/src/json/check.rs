//! The strict check of one JSON document, in one pass, without recursion or allocation.

use super::text::JsonText;
use super::value::Value;
use crate::error::{Defect, Entry, Error};

/// Deepest nesting that can be checked.
pub const DEPTH_MAX: usize = 128;

/// Bytes of scratch memory that one open key or one level of nesting takes.
const SLOT_BYTES: usize = 8;

/// Marks the beginning of an object among the keys.
const OBJECT: [u8; SLOT_BYTES] = [0xff; SLOT_BYTES];

/// Scratch memory in bytes for documents with at most `keys` keys in objects that are open at the
/// same time, nested at most `depth` deep.
#[must_use]
pub const fn scratch_bytes(keys: usize, depth: usize) -> usize {
    keys.saturating_add(depth).saturating_mul(SLOT_BYTES)
}

/// Checks that `document` is one JSON value and nothing else.
///
/// `depth` bounds the nesting (at most [`DEPTH_MAX`] counts), `scratch` the open keys.
///
/// # Errors
/// [`Defect::Json`], [`Defect::Duplicate`] for a key that an object has twice,
/// [`Defect::TooDeep`] and [`Defect::TooMany`]; the caller says in which entry.
pub fn check<'a>(document: &'a [u8], depth: usize, scratch: &mut [u8]) -> Result<Value<'a>, Error> {
    let text = core::str::from_utf8(document).map_err(|error| {
        Error::new(Defect::Json, Entry::Artifact).expected("UTF-8").at(error.valid_up_to() as u64)
    })?;
    let mut checker = Checker { text, at: 0, keys: OpenKeys { scratch, used: 0 } };
    checker.document(depth.min(DEPTH_MAX))?;
    Ok(Value::new(text))
}

struct Checker<'a, 's> {
    text: &'a str,
    at: usize,
    keys: OpenKeys<'s>,
}

impl<'a> Checker<'a, '_> {
    fn document(&mut self, depth_max: usize) -> Result<(), Error> {
        let mut objects = 0_u128; // bit n: is level n an object?
        let mut depth = 0_usize;
        loop {
            // A value is due.
            self.skip_space();
            let mut opened = false;
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == depth_max {
                        return Err(Error::new(Defect::TooDeep, Entry::Artifact)
                            .expected(depth_max)
                            .at(self.at as u64));
                    }
                    self.at += 1;
                    let bit = 1 << depth;
                    objects = if open == b'{' { objects | bit } else { objects & !bit };
                    depth += 1;
                    if open == b'{' {
                        self.keys.open_object(self.at)?;
                    }
                    opened = true;
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => self.literal()?,
            }
            // A value, or the opening of one, is behind us.
            loop {
                self.skip_space();
                if depth == 0 {
                    return if self.at == self.text.len() { Ok(()) } else { Err(self.bad("the end")) };
                }
                let in_object = objects >> (depth - 1) & 1 == 1;
                let close = if in_object { b'}' } else { b']' };
                if self.peek() == Some(close) {
                    self.at += 1;
                    depth -= 1;
                    if in_object {
                        self.keys.close_object();
                    }
                    opened = false;
                    continue;
                }
                if !opened {
                    if self.peek() != Some(b',') {
                        return Err(self.bad(if in_object { "',' or '}'" } else { "',' or ']'" }));
                    }
                    self.at += 1;
                    self.skip_space();
                }
                if in_object {
                    self.key()?;
                }
                break;
            }
        }
    }

    fn key(&mut self) -> Result<(), Error> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.bad("a key"));
        }
        let key = self.string()?;
        self.keys.add(self.text, key, start)?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.bad("':'"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<JsonText<'a>, Error> {
        let start = self.at + 1;
        let Some(end) = string_end(self.text, self.at) else { return Err(self.bad("a closed string")) };
        let text = JsonText::new(&self.text[start..end]);
        let mut chars = text.chars();
        loop {
            match chars.try_next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(()) => return Err(self.bad("a string without control characters or bad escapes")),
            }
        }
        self.at = end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<(), Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.digits() {
            0 => return Err(self.bad("a digit")),
            digits if digits > 1 && self.text.as_bytes()[self.at - digits] == b'0' => {
                return Err(self.bad("a number without leading zeros"));
            }
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.bad("a digit"));
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.bad("a digit"));
            }
        }
        match self.text[start..self.at].parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err(self.bad("a number that fits a double")),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn literal(&mut self) -> Result<(), Error> {
        for literal in ["null", "true", "false"] {
            if self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
                self.at += literal.len();
                return Ok(());
            }
        }
        Err(self.bad("a value"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn bad(&self, expected: &'static str) -> Error {
        let error = Error::new(Defect::Json, Entry::Artifact).expected(expected).at(self.at as u64);
        match self.text.as_bytes().get(self.at..) {
            Some(rest) if !rest.is_empty() => error.found(&rest[..rest.len().min(12)]),
            _ => error.found("the end"),
        }
    }
}

/// Where the string that opens at `open` closes.
pub(super) fn string_end(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The keys of all objects that are open, each as a hash and its place in the document.
struct OpenKeys<'s> {
    scratch: &'s mut [u8],
    used: usize,
}

impl OpenKeys<'_> {
    fn push(&mut self, slot: [u8; SLOT_BYTES], at: usize) -> Result<(), Error> {
        let end = self.used + SLOT_BYTES;
        let Some(free) = self.scratch.get_mut(self.used..end) else {
            return Err(Error::new(Defect::TooMany, Entry::Artifact).found("JSON keys").at(at as u64));
        };
        free.copy_from_slice(&slot);
        self.used = end;
        Ok(())
    }

    fn open_object(&mut self, at: usize) -> Result<(), Error> {
        self.push(OBJECT, at)
    }

    fn close_object(&mut self) {
        while self.used > 0 {
            self.used -= SLOT_BYTES;
            if self.scratch[self.used..self.used + SLOT_BYTES] == OBJECT {
                return;
            }
        }
    }

    fn add(&mut self, document: &str, key: JsonText<'_>, at: usize) -> Result<(), Error> {
        let Ok(place) = u32::try_from(at) else {
            return Err(Error::new(Defect::TooLarge, Entry::Artifact).expected(u64::from(u32::MAX)));
        };
        let hash = hash(key);
        for slot in self.scratch[..self.used].rchunks_exact(SLOT_BYTES) {
            if slot == OBJECT {
                break;
            }
            if slot[..4] == hash && key_at(document, slot).is_some_and(|other| other == key) {
                return Err(Error::new(Defect::Duplicate, Entry::Artifact)
                    .named(key.raw().as_bytes())
                    .at(at as u64));
            }
        }
        let mut slot = [0; SLOT_BYTES];
        slot[..4].copy_from_slice(&hash);
        slot[4..].copy_from_slice(&place.to_le_bytes());
        self.push(slot, at)
    }
}

/// The key whose place a slot holds.
fn key_at<'a>(document: &'a str, slot: &[u8]) -> Option<JsonText<'a>> {
    let place = usize::try_from(u32::from_le_bytes([slot[4], slot[5], slot[6], slot[7]])).ok()?;
    let end = string_end(document, place)?;
    Some(JsonText::new(document.get(place + 1..end)?))
}

/// FNV-1a, 32 bits, over the decoded characters.
fn hash(key: JsonText<'_>) -> [u8; 4] {
    let mut hash = 0x811c_9dc5_u32;
    for c in key.chars() {
        hash = (hash ^ u32::from(c)).wrapping_mul(0x0100_0193);
    }
    hash.to_le_bytes()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn outcome(document: &[u8]) -> Result<(), String> {
        let mut scratch = [0; scratch_bytes(8, 8)];
        check(document, 8, &mut scratch).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn sound_documents_pass() {
        for good in [
            "0",
            "-0",
            "1.5e-3",
            "1E+2",
            "\"\"",
            "null",
            "true",
            " [ ] ",
            "{}",
            "[1,[2,[]],{}]",
            r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#,
            r#""\u00e4\ud83d\ude00\n\/""#,
            "\"\u{e4}\"\n",
            "[[[[[[[[]]]]]]]]",
            "123456789012345678901234567890",
            "1e308",
            "{\"\":1}",
        ] {
            assert_eq!(outcome(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn doubtful_documents_are_refused() {
        for (bad, message) in [
            ("", "malformed JSON: expected a value, found the end (at byte 0)"),
            ("{} {}", "malformed JSON: expected the end, found '{}' (at byte 3)"),
            ("{}x", "expected the end"),
            ("[1,]", "expected a value, found ']'"),
            ("{\"a\":1,}", "expected a key, found '}'"),
            ("{a:1}", "expected a key"),
            ("{\"a\" 1}", "expected ':'"),
            ("[1 2]", "expected ',' or ']'"),
            ("{\"a\":1 \"b\":2}", "expected ',' or '}'"),
            ("[}", "expected a value"),
            ("01", "leading zeros"),
            ("-", "expected a digit"),
            ("1.", "expected a digit"),
            ("1e", "expected a digit"),
            ("1e400", "fits a double"),
            ("+1", "expected a value"),
            ("NaN", "expected a value"),
            ("nul", "expected a value"),
            ("\"abc", "expected a closed string"),
            ("\"a\nb\"", "control characters"),
            (r#""\x""#, "bad escapes"),
            (r#""\ud800""#, "bad escapes"),
            (r#""\ud800\u0041""#, "bad escapes"),
            (r#""\udc00""#, "bad escapes"),
            (r#""\u00g0""#, "bad escapes"),
            (r#"{"a":1,"b":2,"a":3}"#, "'a': present more than once (at byte 13)"),
            (r#"{"a":1,"\u0061":3}"#, "'?u0061'".trim_start_matches('?')),
            ("[[[[[[[[[]]]]]]]]]", "nested too deeply: limit 8"),
            (
                r#"{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"11":1,"12":1,"13":1,"14":1,"15":1,"16":1}"#,
                "too many",
            ),
            ("[", "found the end"),
            ("{", "expected a key, found the end"),
        ] {
            let message = if bad.contains("\\u0061") { "present more than once" } else { message };
            let error = outcome(bad.as_bytes()).unwrap_err();
            assert!(error.contains(message), "{bad}: {error}");
        }
        assert!(outcome(b"\"\xff\"").unwrap_err().contains("expected UTF-8"));
    }

    #[test]
    fn agrees_with_another_parser_on_damaged_documents() {
        let document = br#"{"a":[1,-2.5e3,"x\n\u0041"],"b":{"c":null,"d":true,"e":false},"f":""}"#;
        for place in 0..document.len() {
            for byte in [b'"', b'{', b'}', b'[', b']', b',', b':', b'0', b'e', b'\\', b' ', 0, 0xc3] {
                let mut damaged = document.to_vec();
                damaged[place] = byte;
                if outcome(&damaged).is_ok() {
                    assert!(
                        serde_json::from_slice::<serde_json::Value>(&damaged).is_ok(),
                        "{}",
                        String::from_utf8_lossy(&damaged)
                    );
                }
            }
        }
    }
}
