//! The markdown table.

use super::task::Target;
use crate::measure::Usage;
use std::fmt::Write;
use std::time::Duration;

/// One side of a row.
pub(super) enum Cell {
    Measured {
        usage: Usage,
        bytes: u64,
        runs: usize,
    },
    /// It still ran at the limit.
    Ended(Duration),
    /// Not run, for this reason.
    LeftOut(String),
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) ours: Cell,
    pub(super) other: Cell,
    pub(super) target: Target,
}

/// The whole report.
pub(super) fn markdown(rows: &[Row], image_bytes: u64, version: &str, took: Duration) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "Image of {image_bytes} bytes, {cores} processors; beside ours: {version}.\n\n\
         | command | ours: wall s | CPU s | peak MiB | bytes | other: wall s | CPU s | peak MiB | bytes | runs | times as fast | target |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|---|\n"
    );
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} + {} | {} | {} |",
            row.name,
            cells(&row.ours),
            cells(&row.other),
            runs(&row.ours),
            runs(&row.other),
            ratio(row).map_or_else(String::new, |(times, at_least)| {
                format!("{}{times:.1}", if at_least { "over " } else { "" })
            }),
            verdict(row),
        );
    }
    let _ = writeln!(
        text,
        "\nMedian of the runs. Peak memory is the largest resident set. Ours brings what it writes to the medium before it \
         ends; the others do not, unless it says sync. `modify -n` also changes a file inside of an ext4 image, in \
         both. Everything took {} s.",
        took.as_secs()
    );
    text
}

fn cells(cell: &Cell) -> String {
    match cell {
        Cell::Measured { usage, bytes, .. } => format!(
            "{:.2} | {:.2} | {} | {bytes}",
            usage.wall_seconds,
            usage.cpu_seconds,
            usage.peak_bytes.div_ceil(1 << 20)
        ),
        Cell::Ended(limit) => format!("ended after {} | | | ", limit.as_secs()),
        Cell::LeftOut(why) => format!("{why} | | | "),
    }
}

fn runs(cell: &Cell) -> usize {
    match cell {
        Cell::Measured { runs, .. } => *runs,
        Cell::Ended(_) => 1,
        Cell::LeftOut(_) => 0,
    }
}

/// How many times as fast ours is, and whether that is only the least it can be.
fn ratio(row: &Row) -> Option<(f64, bool)> {
    let Cell::Measured { usage: ours, .. } = &row.ours else { return None };
    match &row.other {
        Cell::Measured { usage, .. } => Some((usage.wall_seconds / ours.wall_seconds, false)),
        Cell::Ended(limit) => Some((limit.as_secs_f64() / ours.wall_seconds, true)),
        Cell::LeftOut(_) => None,
    }
}

/// Whether the row reaches what it has to, and what it does not reach.
#[allow(clippy::cast_precision_loss)] // a ratio of file sizes, shown with three digits
fn verdict(row: &Row) -> String {
    let Cell::Measured { usage, bytes, .. } = &row.ours else { return "not measured".into() };
    let mut said = Vec::new();
    let mut missed = false;
    let mut judge = |reached: bool, what: String| {
        missed |= !reached;
        said.push(if reached { what } else { format!("**not {what}**") });
    };
    match (row.target.times, ratio(row)) {
        (Some(times), Some((found, at_least))) if found >= times || !at_least => {
            judge(found >= times, format!("{times} times as fast"));
        }
        (Some(times), Some(_)) => judge(false, format!("known to be {times} times as fast")),
        _ => {}
    }
    if let (Some(factor), Cell::Measured { bytes: others, .. }) = (row.target.size, &row.other) {
        // An Artifact has a few headers, in which the tools differ.
        let most = *others as f64 * factor + 4096.0;
        judge(*bytes as f64 <= most, format!("at most {factor} of the size"));
    }
    if let Some(peak) = row.target.peak_mib {
        judge(usage.peak_bytes.div_ceil(1 << 20) <= peak, format!("at most {peak} MiB"));
    }
    let list = said.join(", ");
    if missed { list } else { format!("met: {list}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(wall_seconds: f64, bytes: u64, mib: u64) -> Cell {
        let usage = Usage { wall_seconds, cpu_seconds: 1.0, peak_bytes: mib << 20 };
        Cell::Measured { usage, bytes, runs: 1 }
    }

    fn row(ours: Cell, other: Cell) -> Row {
        let target = Target { times: Some(1.5), size: Some(1.0), peak_mib: Some(64) };
        Row { name: "write, gzip".into(), ours, other, target }
    }

    #[test]
    fn every_part_of_a_target_is_judged() {
        let met = "met: 1.5 times as fast, at most 1 of the size, at most 64 MiB";
        assert_eq!(verdict(&row(measured(2.0, 100_000, 64), measured(3.0, 100_000, 9))), met);
        for (other, what) in [
            (measured(2.9, 100_000, 9), "**not 1.5 times as fast**, at most 1 of the size, at most 64 MiB"),
            (measured(3.0, 90_000, 9), "1.5 times as fast, **not at most 1 of the size**, at most 64 MiB"),
        ] {
            assert_eq!(verdict(&row(measured(2.0, 100_000, 64), other)), what);
        }
        let much = verdict(&row(measured(2.0, 100_000, 65), measured(3.0, 100_000, 9)));
        assert!(much.ends_with("**not at most 64 MiB**"), "{much}");
    }

    #[test]
    fn who_was_ended_is_at_least_that_slow() {
        let ended = || Cell::Ended(Duration::from_secs(30));
        let said = markdown(&[row(measured(2.0, 1, 1), ended())], 1, "v", Duration::ZERO);
        assert!(said.contains("| ended after 30 | | |  | 1 + 1 | over 15.0 | met: 1.5 times"), "{said}");
        let unknown = verdict(&row(measured(25.0, 1, 1), ended()));
        assert!(unknown.starts_with("**not known to be 1.5 times as fast**"), "{unknown}");
    }

    #[test]
    fn what_is_left_out_says_why() {
        let left_out = Cell::LeftOut("3.9 has no zstd".into());
        let said = markdown(&[row(measured(2.0, 1, 1), left_out)], 1, "v", Duration::ZERO);
        assert!(said.contains("| 3.9 has no zstd | | |  | 1 + 0 |  | met: at most 64 MiB |"), "{said}");
    }
}
