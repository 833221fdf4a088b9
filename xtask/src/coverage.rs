//! `cargo xtask coverage`: which lines the tests run, by LLVM's source-based coverage.
//!
//! Only the workspace's own crates are instrumented: this program is cargo's wrapper around the compiler for them. The
//! tools that read the profiles are those of the system's LLVM, which need not be the compiler's but new enough.

use crate::failure::{Doing, Failure};
use crate::step::{cargo, find, fresh_dir, output, program, root, run, shown};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Set while cargo calls this program instead of the compiler.
const WRAPPING: &str = "XTASK_COVERAGE_WRAPPER";
/// Crates whose tests are run; those of the command run the libraries, too.
const TESTED: [&str; 4] = ["mender-artifact", "mender-image", "mender-delta", "mender-artifact-cli"];
/// Oldest and newest LLVM whose tools are looked for.
const LLVM: std::ops::RangeInclusive<u32> = 19..=30;
/// Below this share of its lines a file is listed by name.
const LOW_PERCENT: f64 = 80.0;

/// Runs the compiler with instrumentation, if cargo has called this program as its wrapper.
pub(crate) fn wrap_compiler(arguments: &[String]) -> Option<ExitCode> {
    std::env::var_os(WRAPPING)?;
    let (compiler, rest) = arguments.split_first()?;
    let status = Command::new(compiler).args(rest).args(["-C", "instrument-coverage"]).status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// `coverage [CRATE...]`: the tests of all crates, or of these.
pub(crate) fn run_coverage(crates: &[&str]) -> Result<(), Failure> {
    if let Some(unknown) = crates.iter().find(|name| !TESTED.contains(name)) {
        return Err(Failure::new(format!("unknown crate '{unknown}'; there are {}", TESTED.join(", "))));
    }
    let crates = if crates.is_empty() { &TESTED[..] } else { crates };
    let (profdata, cov) = (tool("llvm-profdata")?, tool("llvm-cov")?);
    let folder = fresh_dir("coverage-profiles")?;
    let wrapper = std::env::current_exe().doing(|| "finding this program".to_owned())?;
    let cargo_test = |last: &[&str]| {
        let mut command = cargo();
        command.args(["test", "--target-dir"]).arg(crate::step::target_dir().join("coverage"));
        for name in crates {
            command.args(["-p", name]);
        }
        command.args(last).env("RUSTC_WORKSPACE_WRAPPER", &wrapper).env(WRAPPING, "1");
        // Profiles of one program are added up in place, those of programs that are killed are lost.
        command.env("LLVM_PROFILE_FILE", folder.join("%4m.profraw"));
        command
    };
    let programs = executables(&output(&mut cargo_test(&["--no-run", "--message-format=json"]))?);
    let tests = run(&mut cargo_test(&["--no-fail-fast"]));
    let merged = folder.join("all.profdata");
    let raw = std::fs::read_dir(&folder).doing(|| format!("reading {}", folder.display()))?;
    let raw: Vec<PathBuf> = raw.flatten().map(|entry| entry.path()).collect();
    run(program(profdata).args(["merge", "-sparse", "-o"]).arg(&merged).args(raw))?;
    let mut export = program(cov);
    export.args(["export", "-summary-only", "-instr-profile"]).arg(&merged);
    for (i, path) in programs.iter().enumerate() {
        export.args((i > 0).then_some("-object")).arg(path);
    }
    println!("\n▶ llvm-cov export");
    let summary = serde_json::from_str(&output(&mut export)?)
        .map_err(|error| Failure::new(format!("{}: {error}", shown(&export))))?;
    print_table(&files(&summary));
    tests
}

/// The newest of a tool of LLVM that is installed.
fn tool(name: &str) -> Result<PathBuf, Failure> {
    LLVM.rev()
        .find_map(|version| find(&format!("{name}-{version}")))
        .ok_or_else(|| Failure::new(format!("{name}-{} or newer is not installed", LLVM.start())))
}

/// The programs that cargo's messages tell of.
fn executables(messages: &str) -> Vec<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}

/// Lines of a file, and those that were run.
#[derive(Clone, Copy, Default)]
struct Lines {
    all: u64,
    run: u64,
}

impl Lines {
    #[allow(clippy::cast_precision_loss, reason = "numbers of lines")]
    fn percent(self) -> f64 {
        if self.all == 0 { 100.0 } else { 100.0 * self.run as f64 / self.all as f64 }
    }
}

/// The sources of this project, without tests, by their path.
fn files(summary: &Value) -> BTreeMap<String, Lines> {
    let mut files = BTreeMap::new();
    for file in summary["data"][0]["files"].as_array().into_iter().flatten() {
        let Some(path) = file["filename"].as_str() else { continue };
        let Ok(path) = Path::new(path).strip_prefix(root()) else { continue };
        let path = path.to_string_lossy().into_owned();
        let in_tests = path.contains("/tests/") || path.contains("/examples/") || path.starts_with("target");
        if in_tests || path.ends_with("/tests.rs") || path.starts_with("xtask") {
            continue;
        }
        let lines = &file["summary"]["lines"];
        let [all, run] = [&lines["count"], &lines["covered"]].map(|number| number.as_u64().unwrap_or(0));
        files.insert(path, Lines { all, run });
    }
    files
}

fn print_table(files: &BTreeMap<String, Lines>) {
    let mut crates: BTreeMap<&str, Lines> = BTreeMap::new();
    for (path, lines) in files {
        let sum = crates.entry(path.split("/src/").next().unwrap_or(path)).or_default();
        sum.all += lines.all;
        sum.run += lines.run;
    }
    println!("\n| crate | lines | run | |\n|---|---:|---:|---:|");
    for (name, lines) in &crates {
        println!("| {name} | {} | {} | {:.1} % |", lines.all, lines.run, lines.percent());
    }
    println!("\n| file below {LOW_PERCENT} % | lines | run | |\n|---|---:|---:|---:|");
    for (path, lines) in files.iter().filter(|(_, lines)| lines.percent() < LOW_PERCENT) {
        println!("| {path} | {} | {} | {:.1} % |", lines.all, lines.run, lines.percent());
    }
}
