//! Jobs as C and Go see them: the C example with the address sanitizer, the Go module with the race detector, and eight
//! jobs at once in one process, whose deltas are those of the command.

#![cfg(feature = "fleet")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and may talk"
)]

mod compile;

use compile::{
    ADDRESS_SANITIZER, SONAME, build, cargo, compiler, has_address_sanitizer, is_there, library, package,
    run, say,
};
use mender_artifact::compression::Compression;
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Bytes of an image.
const IMAGE: usize = 6 << 20;

/// An image of text-like content.
fn image(seed: u32) -> Vec<u8> {
    let mut state = 17_u32;
    let mut image: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] & 0x3f
    })
    .take(IMAGE)
    .collect();
    for at in (0..IMAGE).step_by(701) {
        image[at] = image[at].wrapping_add(u8::try_from(seed).unwrap());
    }
    if seed > 1 {
        image.rotate_left(12_345);
    }
    image
}

/// A folder with `old.mender`, `new.mender`, `new.img`, `public.pem` and the command's `delta.mender`.
struct Sample(tempfile::TempDir);

impl Sample {
    fn new() -> Self {
        let sample = Sample(tempfile::tempdir().unwrap());
        for (seed, name) in [(1, "old"), (2, "new")] {
            let file = sample.path(&format!("{name}.img"));
            fs::write(&file, image(seed)).unwrap();
            let input = PayloadInput::from_path(&file).unwrap();
            let choices = PayloadChoices::default();
            let plan = ArtifactPlan {
                artifact_name: name.into(),
                compatible_types: vec!["board".into()],
                payloads: vec![PayloadPlan::rootfs_image(name, input, choices, ChecksumProvide::Standard)],
                compression: Compression::Gzip,
                ..ArtifactPlan::default()
            };
            let mut out = Vec::new();
            write_artifact(plan, &mut out, &WriteOptions::default()).unwrap();
            fs::write(sample.path(&format!("{name}.mender")), out).unwrap();
        }
        fs::copy(key("p256-public.pem"), sample.path("public.pem")).unwrap();
        fs::copy(key("p256-pkcs8.pem"), sample.path("private.pem")).unwrap();
        sample.delta("delta.mender", &[]);
        sample
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The delta Artifact that the command makes.
    fn delta(&self, out: &str, options: &[&str]) {
        let mut write = Command::new(command());
        write.args(["write", "delta-image", "--from"]).arg(self.path("old.mender")).arg("--to");
        run(write.arg(self.path("new.mender")).arg("-o").arg(self.path(out)).args(options));
    }
}

fn key(name: &str) -> PathBuf {
    package().join("../mender-artifact/tests/keys").join(name)
}

/// The command that MENDER_ARTIFACT names, else that of this workspace, built by cargo.
fn command() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(named) = std::env::var_os("MENDER_ARTIFACT") {
            return named.into();
        }
        let folder = &library().0;
        let mut cargo = cargo();
        cargo.args(["build", "--offline", "-p", "mender-artifact-cli", "--bin", "mender-artifact"]);
        cargo.arg("--target-dir").arg(folder.parent().unwrap()).current_dir(package());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        run(&mut cargo);
        folder.join("mender-artifact")
    })
}

#[test]
fn the_c_example_makes_a_delta() {
    let Some(compiler) = compiler("CC", "cc") else { return };
    let sample = Sample::new();
    let mut flags: Vec<&[&str]> = vec![&[]];
    if has_address_sanitizer(&compiler, sample.0.path()) {
        flags.push(ADDRESS_SANITIZER);
    }
    for flags in flags {
        let program = build(&compiler, &["-std=c99"], "examples/jobs.c", flags, sample.0.path());
        let jobs = |spec: &str, more: &[&str]| {
            let _ = fs::remove_file(sample.path("out"));
            let [work, old, new, out] =
                ["work", "old.mender", "new.mender", "out"].map(|name| sample.text(name));
            let mut arguments = vec![work.as_str(), spec, &old, &new, &out];
            arguments.extend(more);
            say(&program, &arguments)
        };
        let (status, said) = jobs(r#"{"v":1,"tenant":"acme"}"#, &[]);
        assert!(status == Some(0) && said.contains(r#""state":"done""#), "{said}");
        assert!(sample.read("out") == sample.read("delta.mender"), "another delta than the command's");
        for (spec, expected) in [
            (r#"{"v":1,"tenant":"a/b"}"#, "-1 bad_request: "),
            (r#"{"v":1,"tenant":"acme","limits":{"memory":1}}"#, "-3 limit_memory: "),
            (r#"{"v":1,"tenant":"acme","limits":{"min_saving_permille":999}}"#, "-60 no_gain: "),
            (r#"{"v":1,"tenant":"acme","limits":{"input":1000}}"#, "-3 too_large: "),
        ] {
            let (status, said) = jobs(spec, &[]);
            assert!(status == Some(1) && said.starts_with(expected), "{spec}: {said}");
        }
        signed(&sample, &jobs);
    }
}

/// Runs the program with a job and more arguments; its status, and what it says.
type Jobs<'j> = &'j dyn Fn(&str, &[&str]) -> (Option<i32>, String);

/// The first call gives what is to be signed, the second one the signature.
fn signed(sample: &Sample, jobs: Jobs<'_>) {
    let public = fs::read_to_string(key("p256-public.pem")).unwrap().replace('\n', "\\n");
    let spec = format!(r#"{{"v":1,"tenant":"acme","sign":{{"mode":"external","public_key":"{public}"}}}}"#);
    assert_eq!(jobs(&spec, &[]), (Some(3), String::new()));
    let manifest = sample.read("out");
    let pem = key("p256-pkcs8.pem");
    let signature = PrivateKey::from_pem(&fs::read(&pem).unwrap()).unwrap().sign_manifest(&manifest).unwrap();
    fs::write(sample.path("signature"), signature).unwrap();
    let (status, said) = jobs(&spec, &[&sample.text("signature")]);
    assert!(status == Some(0) && said.contains(r#""signed":true"#), "{said}");
    sample.delta("signed.mender", &["-k", pem.to_str().unwrap()]);
    assert!(sample.read("out") == sample.read("signed.mender"), "another signed delta than the command's");
    fs::write(sample.path("signature"), [0; 64]).unwrap();
    let (status, said) = jobs(&spec, &[&sample.text("signature")]);
    assert!(status == Some(1) && said.starts_with("-23 bad_signature: "), "{said}");
}

/// Go in the folder of the module, with the library of this build, or none.
fn go(sample: &Sample) -> Option<impl Fn(&[&str]) -> Command> {
    if !is_there("go", "version") || compiler("CC", "cc").is_none() {
        return None;
    }
    let shared = library().0.clone();
    // Programs ask for the library by its SONAME.
    fs::copy(shared.join("libmender_artifact.so"), sample.path(SONAME)).unwrap();
    fs::copy(shared.join("libmender_artifact.so"), sample.path("libmender_artifact.so")).unwrap();
    let folder = sample.0.path().to_owned();
    let cache = shared.parent().unwrap().join("go-cache");
    Some(move |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(package().join("go"));
        go.env("CGO_CFLAGS", format!("-I{} -g -O1", package().join("include").display()));
        go.env("CGO_LDFLAGS", format!("-L{}", folder.display())).env("CGO_ENABLED", "1");
        go.env("LD_LIBRARY_PATH", &folder).env("MAR_TEST_FOLDER", &folder).env("GOCACHE", &cache);
        go.env("GOFLAGS", "-mod=mod")
            .env("GO111MODULE", "on")
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local");
        go
    })
}

#[test]
fn the_go_module_keeps_its_promises() {
    let sample = Sample::new();
    sample.delta("signed.mender", &["-k", sample.path("private.pem").to_str().unwrap()]);
    let Some(go) = go(&sample) else { return };
    if is_there("gofmt", "-h") {
        let unformatted = run(Command::new("gofmt").arg("-l").arg(package().join("go")));
        assert_eq!(String::from_utf8_lossy(&unformatted.stdout), "");
    }
    run(&mut go(&["vet", "./..."]));
    let output = run(&mut go(&["test", "-race", "-count=1", "-v", "./..."]));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.matches("--- PASS").count() >= 13 && !said.contains("SKIP"), "{said}");
}

#[test]
fn eight_jobs_at_once_in_a_go_program() {
    let sample = Sample::new();
    let Some(go) = go(&sample) else { return };
    sample.delta("of-xdelta3", &["--algorithm", "xdelta3", "--compression", "none"]);
    sample.delta("of-xz", &["--level", "fast", "--compression", "lzma"]);
    for race in [true, false] {
        let program = sample.path("eight");
        let flags: &[&str] = if race { &["build", "-race", "-o"] } else { &["build", "-o"] };
        run(go(flags).arg(&program).arg("./examples/eight"));
        let folder = sample.path(if race { "with-race" } else { "plain" });
        fs::create_dir(&folder).unwrap();
        let mut eight = Command::new(&program);
        eight.arg(sample.path("old.mender")).arg(sample.path("new.mender")).arg(&folder);
        let output = run(eight.env("LD_LIBRARY_PATH", sample.0.path()));
        let said = String::from_utf8_lossy(&output.stdout);
        let (ends, memory) = said.trim_end().rsplit_once("\nmost memory, KiB: ").unwrap();
        let expected = "acme: made, memory true\nbolt: made, memory true\ncancelled: cancelled, in time true\n\
                        limited: refused limit_memory\nsilent: timed out\nuseless: refused no_gain\n\
                        xdelta3: made, memory true\nxz: made, memory true";
        assert_eq!(ends, expected);
        for (made, command) in
            [("acme", "delta.mender"), ("bolt", "delta.mender"), ("xdelta3", "of-xdelta3"), ("xz", "of-xz")]
        {
            let made = fs::read(folder.join(format!("{made}.mender"))).unwrap();
            assert!(made == sample.read(command), "{command}: another delta than the command's");
        }
        println!("most memory, race detector {race}: {memory} KiB");
        let kib: usize = memory.parse().unwrap();
        // The engine's budget, and the images of three workers, which are mapped.
        assert!(race || kib * 1024 < (1 << 30) + 3 * 2 * IMAGE, "{memory} KiB");
    }
}
