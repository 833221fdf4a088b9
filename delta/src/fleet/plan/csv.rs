//! Lines of comma-separated values (RFC 4180), without line feeds in them.

/// Splits a line, without its end, into its fields; `None` when quotation marks do not come in pairs.
pub(super) fn fields(line: &str) -> Option<Vec<String>> {
    let (mut all, mut rest) = (Vec::new(), line);
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains('"') {
                    return None;
                }
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        all.push(field);
        if behind.is_empty() {
            return Some(all);
        }
        rest = behind.strip_prefix(',')?;
    }
}

/// A field behind its first quotation mark, and what stands behind its last one.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (part, behind) = rest.split_once('"')?;
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn quotation_marks_keep_commas() {
        for (line, expected) in [
            ("", Some(vec![""])),
            ("a", Some(vec!["a"])),
            ("a,,b,", Some(vec!["a", "", "b", ""])),
            (r#""a,b",c"#, Some(vec!["a,b", "c"])),
            (r#""a""b","""#, Some(vec!["a\"b", ""])),
            ("\"a\",\"\"\"", None),
            (r#""a""b","""""#, Some(vec!["a\"b", "\""])),
            (r#""a"b"#, None),
            (r#"a"b"#, None),
            (r#"""#, None),
        ] {
            let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect());
            assert_eq!(fields(line), expected, "{line}");
        }
    }
}
