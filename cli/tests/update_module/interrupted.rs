//! Downloads that are broken off and done again, and what is told about them. Losses of power are in the module's own
//! tests, over a device that forgets.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::PAIR;
use crate::client::Payload;
use crate::device::{Device, image_meta_data};

/// A device that keeps a journal and a report.
fn device() -> Device {
    let device = Device::running(&PAIR.old);
    let (a, b) = (device.partition(2), device.partition(3));
    let (journal, report) = (device.path("journal"), device.path("report"));
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "JournalFile": {journal:?}, "ReportFile": {report:?}}}"#
    ));
    device
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_killed_download_goes_on_with_what_it_had_written() {
    let device = device();
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&PAIR.delta);
    payload.end_when = Some(device.path("never"));
    let mut module = device.start_download(payload);
    let started = Instant::now();
    while fs::read(device.partition(3)).unwrap()[..1 << 20] != PAIR.new[..1 << 20] {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    module.kill().unwrap();
    module.wait().unwrap();
    device.call("ArtifactInstall").assert_refused("holds no verified image");

    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    let (written, kept) = called.counts();
    assert!(kept >= 1 << 20, "{kept} bytes were there, {written} were written");
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
    device.call("ArtifactInstall").assert_silent_success();
}

#[test]
fn the_journal_of_an_interrupted_attempt_is_told_and_then_removed() {
    let device = device();
    let partition = fs::canonicalize(device.partition(3)).unwrap();
    let sha256: String = Sha256::digest(&PAIR.new).iter().map(|byte| format!("{byte:02x}")).collect();
    let record = |digest: &str| {
        let size = PAIR.new.len();
        let text = json!({"partition": partition, "image_bytes": size, "image_sha256": digest, "durable_bytes": 4096});
        fs::write(device.path("journal"), text.to_string()).unwrap();
    };
    let type_info = format!(r#"{{"artifact_provides": {{"rootfs-image.checksum": "{sha256}"}}}}"#);
    for (digest, told) in [(sha256.as_str(), true), ("00", false)] {
        record(digest);
        device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
        fs::write(device.tree().join("header/type-info"), &type_info).unwrap();
        let (called, _) = device.download_state("Download", Payload::new(&PAIR.delta));
        assert!(called.success, "{}", called.stderr);
        let first = called.stderr.lines().next().unwrap();
        assert_eq!(first.starts_with("going on: an interrupted attempt has brought 4096 bytes to /"), told);
        assert!(!device.path("journal").exists());
        let before = if told { json!(4096) } else { Value::Null };
        assert_eq!(json(&device.path("report"))["bytes_of_interrupted_attempt"], before);
    }
}

#[test]
fn the_report_says_what_was_done_or_why_not() {
    let device = device();
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    let (written, kept) = called.counts();
    let expected = json!({
        "result": "success",
        "partition": fs::canonicalize(device.partition(3)).unwrap(),
        "delta_bytes": PAIR.delta.len(),
        "image_bytes": PAIR.new.len(),
        "written_bytes": written,
        "kept_bytes": kept,
        "bytes_of_interrupted_attempt": null,
        "repaired_blocks": 0,
        "repair_fetched_bytes": 0,
    });
    assert_eq!(json(&device.path("report")), expected);
    let (called, _) = device.download(&PAIR.delta[..1000], PAIR.new.len());
    called.assert_refused("truncated delta");
    let expected = json!({"result": "failure", "error": "truncated delta: it ends after 1000 bytes"});
    assert_eq!(json(&device.path("report")), expected);
}

#[test]
fn places_that_cannot_be_written_do_not_stop_an_installation() {
    let device = device();
    let (a, b) = (device.partition(2), device.partition(3));
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "JournalFile": "/nonexistent/j", "ReportFile": "/nonexistent/r"}}"#
    ));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert!(called.success, "{}", called.stderr);
    assert!(called.stderr.contains("cannot write /nonexistent/r: No such file"), "{}", called.stderr);
    device.call("ArtifactInstall").assert_silent_success();
}
