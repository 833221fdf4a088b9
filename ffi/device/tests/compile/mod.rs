//! Builds the static library and C programs with it. Says 'skipped' where there is no compiler.

#![allow(dead_code, reason = "each test uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const WARNINGS: [&str; 6] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1"];
pub(crate) const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
    output
}

pub(crate) fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The compiler, if there is one.
pub(crate) fn compiler(variable: &str, usual: &str) -> Option<String> {
    let name = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    if is_there(&name) {
        return Some(name);
    }
    println!("skipped: no {name} here; install a C and C++ compiler or name one with {variable}");
    None
}

/// libmender_device.a of this computer, as it goes into firmware: without standard library, without unwinding.
pub(crate) fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| library_for(None))
}

fn target_folder() -> PathBuf {
    // target/debug/deps/c_programs-… → target
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// The library for another processor, too.
fn library_for(triple: Option<&str>) -> PathBuf {
    let target = target_folder();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--offline", "-p", "mender-device", "--lib", "--crate-type", "staticlib"]);
    cargo.args(["--profile", "device"]).current_dir(package());
    let Some(triple) = triple else {
        run(cargo.arg("--target-dir").arg(&target));
        return target.join("device/libmender_device.a");
    };
    // Other compilers make other files.
    let target = target.join("device-cross");
    cargo.env("RUSTC", cross_compiler()).arg("--target").arg(triple);
    run(cargo.arg("--target-dir").arg(&target));
    target.join(triple).join("device/libmender_device.a")
}

/// The library with checks of the address sanitizer in its own code, which takes an unstable option.
pub(crate) fn instrumented_library() -> PathBuf {
    let target = target_folder().join("device-asan");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--offline", "-p", "mender-device", "--lib", "--crate-type", "staticlib"]);
    cargo.args(["--profile", "device", "--target", "x86_64-unknown-linux-gnu"]).current_dir(package());
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    run(cargo.arg("--target-dir").arg(&target));
    target.join("x86_64-unknown-linux-gnu/device/libmender_device.a")
}

/// RUSTC_CROSS, else the compiler that everything is built with.
fn cross_compiler() -> String {
    std::env::var("RUSTC_CROSS").or_else(|_| std::env::var("RUSTC")).unwrap_or_else(|_| "rustc".to_owned())
}

/// Another processor: Rust's name of it, the C compiler, and the simulator.
pub(crate) const CROSS: [[&str; 3]; 2] = [
    ["aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64"],
    ["armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-gcc", "qemu-arm"],
];

/// The library for that processor, if there is all that it takes.
pub(crate) fn cross_library([triple, cc, qemu]: [&str; 3]) -> Option<PathBuf> {
    let libraries =
        Command::new(cross_compiler()).args(["--print", "target-libdir", "--target", triple]).output();
    let folder = libraries.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if !folder.is_ok_and(|folder| !folder.is_empty() && Path::new(&folder).is_dir()) {
        println!("skipped: no Rust libraries for {triple}; name a compiler that has them with RUSTC_CROSS");
        return None;
    }
    for program in [cc, qemu] {
        if !is_there(program) {
            println!("skipped: no {program} here");
            return None;
        }
    }
    Some(library_for(Some(triple)))
}

/// Compiles and links `source` into a program in `folder`.
pub(crate) fn build(
    compiler: &str,
    standard: &str,
    source: &str,
    flags: &[&str],
    library: &Path,
    folder: &Path,
) -> PathBuf {
    let name = source.replace(['/', '.'], "-");
    let program = folder.join(format!("{name}-{}", flags.concat().replace('/', "-")));
    let mut command = Command::new(compiler);
    command.arg(standard).args(WARNINGS).args(flags).arg("-I").arg(package().join("include"));
    command.arg(package().join(source)).args(["-x", "none"]).arg(library).arg("-o").arg(&program);
    run(&mut command);
    program
}

/// Whether programs with these flags can be built and run.
pub(crate) fn works(compiler: &str, flags: &[&str], folder: &Path) -> bool {
    let source = folder.join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let program = folder.join("empty");
    let built = Command::new(compiler).args(flags).arg(&source).arg("-o").arg(&program).output();
    let works = built.is_ok_and(|output| output.status.success())
        && Command::new(&program).output().is_ok_and(|output| output.status.success());
    if !works {
        println!("skipped: {compiler} makes no working programs with {}", flags.join(" "));
    }
    works
}

/// What a program prints, and its status.
pub(crate) fn say(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{command:?}: {errors}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}
