//! A JSON string as it stands in the document, decoded while it is looked at.

use core::fmt;

/// The inside of a JSON string, escapes and all, that [`check`](super::check) has accepted.
#[derive(Clone, Copy)]
pub struct JsonText<'a> {
    raw: &'a str,
}

impl<'a> JsonText<'a> {
    /// Takes what stands between the quotes.
    pub(super) const fn new(raw: &'a str) -> Self {
        Self { raw }
    }

    /// The characters of the string.
    #[must_use]
    pub fn chars(&self) -> Chars<'a> {
        Chars { rest: self.raw.chars() }
    }

    /// The string itself, if it needed no escapes.
    #[must_use]
    pub fn as_plain(&self) -> Option<&'a str> {
        (!self.raw.contains('\\')).then_some(self.raw)
    }

    /// The string as it stands in the document, with its escapes.
    #[must_use]
    pub const fn raw(&self) -> &'a str {
        self.raw
    }

    /// Length in bytes of the decoded string.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.chars().map(char::len_utf8).sum()
    }
}

impl PartialEq<str> for JsonText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq for JsonText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.chars().eq(other.chars())
    }
}

impl fmt::Display for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.chars().try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Debug for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.raw)
    }
}

/// Decodes a JSON string character by character.
#[derive(Clone, Debug)]
pub struct Chars<'a> {
    rest: core::str::Chars<'a>,
}

impl Chars<'_> {
    fn hex4(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value * 16 + self.rest.next()?.to_digit(16)?;
        }
        Some(value)
    }

    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if self.rest.next() != Some('\\') || self.rest.next() != Some('u') {
            return None;
        }
        let second = self.hex4()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
    }

    /// The next character; `Err` where the string is malformed.
    pub(super) fn try_next(&mut self) -> Result<Option<char>, ()> {
        let Some(c) = self.rest.next() else { return Ok(None) };
        if c != '\\' {
            return if u32::from(c) < 0x20 || c == '"' { Err(()) } else { Ok(Some(c)) };
        }
        let decoded = match self.rest.next() {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unicode_escape(),
            _ => None,
        };
        decoded.map(Some).ok_or(())
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        self.try_next().unwrap_or(None)
    }
}
