//! `cargo xtask faults`: commands with a fault at each of their system calls, as a markdown table. The tests that do it
//! are in `cli/tests/faults/`.

use crate::failure::{Doing, Failure};
use crate::step::{cargo, find, output, shown};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Columns of the rows that the tests print.
const HEAD: &str = "| command | calls | faults | refused, as before | harmless | complete, report lost | gave up, as before | killed, as before \
                    | killed, complete | killed, reclaimed | killed, half | not killed | findings |\n\
                    |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

/// The module of the tests that go through all calls.
const TESTS: &str = "every_call::";

/// `faults [CASE...]`: all cases, or those whose names begin so.
pub(crate) fn run_faults(cases: &[&str]) -> Result<(), Failure> {
    if find("strace").is_none() {
        return Err(Failure::new("strace is not installed; it puts the faults in"));
    }
    let listed = output(faults_test().args(["--ignored", "--list"]))?;
    let known: Vec<&str> = listed.lines().filter_map(case_of).collect();
    if let Some(unknown) = cases.iter().find(|case| !known.iter().any(|name| name.starts_with(**case))) {
        return Err(Failure::new(format!("no case begins with '{unknown}'; there are {}", known.join(", "))));
    }
    let mut test = faults_test();
    test.args(["--ignored", "--nocapture", "--test-threads", "2"]);
    test.args(cases.iter().map(|case| format!("{TESTS}{case}")));
    println!("\n▶ {}", shown(&test));
    let mut child = test.stdout(Stdio::piped()).spawn().doing(|| shown(&test))?;
    let mut rows = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line.doing(|| shown(&test))?;
        match row_in(&line) {
            Some(row) => rows.push(row.to_owned()),
            None => println!("{line}"),
        }
    }
    let status = child.wait().doing(|| shown(&test))?;
    println!("\n{HEAD}\n{}", rows.join("\n"));
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{}: {status}", shown(&test)))) }
}

fn faults_test() -> Command {
    let mut test = cargo();
    test.args(["test", "-p", "mender-artifact-cli", "--test", "faults", "--"]);
    test
}

/// The case that a line of the list of tests names.
fn case_of(line: &str) -> Option<&str> {
    line.strip_prefix(TESTS)?.strip_suffix(": test")
}

/// The row of the table in a line, before which the name of a test may stand.
fn row_in(line: &str) -> Option<&str> {
    let row = &line[line.find("| ")?..];
    row.ends_with(" |").then_some(row)
}

#[cfg(test)]
mod tests {
    use super::{case_of, row_in};

    #[test]
    fn cases_and_rows_are_told_from_other_lines() {
        assert_eq!(case_of("every_call::sign_to: test"), Some("sign_to"));
        assert_eq!(case_of("0 tests, 0 benchmarks"), None);
        assert_eq!(row_in("test every_call::sign ... | sign | 1 | 2 |"), Some("| sign | 1 | 2 |"));
        assert_eq!(row_in("put in, refused: {\"EIO\": [1, 2]}"), None);
        assert_eq!(row_in("a | b"), None);
    }
}
