//! `cargo xtask faults`: commands with a fault at each of their system calls, as a markdown table. The tests that do it
//! are in `cli/tests/faults/`.

use crate::failure::Failure;
use crate::step::{cargo, find, run};

/// Columns of the rows that the tests print.
const HEAD: &str = "| command | calls | faults | refused, as before | harmless | complete, report lost | gave up, as before | killed, as before \
                    | killed, complete | killed, reclaimed | killed, half | not killed | findings |\n\
                    |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

/// `faults [CASE...]`: all cases, or those whose names begin so.
pub(crate) fn run_faults(cases: &[&str]) -> Result<(), Failure> {
    if find("strace").is_none() {
        return Err(Failure::new("strace is not installed; it puts the faults in"));
    }
    let mut test = cargo();
    test.args(["test", "-p", "mender-artifact-cli", "--test", "faults", "--"]);
    // Several at once: with one the names of tests would stand before the rows.
    test.args(["--ignored", "--nocapture", "--test-threads", "2"]);
    test.args(cases.iter().map(|case| format!("every_call::{case}")));
    println!("{HEAD}");
    run(&mut test)
}
