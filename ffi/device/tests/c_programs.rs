//! The header and the library as C and C++ see them: builds the examples with the system's compilers and runs them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;
mod sample;

use compile::{CROSS, SANITIZERS, build, compiler, cross_library, is_there, library, say, works};
use mender_device::config;
use sample::Sample;
use std::collections::BTreeSet;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

/// Makes the command that runs `program`, by a simulator perhaps.
type Start<'s> = &'s dyn Fn(&Path) -> Command;

/// Installs with the example; gives its status, what it says, and whether the slot has the new image.
fn install(
    start: Start<'_>,
    program: &Path,
    sample: &Sample,
    options: &[&str],
    artifact: &str,
) -> (bool, String) {
    let flash = sample.path("flash");
    if !flash.exists() {
        fs::write(&flash, vec![0xff; 400_000]).unwrap();
    }
    let mut command = start(program);
    command.args(options).arg(sample.path(artifact)).arg(sample.path("old.img")).arg(&flash);
    let (status, said) = say(&mut command);
    let new = sample.read("new.img");
    let is_right = fs::read(&flash).unwrap()[..new.len()] == new[..];
    assert_eq!(status == Some(0), said.contains("done: "), "{options:?} {artifact}: {said}");
    assert!(status != Some(0) || is_right, "{options:?} {artifact}: a wrong image");
    (status == Some(0), said)
}

fn exercise(start: Start<'_>, program: &Path, sample: &Sample) {
    let memory = sample.native_memory.to_string();
    let fresh = || drop(fs::remove_file(sample.path("flash")));
    for (artifact, options) in [
        ("full.mender", &["-p", "512"][..]),
        ("full-gz.mender", &["-z"]),
        ("escapes.mender", &["-d", "a \\ \"b\""]),
        ("xdelta3.mender", &["-p", "1"]),
        ("xdelta3.mender", &["-p", "100000", "-d", "board"]),
        ("xdelta3-gz.mender", &["-p", "513", "-z"]),
        ("native.mender", &["-p", "512", "-m", &memory]),
        ("native.mender", &["-p", "1", "-m", &memory]),
    ] {
        fresh();
        let (is_done, said) = install(start, program, sample, options, artifact);
        assert!(is_done, "{options:?} {artifact}: {said}");
    }
    let less = (sample.native_memory - 1).to_string();
    for (artifact, options, expected) in [
        (
            "native.mender",
            &["-m", &less[..]][..],
            "-3 0 the input wants more than a limit allows: memory to apply, ",
        ),
        ("full-gz.mender", &[], "-6 0 "),
        ("escapes.mender", &["-d", "a "], "-25 0 the Artifact is not for this device: device_type"),
        ("full.mender", &["-d", "other"], "-25 0 the Artifact is not for this device: device_type"),
        (
            "xdelta3.mender",
            &["-s", "abc"],
            "-25 0 the Artifact is not for this device: depends of the payload",
        ),
        ("full.mender", &["-x", "3"], "-4 -99 a callback failed: target: write"),
        ("old.img", &[], "-20 0 "),
    ] {
        fresh();
        let (is_done, said) = install(start, program, sample, options, artifact);
        let last = said.lines().last().unwrap_or_default();
        assert!(!is_done && last.starts_with(expected), "{options:?} {artifact}: {said}");
    }
    resume(start, program, sample);
}

/// Cuts the power at every write, and goes on from the last checkpoint until it is done.
fn resume(start: Start<'_>, program: &Path, sample: &Sample) {
    let checkpoint = sample.path("checkpoint");
    let keeping = ["-c", checkpoint.to_str().unwrap()];
    drop(fs::remove_file(sample.path("flash")));
    drop(fs::remove_file(&checkpoint));
    let (mut cuts, mut last) = (0, Vec::new());
    // 16 KiB are four writes: six let each run get past one checkpoint.
    while !install(start, program, sample, &[&keeping[..], &["-x", "6"]].concat(), "xdelta3.mender").0 {
        cuts += 1;
        assert!(cuts < 40);
        last = fs::read(&checkpoint).unwrap();
        assert!(last.len() <= 512);
    }
    assert!(cuts > 10, "{cuts}");
    assert!(!checkpoint.exists(), "it would be in the way of the next update");
    let resumed = |bytes: &[u8], artifact: &str| {
        fs::write(&checkpoint, bytes).unwrap();
        install(start, program, sample, &keeping, artifact)
    };
    // What is resumed is not what was promised: found when it is read back.
    let mut flash = sample.read("flash");
    flash[5] ^= 1;
    fs::write(sample.path("flash"), &flash).unwrap();
    let (is_done, said) = resumed(&last, "xdelta3.mender");
    assert!(!is_done && said.contains("-42 0 "), "{said}");
    // Of another Artifact, and damaged: the checkpoint goes, so that the update can begin anew.
    let mut damaged = last.clone();
    damaged[9] ^= 1;
    for (bytes, artifact) in [(&last, "full.mender"), (&damaged, "xdelta3.mender")] {
        let (is_done, said) = resumed(bytes, artifact);
        assert!(!is_done && said.contains("-44 0 ") && !checkpoint.exists(), "{said}");
    }
}

#[test]
fn the_c_example_installs_and_refuses() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let sample = Sample::new();
    let folder = tempfile::tempdir().unwrap();
    let plain = build(&compiler, "-std=c99", "examples/install.c", &[], library(), folder.path());
    exercise(&|program| Command::new(program), &plain, &sample);
    if works(&compiler, SANITIZERS, folder.path()) {
        let checked =
            build(&compiler, "-std=c99", "examples/install.c", SANITIZERS, library(), folder.path());
        exercise(&|program| Command::new(program), &checked, &sample);
    }
    if !is_there("valgrind") {
        println!("skipped: no valgrind here");
        return;
    }
    let memory = sample.native_memory.to_string();
    for (artifact, options) in
        [("xdelta3-gz.mender", &["-z"][..]), ("native.mender", &["-m", &memory]), ("full.mender", &[])]
    {
        drop(fs::remove_file(sample.path("flash")));
        let valgrind = |program: &Path| {
            let mut command = Command::new("valgrind");
            command.args(["-q", "--error-exitcode=9", "--leak-check=full"]).arg(program);
            command
        };
        let (is_done, said) = install(&valgrind, &plain, &sample, options, artifact);
        assert!(is_done, "{artifact}: {said}");
    }
}

#[test]
fn the_stack_is_as_small_as_told() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let sample = Sample::new();
    let folder = tempfile::tempdir().unwrap();
    let program = build(&compiler, "-std=c99", "tests/stack.c", &["-O0", "-w"], library(), folder.path());
    for artifact in ["full-gz.mender", "xdelta3-gz.mender", "native.mender"] {
        let mut command = Command::new(&program);
        command.arg(sample.path(artifact)).arg(sample.path("old.img")).arg(sample.native_memory.to_string());
        let (status, said) = say(&mut command);
        println!("{artifact}: {said}");
        let bytes: usize = said.trim().strip_prefix("1 ").unwrap().parse().unwrap();
        assert!(status == Some(0) && bytes > 500 && bytes <= 16 * 1024, "{artifact}: {said}");
    }
}

#[test]
fn the_c_example_installs_on_other_processors() {
    let sample = Sample::new();
    let folder = tempfile::tempdir().unwrap();
    for cross in CROSS {
        let Some(library) = cross_library(cross) else { continue };
        let [triple, cc, qemu] = cross;
        let program = build(
            cc,
            "-std=c99",
            "examples/install.c",
            &["-static", "-Wl,--gc-sections"],
            &library,
            folder.path(),
        );
        let simulated = |program: &Path| {
            let mut command = Command::new(qemu);
            command.arg(program);
            command
        };
        exercise(&simulated, &program, &sample);
        println!("{triple}: done");
    }
}

#[test]
fn the_cpp_example_lists() {
    let Some(compiler) = compiler("CXX", "c++") else { return };
    let sample = Sample::new();
    let folder = tempfile::tempdir().unwrap();
    let list = build(&compiler, "-std=c++17", "examples/list.cpp", &[], library(), folder.path());
    let (status, said) =
        say(Command::new(&list).stdin(fs::File::open(sample.path("xdelta3-gz.mender")).unwrap()));
    assert_eq!(status, Some(0), "{said}");
    for line in ["depends device_type=board\n", "new mender-binary-delta\n", "new.img.delta "] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("provides rootfs-image.checksum=") && said.contains("clears "), "{said}");
    let escapes = fs::File::open(sample.path("escapes.mender")).unwrap();
    let (status, said) = say(Command::new(&list).stdin(escapes));
    assert!(status == Some(0) && said.contains("depends device_type=a \\ \"b\"\n"), "{said}");
    let (status, said) = say(Command::new(&list).stdin(fs::File::open(sample.path("new.img")).unwrap()));
    assert_eq!(status, Some(1), "{said}");
}

/// Sizes and places as Rust has them, in the words of tests/layout.c.
fn layout() -> String {
    let mut text = String::new();
    let mut line = |name: &str, number: usize| text.push_str(&format!("{name} {number}\n"));
    line("mar_slice", size_of::<config::Slice>());
    line("mar_detail", size_of::<config::Detail>());
    line("mar_detail.offset", offset_of!(config::Detail, offset));
    line("mar_detail.what", offset_of!(config::Detail, what));
    line("mar_limits", size_of::<config::Limits>());
    line("mar_limits.io_block", offset_of!(config::Limits, io_block));
    line("mar_crypto", size_of::<config::Crypto>());
    line("mar_crypto.verify", offset_of!(config::Crypto, verify));
    line("mar_payload", size_of::<config::Payload>());
    line("mar_payload.signature_checked", offset_of!(config::Payload, signature_checked));
    line("mar_events", size_of::<config::Events>());
    line("mar_events.file_end", offset_of!(config::Events, file_end));
    line("mar_reader_config", size_of::<config::ReaderConfig>());
    line("mar_reader_config.device_type", offset_of!(config::ReaderConfig, device_type));
    line("mar_base", size_of::<config::Base>());
    line("mar_base.read", offset_of!(config::Base, read));
    line("mar_target", size_of::<config::Target>());
    line("mar_target.flush", offset_of!(config::Target, flush));
    line("mar_checkpointing", size_of::<config::Checkpointing>());
    line("mar_checkpointing.save", offset_of!(config::Checkpointing, save));
    line("mar_apply_config", size_of::<config::ApplyConfig>());
    line("mar_apply_config.target_sha256", offset_of!(config::ApplyConfig, target_sha256));
    line("mar_install_config", size_of::<config::InstallConfig>());
    line("mar_install_config.user", offset_of!(config::InstallConfig, user));
    text
}

#[test]
fn structures_are_laid_out_alike_in_both_languages() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = build(&compiler, "-std=c99", "tests/layout.c", &[], library(), folder.path());
    assert_eq!(say(&mut Command::new(program)), (Some(0), layout()));
}

/// Names in the symbol table of the library's own object for which `wanted` is the kind.
fn symbols(wanted: &str) -> Option<BTreeSet<String>> {
    let Ok(output) = Command::new("nm").arg(library()).output() else {
        println!("skipped: no nm here");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    // Objects follow each other, each below its name; the others are the compiler's own, of which a program takes what
    // it needs.
    let ours = text.split("\n\n").filter(|object| object.trim_start().starts_with("mender_device-"));
    let names = ours.flat_map(str::lines).filter_map(|line| {
        let mut words = line.split_whitespace().rev();
        let (name, kind) = (words.next()?, words.next()?);
        wanted.contains(kind).then(|| name.to_owned())
    });
    Some(names.collect())
}

#[test]
fn the_library_wants_nothing_of_a_system_and_shows_what_the_header_says() {
    let (Some(wanted), Some(there)) = (symbols("U"), symbols("TtWwRrDdBb")) else { return };
    let free: BTreeSet<String> =
        ["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"].map(str::to_owned).into();
    let missing: Vec<_> = wanted.difference(&there).filter(|name| !free.contains(*name)).collect();
    assert!(missing.is_empty() && wanted.contains("memcpy"), "{missing:?}");
    for name in ["malloc", "free", "pthread", "printf", "fopen", "_Unwind", "rust_eh_personality"] {
        assert!(!wanted.iter().chain(&there).any(|symbol| symbol.contains(name)), "{name}");
    }
    let header = fs::read_to_string(compile::package().join("include/mender_device.h")).unwrap();
    let declared: BTreeSet<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '}']) && line.contains('('))
        .filter_map(|line| Some(line.split('(').next()?.rsplit([' ', '*']).next()?.to_owned()))
        .collect();
    let shown: BTreeSet<String> =
        symbols("T").unwrap_or_default().into_iter().filter(|name| name.starts_with("mar_")).collect();
    assert_eq!(shown, declared);
}
