//! The folders of `testdata/bad`, and what our tool says.

use crate::case::{Case, Kind};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn key(name: &str) -> PathBuf {
    root().join("mender-artifact/tests/keys").join(name)
}

/// Whether folders and document are written, not compared.
pub(crate) fn writes() -> bool {
    std::env::var_os("BAD_INPUT_WRITE").is_some()
}

pub(crate) struct Ended {
    pub(crate) status: i32,
    /// All lines on stderr.
    pub(crate) line: String,
}

/// Puts the bytes into `folder`, and whatever a tool needs beside them.
pub(crate) fn place(case: &Case, folder: &Path) {
    fs::write(folder.join(case.file_name()), &case.bytes).unwrap();
    if case.kind == Kind::Delta {
        fs::copy(root().join("testdata/delta/base.bin"), folder.join("base.bin")).unwrap();
    }
}

/// The command, with the key as it is called.
fn words(case: &Case) -> Vec<&'static str> {
    let mut words = match case.kind {
        Kind::Artifact => vec!["validate", "bad.mender"],
        Kind::Delta => vec!["delta", "apply", "base.bin", "bad.delta", "-o", "new.bin"],
    };
    words.extend(case.key.iter().flat_map(|key| ["-k", key]));
    words
}

/// Runs our tool, which must leave nothing behind.
pub(crate) fn ours(case: &Case, folder: &Path) -> Ended {
    place(case, folder);
    if let Some(name) = case.key {
        fs::copy(key(name), folder.join(name)).unwrap();
    }
    let names = || {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    let output = command.args(words(case)).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() || names() == before, "{}: something is left behind", case.name);
    assert!(fs::read(folder.join(case.file_name())).unwrap() == case.bytes, "{}: changed", case.name);
    let line = String::from_utf8(output.stderr).unwrap().trim_end().to_owned();
    Ended { status: output.status.code().unwrap(), line }
}

/// Status and lines as they stand beside the bytes.
fn expected(case: &Case, ended: &Ended) -> String {
    format!("mender-artifact {}\n{}\n{}\n", words(case).join(" "), ended.status, ended.line)
}

fn readme(case: &Case) -> String {
    let made = if case.is_kept() { "" } else { " Too large to be kept here: the test `bad_input` makes it." };
    let mut shows = case.shows.chars();
    let first: String = shows.next().into_iter().flat_map(char::to_uppercase).collect();
    let shows = if case.shows.starts_with('`') { case.shows.to_owned() } else { first + shows.as_str() };
    format!("{shows}.{made}\n")
}

/// Every case has its folder and no folder is without case.
pub(crate) fn check(cases: &[Case]) {
    let folder = root().join("testdata/bad");
    for case in cases {
        let place = folder.join(case.name);
        if writes() {
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("README.md"), readme(case)).unwrap();
            if case.is_kept() {
                fs::write(place.join(case.file_name()), &case.bytes).unwrap();
            }
        }
        let text = |name: &str| fs::read_to_string(place.join(name)).unwrap_or_default();
        assert_eq!(text("README.md"), readme(case), "{}", case.name);
        assert!(!text("expected").is_empty() || writes(), "{}: no file 'expected'", case.name);
        if case.is_kept() {
            let kept = fs::read(place.join(case.file_name())).unwrap_or_default();
            assert!(kept == case.bytes, "{}: other bytes than are made", case.name);
        }
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || cases.iter().any(|case| case.name == name), "{name}: no such case");
    }
}

pub(crate) fn check_ours(cases: &[Case]) {
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let ended = ours(case, folder.path());
        assert!(ended.status != 0, "{}: accepted", case.name);
        assert!(!ended.line.is_empty() && ended.line.len() < 4000, "{}: {}", case.name, ended.line);
        let lines: Vec<&str> = ended.line.lines().collect();
        assert!(lines.iter().all(|line| line.starts_with("mender-artifact: ")), "{}: {lines:?}", case.name);
        assert!(!ended.line.replace('\n', "").chars().any(char::is_control), "{}: {lines:?}", case.name);
        let path = root().join("testdata/bad").join(case.name).join("expected");
        if writes() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, expected(case, &ended)).unwrap();
        }
        let kept = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(expected(case, &ended), kept, "{}", case.name);
    }
}
