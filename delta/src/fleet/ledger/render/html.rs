//! A report as a page: one file without scripts, fonts or anything else from elsewhere.

use super::chart::{Bar, lying, standing};
use super::size::{percent, size};
use crate::fleet::ledger::figures::Figures;
use crate::fleet::ledger::report::{By, Report, Row};
use std::cmp::Reverse;
use std::fmt::Write;

/// Bars of the chart by row.
const MAX_BARS: usize = 25;
/// Days that are drawn: the last ones.
const MAX_DAYS: usize = 366;

const STYLE: &str = "body{font-family:sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{padding:.3em .6em;text-align:right;border-bottom:1px solid #ccc}\
td:first-child,th:first-child{text-align:left;overflow-wrap:anywhere}svg{width:100%;height:auto}\
svg text{font-size:14px;fill:currentColor}.cards{display:flex;flex-wrap:wrap;gap:1em;margin:1em 0}\
.card{background:#f4f4f4;padding:.8em 1.2em;min-width:9em}.card b{display:block;font-size:1.4em}\
.legend{margin:.5em 0}.key{display:inline-block;width:.9em;height:.9em;margin-left:.8em;vertical-align:middle}\
.origin{fill:#4878a8;background:#4878a8}.gateway{fill:#58a078;background:#58a078}.again{fill:#c08030;background:#c08030}\
.assigned{fill:#888;background:#888}.saved{fill:#9868a8;background:#9868a8}.note{color:#a04000}\
@media(prefers-color-scheme:dark){body{background:#1c1c1c;color:#ddd}.card{background:#2a2a2a}td,th{border-color:#444}\
.note{color:#e0a060}}";

const LEGEND: &[(&str, &str)] =
    &[("origin", "from the origin"), ("gateway", "from gateways"), ("again", "of it downloaded again")];

/// The page; its table has `top` rows at most, all if it is 0, the largest transfers first.
#[must_use]
pub fn html(report: &Report, top: usize) -> String {
    let mut page = String::new();
    let total = report.total.all();
    let title = escaped(&format!("Downloads of {}", report.tenant));
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n<p>{}</p>",
        escaped(&span(report))
    );
    cards(&mut page, &total);
    notes(&mut page, &total);
    page.push_str("<h2>Transferred and saved</h2>\n");
    page.push_str(&savings(&total));
    let skipped = report.days.len().saturating_sub(MAX_DAYS);
    let days: Vec<Bar<'_>> = report.days[skipped..].iter().map(bar).collect();
    if !days.is_empty() {
        page.push_str("<h2>By day</h2>\n");
        page.push_str(&standing(&days, LEGEND, "bytes by day"));
    }
    let mut rows: Vec<&Row> = report.rows.iter().collect();
    if !matches!(report.query.by, By::Day | By::Tenant) {
        rows.sort_by_key(|row| Reverse(row.kinds.all().transferred()));
        let bars: Vec<Bar<'_>> = rows.iter().take(MAX_BARS).map(|row| bar(row)).collect();
        let _ = writeln!(page, "<h2>By {}</h2>", report.query.by.name());
        if rows.len() > MAX_BARS {
            let _ = writeln!(page, "<p>The {MAX_BARS} largest of {}</p>", rows.len());
        }
        page.push_str(&lying(&bars, LEGEND, "bytes by row"));
    }
    let shown = if top == 0 { rows.len() } else { top.min(rows.len()) };
    table(&mut page, report, &rows[..shown]);
    if shown < rows.len() {
        let _ = writeln!(page, "<p>{shown} of {} rows</p>", rows.len());
    }
    page.push_str("</html>\n");
    page
}

fn span(report: &Report) -> String {
    let since = report.query.since.map_or("the beginning".to_owned(), |day| day.to_string());
    let until = report.query.until.map_or("the end".to_owned(), |day| format!("before {day}"));
    format!("From {since} to {until}, days of UTC")
}

fn cards(page: &mut String, total: &Figures) {
    page.push_str("<div class=\"cards\">\n");
    for (name, value) in [
        ("assigned", size(total.assigned_bytes)),
        ("transferred", size(total.transferred())),
        ("of it from gateways", percent(total.transferred_gateway, total.transferred())),
        ("downloaded again", size(total.retransmitted())),
        ("devices completed", total.completed.to_string()),
        ("saved", size(total.saved)),
        ("of full images", percent(total.saved, total.full_bytes)),
        ("saved at the origin", size(total.saved_at_origin)),
    ] {
        let _ = writeln!(page, "<div class=\"card\">{name}<b>{value}</b></div>");
    }
    page.push_str("</div>\n");
}

fn notes(page: &mut String, total: &Figures) {
    if total.unseen > 0 {
        let _ = writeln!(
            page,
            "<p class=\"note\">{} that completed devices must have downloaded stand in no event: less may have been \
             saved.</p>",
            size(total.unseen)
        );
    }
    if total.without_full_size > 0 {
        let _ = writeln!(
            page,
            "<p class=\"note\">{} completed without a known size of the full image: not counted in what was saved.</p>",
            total.without_full_size
        );
    }
}

/// What the completed devices would have downloaded, and what all did.
fn savings(total: &Figures) -> String {
    let legend: &[(&str, &str)] = &[
        ("assigned", "full images of completed devices, or assigned"),
        ("origin", "from the origin"),
        ("gateway", "from gateways"),
        ("saved", "saved"),
    ];
    let bars = [
        Bar { name: "full images", parts: vec![total.full_bytes, 0, 0, 0] },
        Bar { name: "assigned", parts: vec![total.assigned_bytes, 0, 0, 0] },
        Bar { name: "transferred", parts: vec![0, total.transferred_origin, total.transferred_gateway, 0] },
        Bar { name: "saved", parts: vec![0, 0, 0, total.saved] },
    ];
    lying(&bars, legend, "full images, assigned, transferred, saved")
}

fn bar(row: &Row) -> Bar<'_> {
    let all = row.kinds.all();
    let first = |all: i64, again: i64| all.saturating_sub(again);
    let parts = vec![
        first(all.transferred_origin, all.retransmitted_origin),
        first(all.transferred_gateway, all.retransmitted_gateway),
        all.retransmitted(),
    ];
    Bar { name: &row.name, parts }
}

fn table(page: &mut String, report: &Report, rows: &[&Row]) {
    let _ = writeln!(
        page,
        "<h2>Figures</h2>\n<table>\n<tr><th>{}<th>Kind<th>Assigned<th>Origin<th>Gateways<th>Again<th>Aborted<th>Completed\
         <th>Full images<th>Saved<th>",
        report.query.by.name()
    );
    for row in rows {
        for (kind, figures) in row.kinds.named() {
            if figures != Figures::default() {
                line(page, &row.name, kind, &figures);
            }
        }
    }
    line(page, "total", "all", &report.total.all());
    page.push_str("</table>\n");
}

fn line(page: &mut String, name: &str, kind: &str, figures: &Figures) {
    let _ = writeln!(
        page,
        "<tr><td>{}<td>{kind}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
        escaped(name),
        size(figures.assigned_bytes),
        size(figures.transferred_origin),
        size(figures.transferred_gateway),
        size(figures.retransmitted()),
        figures.aborted,
        figures.completed,
        size(figures.full_bytes),
        size(figures.saved),
        percent(figures.saved, figures.full_bytes),
    );
}

/// Text that a browser takes for nothing else.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ledger::report::{Kinds, Query};

    #[test]
    fn names_never_become_markup_and_nothing_is_fetched() {
        let figures = Figures {
            transferred_origin: i64::MAX,
            retransmitted_origin: 5,
            saved: -7,
            ..Figures::default()
        };
        let kinds = Kinds { delta: figures, ..Kinds::default() };
        let row = Row { name: "</title><script>alert('1')</script>&\"".into(), kinds };
        for by in [By::Device, By::Day] {
            let report = Report {
                tenant: "t".into(),
                query: Query { by, since: None, until: None },
                rows: vec![row.clone(); 40],
                total: kinds,
                days: vec![row.clone(); 2],
            };
            let page = html(&report, 10);
            assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;1&#39;)"));
            for word in ["http://", "https://", "src=", "href=", "@import", "url(", "onload"] {
                assert!(!page.contains(word), "{word}");
            }
        }
    }
}
