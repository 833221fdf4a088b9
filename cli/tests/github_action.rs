//! What the GitHub Action runs, with its inputs as the runner gives them.
// All of it is test code, which may stop at whatever is not as it should be.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The variables that `action.yml` fills from its inputs, and the defaults of these.
fn variables() -> BTreeMap<String, String> {
    let text = fs::read_to_string(project().join("packaging/github-action/action.yml")).unwrap();
    let (mut defaults, mut input) = (BTreeMap::new(), String::new());
    let mut variables = BTreeMap::new();
    for line in text.lines() {
        let word = line.trim();
        if let Some((variable, rest)) = word.split_once(": ${{ inputs.") {
            let name = rest.trim_end_matches(" }}");
            let default: Option<&String> = defaults.get(name);
            variables.insert(variable.to_owned(), default.cloned().unwrap_or_default());
        } else if let Some(default) = word.strip_prefix("default: ") {
            defaults.insert(input.clone(), default.trim_matches('"').to_owned());
        } else if line.starts_with("  ") && !line.starts_with("   ") {
            input = word.trim_end_matches(':').to_owned();
        }
    }
    variables
}

fn run(folder: &Path, inputs: &[(&str, &str)]) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_mender-artifact")).parent().unwrap().display().to_string();
    let known = variables();
    assert!(inputs.iter().all(|(name, _)| known.contains_key(*name)), "{known:?}");
    Command::new("bash")
        .arg(project().join("packaging/github-action/write.sh"))
        .envs(known)
        .envs(inputs.iter().copied())
        .env("PATH", format!("{own}:{}", std::env::var("PATH").unwrap()))
        .env("GITHUB_OUTPUT", folder.join("outputs"))
        .current_dir(folder)
        .output()
        .unwrap()
}

fn ours(folder: &Path, words: &[&str]) -> Output {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mender-artifact")).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn it_writes_signs_and_makes_the_delta() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image: Vec<u8> = (0..200_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(folder.join("v1.img"), &image).unwrap();
    let changed = [&image[..300_000], b"news", &image[300_004..]].concat();
    fs::write(folder.join("v2.img"), changed).unwrap();
    let keys = project().join("mender-artifact/tests/keys");
    let key = fs::read_to_string(keys.join("p256-sec1.pem")).unwrap();
    let public = keys.join("p256-public.pem").display().to_string();

    let first = [("IMAGE", "v1.img"), ("NAME", "v1"), ("DEVICE_TYPES", "a b"), ("OUTPUT", "v1.mender")];
    let done = run(folder, &first);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let second = [
        ("IMAGE", "v2.img"),
        ("NAME", "v2"),
        ("DEVICE_TYPES", "a b"),
        ("FROM", "v1.mender"),
        ("SIGNING_KEY", &key),
    ];
    let done = run(folder, &second);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for name in ["release.mender", "delta.mender"] {
        ours(folder, &["validate", name, "-k", &public]);
    }
    let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
    let outputs = fs::read_to_string(folder.join("outputs")).unwrap();
    let expected =
        format!("artifact-bytes={}\ndelta-bytes={}\n", size("release.mender"), size("delta.mender"));
    assert!(outputs.ends_with(&expected), "{outputs}");

    fs::remove_file(folder.join("delta.mender")).unwrap();
    let tight = [&second[..], &[("MAX_DELTA_SIZE", "10")]].concat();
    let done = run(folder, &tight);
    assert!(!done.status.success() && !folder.join("delta.mender").exists());
    assert!(String::from_utf8_lossy(&done.stderr).contains("larger than --max-delta-size"));
}
