//! `cargo xtask device-library` and `device-size`: the static library for firmware, and what it takes.

use crate::failure::Failure;
use crate::step::{cargo, find, fresh_dir, output, program, root, run, target_dir};
use std::path::{Path, PathBuf};

/// Profiles: what they are called, and the features that they have.
const PROFILES: [(&str, &str); 5] = [
    ("reader", ""),
    ("reader, gzip", "gzip"),
    ("reader, xdelta3", "vcdiff"),
    ("reader, native", "native"),
    ("all", "gzip,native,vcdiff"),
];

/// Rust's name of a target, and what its C compiler and simulator are called.
const TARGETS: [[&str; 3]; 2] = [
    ["aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64"],
    ["armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-gcc", "qemu-arm"],
];

/// `device-library [--features LIST] [--target TRIPLE]`
pub(crate) fn run_library(arguments: &[&str]) -> Result<(), Failure> {
    let (mut features, mut target, mut rest) = ("gzip,native,vcdiff", None, arguments);
    while let [name, value, behind @ ..] = rest {
        match *name {
            "--features" => features = value,
            "--target" => target = Some(*value),
            _ => return Err(Failure::new(format!("device-library: unknown option '{name}'"))),
        }
        rest = behind;
    }
    if let [left] = rest {
        return Err(Failure::new(format!("device-library: '{left}' without a value")));
    }
    println!("{}", library(features, target)?.display());
    Ok(())
}

/// Builds the library; gives its place.
fn library(features: &str, target: Option<&str>) -> Result<PathBuf, Failure> {
    let mut cargo = cargo();
    cargo.args(["rustc", "-p", "mender-device", "--lib", "--crate-type", "staticlib", "--profile", "device"]);
    cargo.args(["--no-default-features", "--features", features]);
    let mut folder = target_dir();
    if let Some(target) = target {
        // A compiler with libraries for another processor may be another one.
        folder = folder.join("device-cross");
        if let Some(compiler) = std::env::var_os("RUSTC_CROSS") {
            cargo.env("RUSTC", compiler);
        }
        cargo.args(["--target", target]).arg("--target-dir").arg(&folder);
        folder = folder.join(target);
    }
    run(&mut cargo)?;
    Ok(folder.join("device/libmender_device.a"))
}

/// A table of code size and arena for each profile and target that can be built here.
pub(crate) fn run_size() -> Result<(), Failure> {
    let mut lines = Vec::new();
    for [target, cc, qemu] in TARGETS {
        if let Some(missing) = [cc, qemu].into_iter().find(|name| find(name).is_none()) {
            println!("skipped: {target}, for which there is no {missing}");
            continue;
        }
        for (name, features) in PROFILES {
            let library = library(features, Some(target))?;
            let folder = fresh_dir("device-size")?;
            let code = code_bytes(&library, cc, &folder)?;
            let need = need(&library, features, cc, qemu, &folder)?;
            lines.push(format!("| {target} | {name} | {code} | {need} |"));
        }
    }
    println!(
        "\n| target | profile | code and constants | reader | applier | install |\n|---|---|---|---|---|---|"
    );
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// Bytes of code and constants of a program that can call every function of the library; tables for unwinding, which
/// firmware drops, and what the C library brings do not count.
fn code_bytes(library: &Path, cc: &str, folder: &Path) -> Result<u64, Failure> {
    let symbols = output(program(cc.replace("gcc", "nm")).arg("-g").arg(library))?;
    let linked = folder.join("all");
    let mut link = program(cc);
    link.args(["-nostdlib", "-static", "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all"]);
    link.args(["-Wl,-e,mar_device_abi", "-o"]).arg(&linked);
    for name in symbols.lines().filter_map(|line| line.split_once(" T mar_").map(|(_, name)| name)) {
        link.arg(format!("-Wl,-u,mar_{name}"));
    }
    run(link.arg(library))?;
    let sections = output(program(cc.replace("gcc", "size")).arg("-A").arg(&linked))?;
    let counted = sections.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, size) = (words.next()?, words.next()?.parse::<u64>().ok()?);
        [".text", ".rodata", ".data"].iter().any(|kind| name.starts_with(kind)).then_some(size)
    });
    Ok(counted.sum())
}

/// The arena's need with the limits that are the default, and gzip where it is there.
fn need(library: &Path, features: &str, cc: &str, qemu: &str, folder: &Path) -> Result<String, Failure> {
    let need = folder.join("need");
    let device = root().join("ffi/device");
    let mut compile = program(cc);
    compile.args(["-std=c99", "-static", "-Wl,--gc-sections", "-I"]).arg(device.join("include"));
    for feature in features.split(',').filter(|feature| !feature.is_empty()) {
        compile.arg(format!("-DWITH_{}", feature.to_uppercase()));
    }
    compile.arg(device.join("tests/need.c")).arg(library).arg("-o").arg(&need);
    run(&mut compile)?;
    Ok(output(program(qemu).arg(&need))?.trim().to_owned())
}
