//! Base64, percent signs and times, in the spellings that the services use.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};

/// Base64 of RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64 of RFC 4648, section 5, without padding, as JSON Web Signatures have it.
pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim_end()).ok()
}

/// Padding may be there or not.
pub(super) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&::base64::alphabet::URL_SAFE, config).decode(text).ok()
}

/// One part of a path, or a value in a form: everything but the unreserved characters of RFC 3986 is
/// percent-encoded.
pub(super) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A path of several parts, each percent-encoded.
pub(super) fn percent_path(path: &str) -> String {
    path.trim_matches('/').split('/').map(percent).collect::<Vec<_>>().join("/")
}

/// A form as `application/x-www-form-urlencoded` has it.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| format!("{}={}", percent(name), percent(value));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// A time as `YYYYMMDDTHHMMSSZ`.
pub(super) fn compact_time(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86400, seconds % 86400);
    let mut year = 1970;
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{:02}T{hour:02}{minute:02}{second:02}Z", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(compact_time(seconds), text);
        }
    }

    #[test]
    fn spellings() {
        assert_eq!(form(&[("a b", "ä/~"), ("c", "")]), "a%20b=%C3%A4%2F~&c=");
        assert_eq!(percent_path("/a/b c/"), "a/b%20c");
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url("-_8=").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(from_base64url("-_8").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(from_base64("-_8="), None);
    }
}
