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

/// Rows of (pair, tool, what came of it).
pub(super) fn markdown(rows: &[(String, String, Row)]) -> String {
    let mut text = String::from(
        "| pair | tool | delta bytes | of xdelta3 | generate wall s | CPU s | peak MiB | apply wall s | CPU s | peak MiB | result |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for (pair, tool, row) in rows {
        // Writing to a String cannot fail.
        let _ = match row {
            Row::Measured { delta_bytes, generate, apply, equal } => writeln!(
                text,
                "| {pair} | {tool} | {} | {} | {} | {} |",
                grouped(*delta_bytes),
                share(rows, pair, *delta_bytes),
                format_args!("{} | {}", usage(generate), usage(apply)),
                if *equal { "same SHA-256" } else { "**DIFFERENT**" },
            ),
            Row::Without(why) => writeln!(text, "| {pair} | {tool} | | | | | | | | | left out: {why} |"),
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

/// The size as a share of xdelta3's on the same pair.
#[allow(clippy::cast_precision_loss)] // a ratio of file sizes, shown with three digits
fn share(rows: &[(String, String, Row)], pair: &str, bytes: u64) -> String {
    let other = rows.iter().find_map(|(name, tool, row)| match row {
        Row::Measured { delta_bytes, .. } if name == pair && tool.starts_with("xdelta3") => {
            Some(*delta_bytes)
        }
        _ => None,
    });
    other.map_or_else(String::new, |other| format!("{:.3}", bytes as f64 / other as f64))
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
    fn a_share_is_of_xdelta3_on_the_same_pair() {
        let usage = Usage { wall_seconds: 1.0, cpu_seconds: 1.0, peak_bytes: 1 };
        let row = |delta_bytes| Row::Measured { delta_bytes, generate: usage, apply: usage, equal: true };
        let rows = vec![
            ("a".to_owned(), "ours".to_owned(), row(50)),
            ("a".to_owned(), "xdelta3 -e".to_owned(), row(100)),
            ("b".to_owned(), "ours".to_owned(), row(50)),
        ];
        assert_eq!(share(&rows, "a", 50), "0.500");
        assert_eq!(share(&rows, "b", 50), "");
    }
}
