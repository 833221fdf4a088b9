//! Deltas of the xdelta3 algorithm, made by xdelta3 itself and by this project.

use std::fs;
use std::io::Cursor;
use std::process::Command;

use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::options::GenerateOptions;
use sha2::{Digest as _, Sha256};

use crate::client::{End, Payload};
use crate::device::{Called, Device, noise};
use crate::{PAIR, assert_unharmed};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ours() -> Vec<u8> {
    let mut delta = Cursor::new(Vec::new());
    let options = VcdiffOptions::default();
    generate(&PAIR.old, &PAIR.new, &GenerateOptions::default(), &Algorithm::Xdelta3(options), &mut delta)
        .unwrap();
    delta.into_inner()
}

/// By the real program; None, having said so, where it is not installed.
fn made_by_xdelta3(arguments: &[&str]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("old"), &PAIR.old).unwrap();
    fs::write(at("new"), &PAIR.new).unwrap();
    let mut command = Command::new("xdelta3");
    command.args(["-e", "-q"]).args(arguments).arg("-s").args([at("old"), at("new"), at("delta")]);
    let Ok(status) = command.status() else {
        println!("skipped: xdelta3 is not installed");
        return None;
    };
    assert!(status.success());
    Some(fs::read(at("delta")).unwrap())
}

/// Headers of an Artifact as Mender's own tools make it.
fn tree(device: &Device, base: &str, target: &str, size: usize) {
    let meta_data = format!(
        r#"{{"delta_algorithm": "xdelta3", "decoder_arguments": ["-B", "4194304"], "rootfs_file_size": {size}}}"#
    );
    device.new_tree("mender-binary-delta", meta_data);
    let type_info = format!(
        r#"{{"type": "mender-binary-delta",
            "artifact_provides": {{"rootfs-image.checksum": "{target}", "rootfs-image.version": "2"}},
            "artifact_depends": {{"rootfs-image.checksum": "{base}"}},
            "clears_artifact_provides": ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"]}}"#
    );
    fs::write(device.tree().join("header/type-info"), type_info).unwrap();
}

fn download(device: &Device, delta: &[u8]) -> (Called, End) {
    tree(device, &hex(&PAIR.old), &hex(&PAIR.new), PAIR.new.len());
    device.download_state("Download", Payload::new(delta))
}

/// A download of a delta that this project made.
#[cfg(feature = "repair-url")]
pub(crate) fn download_ours(device: &Device) -> Called {
    download(device, &ours()).0
}

/// As if either of two bases would do, of which nobody has the first.
#[cfg(feature = "repair-url")]
pub(crate) fn download_ours_of_any(device: &Device) -> Called {
    tree(device, &hex(&PAIR.old), &hex(&PAIR.new), PAIR.new.len());
    let path = device.tree().join("header/type-info");
    let one = format!("\"{}\"", hex(&PAIR.old));
    let any = format!("[\"{}\", {one}]", "0".repeat(64));
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(&one, &any)).unwrap();
    device.download_state("Download", Payload::new(&ours())).0
}

fn assert_installed(device: &Device, called: &Called) {
    assert!(called.success, "{}", called.stderr);
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
    assert!(fs::read(device.partition(2)).unwrap().starts_with(&PAIR.old));
    device.call("ArtifactInstall").assert_silent_success();
}

#[test]
fn deltas_of_every_make_are_installed() {
    let makes: [&[&str]; 6] = [
        &["-S", "lzma", "-A"],
        &["-S", "lzma", "-9"],
        &["-S", "djw", "-n"],
        &["-S", "none"],
        &["-W", "65536", "-S", "lzma"],
        &["-0", "-A=a note", "-S", "none"],
    ];
    let deltas = makes.into_iter().filter_map(|make| Some((made_by_xdelta3(make)?, make)));
    for (delta, make) in deltas.chain([(ours(), &["ours"][..])]) {
        let device = Device::running(&PAIR.old);
        let (called, end) = download(&device, &delta);
        assert!(called.success, "{make:?}: {}", called.stderr);
        assert_eq!(end, End::Complete);
        assert_installed(&device, &called);
    }
}

#[test]
fn the_base_is_looked_for_by_what_the_artifact_depends_on() {
    let delta = ours();
    for at in [0, 4097, PAIR.old.len() - 1] {
        let mut image = PAIR.old.clone();
        image[at] ^= 1;
        let device = Device::running(&image);
        let (called, end) = download(&device, &delta);
        called.assert_refused(&format!("wrong base: expected SHA-256 {}", hex(&PAIR.old)));
        // Nothing of the stream was left, or the client saw the pipe close.
        assert!(matches!(end, End::Complete | End::GaveUp), "{end:?}");
        assert!(device.inactive_is_untouched(), "written although byte {at} of the base is wrong");
    }
    // One of several.
    let device = Device::running(&PAIR.old);
    let several = format!(r#"{}", "{}"#, "0".repeat(64), hex(&PAIR.old));
    tree(&device, &several, &hex(&PAIR.new), PAIR.new.len());
    let path = device.tree().join("header/type-info");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace(&format!("\"{several}\""), &format!("[\"{several}\"]"))).unwrap();
    let (called, _) = device.download_state("Download", Payload::new(&delta));
    assert_installed(&device, &called);
}

#[test]
fn checksums_that_are_missing_or_wrong_are_noticed() {
    let (delta, old, new) = (ours(), hex(&PAIR.old), hex(&PAIR.new));
    let device = Device::running(&PAIR.old);
    for (name, list) in [("artifact_provides", "provides"), ("artifact_depends", "depends on")] {
        tree(&device, &old, &new, PAIR.new.len());
        let path = device.tree().join("header/type-info");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(name, "other")).unwrap();
        let (called, _) = device.download_state("Download", Payload::new(&delta));
        called.assert_refused(&format!("the payload {list} no rootfs-image.checksum"));
        assert!(device.inactive_is_untouched());
    }
    tree(&device, &old, &old, PAIR.new.len());
    let (called, _) = device.download_state("Download", Payload::new(&delta));
    called.assert_refused(&format!("wrong result: expected SHA-256 {old}, found {new}"));
    assert_unharmed(&device);
}

#[test]
fn an_end_between_two_windows_is_no_end() {
    let Some(delta) = made_by_xdelta3(&["-W", "65536", "-S", "none"]) else { return };
    let device = Device::running(&PAIR.old);
    let whole = delta.len();
    for length in [0, 3, 4, 5, 40, whole / 2, whole - 1] {
        let (called, end) = download(&device, &delta[..length]);
        called.assert_refused("truncated delta: it ends after");
        assert_eq!(end, End::Complete);
        assert_unharmed(&device);
    }
    // One window less than promised.
    tree(&device, &hex(&PAIR.old), &hex(&PAIR.new), PAIR.new.len() + 70_000);
    let (called, _) = device.download_state("Download", Payload::new(&delta));
    called.assert_refused("truncated delta: it ends after");
    // And one more.
    tree(&device, &hex(&PAIR.old), &hex(&PAIR.new), PAIR.new.len() - 70_000);
    let (called, _) = device.download_state("Download", Payload::new(&delta));
    called.assert_refused("malformed delta: window target");
    assert_unharmed(&device);
}

#[test]
fn memory_is_bounded_before_the_first_write() {
    let delta = ours();
    let device = Device::running(&PAIR.old);
    fs::write(device.path("sys/proc/meminfo"), "MemAvailable: 7000 kB\n").unwrap();
    let (called, _) = download(&device, &delta);
    called.assert_refused("the device has 7168000 bytes available");
    assert!(device.inactive_is_untouched());
    fs::remove_file(device.path("sys/proc/meminfo")).unwrap();
    let (a, b) = (device.partition(2), device.partition(3));
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "ApplyMemoryLimitBytes": 5000000}}"#
    ));
    let (called, _) = download(&device, &delta);
    called.assert_refused("is over the limit of 5000000");
    assert!(device.inactive_is_untouched());
}

#[test]
fn damaged_deltas_are_never_success() {
    let device = Device::running(&PAIR.old);
    let delta = ours();
    let whole = delta.len();
    for at in [3, 4, 5, 6, 9, 20, 100, whole / 2, whole - 1] {
        let mut delta = delta.clone();
        delta[at] ^= 0x41;
        let (called, end) = download(&device, &delta);
        called.assert_refused("Download: ");
        assert!(matches!(end, End::Complete | End::GaveUp), "byte {at}: {end:?}");
        assert_unharmed(&device);
    }
    let (called, _) = download(&device, &[&[0xd6, 0xc3, 0xc4][..], &noise(5, 1 << 20)].concat());
    called.assert_refused("Download: ");
}
