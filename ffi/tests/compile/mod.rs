//! Builds the libraries and C programs with them. Says 'skipped' where there is no compiler.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

pub(crate) const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];
pub(crate) const SONAME: &str = "libmender_artifact.so.0";
pub(crate) const ADDRESS_SANITIZER: &[&str] = &["-fsanitize=address"];

pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
    output
}

/// The compiler, if there is one.
pub(crate) fn compiler(variable: &str, usual: &str) -> Option<String> {
    let name = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    if Command::new(&name).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Some(name);
    }
    println!("skipped: no {name} here; install a C and C++ compiler or name one with {variable}");
    None
}

/// Cargo, without what cargo itself has told this test of its package: build scripts that look at that (ring's does) would
/// run again each time, and all that depends on them would be built again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        let is_told = |name: &str| name == "OUT_DIR" || told.iter().any(|prefix| name.starts_with(prefix));
        if name.to_str().is_some_and(is_told) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The folder with libmender_artifact.a and libmender_artifact.so, and the libraries that the former wants.
pub(crate) fn library() -> &'static (PathBuf, Vec<String>) {
    static BUILT: OnceLock<(PathBuf, Vec<String>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        // target/debug/deps/c_programs-… → target/debug
        let folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let mut cargo = cargo();
        cargo.args(["rustc", "--offline", "-p", "mender-ffi", "--lib", "--target-dir"]);
        cargo.arg(folder.parent().unwrap()).current_dir(package());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let output = run(cargo.args(["--", "--print", "native-static-libs"]));
        let said = String::from_utf8(output.stderr).unwrap();
        let native = said.lines().find_map(|line| line.split_once("native-static-libs: "));
        let native = native.map_or("-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc", |(_, libraries)| libraries);
        (folder, native.split_whitespace().map(str::to_owned).collect())
    })
}

/// Compiles and links `source` with the static library; a program is made in `folder`.
pub(crate) fn build(
    compiler: &str,
    standard: &[&str],
    source: &str,
    flags: &[&str],
    folder: &Path,
) -> PathBuf {
    let (library, native) = library();
    let program = folder.join(format!("program{}", flags.concat()));
    let mut command = Command::new(compiler);
    command.args(standard).args(WARNINGS).args(flags).arg("-I").arg(package().join("include"));
    command.arg(package().join(source)).args(["-x", "none"]).arg(library.join("libmender_artifact.a"));
    run(command.args(native).arg("-o").arg(&program));
    program
}

pub(crate) fn has_address_sanitizer(compiler: &str, folder: &Path) -> bool {
    let source = folder.join("empty.c");
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let program = folder.join("empty");
    let built = Command::new(compiler).args(ADDRESS_SANITIZER).arg(&source).arg("-o").arg(&program).output();
    let works = built.is_ok_and(|output| output.status.success())
        && Command::new(&program).output().is_ok_and(|output| output.status.success());
    if !works {
        println!("skipped: {compiler} has no working -fsanitize=address");
    }
    works
}

/// What a program prints and whether it is content.
pub(crate) fn say(program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{arguments:?}: {errors}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

pub(crate) fn is_there(program: &str, question: &str) -> bool {
    let there = Command::new(program).arg(question).output().is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: no {program} here");
    }
    there
}
