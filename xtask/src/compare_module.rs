//! `cargo xtask compare-module`: what the Update Module takes to apply deltas of both formats, beside `xdelta3 -d`, in one
//! run, as a markdown table. The module is driven as a client drives it; plain files are the partitions.

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, Usage, measured};
use crate::step::{cargo, find, fresh_dir, program, run as run_step, target_dir};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An apply that takes longer is ended and left out.
const LIMIT: Duration = Duration::from_secs(900);
/// Stand-in for `fw_printenv`: the running partition is the second one, nothing is on trial.
const PRINT_ENVIRONMENT: &str = "#!/bin/sh\ncase $1 in mender_boot_part) echo $1=2;; *) echo $1=;; esac\n";

/// A delta, by whom it was made.
struct Delta {
    name: &'static str,
    path: PathBuf,
    algorithm: &'static str,
}

/// The pair, and what its images are known by.
struct Pair {
    old: PathBuf,
    new: PathBuf,
    old_sha256: String,
    new_sha256: String,
    new_bytes: u64,
}

/// What is there already and need not be made.
#[derive(Default)]
struct Given {
    module: Option<PathBuf>,
    native: Option<PathBuf>,
    xdelta3: Option<PathBuf>,
}

/// `compare-module [--module PROGRAM] [--native DELTA] [--xdelta3 DELTA] PAIR`
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (mut given, mut rest) = (Given::default(), arguments);
    while let [option, value, behind @ ..] = rest {
        let place = match *option {
            "--module" => &mut given.module,
            "--native" => &mut given.native,
            "--xdelta3" => &mut given.xdelta3,
            _ => break,
        };
        (*place, rest) = (Some(PathBuf::from(value)), behind);
    }
    let [folder] = rest else {
        return Err(Failure::new("no pair given: compare-module PAIR, a folder with old.img and new.img"));
    };
    let scratch = fresh_dir("compare-module")?;
    let module = match &given.module {
        Some(module) => module.clone(),
        None => {
            // As it is built for devices: without the tool and its dependencies, in a folder of its own.
            let target = target_dir().join("xtask/module");
            let build = ["build", "--quiet", "--release", "-p", "mender-artifact-cli"];
            let device = ["--bin", "mender-binary-delta", "--no-default-features", "--target-dir"];
            run_step(cargo().args(build).args(device).arg(&target))?;
            target.join("release/mender-binary-delta")
        }
    };
    // With a native delta alone nothing of it would run.
    let xdelta3 = if given.native.is_some() && given.xdelta3.is_none() {
        None
    } else {
        Some(find("xdelta3").ok_or_else(|| Failure::new("xdelta3 is not installed"))?)
    };

    let pair = Pair::read(Path::new(folder))?;
    let deltas = make_deltas(&pair, given, xdelta3.as_deref(), &scratch)?;
    println!("\nimage: {} bytes; module: {} bytes\n", pair.new_bytes, size(&module)?);
    println!("| delta | bytes | applied by | wall s | CPU s | peak MiB |");
    println!("|---|---:|---|---:|---:|---:|");
    for delta in &deltas {
        let usage = apply_with_module(&module, &pair, delta, &scratch)?;
        print_row(delta, "the module", usage)?;
        if let Some(xdelta3) = xdelta3.as_deref().filter(|_| delta.algorithm == "xdelta3") {
            print_row(delta, "`xdelta3 -d`", apply_with_xdelta3(xdelta3, &pair, delta, &scratch)?)?;
        }
    }
    println!(
        "\nThe module hashes the base first, flushes, and reads the result back from the medium; `xdelta3 -d` does none of this."
    );
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

impl Pair {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let (old, new) = (folder.join("old.img"), folder.join("new.img"));
        let (old_sha256, new_sha256, new_bytes) = (sha256(&old)?, sha256(&new)?, size(&new)?);
        Ok(Self { old, new, old_sha256, new_sha256, new_bytes })
    }
}

/// Those that are given, or else those of a release build and of xdelta3.
fn make_deltas(
    pair: &Pair,
    given: Given,
    xdelta3: Option<&Path>,
    scratch: &Path,
) -> Result<Vec<Delta>, Failure> {
    let mut deltas = Vec::new();
    let mut delta = |name, path, algorithm| deltas.push(Delta { name, path, algorithm });
    let (None, None, Some(xdelta3)) = (&given.native, &given.xdelta3, xdelta3) else {
        let mut given_delta = |path, name, algorithm| {
            if let Some(path) = path {
                delta(name, path, algorithm);
            }
        };
        given_delta(given.native, "native", "mender-native");
        given_delta(given.xdelta3, "xdelta3 algorithm", "xdelta3");
        return Ok(deltas);
    };
    run_step(cargo().args([
        "build",
        "--quiet",
        "--release",
        "-p",
        "mender-artifact-cli",
        "--bin",
        "mender-artifact",
    ]))?;
    let tool = target_dir().join("release/mender-artifact");
    for (name, file, algorithm) in
        [("native, default level", "native", "native"), ("xdelta3 algorithm, ours", "vcdiff", "xdelta3")]
    {
        let path = scratch.join(file);
        let mut command = program(&tool);
        command.args(["delta", "create", "--algorithm", algorithm]);
        run_step(command.args([&pair.old, &pair.new]).arg("-o").arg(&path))?;
        delta(name, path, if algorithm == "native" { "mender-native" } else { algorithm });
    }
    let path = scratch.join("xdelta3");
    let mut command = program(xdelta3);
    command.args(["-e", "-f", "-S", "lzma", "-A", "-s"]);
    run_step(command.args([&pair.old, &pair.new, &path]))?;
    delta("`xdelta3 -e -S lzma`, default level", path, "xdelta3");
    Ok(deltas)
}

fn apply_with_xdelta3(
    xdelta3: &Path,
    pair: &Pair,
    delta: &Delta,
    scratch: &Path,
) -> Result<Option<Usage>, Failure> {
    let result = scratch.join("result");
    let arguments = ["-d", "-f", "-s", text(&pair.old)?, text(&delta.path)?, text(&result)?];
    let outcome = measured(xdelta3, &arguments, LIMIT, scratch)?;
    finished(outcome, &result, pair, "xdelta3")
}

/// One `Download` into a partition that holds zeros.
fn apply_with_module(
    module: &Path,
    pair: &Pair,
    delta: &Delta,
    scratch: &Path,
) -> Result<Option<Usage>, Failure> {
    let device = scratch.join("device");
    if device.exists() {
        fs::remove_dir_all(&device).doing(|| "emptying the device".into())?;
    }
    prepare(&device, pair, delta).doing(|| format!("preparing {}", device.display()))?;
    let (tree, partition) = (device.join("tree"), device.join("part3"));
    for pipe in ["stream-next", "streams/image.delta"] {
        run_quietly("mkfifo", &tree.join(pipe))?;
    }
    let feeder = {
        let (tree, delta) = (tree.clone(), delta.path.clone());
        std::thread::spawn(move || feed(&tree, &delta))
    };
    let path = format!("PATH={}:/usr/bin:/bin", device.join("bin").display());
    let sysroot = format!("MENDER_BINARY_DELTA_TEST_SYSROOT={}", device.join("sys").display());
    let arguments = [&path, &sysroot, text(module)?, "Download", text(&tree)?];
    let env = find("env").ok_or_else(|| Failure::new("env is not installed"))?;
    let outcome = measured(&env, &arguments, LIMIT, scratch)?;
    if matches!(outcome, Outcome::Finished(_)) {
        let fed = feeder.join().map_err(|_| Failure::new("the client's half panicked"))?;
        fed.doing(|| "sending the delta".into())?;
    }
    finished(outcome, &partition, pair, delta.name)
}

fn prepare(device: &Path, pair: &Pair, delta: &Delta) -> std::io::Result<()> {
    for folder in ["bin", "sys/etc/mender", "sys/proc/self", "tree/header", "tree/tmp", "tree/streams"] {
        fs::create_dir_all(device.join(folder))?;
    }
    fs::copy(&pair.old, device.join("part2"))?;
    File::create(device.join("part3"))?.set_len(pair.new_bytes)?;
    let [a, b] = ["part2", "part3"].map(|name| device.join(name).display().to_string());
    let write = |name: &str, text: String| fs::write(device.join(name), text);
    write(
        "sys/etc/mender/mender-binary-delta.conf",
        format!(r#"{{"RootfsPartA": "{a}", "RootfsPartB": "{b}"}}"#),
    )?;
    write("sys/proc/cmdline", format!("root={a} ro\n"))?;
    for name in ["fw_printenv", "fw_setenv"] {
        let path = device.join("bin").join(name);
        fs::write(&path, PRINT_ENVIRONMENT)?;
        make_executable(&path)?;
    }
    write("tree/header/payload_type", "mender-binary-delta".into())?;
    let (algorithm, bytes) = (delta.algorithm, pair.new_bytes);
    write(
        "tree/header/meta-data",
        format!(r#"{{"delta_algorithm": "{algorithm}", "rootfs_file_size": {bytes}}}"#),
    )?;
    let (old, new) = (&pair.old_sha256, &pair.new_sha256);
    write(
        "tree/header/type-info",
        format!(
            r#"{{"artifact_provides": {{"rootfs-image.checksum": "{new}"}},
                "artifact_depends": {{"rootfs-image.checksum": "{old}"}}}}"#
        ),
    )
}

/// The client's half of a download.
fn feed(tree: &Path, delta: &Path) -> std::io::Result<()> {
    let pipe = |name: &str| OpenOptions::new().write(true).open(tree.join(name));
    pipe("stream-next")?.write_all(b"streams/image.delta\n")?;
    std::io::copy(&mut File::open(delta)?, &mut pipe("streams/image.delta")?)?;
    pipe("stream-next").map(drop)
}

/// The usage, if the result is right.
fn finished(outcome: Outcome, result: &Path, pair: &Pair, who: &str) -> Result<Option<Usage>, Failure> {
    match outcome {
        Outcome::TooSlow => Ok(None),
        Outcome::Finished(_) if sha256(result)? != pair.new_sha256 => {
            Err(Failure::new(format!("{who}: the result is wrong")))
        }
        Outcome::Finished(usage) => Ok(Some(usage)),
    }
}

fn print_row(delta: &Delta, who: &str, usage: Option<Usage>) -> Result<(), Failure> {
    let bytes = size(&delta.path)?;
    match usage {
        Some(Usage { wall_seconds, cpu_seconds, peak_bytes }) => {
            // Tenths of a MiB, rounded up.
            let tenths = (peak_bytes * 10).div_ceil(1 << 20);
            let (peak, tenth) = (tenths / 10, tenths % 10);
            println!(
                "| {} | {bytes} | {who} | {wall_seconds:.2} | {cpu_seconds:.2} | {peak}.{tenth} |",
                delta.name
            );
        }
        None => println!("| {} | {bytes} | {who} | over {} | | |", delta.name, LIMIT.as_secs()),
    }
    Ok(())
}

fn run_quietly(name: &str, path: &Path) -> Result<(), Failure> {
    let status = program(name).arg(path).status().doing(|| name.into())?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{name}: {status}"))) }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn size(path: &Path) -> Result<u64, Failure> {
    Ok(fs::metadata(path).doing(|| path.display().to_string())?.len())
}

fn sha256(path: &Path) -> Result<String, Failure> {
    let mut digest = Sha256::new();
    let read = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut digest));
    read.doing(|| path.display().to_string())?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::new("path is not UTF-8"))
}
