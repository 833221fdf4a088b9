//! Writing through `FlashTool`, with stand-ins for `ubiupdatevol` and `mender-flash` that take the same arguments. Plain
//! files are the UBI volumes; what the kernel says about them is in the device's `sys`.

use std::fs;
use std::path::PathBuf;

use crate::PAIR;
use crate::client::Payload;
use crate::device::{Called, Device, image_meta_data};

/// `ubiupdatevol VOLUME --size=N FILE`.
const UBIUPDATEVOL: &str = r#"
[ $# = 3 ] && [ "${2%=*}" = --size ] || exit 9
echo started >> "${0%/*}/../started"
"#;
/// `mender-flash --input-size N --input FILE --output DEVICE`.
const MENDER_FLASH: &str = r#"
[ "$# $1 $3 $5" = "6 --input-size --input --output" ] || exit 9
cat "$4" 1<> "$6"
"#;

fn volume(device: &Device, number: u32) -> PathBuf {
    device.path(&format!("ubi0_{number}"))
}

/// Runs from the volume `ubi0_2`, which the kernel calls by its name.
fn ubi_device(script: &str, erase_blocks: u32) -> Device {
    let device = Device::running(&PAIR.old);
    for (number, name) in [(2, "rootfsa"), (3, "rootfsb")] {
        fs::rename(device.partition(number), volume(&device, number)).unwrap();
        let folder = device.path(&format!("sys/sys/class/ubi/ubi0_{number}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("name"), format!("{name}\n")).unwrap();
        fs::write(folder.join("reserved_ebs"), format!("{erase_blocks}\n")).unwrap();
        fs::write(folder.join("usable_eb_size"), "65536\n").unwrap();
    }
    fs::write(device.path("sys/proc/cmdline"), "ubi.mtd=5 root=ubi0:rootfsa rootfstype=ubifs ro\n").unwrap();
    configure(&device, r#""ubiupdatevol""#);
    device.install_script("ubiupdatevol", &format!("{UBIUPDATEVOL}{script}"));
    device
}

fn configure(device: &Device, tool: &str) {
    let (a, b) = (volume(device, 2), volume(device, 3));
    device.configure(&format!(r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "FlashTool": {tool}}}"#));
}

fn download(device: &Device) -> Called {
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    device.download_state("Download", Payload::new(&PAIR.delta)).0
}

fn assert_refused(device: &Device, called: &Called, message: &str) {
    assert!(!called.success);
    assert!(called.stderr.contains(message), "{}", called.stderr);
    device.call("ArtifactInstall").assert_refused("holds no verified image");
    assert!(device.env().contains("mender_boot_part=2"));
}

const GOOD: &str = r#"cat "$3" > "$1""#;

#[test]
fn a_ubi_volume_is_written_as_a_whole() {
    let device = ubi_device(GOOD, 48);
    let called = download(&device);
    assert!(called.success, "{}", called.stderr);
    assert!(called.stderr.contains(&format!("{} bytes written, 0 were there", PAIR.new.len())));
    assert!(fs::read(volume(&device, 3)).unwrap() == PAIR.new);
    assert!(fs::read(volume(&device, 2)).unwrap().starts_with(&PAIR.old));
    device.call("ArtifactInstall").assert_silent_success();
    assert!(device.env().contains("mender_boot_part=3"));
    // Mounted, in place of the kernel's command line.
    fs::write(device.path("sys/proc/cmdline"), "quiet\n").unwrap();
    let line = "24 1 0:19 / / ro,noatime - ubifs ubi0_3 ro\n";
    fs::write(device.path("sys/proc/self/mountinfo"), line).unwrap();
    device.call("ArtifactCommit").assert_silent_success();
}

#[test]
fn a_program_that_fails_or_lies_is_no_success() {
    let cases = [
        (r#"cat "$3" > /dev/null"#, "does not hold what was written: wrong result"),
        (r#"cat "$3" > "$1"; exit 3"#, "ubiupdatevol failed: exit status: 3"),
        (r#"head -c 70000 "$3" > "$1"; exit 4"#, "ubiupdatevol failed: exit status: 4"),
        ("exit 5", "ubiupdatevol failed: exit status: 5"),
    ];
    for (script, message) in cases {
        let device = ubi_device(script, 48);
        assert_refused(&device, &download(&device), message);
    }
}

#[test]
fn a_damaged_delta_ends_the_program() {
    let device = ubi_device(GOOD, 48);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let delta = &PAIR.delta[..PAIR.delta.len() - 1];
    let called = device.download_state("Download", Payload::new(delta)).0;
    assert_refused(&device, &called, "truncated delta: it ends after");
}

#[test]
fn what_can_be_known_is_checked_before_the_program_is_started() {
    let device = ubi_device(GOOD, 4);
    let message = "does not fit into the inactive partition of 262144 bytes";
    assert_refused(&device, &download(&device), message);
    assert!(!device.path("started").exists());

    let device = ubi_device(GOOD, 48);
    let mut base = PAIR.old.clone();
    base[77_777] ^= 1;
    fs::write(volume(&device, 2), base).unwrap();
    assert_refused(&device, &download(&device), "wrong base: expected SHA-256");
    assert!(!device.path("started").exists());

    let device = ubi_device(GOOD, 48);
    fs::remove_file(device.path("bin/ubiupdatevol")).unwrap();
    assert_refused(&device, &download(&device), "FlashTool ubiupdatevol is not in PATH");
    configure(&device, "null");
    assert_refused(&device, &download(&device), "is a UBI volume, but FlashTool is not set");
    fs::remove_file(device.path("sys/sys/class/ubi/ubi0_3/reserved_ebs")).unwrap();
    let called = download(&device);
    assert!(
        called.stderr.contains("the kernel does not say how large the UBI volume /"),
        "{}",
        called.stderr
    );
}

/// A device without UBI that is told to use `tool`.
fn block_device(tool: &str) -> Device {
    let device = Device::running(&PAIR.old);
    device.install_script("mender-flash", MENDER_FLASH);
    device.install_script("ubiupdatevol", GOOD);
    let (a, b) = (device.partition(2), device.partition(3));
    device.configure(&format!(r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "FlashTool": "{tool}"}}"#));
    device
}

#[test]
fn mender_flash_writes_other_partitions() {
    let device = block_device("ubiupdatevol");
    assert_refused(&device, &download(&device), "is not a UBI volume, but FlashTool is ubiupdatevol");
    assert!(device.inactive_is_untouched());

    let device = block_device("mender-flash");
    let called = download(&device);
    assert!(called.success, "{}", called.stderr);
    let written = fs::read(device.partition(3)).unwrap();
    assert!(written.starts_with(&PAIR.new));
    assert!(written[PAIR.new.len()..].iter().all(|&byte| byte == 0xa5), "written beyond the image");
}
