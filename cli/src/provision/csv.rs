//! Tables as text (RFC 4180), read strictly: a line that a lenient reader would swallow is a device that nobody makes.

/// Most columns.
const COLUMNS_MAX: usize = 64;

/// One line of a table: where it begins, counted from 1, and its fields.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

/// The rows of a table. Each has as many fields as the first. Fields with quotes, commas or line ends stand in quotes;
/// quotes inside of them are doubled. Lines end with LF or CRLF.
///
/// # Errors
/// The line and what is wrong with it: quotes where none may be, a field that does not end, an empty line, another
/// number of fields, or more than `rows_max` rows.
pub(crate) fn parse(text: &str, rows_max: usize) -> Result<Vec<Row>, String> {
    // Spreadsheets put a byte order mark in front.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows: Vec<Row> = Vec::new();
    let mut line = 1;
    while !rest.is_empty() {
        let begins = line;
        let mut fields = Vec::new();
        loop {
            let (field, behind) =
                field(rest, &mut line).map_err(|message| format!("line {begins}: {message}"))?;
            fields.push(field);
            if fields.len() > COLUMNS_MAX {
                return Err(format!("line {begins}: expected at most {COLUMNS_MAX} fields, found more"));
            }
            let end = ["\n", "\r\n"].iter().find_map(|end| behind.strip_prefix(end));
            if let Some(next) = end {
                line += 1;
                rest = next;
                break;
            }
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None if behind.is_empty() => {
                    rest = behind;
                    break;
                }
                None => {
                    return Err(format!(
                        "line {begins}: expected a comma or the end behind a field, found more"
                    ));
                }
            }
        }
        if fields.len() == 1 && fields.iter().all(String::is_empty) {
            return Err(format!("line {begins}: expected fields, found an empty line"));
        }
        let expected = rows.first().map_or(fields.len(), |first| first.fields.len());
        if fields.len() != expected {
            return Err(format!("line {begins}: expected {expected} fields, found {}", fields.len()));
        }
        if rows.len() == rows_max {
            return Err(format!("line {begins}: expected at most {rows_max} lines, found more"));
        }
        rows.push(Row { line: begins, fields });
    }
    Ok(rows)
}

/// The field that `text` begins with, and what stands behind it. Counts the lines that it ends.
fn field<'t>(text: &'t str, line: &mut usize) -> Result<(String, &'t str), &'static str> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n', '\r']).unwrap_or(text.len());
        let (field, behind) = text.split_at(end);
        if field.contains('"') {
            return Err("expected no quote inside of a field that does not begin with one, found one");
        }
        return Ok((field.to_owned(), behind));
    };
    let mut field = String::new();
    loop {
        let Some((part, behind)) = rest.split_once('"') else {
            return Err("expected a quote that ends the field, found none");
        };
        *line += part.matches('\n').count();
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        parse(text, 10).unwrap().into_iter().map(|row| row.fields).collect()
    }

    #[test]
    fn fields_come_out_as_they_were_put_in() {
        assert_eq!(fields("a,b\n1,2\n"), [["a", "b"], ["1", "2"]]);
        assert_eq!(fields("\u{feff}a,b\r\n1,2"), [["a", "b"], ["1", "2"]]);
        assert_eq!(fields("\"a,\"\"x\"\"\",\n\"1\n2\",\"\"\n"), [["a,\"x\"", ""], ["1\n2", ""]]);
        assert_eq!(fields(""), Vec::<Vec<String>>::new());
        let lines: Vec<usize> = parse("a\n\"1\n2\"\nb\n", 10).unwrap().iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    #[test]
    fn what_others_would_guess_at_is_refused() {
        let wide = ",".repeat(64);
        for (text, says) in [
            ("a,b\n1\n", "line 2: expected 2 fields, found 1"),
            ("a,b\n1,2,3\n", "line 2: expected 2 fields, found 3"),
            ("a\n\nb\n", "line 2: expected fields, found an empty line"),
            ("a\nb\"c\n", "line 2: expected no quote inside"),
            ("a\n\"b\"c\n", "line 2: expected a comma or the end"),
            ("a\n\"b\nc\n", "line 2: expected a quote that ends the field"),
            ("a\rb\n", "line 1: expected a comma or the end"),
            ("a\nb\nc\n", "line 3: expected at most 2 lines"),
            (&wide, "line 1: expected at most 64 fields"),
        ] {
            let said = parse(text, 2).unwrap_err();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
