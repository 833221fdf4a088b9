//! The Update Module, driven as a client drives it: pipes, file tree, one process per state. Plain files are the
//! partitions; the same with a real client and block devices is in `client_e2e.rs`.

#![cfg(target_os = "linux")]
// clippy.toml allows these in test functions; this whole file and its modules are test code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "update_module/client.rs"]
mod client;
#[path = "update_module/cpp_client.rs"]
mod cpp_client;
#[path = "update_module/device.rs"]
mod device;
#[path = "update_module/flash_tool.rs"]
mod flash_tool;
#[path = "update_module/interrupted.rs"]
mod interrupted;
#[cfg(feature = "repair-url")]
#[path = "update_module/range_server.rs"]
mod range_server;
#[path = "update_module/repair.rs"]
mod repair;
#[cfg(feature = "repair-url")]
#[path = "update_module/repair_url.rs"]
mod repair_url;
#[path = "update_module/xdelta3.rs"]
mod xdelta3;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use client::{Client, End, Payload};
use device::{Device, PARTITION_BYTES, Pair, Tools, image_meta_data, noise};

static PAIR: LazyLock<Pair> = LazyLock::new(Pair::make);

const SETTLED: &str = "mender_boot_part=2 mender_boot_part_hex=2 upgrade_available=0";
const ON_TRIAL: &str = "bootcount=0 mender_boot_part=3 mender_boot_part_hex=3 upgrade_available=1";

/// A device with the new image on partition 3, not yet installed.
fn downloaded() -> Device {
    let device = Device::running(&PAIR.old);
    let (called, end) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_installed(&PAIR);
    assert_eq!(end, End::Complete);
    device
}

/// Nothing of the device may have changed but, after the first write, the inactive partition.
fn assert_unharmed(device: &Device) {
    assert_eq!(device.env(), SETTLED);
    let active = fs::read(device.partition(2)).unwrap();
    assert!(active.len() == PARTITION_BYTES && active.starts_with(&PAIR.old), "the active partition changed");
    device.call("ArtifactInstall").assert_refused("holds no verified image");
    assert_eq!(device.env(), SETTLED);
}

#[test]
fn a_delta_is_installed_started_and_committed() {
    let device = downloaded();
    let written = fs::read(device.partition(3)).unwrap();
    assert!(written.starts_with(&PAIR.new), "the inactive partition is not the new image");
    assert!(written[PAIR.new.len()..].iter().all(|&byte| byte == 0xa5), "written beyond the image");
    assert_eq!(device.env(), SETTLED);

    device.call("ArtifactInstall").assert_silent_success();
    assert_eq!(device.env(), ON_TRIAL);
    device.boot(3);
    device.call("ArtifactVerifyReboot").assert_silent_success();
    device.call("ArtifactCommit").assert_silent_success();
    assert_eq!(device.env(), ON_TRIAL.replace("available=1", "available=0"));
    device.call("Cleanup").assert_silent_success();
    let active = fs::read(device.partition(2)).unwrap();
    assert!(active.starts_with(&PAIR.old) && active.len() == PARTITION_BYTES);
}

#[test]
fn sizes_and_slow_writers_make_no_difference() {
    let device = Device::running(&PAIR.old);
    for (piece, pause) in [(1 << 16, 0), (777, 0), (20_000, 3)] {
        fs::write(device.partition(3), vec![0xa5; PARTITION_BYTES]).unwrap();
        device.new_tree("mender-binary-delta", image_meta_data(PAIR.new.len()));
        let mut payload = Payload::new(&PAIR.delta);
        payload.answers = vec![format!("streams/a name, with blanks.delta {}\n", PAIR.delta.len())];
        payload.answers[0] = payload.answers[0].replace(' ', "_").replacen("delta_", "delta ", 1);
        (payload.piece, payload.pause) = (piece, Duration::from_millis(pause));
        let (called, end) = device.download_state("DownloadWithFileSizes", payload);
        called.assert_installed(&PAIR);
        assert_eq!(end, End::Complete);
        assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
    }
}

#[test]
fn a_short_stream_is_never_success() {
    let device = Device::running(&PAIR.old);
    let whole = PAIR.delta.len();
    for length in [0, 1, 131, 132, 133, 140, whole / 3, whole / 2, whole - 100, whole - 1] {
        let (called, end) = device.download(&PAIR.delta[..length], PAIR.new.len());
        called.assert_refused(&format!("truncated delta: it ends after {length} bytes"));
        assert_eq!(end, End::Complete, "{length}");
        assert_unharmed(&device);
    }
}

#[test]
fn a_stream_that_the_client_breaks_off_ends_the_module_when_the_client_ends() {
    // The client has noticed a wrong checksum: it closes the stream, does not ask again, and goes away.
    let device = Device::running(&PAIR.old);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&PAIR.delta[..PAIR.delta.len() / 2]);
    payload.gives_up_at_end = true;
    let client = Client::start(&device.tree(), payload);
    assert_orphan_ends(&device);
    assert_eq!(client.end(), End::GaveUp);
    assert_unharmed(&device);
}

#[test]
fn a_client_that_is_gone_is_not_waited_for() {
    let device = Device::running(&PAIR.old);
    client::make_pipe(&device.tree().join("stream-next"));
    assert_orphan_ends(&device);
}

fn assert_orphan_ends(device: &Device) {
    let mut parent = device.call_as_orphan("Download");
    let mut number = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut number).unwrap();
    assert!(parent.wait().unwrap().success());
    let process = format!("/proc/{}/cmdline", number.trim());
    let started = Instant::now();
    // Empty: a zombie that init has yet to collect.
    while fs::read(&process).is_ok_and(|command| !command.is_empty()) {
        assert!(started.elapsed() < Duration::from_secs(20), "the module outlives its client");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_wrong_base_is_refused_before_the_first_write() {
    for at in [0, 4097, PAIR.old.len() - 1] {
        let mut image = PAIR.old.clone();
        image[at] ^= 1;
        let device = Device::running(&image);
        let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
        called.assert_refused("Download: wrong base: expected SHA-256");
        assert!(device.inactive_is_untouched(), "written although byte {at} of the base is wrong");
        assert_eq!(device.env(), SETTLED);
        assert!(fs::read(device.partition(2)).unwrap().starts_with(&image));
    }
}

#[test]
fn what_follows_the_base_image_on_its_partition_does_not_matter() {
    let mut partition = PAIR.old.clone();
    partition.extend(noise(9, 4096));
    let device = Device::running(&partition);
    device.download(&PAIR.delta, PAIR.new.len()).0.assert_installed(&PAIR);
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
}

#[test]
fn a_partition_that_is_too_small_is_refused_before_the_first_write() {
    let device = Device::running(&PAIR.old);
    fs::write(device.partition(3), vec![0xa5; PAIR.new.len() - 1]).unwrap();
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_refused("does not fit into the inactive partition");
    assert_eq!(fs::read(device.partition(3)).unwrap(), vec![0xa5; PAIR.new.len() - 1]);
    assert_unharmed(&device);

    let device = Device::running(&PAIR.old);
    fs::write(device.partition(2), &PAIR.old[..PAIR.old.len() - 1]).unwrap();
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_refused("wrong base: expected 2097152 bytes, found 2097151");
    assert!(device.inactive_is_untouched());
}

#[test]
fn a_damaged_delta_is_never_success_and_never_leaves_the_client_waiting() {
    let device = Device::running(&PAIR.old);
    let whole = PAIR.delta.len();
    for at in [0, 9, 40, 100, 131, 132, 145, 200, 5_000, whole / 2, whole - 70_000, whole - 2, whole - 1] {
        let mut delta = PAIR.delta.clone();
        delta[at] ^= 0x40;
        let (called, end) = device.download(&delta, PAIR.new.len());
        called.assert_refused("Download: ");
        assert!(matches!(end, End::Complete | End::GaveUp), "byte {at}: {end:?}");
        assert_unharmed(&device);
    }
}

#[test]
fn bytes_behind_the_delta_are_refused() {
    let device = Device::running(&PAIR.old);
    let mut delta = PAIR.delta.clone();
    delta.push(0);
    let (called, end) = device.download(&delta, PAIR.new.len());
    called.assert_refused("malformed delta: end of delta");
    assert_eq!(end, End::Complete);
    assert_unharmed(&device);
}

#[test]
fn the_rest_of_a_long_stream_is_not_waited_for() {
    let device = Device::running(&PAIR.old);
    let started = Instant::now();
    let (called, end) = device.download(&noise(3, 40 << 20), PAIR.new.len());
    called.assert_refused("malformed delta: magic at offset 0");
    assert_eq!(end, End::GaveUp);
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_unharmed(&device);
}

#[test]
fn the_reason_is_told_before_an_impatient_client_ends_the_module() {
    let device = Device::running(&PAIR.old);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&noise(3, 4 << 20));
    payload.answers = vec!["streams/x 4194304\n".into()];
    let called = device.download_state_impatiently("DownloadWithFileSizes", payload);
    called.assert_refused("malformed delta: magic at offset 0");
}

#[test]
fn a_medium_that_does_not_hold_what_was_written_is_noticed() {
    let device = Device::running(&PAIR.old);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&PAIR.delta);
    payload.end_when = Some(device.path("damaged"));
    std::thread::scope(|scope| {
        let download = scope.spawn(|| device.download_state("Download", payload));
        // The client keeps the module waiting for its last answer; what was written by then changes.
        let written = 1 << 20;
        let started = Instant::now();
        while fs::read(device.partition(3)).unwrap()[..written] != PAIR.new[..written] {
            assert!(started.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(10));
        }
        use std::os::unix::fs::FileExt as _;
        let partition = fs::OpenOptions::new().write(true).open(device.partition(3)).unwrap();
        partition.write_all_at(&[!PAIR.new[70_000]], 70_000).unwrap();
        fs::write(device.path("damaged"), "").unwrap();
        let (called, end) = download.join().unwrap();
        called.assert_refused("does not hold what was written: wrong result: expected SHA-256");
        assert_eq!(end, End::Complete);
    });
    assert_unharmed(&device);
}

#[test]
fn another_number_of_bytes_than_the_client_announced_is_refused() {
    let device = Device::running(&PAIR.old);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&PAIR.delta);
    payload.answers = vec![format!("streams/x.delta {}\n", PAIR.delta.len() + 1)];
    let (called, end) = device.download_state("DownloadWithFileSizes", payload);
    called.assert_refused("the client announced");
    assert_eq!(end, End::Complete);
    assert_unharmed(&device);
}

#[test]
fn a_second_payload_file_is_refused() {
    let device = Device::running(&PAIR.old);
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mut payload = Payload::new(&PAIR.delta);
    payload.answers.push("streams/second\n".into());
    let client_would_wait = device.download_state("Download", payload).0;
    client_would_wait.assert_refused("found also \"streams/second\"");
    assert_unharmed(&device);
}

#[test]
fn odd_answers_of_the_client_are_refused() {
    for (state, answer) in [
        ("Download", "streams/../x\n"),
        ("Download", "streams/..\n"),
        ("Download", "streams/\n"),
        ("Download", "files/x\n"),
        ("Download", "streams/a/b\n"),
        ("DownloadWithFileSizes", "streams/x\n"),
        ("DownloadWithFileSizes", "streams/x -1\n"),
    ] {
        let device = Device::running(&PAIR.old);
        client::make_pipe(&device.tree().join("stream-next"));
        let pipe = device.tree().join("stream-next");
        let writer = std::thread::spawn(move || fs::write(pipe, answer).unwrap());
        device.call(state).assert_refused("stream-next: cannot understand");
        writer.join().unwrap();
        assert!(device.inactive_is_untouched());
    }
    let device = Device::running(&PAIR.old);
    client::make_pipe(&device.tree().join("stream-next"));
    let pipe = device.tree().join("stream-next");
    let writer = std::thread::spawn(move || fs::write(pipe, "").unwrap());
    device.call("Download").assert_refused("the payload has no file");
    writer.join().unwrap();
}

#[test]
fn refusals_before_the_stream_is_opened_come_after_the_first_answer() {
    type Break = fn(&Device);
    let size = PAIR.new.len();
    let cases: Vec<(&str, Break)> = vec![
        ("no RootfsPartA in", |device| device.configure("{}")),
        ("FlashTool \"flashcp\" is not known", |device| device.configure(r#"{"FlashTool": "flashcp"}"#)),
        ("cannot find RootfsPartB /nonexistent9: No such file", |device| {
            let a = device.partition(2);
            let text = format!(r#"{{"RootfsPartA": {a:?}, "RootfsPartB": "/nonexistent9"}}"#);
            device.configure(&text);
        }),
        ("neither RootfsPartA", |device| fs::write(device.path("sys/proc/cmdline"), "quiet").unwrap()),
        ("are both mounted", |device| {
            use std::os::unix::fs::MetadataExt as _;
            let lines = [2, 3].map(|number| {
                let metadata = fs::metadata(device.partition(number)).unwrap();
                format!("1 2 {}:{} / /mnt rw - ext4 x rw\n", metadata.dev(), metadata.ino())
            });
            fs::write(device.path("sys/proc/self/mountinfo"), lines.concat()).unwrap();
        }),
        ("another update is not finished", |device| device.set_env("mender_boot_part=3\n")),
        ("has no mender_boot_part", |device| device.set_env("upgrade_available=0\n")),
        ("is on trial", |device| device.set_env("mender_boot_part=2\nupgrade_available=1\n")),
        ("has no mender_boot_part: ## Error: \"mender_boot_part\" not defined", |device| {
            device.install_tools(Tools::UBoot);
            device.set_env("");
        }),
        ("is in PATH", |device| device.install_tools(Tools::None)),
        ("mender_saveenv_canary is not", |device| {
            device.set_env("mender_check_saveenv_canary=1\nmender_boot_part=2\n");
        }),
        ("delta_algorithm \"bsdiff\" is not supported", |device| {
            let text = r#"{"delta_algorithm": "bsdiff", "rootfs_file_size": 5}"#;
            device.new_tree("mender-binary-delta", text.into());
        }),
        ("no rootfs_file_size", |device| device.new_tree("mender-delta", "{}".into())),
        ("no rootfs_file_size", |device| {
            device.new_tree("mender-delta", r#"{"delta_algorithm": "mender-native"}"#.into());
        }),
        ("found \"rootfs-image\"", |device| device.new_tree("rootfs-image", image_meta_data(1))),
    ];
    // Each waits until the client is surely stuck, so all at once.
    std::thread::scope(|scope| {
        for (message, break_it) in cases {
            scope.spawn(move || {
                let device = Device::running(&PAIR.old);
                device.new_tree("mender-delta", image_meta_data(size));
                break_it(&device);
                let (called, end) = device.download_state("Download", Payload::new(&PAIR.delta));
                called.assert_refused(message);
                // The client has got rid of its first answer and waits with the stream, which it can give up.
                assert_eq!(end, End::Stuck("streams/root.ext4.delta".into()), "{message}");
                assert!(device.inactive_is_untouched());
            });
        }
    });
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let device = Device::running(&PAIR.old);
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert_eq!(called.counts(), (PAIR.new.len() as u64, 0));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    assert_eq!(called.counts(), (0, PAIR.new.len() as u64));
    // One byte in two pages, and the last one.
    let mut partition = fs::read(device.partition(3)).unwrap();
    for at in [5, 700_000, PAIR.new.len() - 1] {
        partition[at] ^= 1;
    }
    fs::write(device.partition(3), &partition).unwrap();
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    let last = PAIR.new.len() % 4096;
    assert_eq!(called.counts().0, 2 * 4096 + last as u64);
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
}

#[test]
fn a_medium_that_is_full_is_told() {
    use std::os::unix::fs::MetadataExt as _;
    if !fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        println!("skipped: not root");
        return;
    }
    // A file system of 1 MiB in a mount namespace of the module's own, and a partition of 3 MiB on it.
    let device = Device::running(&PAIR.old);
    fs::create_dir(device.path("small")).unwrap();
    let (a, b) = (device.partition(2), device.path("small/part3"));
    device.configure(&format!(r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}}}"#));
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    let mount = format!("mount -t tmpfs -o size=1M tmpfs '{}'", device.path("small").display());
    if !Command::new("unshare").args(["-m", "sh", "-c", &mount]).status().is_ok_and(|status| status.success())
    {
        println!("skipped: no mount namespaces");
        return;
    }
    let script = format!("{mount} && truncate -s 3M '{}' && exec \"$@\"", b.display());
    let (called, end) =
        device.download_below(&["unshare", "-m", "sh", "-c", &script, "sh"], Payload::new(&PAIR.delta));
    called.assert_refused("No space left on device");
    assert!(matches!(end, End::Complete | End::GaveUp), "{end:?}");
    assert_eq!(device.env(), SETTLED);
}

#[test]
fn promises_that_do_not_fit_the_delta_are_refused_before_the_first_write() {
    let device = Device::running(&PAIR.old);
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len() + 1);
    called.assert_refused("meta-data: rootfs_file_size is");
    assert!(device.inactive_is_untouched());

    for (list, message) in [("provides", "the payload provides"), ("depends", "the payload depends on")] {
        device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
        let checksum = "0".repeat(64);
        let text = format!(r#"{{"artifact_{list}": {{"rootfs-image.checksum": "{checksum}"}}}}"#);
        fs::write(device.tree().join("header/type-info"), text).unwrap();
        let (called, _) = device.download_state("Download", Payload::new(&PAIR.delta));
        called.assert_refused(&format!("{message} the image {checksum}, but its delta is about"));
        assert!(device.inactive_is_untouched());
    }

    let (a, b) = (device.partition(2), device.partition(3));
    device.configure(&format!(
        r#"{{"RootfsPartA": {a:?}, "RootfsPartB": {b:?}, "ApplyMemoryLimitBytes": 4096}}"#
    ));
    let (called, _) = device.download(&PAIR.delta, PAIR.new.len());
    called.assert_refused("is over the limit of 4096");
    assert!(device.inactive_is_untouched());
}

#[test]
fn a_rollback_leads_back_before_and_after_the_reboot() {
    let back = ON_TRIAL.replace("available=1", "available=0").replace("=3", "=2");
    let device = downloaded();
    device.call("ArtifactRollback").assert_silent_success();
    assert_eq!(device.env(), SETTLED);

    device.call("ArtifactInstall").assert_silent_success();
    assert_eq!(device.env(), ON_TRIAL);
    device.call("ArtifactRollback").assert_silent_success();
    assert_eq!(device.env(), back);

    device.call("ArtifactInstall").assert_silent_success();
    device.boot(3);
    device.call("ArtifactVerifyRollbackReboot").assert_refused("still 1");
    device.call("ArtifactRollback").assert_silent_success();
    device.call("ArtifactFailure").assert_silent_success();
    assert_eq!(device.env(), back);
    device.boot(2);
    device.call("ArtifactVerifyRollbackReboot").assert_silent_success();
}

#[test]
fn a_system_that_did_not_start_is_not_committed() {
    // Not rebooted yet.
    let device = downloaded();
    device.call("ArtifactInstall").assert_silent_success();
    device.call("ArtifactCommit").assert_refused("the new partition 3 has not been started");
    device.call("ArtifactVerifyReboot").assert_refused("has not been started");
    assert_eq!(device.env(), ON_TRIAL);

    // Rebooted, and the boot loader went back.
    device.set_env(&SETTLED.replace(' ', "\n"));
    device.call("ArtifactVerifyReboot").assert_refused("the boot loader went back");
    device.call("ArtifactCommit").assert_refused("the boot loader went back");
    assert_eq!(device.env(), SETTLED);
}

#[test]
fn an_installation_needs_a_download_into_this_partition() {
    let device = Device::running(&PAIR.old);
    device.call("ArtifactInstall").assert_refused("holds no verified image");
    assert_eq!(device.env(), SETTLED);

    let device = downloaded();
    device.boot(3);
    device.set_env("mender_boot_part=3\n");
    device.call("ArtifactInstall").assert_refused("holds no verified image");

    // A second download that fails takes the note of the first one away.
    let device = downloaded();
    fs::rename(device.tree().join("tmp"), device.path("tmp")).unwrap();
    device.new_tree("mender-delta", image_meta_data(PAIR.new.len()));
    fs::remove_dir(device.tree().join("tmp")).unwrap();
    fs::rename(device.path("tmp"), device.tree().join("tmp")).unwrap();
    let (called, _) = device.download_state("Download", Payload::new(&PAIR.delta[..1000]));
    called.assert_refused("truncated delta");
    device.call("ArtifactInstall").assert_refused("holds no verified image");
}

#[test]
fn every_make_of_environment_tools_works() {
    for tools in [Tools::Libubootenv, Tools::UBoot, Tools::Grub] {
        let device = downloaded();
        device.install_tools(tools);
        device.call("ArtifactInstall").assert_silent_success();
        assert_eq!(device.env(), ON_TRIAL);
        device.boot(3);
        device.call("ArtifactCommit").assert_silent_success();
    }
    let device = downloaded();
    device.install_tools(Tools::Broken);
    device.call("ArtifactInstall").assert_refused("did not set mender_boot_part");
    device.install_tools(Tools::Lying);
    device.call("ArtifactInstall").assert_refused("did not set mender_boot_part");
    assert_eq!(device.env(), SETTLED);
}

#[test]
fn questions_are_answered_in_one_line_and_unknown_states_are_silent() {
    let device = Device::running(&PAIR.old);
    for (state, answer) in [
        ("ProvidePayloadFileSizes", "Yes\n"),
        ("SupportsRollback", "Yes\n"),
        ("NeedsArtifactReboot", "Automatic\n"),
    ] {
        let called = device.call(state);
        assert!(called.success);
        assert_eq!((called.stdout.as_str(), called.stderr.as_str()), (answer, ""));
    }
    for state in ["Cleanup", "ArtifactFailure", "ArtifactReboot", "ArtifactRollbackReboot", "LaterState"] {
        device.call(state).assert_silent_success();
    }
    let usage = Command::new(device::MODULE).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    assert!(usage.stdout.is_empty() && usage.stderr.starts_with(b"usage: "));
}
