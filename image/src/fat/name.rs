//! Names in FAT: each file has a short one of 8 and 3 bytes, and a long one where that does not say it all.

use crate::error::{Error, PathProblem};

/// Longest long name, in UTF-16 units.
const LONG_UNITS_MAX: usize = 255;
/// UTF-16 units in an entry of a long name.
pub(super) const UNITS_PER_SLOT: usize = 13;
/// Bits of an entry that say that base and extension are shown in lower case.
pub(super) const LOWER_BASE: u8 = 0x08;
pub(super) const LOWER_EXTENSION: u8 = 0x10;
/// Stored instead of a first byte that marks deleted entries.
const ESCAPED_E5: u8 = 0x05;

/// A short name as it is stored: padded with blanks.
pub(super) type Short = [u8; 11];

/// How a name is stored.
pub(super) struct Stored {
    pub(super) short: Short,
    /// Case bits of the short name.
    pub(super) case: u8,
    /// The long name, where the short one is not all; empty else.
    pub(super) long: Vec<u16>,
}

/// Whether two names are the same to FAT, which does not tell cases apart.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}

/// The sum that ties a long name to its short one.
pub(super) fn checksum(short: &Short) -> u8 {
    short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// A short name as it is shown. Bytes outside of ASCII, whose meaning depends on a code page, become U+FFFD.
pub(super) fn shown(short: &Short, case: u8) -> String {
    let part = |bytes: &[u8], lower: bool| -> String {
        let end = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        let shown = bytes[..end].iter().map(|byte| match byte {
            0x80.. => char::REPLACEMENT_CHARACTER,
            byte if lower => char::from(byte.to_ascii_lowercase()),
            byte => char::from(*byte),
        });
        shown.collect()
    };
    let mut base = *short;
    if base[0] == ESCAPED_E5 {
        base[0] = 0xe5;
    }
    let name = part(&base[..8], case & LOWER_BASE != 0);
    let extension = part(&base[8..], case & LOWER_EXTENSION != 0);
    if extension.is_empty() { name } else { format!("{name}.{extension}") }
}

/// How `name` is stored among names of which `is_taken` knows the short ones.
pub(super) fn store(path: &[u8], name: &str, is_taken: impl Fn(&Short) -> bool) -> Result<Stored, Error> {
    let bad = || Error::path(path, PathProblem::BadName);
    let long: Vec<u16> = name.encode_utf16().collect();
    let illegal = |character: char| character < ' ' || "\"*/:<>?\\|\u{7f}".contains(character);
    let dots = name.chars().all(|character| character == '.');
    if long.is_empty()
        || long.len() > LONG_UNITS_MAX
        || dots
        || name.ends_with(['.', ' '])
        || name.starts_with(' ')
        || name.contains(illegal)
    {
        return Err(bad());
    }
    if let Some((short, case)) = as_short(name) {
        if !is_taken(&short) {
            return Ok(Stored { short, case, long: Vec::new() });
        }
    }
    let short = alias(name, is_taken).ok_or_else(bad)?;
    Ok(Stored { short, case: 0, long })
}

/// The name as a short one with case bits, if that loses nothing.
fn as_short(name: &str) -> Option<(Short, u8)> {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = !base.is_empty()
        && base.len() <= 8
        && extension.len() <= 3
        && (!extension.is_empty() || !name.contains('.'))
        && base.bytes().chain(extension.bytes()).all(is_short);
    let case = |part: &str, bit: u8| {
        let (lower, upper) = (
            part.bytes().any(|byte| byte.is_ascii_lowercase()),
            part.bytes().any(|byte| byte.is_ascii_uppercase()),
        );
        match (lower, upper) {
            (true, true) => None,
            (true, false) => Some(bit),
            _ => Some(0),
        }
    };
    if !fits {
        return None;
    }
    let case = case(base, LOWER_BASE)? | case(extension, LOWER_EXTENSION)?;
    Some((padded(base.as_bytes(), extension.as_bytes()), case))
}

/// Whether a byte may stand in a short name, apart from its case.
fn is_short(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$%'-_@~`!(){}^#&".contains(&byte)
}

fn padded(base: &[u8], extension: &[u8]) -> Short {
    let mut short = [b' '; 11];
    for (place, byte) in short.iter_mut().zip(base.iter().take(8)) {
        *place = byte.to_ascii_uppercase();
    }
    for (place, byte) in short.iter_mut().skip(8).zip(extension.iter().take(3)) {
        *place = byte.to_ascii_uppercase();
    }
    short
}

/// A short name beside a long one: what is left of it, a tilde and a number.
fn alias(name: &str, is_taken: impl Fn(&Short) -> bool) -> Option<Short> {
    let (base, extension) = match name.rsplit_once('.') {
        Some((base, extension)) if !base.is_empty() => (base, extension),
        _ => (name, ""),
    };
    let plain = |part: &str| -> Vec<u8> {
        let kept = part.chars().filter(|character| !matches!(character, ' ' | '.'));
        let byte = |character: char| u8::try_from(character).ok().filter(|byte| is_short(*byte));
        kept.map(|character| byte(character).unwrap_or(b'_')).collect()
    };
    let (base, extension) = (plain(base), plain(extension));
    (1..=999_999u32).find_map(|number| {
        let tail = format!("~{number}");
        let mut numbered = base[..base.len().min(8 - tail.len())].to_vec();
        numbered.extend_from_slice(tail.as_bytes());
        let short = padded(&numbered, &extension);
        (!is_taken(&short)).then_some(short)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: &str, taken: &[&str]) -> (String, u8, bool) {
        let is_taken = |short: &Short| taken.iter().any(|taken| taken.as_bytes() == short);
        let stored = store(name.as_bytes(), name, is_taken).unwrap();
        (String::from_utf8(stored.short.to_vec()).unwrap(), stored.case, !stored.long.is_empty())
    }

    #[test]
    fn short_where_nothing_is_lost() {
        assert_eq!(stored("CONFIG.TXT", &[]), ("CONFIG  TXT".into(), 0, false));
        assert_eq!(stored("config.txt", &[]), ("CONFIG  TXT".into(), 0x18, false));
        assert_eq!(stored("uEnv.txt", &[]), ("UENV~1  TXT".into(), 0, true));
        assert_eq!(stored("zImage", &["ZIMAGE~1   "]), ("ZIMAGE~2   ".into(), 0, true));
        assert_eq!(stored("EFI", &[]), ("EFI        ".into(), 0, false));
        assert_eq!(stored(".hidden", &[]), ("HIDDEN~1   ".into(), 0, true));
        assert_eq!(stored("a b.tar.gz", &[]), ("ABTAR~1 GZ ".into(), 0, true));
        assert_eq!(stored("gr\u{fc}n.txt", &[]), ("GR_N~1  TXT".into(), 0, true));
        assert_eq!(stored("config.txt", &["CONFIG  TXT"]), ("CONFIG~1TXT".into(), 0, true));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a:b", "a\\b", "a\u{1}", "a.", "a ", "q?", &long] {
            assert!(store(b"path", name, |_| false).is_err(), "{name:?}");
        }
        assert!(store(b"path", &long[1..], |_| false).is_ok());
    }

    #[test]
    fn shown_as_the_case_bits_say() {
        assert_eq!(shown(b"CONFIG  TXT", 0x18), "config.txt");
        assert_eq!(shown(b"CONFIG  TXT", LOWER_BASE), "config.TXT");
        assert_eq!(shown(b"EFI        ", 0), "EFI");
        assert_eq!(shown(b"\x05A      \x80  ", 0), "\u{fffd}A.\u{fffd}");
    }

    #[test]
    fn cases_are_the_same() {
        assert!(same("Gr\u{dc}n.TXT", "gr\u{fc}N.txt"));
        assert!(!same("a", "b"));
    }
}
