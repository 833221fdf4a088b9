//! The tables of docs/bad-input.md.

use crate::case::{Case, Kind};
use crate::corpus::{ours, root, writes};
use crate::theirs::answers;
use std::fs;

/// What stands in a cell that could not be filled here; it is compared with nothing.
pub(crate) const NOT_HERE: &str = "not here";

const BEGIN: [&str; 2] = ["<!-- Artifacts -->", "<!-- deltas -->"];
const END: &str = "<!-- end -->";

/// Cells of one row.
fn row(case: &Case) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let ended = ours(case, folder.path());
    let first = ended.line.lines().next().unwrap_or("");
    let first = first.trim_start_matches("mender-artifact: ").trim_start_matches("bad.mender: ");
    let first = first.trim_start_matches("bad.delta: ").replace('|', "\\|");
    let mut cells = vec![format!("`{}`", case.name), case.shows.to_owned()];
    cells.extend(answers(case).into_iter().map(|(_, answer)| answer));
    cells.push(format!("{}: `{first}`", ended.status));
    cells
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn heads(kind: Kind) -> &'static str {
    match kind {
        Kind::Artifact => {
            "| folder | defect | Go tool 3.9 | Go client 3.4 | ours: status and first line |\n|---|---|---|---|---|\n"
        }
        Kind::Delta => {
            "| folder | defect | xdelta3 3.0.11, bspatch | ours: status and line |\n|---|---|---|---|\n"
        }
    }
}

pub(crate) fn check(cases: &[Case]) {
    let path = root().join("docs/bad-input.md");
    let mut document = fs::read_to_string(&path).unwrap();
    for (kind, begin) in [Kind::Artifact, Kind::Delta].into_iter().zip(BEGIN) {
        let (before, rest) = document.split_once(begin).unwrap_or_else(|| panic!("{begin} is missing"));
        let (table, after) = rest.split_once(END).unwrap();
        let cases = cases.iter().filter(|case| case.kind == kind);
        let rows: Vec<Vec<String>> = cases.map(row).collect();
        if writes() {
            assert!(rows.iter().flatten().all(|cell| cell != NOT_HERE), "a tool is missing");
            let lines: String = rows.iter().map(|cells| line(cells)).collect();
            document = format!("{before}{begin}\n{}{lines}{END}{after}", heads(kind));
            continue;
        }
        let there: Vec<&str> = table.lines().skip(3).collect();
        assert_eq!(there.len(), rows.len(), "{begin}: rows");
        for (there, cells) in there.iter().zip(rows) {
            let known: Vec<&str> = there.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(known.len(), cells.len(), "{there}");
            for (known, cell) in known.iter().zip(&cells) {
                assert!(
                    cell == NOT_HERE || known == cell,
                    "{}: the document says {known}, it is {cell}",
                    cells[0]
                );
            }
        }
    }
    if writes() {
        fs::write(path, document).unwrap();
    }
}
