//! The header and the library as C and C++ see them: builds programs with the system's compilers and runs them.
//!
//! Says 'skipped' where there is no C compiler. The library is built by cargo, as tests get no static library.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;

use compile::{
    ADDRESS_SANITIZER, SONAME, build, compiler, has_address_sanitizer, is_there, library, package, run, say,
};
use mender_artifact::compression::Compression;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::PayloadChoices;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

fn key(name: &str) -> String {
    package().join("../mender-artifact/tests/keys").join(name).to_str().unwrap().to_owned()
}

fn artifact(compression: Compression, signer: Option<&PrivateKey>) -> Vec<u8> {
    let payload: Vec<u8> = (0..20_000_u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
    let file = PayloadInput::from_reader("file.bin", None, payload.as_slice());
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::module_image("r1", "files", vec![file], None, PayloadChoices::default())],
        compression,
        signer: signer.map(|key| key as _),
        ..ArtifactPlan::default()
    };
    let mut bytes = Vec::new();
    write_artifact(plan, &mut bytes, &WriteOptions::default()).unwrap();
    bytes
}

/// Puts `program` through good and bad Artifacts and a delta.
fn exercise(program: &Path, folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let signer = PrivateKey::from_pem(&fs::read(key("p256-pkcs8.pem")).unwrap()).unwrap();
    let good = artifact(Compression::None, None);
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    let cases: [(&str, &[u8]); 7] = [
        ("none", &good),
        ("gzip", &artifact(Compression::Gzip, None)),
        ("xz", &artifact(Compression::Xz, None)),
        ("zstd", &artifact(Compression::Zstd, None)),
        ("signed", &artifact(Compression::Gzip, Some(&signer))),
        ("flipped", &flipped),
        ("short", &good[..good.len() * 2 / 3]),
    ];
    for (name, bytes) in cases {
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join("empty"), b"").unwrap();
    let (own, other) = (key("p256-public.pem"), key("rsa-public.pem"));
    for piece in ["1", "1000000"] {
        for name in ["none", "gzip", "xz", "zstd"] {
            assert_eq!(say(program, &[&path(name), piece]), (Some(0), "sound\n".into()), "{name} by {piece}");
        }
        assert_eq!(say(program, &[&path("signed"), piece, &own]), (Some(0), "sound\n".into()));
        for (name, key, expected) in [
            ("signed", None, "-26 4 the Artifact is signed and no key was given: "),
            ("signed", Some(&other), "-23 4 wrong signature: "),
            ("signed", Some(&path("empty")), "-27 6 unusable key: "),
            ("none", Some(&own), "-22 4 the Artifact is not signed: "),
            ("flipped", None, "-21 4 wrong checksum: data/0000: 'file.bin': wrong checksum: expected "),
            ("short", None, "-5 2 the input ends too early: data/0000"),
            ("empty", None, "-5 2 the input ends too early: "),
        ] {
            let path = path(name);
            let mut arguments = vec![path.as_str(), piece];
            arguments.extend(key.map(String::as_str));
            let (status, said) = say(program, &arguments);
            assert_eq!(status, Some(1), "{name} by {piece}: {said}");
            assert!(said.starts_with(expected), "{name} by {piece}: {said}");
        }
    }
    exercise_apply(program, folder);
}

fn exercise_apply(program: &Path, folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let old: Vec<u8> =
        (0..50_000_u32).flat_map(|n| (n / 5).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut new = old.clone();
    new[70_000] ^= 1;
    fs::write(folder.join("old"), &old).unwrap();
    fs::write(folder.join("new"), &new).unwrap();
    let mut delta = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(folder.join("delta"))
        .unwrap();
    generate(&old, &new, &GenerateOptions::default(), &mut delta).unwrap();
    let apply = |base: &str, delta: &str| {
        let _ = fs::remove_file(folder.join("out"));
        say(program, &["--apply", &path(base), &path(delta), &path("out")])
    };
    assert_eq!(apply("old", "delta"), (Some(0), "applied\n".into()));
    assert_eq!(fs::read(folder.join("out")).unwrap(), new);
    for (base, delta, expected) in [
        ("new", "delta", "-41 4 the delta belongs to another base: wrong base: expected "),
        ("old", "new", "-40 2 not a sound delta: malformed delta: "),
        ("old", "empty", "-5 2 the input ends too early: truncated delta: "),
        ("old", "missing", "-8 1 reading or writing failed: "),
    ] {
        let (status, said) = apply(base, delta);
        assert_eq!(status, Some(1), "{base} {delta}: {said}");
        assert!(said.starts_with(expected), "{base} {delta}: {said}");
        assert!(!folder.join("out").exists());
    }
}

#[test]
fn c_programs_say_what_they_should() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut flags: Vec<&[&str]> = vec![&[]];
    if has_address_sanitizer(&compiler, folder) {
        flags.push(ADDRESS_SANITIZER);
    }
    for flags in flags {
        let border = build(&compiler, &["-std=c99"], "tests/border.c", flags, folder);
        assert_eq!(say(&border, &[]), (Some(0), String::new()));
        let check = build(&compiler, &["-std=c99"], "examples/check.c", flags, folder);
        exercise(&check, folder);
    }
}

#[test]
fn a_release_is_made_and_read() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let old: Vec<u8> =
        (0..60_000_u32).flat_map(|n| (n / 5).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut new = old.clone();
    new.rotate_left(5000);
    new[70_000] ^= 1;
    fs::write(folder.join("old.img"), &old).unwrap();
    fs::write(folder.join("new.img"), &new).unwrap();
    let mut flags: Vec<&[&str]> = vec![&[]];
    if has_address_sanitizer(&compiler, folder) {
        flags.push(ADDRESS_SANITIZER);
    }
    for flags in flags {
        let release = build(&compiler, &["-std=c99"], "examples/release.c", flags, folder);
        let (private, public) = (key("p256-pkcs8.pem"), key("p256-public.pem"));
        let arguments = [&path("old.img"), &path("new.img"), &private, &public, &path("")];
        let (status, said) = say(&release, &arguments.map(String::as_str));
        assert_eq!(status, Some(0), "{said}");
        assert!(said.starts_with("new.img 240000\n{") && said.ends_with("}\ndone\n"), "{said}");
        assert!(said.contains(r#""compression":"zstd""#), "{said}");
        for i in 0..4 {
            assert!(fs::read(folder.join(format!("out{i}"))).unwrap() == new, "{i}");
        }
        assert!(!folder.join("cancelled").exists());
    }
    other_languages(folder);
}

/// Python and Go read what C has written.
fn other_languages(folder: &Path) {
    let shared = &library().0;
    let artifact = folder.join("new.mender");
    let image = folder.join("new.img");
    let mut programs = Vec::new();
    if is_there("python3", "--version") {
        let mut python = Command::new("python3");
        python.arg(package().join("examples/read.py")).arg(shared.join("libmender_artifact.so"));
        programs.push(python);
    }
    if is_there("go", "version") {
        let program = folder.join("go-program");
        let mut go = Command::new("go");
        go.args(["build", "-o"]).arg(&program).current_dir(package().join("examples/go"));
        go.env("CGO_CFLAGS", format!("-I{}", package().join("include").display()));
        go.env("CGO_LDFLAGS", format!("-L{} -lmender_artifact", shared.display()));
        go.env("GOCACHE", folder.join("go-cache")).env("GOFLAGS", "-mod=mod").env("GO111MODULE", "on");
        run(&mut go);
        // The program asks for the library by its SONAME.
        let named = folder.join(SONAME);
        let _ = fs::remove_file(&named);
        fs::copy(shared.join("libmender_artifact.so"), named).unwrap();
        let mut go = Command::new(program);
        go.env("LD_LIBRARY_PATH", folder);
        programs.push(go);
    }
    for mut program in programs {
        let mut also = Command::new(program.get_program());
        also.args(program.get_args()).env("LD_LIBRARY_PATH", folder).arg(&image);
        let output = run(program.arg(&artifact));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "r2 rootfs-image\n", "{program:?}");
        let output = also.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{also:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("bad tar header"), "{output:?}");
    }
}

#[test]
fn the_header_is_cpp_too() {
    let Some(compiler) = compiler("CXX", "c++") else { return };
    let folder = tempfile::tempdir().unwrap();
    for standard in ["-std=c++11", "-std=c++17"] {
        let check = build(&compiler, &[standard, "-x", "c++"], "examples/check.c", &[], folder.path());
        assert_eq!(say(&check, &["/dev/null", "1"]).0, Some(1));
    }
}

#[test]
fn the_shared_library_shows_the_functions_of_the_header_and_no_others() {
    let header = fs::read_to_string(package().join("include/mender_artifact.h")).unwrap();
    let mut declared: Vec<&str> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '}']) && line.contains('('))
        .filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
        .collect();
    declared.sort_unstable();
    assert!(declared.contains(&"mar_delta_apply_file"), "{declared:?}");
    let shared = library().0.join("libmender_artifact.so");
    let Ok(output) = Command::new("nm").args(["-D", "--defined-only"]).arg(&shared).output() else {
        println!("skipped: no nm here");
        return;
    };
    let symbols = String::from_utf8(output.stdout).unwrap();
    let shown = || symbols.lines().filter_map(|line| line.rsplit(' ').next());
    // The node of the version itself is a symbol without a place.
    let mut exported: Vec<&str> =
        shown().filter_map(|name| name.split('@').next()).filter(|name| *name != SONAME).collect();
    exported.sort_unstable();
    assert_eq!(exported, declared);
    let versioned = format!("@@{SONAME}");
    let without: Vec<&str> = shown().filter(|name| !name.ends_with(&versioned)).collect();
    if is_there("ld.bfd", "--version") {
        assert!(without.iter().all(|name| *name == SONAME), "{without:?}");
    } else {
        println!("skipped: symbols have versions where GNU ld links only");
    }
    let output = Command::new("objdump").arg("-p").arg(&shared).output().unwrap();
    let headers = String::from_utf8_lossy(&output.stdout).into_owned();
    let soname = headers.lines().filter_map(|line| line.trim().strip_prefix("SONAME")).map(str::trim).next();
    assert_eq!(soname, Some(SONAME));
}
