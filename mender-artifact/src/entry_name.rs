//! Which names and identifying texts an Artifact may have.
//!
//! A device makes paths, file names and database keys of them, so they are checked before anything
//! else sees them.

use crate::error::{Defect, Entry, Error};

/// Longest artifact name, group, device type or payload type in bytes.
pub const TEXT_MAX_BYTES: usize = 256;

/// Checks the name of a payload file: `[A-Za-z0-9_.,-]+`, neither `.` nor `..`.
///
/// # Errors
/// [`Defect::Name`] in [`Entry::Artifact`]; the caller puts the entry right.
pub fn check_payload_file(name: &[u8]) -> Result<(), Error> {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b',' | b'-');
    if name.is_empty() || name == b"." || name == b".." || !name.iter().all(allowed) {
        return Err(Error::new(Defect::Name, Entry::Artifact)
            .named(name)
            .expected("only letters, digits and '_.,-', and neither '.' nor '..'"));
    }
    Ok(())
}

/// Checks the file name of a state script: one part of a path, printable, without white space.
///
/// # Errors
/// [`Defect::Name`] in [`Entry::Script`].
pub fn check_script(name: &[u8]) -> Result<(), Error> {
    let allowed = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'\\');
    if name.is_empty() || name.len() > 255 || name == b"." || name == b".." || !name.iter().all(allowed) {
        return Err(Error::new(Defect::Name, Entry::Script)
            .named(name)
            .expected("a plain file name of at most 255 printable characters"));
    }
    Ok(())
}

/// Checks an artifact name, group, device type or the like: 1 to 256 bytes, nothing unprintable.
///
/// # Errors
/// [`Defect::Name`] in [`Entry::HeaderInfo`].
pub fn check_text(text: &str) -> Result<(), Error> {
    if text.is_empty() || text.len() > TEXT_MAX_BYTES || text.chars().any(is_unprintable) {
        return Err(Error::new(Defect::Name, Entry::HeaderInfo)
            .named(text.as_bytes())
            .expected("1 to 256 bytes without control characters"));
    }
    Ok(())
}

/// Checks a payload type, which devices use as the file name of an Update Module:
/// like [`check_text`], and one part of a path.
///
/// # Errors
/// [`Defect::Name`] in [`Entry::HeaderInfo`].
pub fn check_payload_type(text: &str) -> Result<(), Error> {
    check_text(text)?;
    if text == "." || text == ".." || text.contains(['/', '\\']) {
        return Err(Error::new(Defect::Name, Entry::HeaderInfo)
            .named(text.as_bytes())
            .expected("a payload type that is no path"));
    }
    Ok(())
}

/// Control, line-separator and text-direction characters: what can make a name look like another
/// or break a line of output.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{fffd}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_file_names() {
        for good in ["a", "rootfs.ext4", "A_b-c,d.e", "...", "-"] {
            assert!(check_payload_file(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "/a", "../a", "a b", "a\0", "ä", "a\n", "a:b", "a\\b"] {
            assert!(check_payload_file(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn script_names() {
        assert!(check_script(b"ArtifactInstall_Enter_01_x").is_ok());
        for bad in [&b""[..], b".", b"..", b"a/b", b"a b", b"a\x7f", &[b'a'; 256]] {
            assert!(check_script(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn texts_and_types() {
        assert!(check_text("release 1 ü").is_ok());
        assert!(check_text(&"a".repeat(256)).is_ok());
        for bad in ["", "a\nb", "a\u{7f}", "\u{202e}abc", &"a".repeat(257)] {
            assert!(check_text(bad).is_err(), "{bad:?}");
        }
        assert!(check_payload_type("rootfs-image").is_ok());
        for bad in ["..", "../x", "a/b", ""] {
            assert!(check_payload_type(bad).is_err(), "{bad:?}");
        }
    }
}
