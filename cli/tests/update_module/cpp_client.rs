//! A stand-in for the C++ client 5.1, which Debian does not have: it calls the module in that client's order, with that
//! client's file tree, and judges its answers as that client does.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::PAIR;
use crate::client::make_pipe;
use crate::device::{Device, PARTITION_BYTES};

/// What the client does with the bytes of the payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Whole,
    /// The checksum is wrong, or the connection broke: the pipe is closed, and the module is ended.
    BreaksOff,
}

/// The client, and what it has called.
struct Client<'d> {
    device: &'d Device,
    calls: Vec<String>,
    log: String,
}

impl<'d> Client<'d> {
    fn new(device: &'d Device) -> Self {
        Self { device, calls: Vec::new(), log: String::new() }
    }

    /// The file tree: header files without a line's end, the others with one; JSON written anew; no `streams` yet.
    fn prepare_tree(&self) {
        let size = PAIR.new.len();
        let meta_data = format!(r#"{{"delta_algorithm":"mender-native","rootfs_file_size":{size}}}"#);
        self.device.new_tree("mender-delta", meta_data);
        let tree = self.device.tree();
        fs::remove_dir(tree.join("streams")).unwrap();
        for (name, text) in [
            ("version", "3\n"),
            ("current_artifact_name", "release-v1\n"),
            ("current_artifact_group", "\n"),
            ("current_device_type", "bench\n"),
            ("header/artifact_name", "release-v2"),
            ("header/artifact_group", ""),
            ("header/header-info", r#"{"artifact_depends":{"device_type":["bench"]}}"#),
            ("header/type-info", r#"{"type":"mender-delta"}"#),
        ] {
            fs::write(tree.join(name), text).unwrap();
        }
    }

    fn command(&mut self, state: &str) -> Command {
        self.calls.push(state.to_owned());
        let mut command = self.device.command(state);
        // A process group of its own, and the directory by its real path.
        command.process_group(0).current_dir(fs::canonicalize(self.device.tree()).unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a state without pipes. Gives its output; None if it fails.
    fn call(&mut self, state: &str) -> Option<String> {
        let output = self.command(state).output().unwrap();
        self.log += &String::from_utf8(output.stderr).unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Asks a question: the first line is the answer, a second one is an error, none is the default.
    fn ask(&mut self, state: &str) -> Option<String> {
        let output = self.call(state)?;
        assert!(output.lines().count() <= 1, "{state}: more than one line");
        Some(output.lines().next().unwrap_or_default().to_owned())
    }

    fn download(&mut self, stream: Stream) -> bool {
        let with_sizes = match self.ask("ProvidePayloadFileSizes").as_deref() {
            Some("Yes") => true,
            Some("No" | "") => false,
            other => panic!("ProvidePayloadFileSizes: {other:?}"),
        };
        assert!(with_sizes, "this module asks for sizes");
        let tree = self.device.tree();
        make_pipe(&tree.join("stream-next"));
        let mut module = self.command("DownloadWithFileSizes").spawn().unwrap();
        let feeder = std::thread::spawn(move || {
            let name = "streams/root.ext4.delta";
            // The directory comes with the first file.
            fs::create_dir(tree.join("streams")).unwrap();
            make_pipe(&tree.join(name));
            let write = |pipe: &str| OpenOptions::new().write(true).open(tree.join(pipe)).unwrap();
            write("stream-next").write_all(format!("{name} {}\n", PAIR.delta.len()).as_bytes()).unwrap();
            let mut pipe = write(name);
            if stream == Stream::BreaksOff {
                let _module_may_be_gone = pipe.write_all(&PAIR.delta[..PAIR.delta.len() / 2]);
                return;
            }
            for piece in PAIR.delta.chunks(16 << 10) {
                if pipe.write_all(piece).is_err() {
                    return;
                }
            }
            drop(pipe);
            drop(write("stream-next"));
        });
        if stream == Stream::BreaksOff {
            feeder.join().unwrap();
            // As the client does it: the module is told to end, and ended after a while.
            std::thread::sleep(Duration::from_millis(200));
            let group = format!("-{}", module.id());
            assert!(Command::new("kill").args(["-TERM", "--", &group]).status().unwrap().success());
            let started = Instant::now();
            while module.try_wait().unwrap().is_none() {
                assert!(started.elapsed() < Duration::from_secs(10), "the module does not end");
                std::thread::sleep(Duration::from_millis(10));
            }
            return false;
        }
        let output = module.wait_with_output().unwrap();
        self.log += &String::from_utf8(output.stderr).unwrap();
        if output.status.success() {
            feeder.join().unwrap();
        }
        output.status.success()
    }

    /// `mender-update install`. True if it waits for a reboot.
    fn install(&mut self, stream: Stream) -> bool {
        self.prepare_tree();
        if !self.download(stream) {
            self.call("Cleanup");
            return false;
        }
        if self.call("ArtifactInstall").is_none() {
            self.roll_back();
            return false;
        }
        assert_eq!(self.ask("NeedsArtifactReboot").as_deref(), Some("Automatic"));
        assert_eq!(self.ask("SupportsRollback").as_deref(), Some("Yes"));
        true
    }

    fn commit(&mut self) -> bool {
        if self.call("ArtifactCommit").is_none() {
            self.roll_back();
            return false;
        }
        self.call("Cleanup").unwrap();
        true
    }

    fn roll_back(&mut self) {
        assert_eq!(self.ask("SupportsRollback").as_deref(), Some("Yes"));
        self.call("ArtifactRollback").unwrap();
        self.call("ArtifactFailure").unwrap();
        self.call("Cleanup").unwrap();
    }
}

const INSTALL: [&str; 5] = [
    "ProvidePayloadFileSizes",
    "DownloadWithFileSizes",
    "ArtifactInstall",
    "NeedsArtifactReboot",
    "SupportsRollback",
];

#[test]
fn install_reboot_and_commit() {
    let device = Device::running(&PAIR.old);
    let mut client = Client::new(&device);
    assert!(client.install(Stream::Whole), "{}", client.log);
    assert_eq!(client.calls, INSTALL);
    assert!(device.env().contains("mender_boot_part=3") && device.env().contains("upgrade_available=1"));
    device.boot(3);
    client.calls.clear();
    assert!(client.commit(), "{}", client.log);
    assert_eq!(client.calls, ["ArtifactCommit", "Cleanup"]);
    assert!(device.env().contains("upgrade_available=0"));
    assert!(fs::read(device.partition(3)).unwrap().starts_with(&PAIR.new));
}

#[test]
fn rollback_and_a_system_that_did_not_start() {
    let device = Device::running(&PAIR.old);
    let mut client = Client::new(&device);
    assert!(client.install(Stream::Whole), "{}", client.log);
    device.boot(3);
    client.roll_back();
    assert!(device.env().contains("mender_boot_part=2") && device.env().contains("upgrade_available=0"));

    device.boot(2);
    assert!(client.install(Stream::Whole), "{}", client.log);
    // The boot loader went back by itself.
    device.set_env("mender_boot_part=2\nmender_boot_part_hex=2\nupgrade_available=0\n");
    client.calls.clear();
    assert!(!client.commit());
    let back = ["ArtifactCommit", "SupportsRollback", "ArtifactRollback", "ArtifactFailure", "Cleanup"];
    assert_eq!(client.calls, back);
    assert!(client.log.contains("the boot loader went back"), "{}", client.log);
    assert_eq!(device.env(), "mender_boot_part=2 mender_boot_part_hex=2 upgrade_available=0");
}

#[test]
fn a_broken_stream_a_wrong_base_and_a_failing_installation() {
    let device = Device::running(&PAIR.old);
    let mut client = Client::new(&device);
    assert!(!client.install(Stream::BreaksOff));
    assert_eq!(client.calls, ["ProvidePayloadFileSizes", "DownloadWithFileSizes", "Cleanup"]);
    // Once more, and well.
    assert!(client.install(Stream::Whole), "{}", client.log);

    let mut base = PAIR.old.clone();
    base[5] ^= 1;
    let device = Device::running(&base);
    let mut client = Client::new(&device);
    assert!(!client.install(Stream::Whole));
    assert!(client.log.contains("DownloadWithFileSizes: wrong base"), "{}", client.log);
    assert_eq!(fs::read(device.partition(3)).unwrap(), vec![0xa5; PARTITION_BYTES]);

    let device = Device::running(&PAIR.old);
    device.install_script("fw_setenv", "exit 1");
    let mut client = Client::new(&device);
    assert!(!client.install(Stream::Whole));
    assert_eq!(
        client.calls[2..],
        ["ArtifactInstall", "SupportsRollback", "ArtifactRollback", "ArtifactFailure", "Cleanup"]
    );
    assert_eq!(device.env(), "mender_boot_part=2 mender_boot_part_hex=2 upgrade_available=0");
}
