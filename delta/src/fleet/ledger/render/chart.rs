//! Charts of bars, as SVG inside of a page.

use super::html::escaped;
use super::size::size;
use std::fmt::Write;

/// Width of a chart, in its own units.
const WIDTH: i128 = 1000;
/// Place for names left of lying bars.
const NAMES: i128 = 220;

/// One bar of several parts.
pub(super) struct Bar<'a> {
    pub(super) name: &'a str,
    /// Length of each part in bytes; less than 0 is drawn as 0.
    pub(super) parts: Vec<i64>,
}

/// The parts of all bars: class in the style sheet, and what it means.
pub(super) type Legend<'a> = &'a [(&'a str, &'a str)];

fn largest(bars: &[Bar<'_>]) -> i128 {
    let sums = bars.iter().map(|bar| bar.parts.iter().map(|part| i128::from(*part).max(0)).sum());
    sums.max().unwrap_or(0).max(1)
}

fn begin(chart: &mut String, legend: Legend<'_>, title: &str, height: i128) {
    chart.push_str("<p class=\"legend\">");
    for (class, meaning) in legend {
        // Writing to a String cannot fail.
        let _ = write!(chart, "<span class=\"key {class}\"></span> {} ", escaped(meaning));
    }
    let _ = writeln!(
        chart,
        "</p>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    );
}

fn tip(bar: &Bar<'_>, legend: Legend<'_>) -> String {
    let parts =
        bar.parts.iter().zip(legend).map(|(bytes, (_, meaning))| format!("{meaning} {}", size(*bytes)));
    escaped(&format!("{}: {}", bar.name, parts.collect::<Vec<_>>().join(", ")))
}

/// Bars below each other, names left of them.
pub(super) fn lying(bars: &[Bar<'_>], legend: Legend<'_>, title: &str) -> String {
    let mut chart = String::new();
    let count = i128::try_from(bars.len()).unwrap_or(0);
    begin(&mut chart, legend, title, count * 24 + 4);
    let largest = largest(bars);
    let mut y = 2;
    for bar in bars {
        let _ = write!(
            chart,
            "<g><title>{}</title><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            tip(bar, legend),
            NAMES - 8,
            y + 15,
            escaped(&shortened(bar.name))
        );
        let mut x = NAMES;
        for (bytes, (class, _)) in bar.parts.iter().zip(legend) {
            let width = i128::from(*bytes).max(0) * (WIDTH - NAMES - 90) / largest;
            let _ = write!(
                chart,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"20\"/>"
            );
            x += width;
        }
        let all = bar.parts.iter().fold(0_i64, |sum, part| sum.saturating_add((*part).max(0)));
        let _ = writeln!(chart, "<text x=\"{}\" y=\"{}\">{}</text></g>", x + 6, y + 15, escaped(&size(all)));
        y += 24;
    }
    chart.push_str("</svg>\n");
    chart
}

/// Bars beside each other, the first and last name below.
pub(super) fn standing(bars: &[Bar<'_>], legend: Legend<'_>, title: &str) -> String {
    const HEIGHT: i128 = 200;
    let mut chart = String::new();
    begin(&mut chart, legend, title, HEIGHT + 24);
    let largest = largest(bars);
    let count = i128::try_from(bars.len()).unwrap_or(1).max(1);
    let _ = writeln!(
        chart,
        "<line x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\" stroke=\"currentColor\"/>\n<text x=\"0\" y=\"12\">{}</text>",
        escaped(&size(i64::try_from(largest).unwrap_or(i64::MAX)))
    );
    for (at, bar) in (0_i128..).zip(bars) {
        let (from, to) = (at * WIDTH / count, (at + 1) * WIDTH / count);
        let gap = if to - from > 6 { 2 } else { 0 };
        let _ = write!(chart, "<g><title>{}</title>", tip(bar, legend));
        let mut y = HEIGHT;
        for (bytes, (class, _)) in bar.parts.iter().zip(legend) {
            let height = i128::from(*bytes).max(0) * (HEIGHT - 20) / largest;
            y -= height;
            let width = (to - from - gap).clamp(1, 60);
            let _ = write!(
                chart,
                "<rect class=\"{class}\" x=\"{from}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            );
        }
        chart.push_str("</g>\n");
    }
    if let (Some(first), Some(last)) = (bars.first(), bars.last()) {
        let y = HEIGHT + 18;
        let _ = writeln!(chart, "<text x=\"0\" y=\"{y}\">{}</text>", escaped(first.name));
        if bars.len() > 1 {
            let _ = writeln!(
                chart,
                "<text x=\"{WIDTH}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
                escaped(last.name)
            );
        }
    }
    chart.push_str("</svg>\n");
    chart
}

/// As much of a name as there is place for.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 26 {
        return name.to_owned();
    }
    name.chars().take(25).chain(['…']).collect()
}
