//! Builds the programs of fuzz targets, with coverage of our own crates.

use crate::failure::{Doing, Failure};
use crate::step::{cargo, program, run};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Set for the wrapper.
const WRAPPER: &str = "XTASK_FUZZ_WRAPPER";

/// What libFuzzer wants to see: edges with counters, where they are, and what is compared.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Sections with counters are known to the linker in one unit only.
    "-Ccodegen-units=1",
];

/// If cargo has started this program in the place of a compiler, does what the compiler would do, with coverage.
pub(crate) fn wrapped_compiler() -> Option<ExitCode> {
    std::env::var_os(WRAPPER)?;
    let mut words = std::env::args_os().skip(1);
    let mut command = program(words.next()?);
    let words: Vec<OsString> = words.collect();
    let compiles = words.iter().any(|word| word == "--crate-name");
    command.args(words).args(COVERAGE.iter().filter(|_| compiles));
    let succeeded = command.status().is_ok_and(|status| status.success());
    Some(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn programs(targets: &[String]) -> Result<(), Failure> {
    let wrapper = std::env::current_exe().doing(|| "finding this program".to_owned())?;
    let mut command = cargo();
    command.args(["build", "-p", "mender-fuzz", "--features", "libfuzzer"]);
    command.args(targets.iter().map(|name| format!("--bin=fuzz_{name}")));
    // The checks of a debug build at the speed of an optimised one; dependencies stay as they are.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "3").env("CARGO_INCREMENTAL", "0");
    run(command.env("RUSTC_WORKSPACE_WRAPPER", wrapper).env(WRAPPER, "1"))
}

pub(crate) fn seeds(folder: &Path) -> Result<(), Failure> {
    run(cargo().args(["run", "-q", "-p", "mender-fuzz", "--example", "seeds", "--"]).arg(folder))
}
