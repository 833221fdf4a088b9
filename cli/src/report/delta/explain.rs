//! What `delta explain` prints: text for people, JSON for programs.

use super::explain_page;
use crate::report::json;
use mender_delta::explain::{Explanation, Reason, Row};
use serde_json::{Value, json};
use std::fmt::Write;

/// Text as far as a terminal should see it.
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}

/// Bytes of each reason that has any, the dearest first.
fn reasons(explained: &Explanation) -> Vec<(Reason, u64, usize)> {
    let of = |reason| {
        let rows = explained.rows.iter().filter(|row| row.reason == reason);
        (reason, rows.clone().map(|row| row.delta_bytes).sum(), rows.count())
    };
    let mut all: Vec<(Reason, u64, usize)> =
        Reason::ALL.into_iter().map(of).filter(|(_, bytes, _)| *bytes > 0).collect();
    all.sort_by_key(|(_, bytes, _)| std::cmp::Reverse(*bytes));
    all
}

/// A part of the delta in per cent with one digit.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The first `top` rows, all of them for 0, with what each reason costs before them.
pub(crate) fn text(explained: &Explanation, top: usize) -> String {
    let mut out = String::new();
    let (delta, image) = (explained.delta_len, explained.image_lens[1]);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "delta size      {delta} bytes, for an image of {image} bytes");
    for (known, which) in explained.files_known.into_iter().zip(["old", "new"]) {
        if !known {
            let _ = writeln!(
                out,
                "note            the {which} image's files are not known: it is taken as bytes"
            );
        }
    }
    let _ = writeln!(out, "\n     bytes  share  rows  reason");
    for (reason, bytes, rows) in reasons(explained) {
        let _ = writeln!(out, "{bytes:>10} {:>5}% {rows:>5}  {}", percent(bytes, delta), reason.words());
    }
    out.push('\n');
    out + &rows_text(explained, top)
}

/// The first `top` rows, all of them for 0.
pub(crate) fn rows_text(explained: &Explanation, top: usize) -> String {
    let mut out = String::new();
    let delta = explained.delta_len;
    let top = if top == 0 { explained.rows.len() } else { top };
    let _ = writeln!(out, "     bytes  share  reason            what");
    for row in explained.rows.iter().take(top) {
        let (share, reason) = (percent(row.delta_bytes, delta), row.reason.words());
        let _ = write!(out, "{:>10} {share:>5}%  {reason:<17} {}", row.delta_bytes, printable(&row.name));
        if let Some(from) = &row.from {
            let _ = write!(out, " (from {})", printable(from));
        }
        out.push('\n');
    }
    if let Some(rest) = explained.rows.get(top..).filter(|rest| !rest.is_empty()) {
        let bytes: u64 = rest.iter().map(|row| row.delta_bytes).sum();
        let _ = writeln!(out, "{bytes:>10} {:>5}%  {} more rows", percent(bytes, delta), rest.len());
    }
    out
}

fn row(row: &Row) -> Value {
    json!({
        "name": String::from_utf8_lossy(&row.name),
        "reason": row.reason.name(),
        "delta_bytes": row.delta_bytes,
        "size_bytes": row.len,
        "from": row.from.as_deref().map(String::from_utf8_lossy),
        "copied_bytes": row.copied,
        "resembling_bytes": row.resembling,
        "changed_bytes": row.changed,
        "changed_time_bytes": row.times,
        "stored_bytes": row.stored,
    })
}

/// `delta explain --json`.
pub(crate) fn json(explained: &Explanation) -> Value {
    let reasons: Vec<Value> = reasons(explained)
        .into_iter()
        .map(|(reason, bytes, rows)| json!({"reason": reason.name(), "delta_bytes": bytes, "rows": rows}))
        .collect();
    json!({
        "delta_bytes": explained.delta_len,
        "old_bytes": explained.image_lens[0],
        "new_bytes": explained.image_lens[1],
        "old_files_known": explained.files_known[0],
        "new_files_known": explained.files_known[1],
        "files_without_cost": explained.files_without_cost,
        "reasons": reasons,
        "rows": explained.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// The same as text.
pub(crate) fn json_text(explained: &Explanation) -> String {
    json::text(&json(explained))
}

/// A page for a browser; `title` says which image it is about.
pub(crate) fn page(explained: &Explanation, title: &str) -> String {
    let words: serde_json::Map<String, Value> =
        Reason::ALL.into_iter().map(|reason| (reason.name().to_owned(), json!(reason.words()))).collect();
    explain_page::page(&json!({"title": title, "words": words, "explained": json(explained)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded() {
        assert_eq!(percent(1, 3), "33.3");
        assert_eq!(percent(2, 3), "66.7");
        assert_eq!(percent(0, 0), "0.0");
        assert_eq!(percent(5, 5), "100.0");
    }
}
