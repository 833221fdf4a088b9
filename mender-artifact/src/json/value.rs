//! Walks through a JSON document that the check has accepted.
//!
//! Nothing here panics on other text; what is malformed simply ends early.

use super::check::string_end;
use super::text::JsonText;

/// One JSON value, as a piece of its document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    text: &'a str,
}

impl<'a> Value<'a> {
    /// `text` is a value with any white space around it.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text: text.trim_ascii() }
    }

    /// The value as it stands in the document.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text == "null"
    }

    /// The string, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<JsonText<'a>> {
        self.text.strip_prefix('"')?.strip_suffix('"').map(JsonText::new)
    }

    /// The number, if the value is a whole one without sign, fraction or exponent.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.text.parse().ok()
    }

    /// Keys and values, if the value is an object.
    #[must_use]
    pub fn members(&self) -> Option<Members<'a>> {
        Some(Members { parts: Parts::new(self.text.strip_prefix('{')?.strip_suffix('}')?) })
    }

    /// The elements, if the value is an array.
    #[must_use]
    pub fn items(&self) -> Option<Items<'a>> {
        Some(Items { parts: Parts::new(self.text.strip_prefix('[')?.strip_suffix(']')?) })
    }
}

/// The elements of an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.parts.next(b',').map(Value::new)
    }
}

/// The keys and values of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (JsonText<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = Value::new(self.parts.next(b':')?).as_text()?;
        Some((key, Value::new(self.parts.next(b',')?)))
    }
}

/// Splits the inside of an object or array at separators that are not nested in something.
#[derive(Clone, Debug)]
struct Parts<'a> {
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn new(inside: &'a str) -> Self {
        Self { rest: inside.trim_ascii() }
    }

    fn next(&mut self, separator: u8) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(&byte) = self.rest.as_bytes().get(at) {
            match byte {
                b'"' => at = string_end(self.rest, at)?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ if byte == separator && depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        let part = self.rest.get(..at)?;
        self.rest = self.rest.get(at + 1..).unwrap_or("");
        Some(part)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn walks_members_and_items() {
        let value = Value::new(r#" {"a\n,": [1, "x]", {"b": [] }], "c" : null } "#);
        let members: Vec<_> =
            value.members().unwrap().map(|(key, value)| (key.to_string(), value.text())).collect();
        assert_eq!(members, [("a\n,".to_owned(), r#"[1, "x]", {"b": [] }]"#), ("c".to_owned(), "null")]);
        let items: Vec<_> = Value::new("[1, \"x]\", {}]").items().unwrap().map(|v| v.text()).collect();
        assert_eq!(items, ["1", "\"x]\"", "{}"]);
        assert_eq!(Value::new("[ ]").items().unwrap().count(), 0);
        assert_eq!(Value::new("{}").members().unwrap().count(), 0);
    }

    #[test]
    fn tells_kinds_apart() {
        assert_eq!(Value::new("17").as_u64(), Some(17));
        assert_eq!(Value::new("-1").as_u64(), None);
        assert_eq!(Value::new("1.0").as_u64(), None);
        assert!(Value::new("null").is_null());
        assert!(Value::new("\"null\"").as_text().is_some_and(|text| text == *"null"));
        assert!(Value::new("{}").items().is_none());
    }

    #[test]
    fn malformed_text_does_not_panic() {
        for text in ["{", "{\"", "[\"\\", "{\"a\"}", "[}]", "{\"a\":}", "\"", "[,]"] {
            let value = Value::new(text);
            let _ = value.members().map(Iterator::count);
            let _ = value.items().map(Iterator::count);
            let _ = value.as_text().map(|text| text.to_string());
        }
    }
}
