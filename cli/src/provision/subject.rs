//! Names in certificates, given as `openssl req -subj` takes them: `/C=NO/O=My Organization/CN=My CA`.

use crate::failure::Failure;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Tag;
use x509_cert::der::asn1::{
    Any, Ia5StringRef, ObjectIdentifier, PrintableStringRef, SetOfVec, Utf8StringRef,
};
use x509_cert::name::{Name, RelativeDistinguishedName};

/// Most parts of a name.
const PARTS_MAX: usize = 32;

/// A kind of part: its short and long name, its number in RFC 5280, the kind of text it is, and its longest value in
/// characters.
struct Kind {
    names: [&'static str; 2],
    oid: &'static str,
    tag: Tag,
    chars_max: usize,
}

const KINDS: [Kind; 9] = [
    kind(["CN", "commonName"], "2.5.4.3", Tag::Utf8String, 64),
    kind(["C", "countryName"], "2.5.4.6", Tag::PrintableString, 2),
    kind(["ST", "stateOrProvinceName"], "2.5.4.8", Tag::Utf8String, 128),
    kind(["L", "localityName"], "2.5.4.7", Tag::Utf8String, 128),
    kind(["O", "organizationName"], "2.5.4.10", Tag::Utf8String, 64),
    kind(["OU", "organizationalUnitName"], "2.5.4.11", Tag::Utf8String, 64),
    kind(["serialNumber", "serialNumber"], "2.5.4.5", Tag::PrintableString, 64),
    kind(["emailAddress", "emailAddress"], "1.2.840.113549.1.9.1", Tag::Ia5String, 255),
    kind(["DC", "domainComponent"], "0.9.2342.19200300.100.1.25", Tag::Ia5String, 63),
];

const fn kind(names: [&'static str; 2], oid: &'static str, tag: Tag, chars_max: usize) -> Kind {
    Kind { names, oid, tag, chars_max }
}

/// The name that `text` says. A backslash makes the character behind it an ordinary one.
///
/// # Errors
/// A wrong command line: a part of another kind, an empty or too long value, characters that the kind does not have.
pub(crate) fn parse(text: &str) -> Result<Name, Failure> {
    let wrong = |expected: &str, found: &str| {
        Failure::usage(format!("name '{text}': expected {expected}, found '{found}'"))
    };
    let Some(rest) = text.strip_prefix('/') else {
        return Err(wrong("one like /O=My Organization/CN=name", text));
    };
    let parts = split(rest);
    if parts.len() > PARTS_MAX {
        return Err(wrong("32 parts at most", &parts.len().to_string()));
    }
    let mut rdns = Vec::new();
    for part in &parts {
        let Some((key, value)) = part.split_once('=') else {
            return Err(wrong("KEY=VALUE behind each /", part));
        };
        let Some(kind) =
            KINDS.iter().find(|kind| kind.names.iter().any(|name| name.eq_ignore_ascii_case(key)))
        else {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.names[0]).collect();
            return Err(wrong(&format!("one of {}", names.join(", ")), key));
        };
        let chars = value.chars().count();
        if chars == 0 || chars > kind.chars_max {
            return Err(wrong(&format!("1 to {} characters of {key}", kind.chars_max), value));
        }
        if value.chars().any(char::is_control) {
            return Err(wrong(&format!("no control characters in {key}"), value));
        }
        rdns.push(
            relative(kind, value).ok_or_else(|| wrong(&format!("letters that {key} may have"), value))?,
        );
    }
    Ok(x509_cert::name::RdnSequence(rdns))
}

/// The text with each `/` and `\` in it made ordinary, to stand behind `CN=`.
pub(crate) fn escaped(value: &str) -> String {
    value.chars().flat_map(|c| (matches!(c, '/' | '\\').then_some('\\')).into_iter().chain([c])).collect()
}

fn relative(kind: &Kind, value: &str) -> Option<RelativeDistinguishedName> {
    let value = match kind.tag {
        Tag::PrintableString => Any::from(PrintableStringRef::new(value).ok()?),
        Tag::Ia5String => Any::from(Ia5StringRef::new(value).ok()?),
        _ => Any::from(Utf8StringRef::new(value).ok()?),
    };
    let oid = ObjectIdentifier::new(kind.oid).ok()?;
    Some(RelativeDistinguishedName(SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).ok()?))
}

/// The parts between the `/` that no backslash stands before, without the backslashes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        match character {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '/' if !escaped => parts.push(String::new()),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(character)),
        }
        escaped = false;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_openssl_takes_them() {
        let name = parse("/C=NO/ST=Oslo/O=My \\/ Own/OU=a+b/emailAddress=me@example.com/CN=Møller").unwrap();
        let text = name.to_string();
        assert!(text.starts_with("CN=Møller,"), "{text}");
        assert!(text.ends_with("C=NO"), "{text}");
        assert!(text.contains("O=My / Own"), "{text}");
        assert_eq!(parse("/commonName=x").unwrap(), parse("/cn=x").unwrap());
        assert_eq!(parse(&format!("/CN={}", escaped("a/b\\c"))).unwrap().to_string(), "CN=a/b\\\\c");
    }

    #[test]
    fn wrong_names_are_refused() {
        for (text, says) in [
            ("CN=x", "expected one like /O=My Organization/CN=name"),
            ("/", "expected KEY=VALUE behind each /"),
            ("/CN=x/", "expected KEY=VALUE"),
            ("/X=y", "expected one of CN, C, ST"),
            ("/CN=", "expected 1 to 64 characters of CN"),
            ("/C=NOR", "expected 1 to 2 characters of C"),
            ("/C=Å", "expected letters that C may have"),
            ("/CN=a\nb", "expected no control characters"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
        assert!(parse(&format!("/CN={}", "x".repeat(65))).is_err());
        assert!(parse(&"/CN=x".repeat(33)).is_err());
    }
}
