//! A report as a table.

use super::size::{percent, size};
use crate::fleet::ledger::figures::Figures;
use crate::fleet::ledger::report::Report;
use std::fmt::Write;

const TITLES: [&str; 9] =
    ["assigned", "transferred", "origin", "gateway", "again", "completed", "full images", "saved", ""];

/// A table with `top` rows at most, all if it is 0, the largest transfers first; the total below.
#[must_use]
pub fn text(report: &Report, top: usize) -> String {
    let mut rows: Vec<_> = report.rows.iter().collect();
    let shown = if top == 0 { rows.len() } else { top.min(rows.len()) };
    if shown < rows.len() {
        rows.sort_by_key(|row| std::cmp::Reverse(row.kinds.all().transferred()));
        rows.truncate(shown);
    }
    let mut lines: Vec<(String, [String; 9])> =
        vec![(report.query.by.name().to_owned(), TITLES.map(str::to_owned))];
    lines.extend(rows.iter().map(|row| (one_line(&row.name), cells(&row.kinds.all()))));
    lines.push(("total".to_owned(), cells(&report.total.all())));
    let kinds = report.total.named().into_iter().filter(|(_, figures)| *figures != Figures::default());
    lines.extend(kinds.map(|(kind, figures)| (format!("  {kind}"), cells(&figures))));

    let name_width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let width = |at: usize| lines.iter().map(|(_, cells)| cells[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut text = String::new();
    for (name, cells) in &lines {
        let mut line = format!("{name:name_width$}");
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "  {cell:>width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if shown < report.rows.len() {
        let _ = writeln!(text, "{} of {} rows, the largest transfers first", shown, report.rows.len());
    }
    let total = report.total.all();
    if total.unseen > 0 {
        let _ = writeln!(
            text,
            "{} that completed devices must have downloaded stand in no event: less may have been saved",
            size(total.unseen)
        );
    }
    if total.without_full_size > 0 {
        let _ = writeln!(
            text,
            "{} completed without a known size of the full image: not counted in what was saved",
            total.without_full_size
        );
    }
    text
}

fn cells(figures: &Figures) -> [String; 9] {
    [
        size(figures.assigned_bytes),
        size(figures.transferred()),
        size(figures.transferred_origin),
        size(figures.transferred_gateway),
        size(figures.retransmitted()),
        figures.completed.to_string(),
        size(figures.full_bytes),
        size(figures.saved),
        percent(figures.saved, figures.full_bytes),
    ]
}

/// Names come from outside; control characters are never taken into the ledger by this software.
fn one_line(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
