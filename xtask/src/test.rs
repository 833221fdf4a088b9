//! `cargo xtask test`: everything CI runs, on a clean clone.

use crate::failure::Failure;
use crate::{check, demo, prerequisites, s3_server};
use std::time::Instant;

pub(crate) fn run() -> Result<(), Failure> {
    let start = Instant::now();
    prerequisites::install_missing();
    s3_server::install_missing();
    check::run_lints()?;
    demo::run(demo::Source::OwnPrograms)?;
    // Last, so that the result lines of the tests end the output.
    let tests = check::run_tests();
    eprintln!("\nxtask test took {} s", start.elapsed().as_secs());
    tests
}
