//! The whole way on a device: Debian's client 3.4 installs a full Artifact and then a delta Artifact into the other
//! partition, and everything that may go wrong in between leaves the device as it was.
//!
//! Needs root, loop devices, mount namespaces, and the packages mender-client, libubootenv-tool, e2fsprogs and
//! binutils; says `skipped` and why where one is missing. The client's log is printed, and kept in
//! `target/tmp/client_e2e/`.

#![cfg(target_os = "linux")]
// clippy.toml allows these in test functions; this whole file and its modules are test code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "client_e2e/images.rs"]
mod images;
#[path = "client_e2e/rig.rs"]
mod rig;
#[path = "client_e2e/slow_server.rs"]
mod slow_server;

use std::fs;
use std::sync::LazyLock;

use images::Releases;
use rig::{Rig, Slot};

static RELEASES: LazyLock<Result<Releases, String>> = LazyLock::new(|| Releases::make(false));
static WITH_JOURNAL: LazyLock<Result<Releases, String>> = LazyLock::new(|| Releases::make(true));

/// A device as it comes from the factory, and the releases; None where this machine cannot do it.
fn factory(
    name: &str,
    releases: &'static LazyLock<Result<Releases, String>>,
) -> Option<(Rig, &'static Releases)> {
    if !fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0) {
        println!("skipped: not root");
        return None;
    }
    // What the project itself builds has to work wherever the rig does.
    let probe = tempfile::NamedTempFile::new().unwrap();
    if let Err(reason) = Rig::flashed_with(probe.path(), 1 << 20, "probe") {
        println!("skipped: {reason}");
        return None;
    }
    let releases = releases.as_ref().unwrap_or_else(|error| panic!("{error}"));
    let partition_bytes = releases.image_bytes + (1 << 20);
    let rig = Rig::flashed_with(&releases.factory, partition_bytes, name).unwrap();
    fs::copy(&releases.v1.artifact, rig.artifact("v1.mender")).unwrap();
    fs::copy(&releases.delta, rig.artifact("v1-v2.mender")).unwrap();
    fs::copy(&releases.delta_vcdiff, rig.artifact("v1-v2.vcdiff.mender")).unwrap();
    Some((rig, releases))
}

/// A device that has installed v1 in full, started and committed it: it runs from B.
fn running_v1(name: &str) -> Option<(Rig, &'static Releases)> {
    running_v1_of(name, &RELEASES)
}

fn running_v1_of(
    name: &str,
    releases: &'static LazyLock<Result<Releases, String>>,
) -> Option<(Rig, &'static Releases)> {
    let (mut rig, releases) = factory(name, releases)?;
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1.mender"]).status, Some(0));
    assert!(same(&rig, Slot::B, &releases.v1.image), "B does not hold v1");
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);
    assert_eq!(rig.mender(&["commit"]).status, Some(0));
    assert_eq!(artifact_name(&mut rig), "release-v1");
    Some((rig, releases))
}

fn same(rig: &Rig, slot: Slot, image: &std::path::Path) -> bool {
    let image = fs::read(image).unwrap();
    rig.partition(slot, image.len()) == image
}

fn artifact_name(rig: &mut Rig) -> String {
    rig.mender(&["show-artifact"]).text.lines().last().unwrap().trim().to_owned()
}

fn settled_on(rig: &Rig, slot: Slot) -> bool {
    rig.env("mender_boot_part") == rig.number(slot) && rig.env("upgrade_available") == "0"
}

#[test]
fn full_v1_then_delta_to_v2() {
    let Some((mut rig, releases)) = running_v1("v1-v2") else { return };
    let full = fs::metadata(&releases.v2.artifact).unwrap().len();
    let delta = fs::metadata(&releases.delta).unwrap().len();
    rig.say(&format!("# v2 in full: {full} bytes; v1 to v2 as a delta: {delta} bytes"));

    let called = rig.mender(&["install", "/data/artifacts/v1-v2.mender"]);
    assert_eq!(called.status, Some(0));
    assert!(called.text.contains("requested a reboot"), "{}", called.text);
    assert!(
        called.text.contains(&format!("gave an image of {} bytes", releases.image_bytes)),
        "{}",
        called.text
    );
    assert!(same(&rig, Slot::A, &releases.v2.image), "A does not hold v2");
    assert!(same(&rig, Slot::B, &releases.v1.image), "the running partition changed");
    rig.say("# A equals the image of v2, byte for byte");
    assert_eq!(rig.env("mender_boot_part"), rig.number(Slot::A));
    assert_eq!(rig.env("upgrade_available"), "1");
    assert_eq!(rig.env("bootcount"), "0");

    rig.reboot();
    assert_eq!(rig.running(), Slot::A);
    assert_eq!(rig.mender(&["commit"]).status, Some(0));
    assert!(settled_on(&rig, Slot::A));
    assert_eq!(artifact_name(&mut rig), "release-v2");
    let provides = rig.mender(&["show-provides"]).text;
    for line in [
        "artifact_name=release-v2".to_owned(),
        format!("rootfs-image.checksum={}", images::hex_sha256(&releases.v2.image)),
        "rootfs-image.version=v2".to_owned(),
    ] {
        assert!(provides.lines().any(|found| found.trim() == line), "no {line} in:\n{provides}");
    }
    assert!(!provides.contains("release-v1"), "{provides}");
    assert!(same(&rig, Slot::A, &releases.v2.image), "running v2 changed it");
}

/// Installs a delta, starts what it gave, and commits it.
fn update(rig: &mut Rig, artifact: &std::path::Path, release: &images::Release, to: Slot) {
    fs::copy(artifact, rig.artifact("update.mender")).unwrap();
    let called = rig.mender(&["install", "/data/artifacts/update.mender"]);
    assert_eq!(called.status, Some(0));
    assert!(same(rig, to, &release.image), "{to:?} does not hold the image");
    rig.reboot();
    assert_eq!(rig.running(), to);
    assert_eq!(rig.mender(&["commit"]).status, Some(0));
    assert!(settled_on(rig, to));
}

#[test]
fn full_v1_then_xdelta3_to_v2_then_native_to_v3() {
    let Some((mut rig, releases)) = running_v1("xdelta3-native") else { return };
    let Some(by_xdelta3) = &releases.delta_xdelta3 else {
        println!("skipped: xdelta3 is not installed");
        return;
    };
    update(&mut rig, by_xdelta3, &releases.v2, Slot::A);
    assert_eq!(artifact_name(&mut rig), "release-v2");
    update(&mut rig, &releases.next_delta, &releases.v3, Slot::B);
    assert_eq!(artifact_name(&mut rig), "release-v3");
}

#[test]
fn full_v1_then_native_to_v2_then_vcdiff_to_v3() {
    let Some((mut rig, releases)) = running_v1("native-vcdiff") else { return };
    update(&mut rig, &releases.delta, &releases.v2, Slot::A);
    update(&mut rig, &releases.next_delta_vcdiff, &releases.v3, Slot::B);
    assert_eq!(artifact_name(&mut rig), "release-v3");
}

#[test]
fn xdelta3_deltas_leave_the_device_as_it_was_when_something_is_wrong() {
    let Some((mut rig, releases)) = running_v1("vcdiff-wrong") else { return };
    // Installed, but it does not come up.
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.vcdiff.mender"]).status, Some(0));
    assert!(same(&rig, Slot::A, &releases.v2.image), "A does not hold v2");
    rig.reboot();
    assert_eq!(rig.running(), Slot::A);
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);
    assert_ne!(rig.mender(&["commit"]).status, Some(0));
    assert!(settled_on(&rig, Slot::B));
    // Installed, and rolled back.
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.vcdiff.mender"]).status, Some(0));
    rig.reboot();
    assert_eq!(rig.mender(&["rollback"]).status, Some(0));
    rig.reboot();
    assert!(settled_on(&rig, Slot::B) && rig.running() == Slot::B);
    // Not the base any more.
    let before = rig.partition(Slot::A, usize::MAX);
    rig.damage(Slot::B, releases.image_bytes - 5);
    let called = rig.mender(&["install", "/data/artifacts/v1-v2.vcdiff.mender"]);
    assert_ne!(called.status, Some(0));
    assert!(called.text.contains("Download: wrong base: expected SHA-256"), "{}", called.text);
    assert!(rig.partition(Slot::A, usize::MAX) == before, "A was written");
    assert!(settled_on(&rig, Slot::B));
    assert_eq!(artifact_name(&mut rig), "release-v1");
}

#[test]
fn a_journal_in_the_running_file_system_does_not_matter() {
    // Mounted read-only, it makes the page cache differ from the medium.
    let Some((mut rig, releases)) = running_v1_of("journal", &WITH_JOURNAL) else { return };
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    assert!(same(&rig, Slot::A, &releases.v2.image), "A does not hold v2");
}

#[test]
fn an_inactive_partition_that_is_mounted_is_not_written() {
    let Some((mut rig, releases)) = running_v1("mounted") else { return };
    {
        let _mount = rig.mount_elsewhere(Slot::A);
        let called = rig.mender(&["install", "/data/artifacts/v1-v2.mender"]);
        assert_ne!(called.status, Some(0));
        assert!(called.text.contains("is mounted or otherwise in use"), "{}", called.text);
        assert!(same(&rig, Slot::A, &releases.factory) && settled_on(&rig, Slot::B));
    }
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
}

#[test]
fn a_long_payload_that_is_no_delta_ends_at_once() {
    let Some((mut rig, releases)) = running_v1("junk") else { return };
    let junk: Vec<u8> = (0..6_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(rig.artifact("junk.delta"), junk).unwrap();
    let meta_data = r#"{"delta_algorithm": "mender-native", "rootfs_file_size": 5}"#;
    fs::write(rig.artifact("junk.meta"), meta_data).unwrap();
    let artifact = rig.artifact("junk.mender");
    images::write_junk(&rig.artifact("junk.delta"), &rig.artifact("junk.meta"), &artifact).unwrap();
    let url = slow_server::serve(fs::read(artifact).unwrap(), 10);
    for source in ["/data/artifacts/junk.mender", &url] {
        let called = rig.mender(&["install", source]);
        assert_ne!(called.status, Some(0));
        assert!(called.text.contains("Download: malformed delta: magic"), "{}", called.text);
        assert!(same(&rig, Slot::A, &releases.factory) && settled_on(&rig, Slot::B));
    }
}

#[test]
fn a_device_that_never_had_v1_is_refused_by_the_client() {
    let Some((mut rig, releases)) = factory("no-v1", &RELEASES) else { return };
    let called = rig.mender(&["install", "/data/artifacts/v1-v2.mender"]);
    assert_ne!(called.status, Some(0));
    assert!(called.text.contains("rootfs-image.checksum"), "{}", called.text);
    assert!(rig.partition(Slot::B, 1 << 20).iter().all(|&byte| byte == 0));
    assert!(same(&rig, Slot::A, &releases.factory) && settled_on(&rig, Slot::A));
}

#[test]
fn a_base_that_has_changed_is_refused_and_nothing_is_written() {
    let Some((mut rig, releases)) = running_v1("wrong-base") else { return };
    let before = rig.partition(Slot::A, usize::MAX);
    rig.damage(Slot::B, releases.image_bytes - 5);
    let artifact = fs::read(&releases.delta).unwrap();
    let url = slow_server::serve(artifact, 3);
    // From a file the whole delta is there at once; from a slow server the module fails while most of it is to come.
    for source in ["/data/artifacts/v1-v2.mender", &url] {
        let called = rig.mender(&["install", source]);
        assert_ne!(called.status, Some(0));
        assert!(called.text.contains("Download: wrong base: expected SHA-256"), "{}", called.text);
        assert!(rig.partition(Slot::A, usize::MAX) == before, "A was written");
        assert!(settled_on(&rig, Slot::B));
        assert_eq!(artifact_name(&mut rig), "release-v1");
    }
}

#[test]
fn a_base_that_has_changed_is_mended_from_a_copy_of_its_image() {
    let Some((mut rig, releases)) = running_v1("repair") else { return };
    let (image, tool) = (fs::read(&releases.v1.image).unwrap(), fs::read("/usr/bin/mount").unwrap());
    let start = image.chunks(1024).position(|block| block == &tool[..1024]).unwrap() * 1024;
    rig.damage(Slot::B, start.next_multiple_of(4096) as u64 + 5);
    fs::copy(&releases.v1.image, rig.artifact("v1.ext4")).unwrap();
    rig.configure_module(r#"{"RepairFrom": "/data/artifacts/v1.ext4"}"#);
    let called = rig.mender(&["install", "/data/artifacts/v1-v2.mender"]);
    assert_eq!(called.status, Some(0));
    assert!(
        called.text.contains("REPAIRED: 1 blocks of 4096 bytes on the running /dev/loop"),
        "{}",
        called.text
    );
    assert!(called.text.contains("(/opt/tool)"), "{}", called.text);
    assert!(same(&rig, Slot::A, &releases.v2.image), "A does not hold v2");
    assert!(!same(&rig, Slot::B, &releases.v1.image), "the running partition was written");
}

#[test]
fn a_module_that_cannot_work_does_not_hang_the_client() {
    let Some((mut rig, releases)) = running_v1("bad-config") else { return };
    rig.configure_module(r#"{"FlashTool": "flashcp"}"#);
    let url = slow_server::serve(fs::read(&releases.delta).unwrap(), 3);
    for source in ["/data/artifacts/v1-v2.mender", &url] {
        let called = rig.mender(&["install", source]);
        assert_ne!(called.status, Some(0));
        assert!(
            called.text.contains("is not known, only mender-flash and ubiupdatevol are"),
            "{}",
            called.text
        );
        assert!(settled_on(&rig, Slot::B));
    }
}

#[test]
fn a_damaged_artifact_ends_in_an_error_and_the_device_stays() {
    let Some((mut rig, releases)) = running_v1("damaged") else { return };
    let mut artifact = fs::read(&releases.delta).unwrap();
    let whole = artifact.len();
    artifact[whole - whole / 4] ^= 0x10;
    fs::write(rig.artifact("damaged.mender"), &artifact).unwrap();
    fs::write(rig.artifact("short.mender"), &fs::read(&releases.delta).unwrap()[..whole / 2]).unwrap();
    for name in ["damaged", "short"] {
        let called = rig.mender(&["install", &format!("/data/artifacts/{name}.mender")]);
        assert_ne!(called.status, Some(0), "{name}");
        assert!(same(&rig, Slot::B, &releases.v1.image) && settled_on(&rig, Slot::B));
        assert_eq!(artifact_name(&mut rig), "release-v1");
    }
    // The device is not worse for it.
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    assert!(same(&rig, Slot::A, &releases.v2.image));
}

#[test]
fn rollback_before_the_reboot_and_after_it() {
    let Some((mut rig, releases)) = running_v1("rollback") else { return };
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    assert_eq!(rig.env("upgrade_available"), "1");
    assert_eq!(rig.mender(&["rollback"]).status, Some(0));
    assert!(settled_on(&rig, Slot::B));
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);

    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    rig.reboot();
    assert_eq!(rig.running(), Slot::A);
    assert_eq!(rig.mender(&["rollback"]).status, Some(0));
    assert!(settled_on(&rig, Slot::B));
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);
    assert_eq!(artifact_name(&mut rig), "release-v1");
    assert!(same(&rig, Slot::B, &releases.v1.image));
}

#[test]
fn the_way_back_is_not_overwritten_while_an_update_is_on_trial() {
    let Some((mut rig, releases)) = running_v1("on-trial") else { return };
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    rig.reboot();
    assert_eq!(rig.running(), Slot::A);
    let called = rig.mender(&["install", "/data/artifacts/v1-v2.mender"]);
    assert_ne!(called.status, Some(0));
    assert!(called.text.contains("is on trial: commit or roll back"), "{}", called.text);
    // That attempt made the client forget what is to be committed; the boot loader still knows.
    assert_eq!(rig.env("upgrade_available"), "1");
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);
    assert!(same(&rig, Slot::B, &releases.v1.image));
}

#[test]
fn a_new_system_that_does_not_start_is_given_up() {
    let Some((mut rig, releases)) = running_v1("failed-boot") else { return };
    assert_eq!(rig.mender(&["install", "/data/artifacts/v1-v2.mender"]).status, Some(0));
    rig.reboot();
    assert_eq!(rig.running(), Slot::A);
    // It does not come up; a watchdog resets it.
    rig.reboot();
    assert_eq!(rig.running(), Slot::B);
    let called = rig.mender(&["commit"]);
    assert_ne!(called.status, Some(0));
    assert!(called.text.contains("the boot loader went back"), "{}", called.text);
    assert!(settled_on(&rig, Slot::B));
    assert_eq!(artifact_name(&mut rig), "release-v1");
    assert!(same(&rig, Slot::B, &releases.v1.image));
}
