//! Texts of the header as C gets them: without the escapes that JSON may write them with.

use crate::code::Code;
use crate::fault::Fault;
use mender_artifact::json::text::JsonText;
use mender_artifact::json::value::Value;

/// Most bytes of a text that is written with escapes, once they are gone. A text without any has no such bound: it stays
/// where it stands.
pub(crate) const ESCAPED: usize = 256;

/// A place for one text without its escapes.
pub(crate) struct Room([u8; ESCAPED]);

impl Room {
    pub(crate) const fn new() -> Self {
        Room([0; ESCAPED])
    }

    /// The text as it is meant.
    ///
    /// # Errors
    /// `MAR_E_UNSUPPORTED` for a text with escapes that is longer than [`ESCAPED`], `MAR_E_FORMAT` for one with a NUL,
    /// behind which a C program would not see the rest.
    pub(crate) fn plain<'t>(&'t mut self, text: JsonText<'t>) -> Result<&'t str, Fault> {
        if let Some(plain) = text.as_plain() {
            return Ok(plain);
        }
        let too_long =
            Fault::over(Code::Unsupported, "text with escapes", text.len_bytes() as u64, ESCAPED as u64);
        let mut len = 0;
        for c in text.chars() {
            if c == '\0' {
                return Err(Fault::new(Code::Format, "NUL in a text"));
            }
            let place = self.0.get_mut(len..len + c.len_utf8()).ok_or(too_long)?;
            len += c.encode_utf8(place).len();
        }
        core::str::from_utf8(&self.0[..len]).map_err(|_| Fault::new(Code::Internal, "text with escapes"))
    }
}

/// Whether a text says these bytes.
pub(crate) fn is(text: JsonText<'_>, bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok_and(|found| text == *found)
}

/// Calls `each` with one text or each of several.
pub(crate) fn each_of<'a>(
    value: Value<'a>,
    each: &mut dyn FnMut(JsonText<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if let Some(text) = value.as_text() {
        return each(text);
    }
    value.items().into_iter().flatten().filter_map(|value| value.as_text()).try_for_each(each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_artifact::json::check::check;
    use std::format;
    use std::string::String;

    fn plain(document: &str) -> Result<String, (Code, u64)> {
        let mut scratch = [0; 1024];
        let value = check(document.as_bytes(), 4, &mut scratch).unwrap();
        let mut room = Room::new();
        let plain = room.plain(value.as_text().unwrap());
        plain.map(String::from).map_err(|fault| (fault.code, fault.wanted))
    }

    #[test]
    fn escapes_are_taken_away() {
        for (document, text) in [
            (r#""board""#, "board"),
            (r#""""#, ""),
            (r#""a\u003cb \"c\" \u00e9\ud83d\ude00\/""#, "a<b \"c\" \u{e9}\u{1f600}/"),
        ] {
            assert_eq!(plain(document), Ok(text.into()), "{document}");
        }
    }

    #[test]
    fn a_text_with_escapes_has_a_bound_and_no_nul() {
        let long = "x".repeat(ESCAPED);
        assert_eq!(plain(&format!("\"{long}x\"")).map(|text| text.len()), Ok(ESCAPED + 1));
        assert_eq!(plain(&format!("\"{}\\n\"", &long[1..])).map(|text| text.len()), Ok(ESCAPED));
        assert_eq!(plain(&format!("\"{long}\\n\"")), Err((Code::Unsupported, ESCAPED as u64 + 1)));
        assert_eq!(
            plain(&format!("\"{}\\u00e9\"", &long[1..])),
            Err((Code::Unsupported, ESCAPED as u64 + 1))
        );
        assert_eq!(plain(r#""a\u0000b""#), Err((Code::Format, 0)));
    }

    #[test]
    fn texts_are_compared_as_they_are_meant() {
        let mut scratch = [0; 1024];
        let value = check(br#"["a\u0026b", "c"]"#, 4, &mut scratch).unwrap();
        let mut found = std::vec::Vec::new();
        each_of(value, &mut |text| {
            found.push((is(text, b"a&b"), is(text, b"c"), is(text, b"\xff")));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [(true, false, false), (false, true, false)]);
    }
}
