//! `-f ssh://…`: with a stand-in for ssh that runs the script here, and with a real sshd on this machine.

use crate::workplace::{Ended, Workplace};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A stand-in for ssh: what it does with the script for the device, `$script`.
const RUNS_IT: &str = r#"exec sh -c "$script""#;

/// A device with an image of its own, reached through a stand-in.
struct Device(Workplace);

impl Device {
    /// `ssh` is the stand-in's part behind taking the arguments.
    fn new(ssh: &str) -> Self {
        let place = Workplace::new();
        for folder in ["bin", "tmp"] {
            fs::create_dir(place.path(folder)).unwrap();
        }
        place.put("image", image());
        let device = Self(place);
        device.program("mender-snapshot", "[ \"$1\" = dump ] && cat image");
        device.program(
            "mender-update",
            "[ \"$1\" = show-provides ] && printf 'artifact_name=old\\nrootfs-image.version=old\\n\
             rootfs-image.checksum=00\\nrootfs-image.board=b7\\n'",
        );
        device.program(
            "ssh",
            &format!(
                "for word; do script=$word; done\necho \"$@\" | head -c 60 >> calls\necho >> calls\n{ssh}"
            ),
        );
        device
    }

    fn program(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.0.put(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.0.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let flags = ["write", "rootfs-image", "-n", "r", "-c", "b", "-o", "a", "-f", "ssh://me@device"];
        let mut command = self.0.command(&[&flags, more].concat());
        let path = format!("{}:/usr/bin:/bin", self.0.path("bin").display());
        command.env("PATH", path).env("TMPDIR", self.0.path("tmp"));
        command
    }

    fn write(&self, more: &[&str]) -> Ended {
        Ended::of(&self.command(more).output().unwrap())
    }

    /// The snapshot succeeds, and its payload is the image to the last byte.
    fn arrives(&self, more: &[&str]) -> serde_json::Value {
        let ended = self.write(more);
        assert_eq!((ended.status, ended.stdout.as_str()), (0, ""), "{ended:?}");
        let read: serde_json::Value = serde_json::from_str(&self.0.ok(&["read", "--json", "a"])).unwrap();
        let file = &read["payloads"][0]["files"][0];
        assert_eq!(file["name"], "rootfs.img");
        assert_eq!(file["sha256"], hex(&self.0.bytes("image")));
        self.nothing_is_left();
        read
    }

    fn nothing_is_left(&self) {
        assert_eq!(fs::read_dir(self.0.path("tmp")).unwrap().count(), 0);
        assert!(!self.0.names().iter().any(|name| name.ends_with(".part")));
    }
}

/// Bytes without any pattern, line feeds and the marker's letters among them; no file system that fsck knows.
fn image() -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = b"Initializing snapshot...\n".to_vec();
    bytes.extend((0..700_000).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    }));
    bytes
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_image_in_one_piece_and_in_small_ones() {
    for ssh in [
        RUNS_IT,
        // Marker and image in one write.
        r#"sh -c "$script" > all; cat all"#,
        // A greeting, then cuts within it, within the marker, right behind it and in the image.
        r#"echo Welcome; sh -c "$script" | { dd bs=7 count=9 status=none; sleep 0.1; dd bs=1 count=60 status=none; sleep 0.1; cat; }"#,
    ] {
        let device = Device::new(ssh);
        let read = device.arrives(&[]);
        let provides = &read["payloads"][0]["provides"];
        assert_eq!(provides["rootfs-image.version"], "r");
        assert_eq!(provides["rootfs-image.board"], "b7");
        assert_eq!(provides["rootfs-image.checksum"], hex(&device.0.bytes("image")));
        assert_eq!(provides.as_object().unwrap().len(), 3, "{provides}");
    }
}

#[test]
fn a_greeting_goes_to_stderr() {
    let device = Device::new(&format!("echo Welcome\n{RUNS_IT}"));
    let ended = device.write(&["-o", "-"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, "Welcome\n"));
}

#[test]
fn what_the_command_line_says_about_provides_wins() {
    let device = Device::new(RUNS_IT);
    let read = device.arrives(&["-p", "rootfs-image.board:mine", "--no-checksum-provide"]);
    let provides = &read["payloads"][0]["provides"];
    assert_eq!(provides["rootfs-image.board"], "mine");
    assert!(provides.get("rootfs-image.checksum").is_none(), "{provides}");
}

#[test]
fn arguments_of_ssh() {
    let device = Device::new(RUNS_IT);
    device.arrives(&["-f", "ssh://me@device:2222", "-S", "-i", "--ssh-args", "a key"]);
    let calls = String::from_utf8(device.0.bytes("calls")).unwrap();
    assert_eq!(calls.lines().count(), 2);
    assert!(calls.starts_with("-p 2222 -i a key -o"), "{calls}");
    let device = Device::new(RUNS_IT);
    device.arrives(&["-f", "ssh://device:2222", "-S", "-p77"]);
    assert!(device.0.bytes("calls").starts_with(b"-p77 "));
}

#[test]
fn a_client_from_before_version_4() {
    let device = Device::new(RUNS_IT);
    for name in ["mender-snapshot", "mender-update"] {
        fs::remove_file(device.0.path(&format!("bin/{name}"))).unwrap();
    }
    device.program(
        "mender",
        "case \"$1 $2\" in 'snapshot dump') cat image;; 'show-provides ') echo rootfs-image.board=b5;; *) exit 1;; esac",
    );
    let read = device.arrives(&[]);
    assert_eq!(read["payloads"][0]["provides"]["rootfs-image.board"], "b5");
}

#[test]
fn a_failing_snapshot_leaves_nothing() {
    let cut = r#"case $script in *dump*) sh -c "$script" | head -c 5000; exit 1;; esac"#;
    let no_provides = r#"case $script in *dump*) sh -c "$script";; *) exit 4;; esac"#;
    for (ssh, says) in [
        ("exit 255", "ssh://me@device: ssh failed to connect or lost the connection"),
        (
            "echo hello",
            "ssh://me@device: expected a line 'Initializing snapshot...' and an image, found the end",
        ),
        ("echo 'Initializing snapshot...'", "ssh://me@device: expected an image, found nothing"),
        (cut, "ssh://me@device: the command on the device ended with status 1"),
        (no_provides, "ssh://me@device: the command on the device ended with status 4"),
    ] {
        let device = Device::new(ssh);
        let ended = device.write(&[]);
        assert_eq!(ended.status, 3, "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert_eq!(last.strip_prefix("mender-artifact: "), Some(says));
        assert!(!device.0.path("a").exists());
        device.nothing_is_left();
    }
}

#[test]
fn what_is_wrong_anyway_is_said_before_ssh_is_started() {
    let device = Device::new(RUNS_IT);
    assert_eq!(device.write(&["-n", "two words"]).status, 1);
    assert_eq!(device.write(&["-f", "ssh://-oProxyCommand=x"]).status, 1);
    assert!(!device.0.path("calls").exists());
}

#[test]
fn a_signal_ends_ssh_and_leaves_nothing() {
    let device =
        Device::new(r#"echo $$ > pid; echo 'Initializing snapshot...'; printf begun; exec sleep 60"#);
    let mut child = device.command(&[]).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::read_to_string(device.0.path("pid")).unwrap_or_default().is_empty() {
        assert!(Instant::now() < deadline, "ssh was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    device.nothing_is_left();
    let ssh = fs::read_to_string(device.0.path("pid")).unwrap();
    let running = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", ssh.trim())).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    while running() {
        assert!(Instant::now() < deadline, "ssh goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_journal_is_played_back_and_damage_is_refused() {
    if ["mkfs.ext4", "fsck.ext4", "debugfs"].iter().any(|name| find(name).is_none()) {
        return println!("skipped: e2fsprogs is not installed");
    }
    let device = Device::new(RUNS_IT);
    let system = |program: &str, arguments: &[&str]| {
        let path = find(program).unwrap();
        let status = Command::new(path).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{program} {arguments:?}");
    };
    let image = device.0.path("image");
    fs::write(&image, b"").unwrap();
    fs::File::options().write(true).open(&image).unwrap().set_len(8 << 20).unwrap();
    let name = image.to_str().unwrap();
    system("mkfs.ext4", &["-q", "-F", name]);
    device.arrives(&[]);

    // As a file system that was mounted when the snapshot was taken.
    system("debugfs", &["-w", "-R", "feature needs_recovery", name]);
    let ended = device.write(&["-o", "recovered", "--compression", "none"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    let feature = |superblock: &[u8]| superblock[96] & 4;
    let artifact = device.0.bytes("recovered");
    let magic = (0..artifact.len() - 2).find(|at| at % 512 == 56 && artifact[*at..*at + 2] == [0x53, 0xef]);
    let superblock = magic.unwrap() - 56;
    assert_eq!(feature(&device.0.bytes("image")[1024..]), 4);
    assert_eq!(feature(&artifact[superblock..]), 0);

    // The root folder is no longer one.
    system("debugfs", &["-w", "-R", "clri <2>", name]);
    system("debugfs", &["-w", "-R", "set_super_value state 2", name]);
    let ended = device.write(&["-o", "damaged"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(ended.stderr.contains("fsck.ext4 cannot repair the file system of the snapshot"), "{ended:?}");
    device.nothing_is_left();
}

/// The program, also where only root looks for it.
fn find(name: &str) -> Option<std::path::PathBuf> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.exists())
}

#[test]
fn the_terminal_shows_no_password_and_is_as_before_afterwards() {
    if find("script").is_none() {
        return println!("skipped: script (bsdutils) is not installed");
    }
    let device = Device::new(&format!("stty -a > during\n{RUNS_IT}"));
    let mut line = vec![format!("'{}'", env!("CARGO_BIN_EXE_mender-artifact"))];
    line.extend(device.command(&[]).get_args().map(|word| format!("'{}'", word.to_str().unwrap())));
    device
        .program("all", &format!("stty -a > before\n{}\necho $? > status\nstty -a > after", line.join(" ")));
    let path = format!("{}:/usr/bin:/bin", device.0.path("bin").display());
    // It ends when its input ends, so that its input has to stay open.
    let mut child = Command::new("script")
        .args(["-q", "-c", "all", "/dev/null"])
        .current_dir(device.0.path(""))
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.success());
    let text = |name: &str| String::from_utf8(device.0.bytes(name)).unwrap();
    assert_eq!(text("status"), "0\n");
    let echoes = |name: &str| text(name).split_whitespace().any(|word| word == "echo");
    assert!(echoes("before") && !echoes("during") && echoes("after"), "{}", text("during"));
}

/// A real sshd, ended when the test is.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_sshd() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let Some(sshd) = find("sshd").filter(|_| is_root && find("ssh-keygen").is_some()) else {
        return println!("skipped: needs openssh-server, and to be root");
    };
    let device = Device::new(RUNS_IT);
    // The real ssh instead of the stand-in.
    fs::remove_file(device.0.path("bin/ssh")).unwrap();
    let folder = device.0.path("");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    // The device is in its own folder: that of the account is another one.
    device.program("mender-snapshot", &format!("cat '{}'", at("image")));
    for name in ["host-key", "key"] {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &at(name)]).status();
        assert!(made.unwrap().success());
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    device.0.put(
        "config",
        format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nSetEnv PATH={}:/usr/bin:/bin\n",
            at("host-key"),
            at("key.pub"),
            at("bin"),
        ),
    );
    fs::create_dir_all("/run/sshd").unwrap();
    let log = fs::File::create(at("log")).unwrap();
    let server =
        Command::new(sshd).args(["-D", "-e", "-f", &at("config")]).stdin(Stdio::null()).stderr(log).spawn();
    let _server = Server(server.unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "{}", String::from_utf8_lossy(&device.0.bytes("log")));
        std::thread::sleep(Duration::from_millis(50));
    }
    let (address, key) = (format!("ssh://root@127.0.0.1:{port}"), at("key"));
    let mut flags = vec!["-f", &address];
    for word in [
        "-F",
        "/dev/null",
        "-i",
        &key,
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oBatchMode=yes",
        "-oLogLevel=ERROR",
    ] {
        flags.extend(["-S", word]);
    }
    for _ in 0..3 {
        let read = device.arrives(&flags);
        assert_eq!(read["payloads"][0]["provides"]["rootfs-image.board"], "b7");
    }
    // Nobody with this key: ssh says so itself, and then we.
    fs::remove_file(at("key.pub")).unwrap();
    let ended = device.write(&flags);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(ended.stderr.ends_with("ssh failed to connect or lost the connection\n"), "{ended:?}");
    device.nothing_is_left();
}
