//! A report as CSV (RFC 4180): one line for each row and kind of Artifact.

use crate::fleet::ledger::figures::{COLUMNS, Figures};
use crate::fleet::ledger::report::Report;
use std::fmt::Write;

/// Head line, then all rows. Lines end with CR LF. Names stand there as they are, in quotes where they need them.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = format!("{},kind,{}\r\n", report.query.by.name(), COLUMNS.join(","));
    for row in &report.rows {
        for (kind, figures) in row.kinds.named() {
            if figures == Figures::default() {
                continue;
            }
            quote(&mut text, &row.name);
            // Writing to a String cannot fail.
            let _ = write!(text, ",{kind}");
            for (_, number) in figures.named() {
                let _ = write!(text, ",{number}");
            }
            text.push_str("\r\n");
        }
    }
    text
}

fn quote(text: &mut String, name: &str) {
    if name.contains([',', '"', '\r', '\n']) {
        let _ = write!(text, "\"{}\"", name.replace('"', "\"\""));
    } else {
        text.push_str(name);
    }
}
