//! `cargo xtask`: set-up and checks that need more than cargo.
// A task runner exists to talk to the person who started it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod compare;
mod compare_artifacts;
mod compare_images;
mod compare_module;
mod coverage;
mod demo;
mod deny;
mod device;
mod failure;
mod faults;
mod fuzz;
mod kernel_mounts;
mod ledger_bench;
mod measure;
mod msrv;
mod package;
mod prerequisites;
mod provision_bulk;
mod s3_server;
mod size_limits;
mod step;
mod test;

use failure::Failure;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  demo [--debian]   two root file systems, their Artifacts, the delta between them, applied and compared;
                    --debian takes them from Debian's packages (needs apt and the network)
  test              everything CI runs: installs what the tests compare with (Debian, as root), lints, demo, tests
  check             format, lints, documentation, no_std builds, tests
  msrv              build what runs on a device with the oldest supported compiler (rustup 1.85, or RUSTC_MSRV=path)
  device-library [--features LIST] [--target TRIPLE]
                    the static library for firmware, with any of gzip, native, vcdiff (RUSTC_CROSS=path for the target)
  device-size       a table of its code size and memory on aarch64 and armv7 (needs cross compilers and qemu-user)
  coverage [CRATE...]
                    which lines the tests of the libraries and the command run (needs Debian's llvm-19 or newer)
  package [--no-build]
                    what a release publishes: archives, Debian packages (needs cargo-deb), digests
  deny              licences, bans and sources of the dependencies (needs cargo-deny)
  faults [CASE...]  commands with an error, an interruption or the end of the process at each of their system calls (needs
                    strace); cases as in cli/tests/faults/main.rs
  fuzz [--minutes N] [--rounds N | --until N] [--no-build] [TARGET...]
                    fuzz targets one after the other, N minutes (1) each: executions and coverage so far (needs c++);
                    --until: in rounds, until each has had N minutes of the processor in all runs (on Unix), or ten rounds
                    had next to nothing of it; --no-build goes on with the programs that are there
  compare [--table main|memory|formats|full] [--limit SECONDS] [--only TOOL[,TOOL]] PAIR...
                    a table of delta sizes and times beside other tools; PAIR is a folder with old.img and new.img
  compare-artifacts [--limit SECONDS] [--scratch FOLDER] [--only NAME[,NAME]] IMAGE
                    a table of what writing, checking, changing and signing takes, beside Debian's mender-artifact
  provision-bulk [--devices N] [--jobs N] [--fill MIB] [--xfs] [--tool PROGRAM]
                    time and room of images for N devices (1000), of a disk of 256 MiB with MIB (24) in each root file
                    system; --xfs in a file system where copies share blocks (needs root)
  kernel-mounts [--tool PROGRAM]
                    what Linux reads of FAT and ext4 volumes that the command has changed, and the command after Linux has
                    (on Debian 12, whose kernel it downloads with apt, some 100 MB; needs cpio, dpkg-deb, qemu-system-x86)
  ledger-bench [N] [--tool PROGRAM] [--db PATH|URL]
                    time of N events (5000000) into a ledger and of reports, and whether sqlite3 comes to the same sums
  compare-module [--module PROGRAM] [--native DELTA] [--xdelta3 DELTA] PAIR
                    a table of what the Update Module takes to apply deltas, beside xdelta3 -d; deltas that are given are
                    not made
  size-limits [--scratch FOLDER] [--tool PROGRAM] [GIB]
                    images of 2 to 8 GiB (or up to GIB) through write, validate, read, sign, delta and apply; needs some
                    30 GiB of disk for the largest
  compare-images [--tool PROGRAM] [FOLDER]
                    a table of what a small file into a large image or Artifact takes, beside Debian's mender-artifact;
                    the files of FOLDER are in them
";

fn main() -> ExitCode {
    if let Some(compiled) = fuzz::wrapped_compiler() {
        return compiled;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(status) = coverage::wrap_compiler(&arguments) {
        return status;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo"] => demo::run(demo::Source::OwnPrograms),
        ["demo", "--debian"] => demo::run(demo::Source::DebianPackages),
        ["test"] => test::run(),
        ["check"] => check::run_all(),
        ["msrv"] => msrv::run_msrv(),
        ["device-library", rest @ ..] => device::run_library(rest),
        ["device-size"] => device::run_size(),
        ["coverage", rest @ ..] => coverage::run_coverage(rest),
        ["package", rest @ ..] => package::run_package(rest),
        ["deny"] => deny::run_deny(),
        ["faults", rest @ ..] => faults::run_faults(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["compare", rest @ ..] => compare::run(rest),
        ["compare-images", rest @ ..] => compare_images::run(rest),
        ["compare-artifacts", rest @ ..] => compare_artifacts::run(rest),
        ["provision-bulk", rest @ ..] => provision_bulk::run(rest),
        ["size-limits", rest @ ..] => size_limits::run(rest),
        ["kernel-mounts", rest @ ..] => kernel_mounts::run(rest),
        ["ledger-bench", rest @ ..] => ledger_bench::run(rest),
        ["compare-module", rest @ ..] => compare_module::run(rest),
        [measure::TASK, rest @ ..] => measure::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::new(format!("unknown task '{}'; see cargo xtask help", words.join(" ")))),
    }
}
