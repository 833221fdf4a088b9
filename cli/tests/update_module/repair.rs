//! A base that has changed, and `RepairFrom`, which has its image.

use std::fs;

use crate::PAIR;
use crate::device::{Device, PARTITION_BYTES};

/// Two blocks and the last byte of the running partition are not what they were.
fn damaged() -> Vec<u8> {
    let mut image = PAIR.old.clone();
    let last = image.len() - 1;
    for at in [1024, 700_000, 704_000, last] {
        image[at] ^= 1;
    }
    image
}

fn device_with(spare: Option<&[u8]>) -> Device {
    let device = Device::running(&damaged());
    let (a, b) = (device.partition(2), device.partition(3));
    let (spare_path, report) = (device.path("spare.img"), device.path("report"));
    if let Some(spare) = spare {
        fs::write(&spare_path, spare).unwrap();
    }
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "RepairFrom": {spare_path:?}, "ReportFile": {report:?}}}"#
    ));
    device
}

#[test]
fn changed_blocks_are_named_and_read_from_the_image() {
    let device = device_with(Some(&PAIR.old));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert!(called.success, "{}", called.stderr);
    let first = called.stderr.lines().next().unwrap();
    assert!(first.starts_with("REPAIRED: 4 blocks of 4096 bytes on the running /"), "{first}");
    assert!(first.contains("are not those of its image: 0, 170-171, 511; /"), "{first}");
    assert!(first.ends_with("/spare.img was read in their place"), "{first}");
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
    // Only read.
    let active = fs::read(device.partition(2)).unwrap();
    assert!(active.starts_with(&damaged()) && active.len() == PARTITION_BYTES);
    let report = fs::read_to_string(device.path("report")).unwrap();
    assert!(report.contains(r#""repaired_blocks":4"#), "{report}");
    device.call("ArtifactInstall").assert_silent_success();
}

#[test]
fn an_image_that_is_missing_or_wrong_does_not_help() {
    let mut wrong = PAIR.old.clone();
    wrong[5] ^= 1;
    let device = device_with(Some(&wrong));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_refused("; RepairFrom does not help: wrong base: expected SHA-256");
    assert!(device.inactive_is_untouched());

    let device = device_with(None);
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert!(!called.success);
    assert!(called.stderr.contains("RepairFrom: cannot open /"), "{}", called.stderr);
    assert!(called.stderr.contains("Download: wrong base: expected SHA-256"), "{}", called.stderr);
    assert!(device.inactive_is_untouched());
}

#[test]
fn a_partition_is_no_spare() {
    let device = Device::running(&damaged());
    let (a, b) = (device.partition(2), device.partition(3));
    device.configure(&format!(r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "RepairFrom": {b:?}}}"#));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert!(called.stderr.contains("is one of the two partitions and of no use"), "{}", called.stderr);
    assert!(!called.success && device.inactive_is_untouched());
}
