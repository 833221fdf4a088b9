//! The markdown table.

use crate::measure::Usage;
use std::fmt::Write;

/// One tool on one pair.
pub(super) enum Row {
    Measured {
        delta_bytes: u64,
        generate: Usage,
        apply: Usage,
        equal: bool,
    },
    /// Left out, with the reason.
    Without(String),
}

impl Row {
    pub(super) fn without(why: impl Into<String>) -> Self {
        Row::Without(why.into())
    }
}

/// A pair, a tool, whether that is ours, and what came of it.
pub(super) type Line = (String, &'static str, bool, Row);

/// The table.
pub(super) fn markdown(rows: &[Line]) -> String {
    let mut text = String::from(
        "| pair | tool | delta bytes | of xdelta3 | of the best other | generate wall s | CPU s | peak MiB | apply wall s | CPU s | peak MiB | result |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for (pair, tool, is_ours, row) in rows {
        // Writing to a String cannot fail.
        let _ = match row {
            Row::Measured { delta_bytes, generate, apply, equal } => writeln!(
                text,
                "| {pair} | {tool} | {} | {} | {} | {} | {} |",
                grouped(*delta_bytes),
                share(of_xdelta3(rows, pair), *delta_bytes),
                if *is_ours { share(best_other(rows, pair), *delta_bytes) } else { String::new() },
                format_args!("{} | {}", usage(generate), usage(apply)),
                if *equal { "same SHA-256" } else { "**DIFFERENT**" },
            ),
            Row::Without(why) => writeln!(text, "| {pair} | {tool} | | | | | | | | | | left out: {why} |"),
        };
    }
    text.push_str("\nPeak memory is the largest resident set; files that a program maps count in it.\n");
    text
}

fn usage(usage: &Usage) -> String {
    format!(
        "{:.2} | {:.2} | {}",
        usage.wall_seconds,
        usage.cpu_seconds,
        usage.peak_bytes.div_ceil(1024 * 1024)
    )
}

/// Sizes of the deltas of the same pair, with the tools.
fn sizes<'r>(rows: &'r [Line], pair: &'r str) -> impl Iterator<Item = (&'static str, bool, u64)> + 'r {
    rows.iter().filter(move |line| line.0 == pair).filter_map(|(_, tool, is_ours, row)| match row {
        Row::Measured { delta_bytes, .. } => Some((*tool, *is_ours, *delta_bytes)),
        Row::Without(_) => None,
    })
}

fn of_xdelta3(rows: &[Line], pair: &str) -> Option<u64> {
    sizes(rows, pair).find(|(tool, _, _)| *tool == "xdelta3 -e").map(|(_, _, bytes)| bytes)
}

fn best_other(rows: &[Line], pair: &str) -> Option<u64> {
    sizes(rows, pair).filter(|(_, is_ours, _)| !is_ours).map(|(_, _, bytes)| bytes).min()
}

/// The size as a share of another.
#[allow(clippy::cast_precision_loss)] // a ratio of file sizes, shown with three digits
fn share(of: Option<u64>, bytes: u64) -> String {
    of.map_or_else(String::new, |of| format!("{:.3}", bytes as f64 / of as f64))
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(2_589_871), "2,589,871");
    }

    #[test]
    fn shares_are_of_the_same_pair() {
        let usage = Usage { wall_seconds: 1.0, cpu_seconds: 1.0, peak_bytes: 1 };
        let row = |delta_bytes| Row::Measured { delta_bytes, generate: usage, apply: usage, equal: true };
        let rows = vec![
            ("a".to_owned(), "ours", true, row(50)),
            ("a".to_owned(), "xdelta3 -e", false, row(100)),
            ("a".to_owned(), "hdiffz", false, row(80)),
            ("a".to_owned(), "zstd", false, Row::without("slow")),
            ("b".to_owned(), "ours", true, row(50)),
        ];
        assert_eq!((of_xdelta3(&rows, "a"), best_other(&rows, "a")), (Some(100), Some(80)));
        assert_eq!((of_xdelta3(&rows, "b"), best_other(&rows, "b")), (None, None));
        assert_eq!((share(Some(80), 50), share(None, 50)), ("0.625".to_owned(), String::new()));
        let text = markdown(&rows);
        assert!(text.contains("| a | ours | 50 | 0.500 | 0.625 | 1.00 |"), "{text}");
        let columns = |line: &str| line.matches('|').count();
        assert!(
            text.lines().take(7).all(|line| columns(line) == columns(text.lines().next().unwrap_or(""))),
            "{text}"
        );
    }
}
