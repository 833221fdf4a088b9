//! The body of an extended (PAX) header: records `length key=value\n` about the next member.

use crate::error::{Defect, Entry, Error};

/// What an extended header says about the next member, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// Where in the body the name stands: start and end.
    pub(crate) path: Option<(usize, usize)>,
    pub(crate) size: Option<u64>,
    /// Seconds since 1970-01-01 UTC, rounded down.
    pub(crate) modified: Option<i64>,
}

/// Reads all records of `body`.
pub(crate) fn parse(body: &[u8]) -> Result<Attributes, Error> {
    let mut attributes = Attributes::default();
    let mut at = 0;
    while at < body.len() {
        let (key, value, end) = record(body, at).ok_or_else(|| {
            bad().expected("records 'length key=value'").found(&body[at..body.len().min(at + 20)])
        })?;
        let text = &body[value.0..value.1];
        match key {
            b"path" => {
                if text.is_empty() || text.contains(&0) {
                    return Err(bad().named(key).expected("a name without NUL").found(text));
                }
                once(attributes.path.replace(value), key)?;
            }
            b"size" => {
                let size = decimal(text).ok_or_else(|| bad().named(key).expected("a size").found(text))?;
                once(attributes.size.replace(size), key)?;
            }
            b"mtime" => {
                let time = time(text).ok_or_else(|| bad().named(key).expected("a time").found(text))?;
                once(attributes.modified.replace(time), key)?;
            }
            b"linkpath" => return Err(kind().found("a link")),
            b"hdrcharset" if text != b"ISO-IR 10646 2000 UTF-8" => {
                return Err(Error::new(Defect::TarFeature, Entry::Artifact).named(key).found(text));
            }
            _ if key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize" => {
                return Err(Error::new(Defect::TarFeature, Entry::Artifact).found("sparse member"));
            }
            // Owners, access times and the attributes of other tools have no meaning here.
            _ => {}
        }
        at = end;
    }
    Ok(attributes)
}

/// The key, the range of the value and the end of the record at `start`.
fn record(body: &[u8], start: usize) -> Option<(&[u8], (usize, usize), usize)> {
    let rest = &body[start..];
    let blank = rest.iter().take(20).position(|byte| *byte == b' ')?;
    let len = usize::try_from(decimal(&rest[..blank])?).ok()?;
    let record = rest.get(..len)?.strip_suffix(b"\n")?;
    let field = record.get(blank + 1..)?;
    let equals = field.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    let value = start + blank + 1 + equals + 1;
    Some((&field[..equals], (value, start + len - 1), start + len))
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |value, digit| {
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn time(text: &[u8]) -> Option<i64> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or(b"");
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let more = fraction.iter().any(|digit| *digit != b'0');
    if negative { whole.checked_neg()?.checked_sub(i64::from(more)) } else { Some(whole) }
}

fn once<T>(before: Option<T>, key: &[u8]) -> Result<(), Error> {
    match before {
        None => Ok(()),
        Some(_) => Err(Error::new(Defect::Duplicate, Entry::Artifact).named(key)),
    }
}

fn bad() -> Error {
    Error::new(Defect::TarHeader, Entry::Artifact)
}

fn kind() -> Error {
    Error::new(Defect::TarMemberKind, Entry::Artifact).expected("a regular file")
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn record_of(key: &str, value: &str) -> String {
        let body = key.len() + value.len() + 3;
        let mut len = body + 1;
        while len != body + len.to_string().len() {
            len += 1;
        }
        format!("{len} {key}={value}\n")
    }

    #[test]
    fn takes_what_matters() {
        let body =
            record_of("path", "x=y/z") + &record_of("size", "8589934592") + &record_of("mtime", "-1.5");
        let attributes = parse(body.as_bytes()).unwrap();
        assert_eq!(attributes.size, Some(8 << 30));
        assert_eq!(attributes.modified, Some(-2));
        let (start, end) = attributes.path.unwrap();
        assert_eq!(&body[start..end], "x=y/z");
        assert_eq!(parse(record_of("comment", "hello").as_bytes()).unwrap(), Attributes::default());
    }

    #[test]
    fn refuses_what_is_malformed_or_sparse() {
        for bad in [
            "6 a=\n".to_owned(),
            "6 a=b".to_owned(),
            "99 a=b\n".to_owned(),
            "x a=b\n".to_owned(),
            "-6 a=b\n".to_owned(),
            "5 =b\n".to_owned(),
            "0 ".to_owned(),
            "1".to_owned(),
            record_of("size", "-1"),
            record_of("size", ""),
            record_of("size", "99999999999999999999"),
            record_of("mtime", "1.x"),
            record_of("path", ""),
            record_of("path", "a\0b"),
            record_of("path", "a") + &record_of("path", "b"),
            record_of("GNU.sparse.major", "1"),
            record_of("linkpath", "/etc/passwd"),
            record_of("hdrcharset", "BINARY"),
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
