//! A small device on this machine: two loop devices as partitions, a boot loader in this file, and a private mount
//! namespace with the active partition as `/`, in which Debian's client runs. The host sees nothing of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// How long one call of the client may take; it is known to wait for ever.
const PATIENCE: &str = "60";
/// Size of the boot environment in bytes.
const ENVIRONMENT_BYTES: &str = "0x4000";

/// Run in the namespace: DEVICE FOLDER MODULE COMMAND…
///
/// `/usr` is the host's, because the client is a dynamic program. The device's own files are in `/etc` and `/opt`.
const ENTER: &str = r#"
set -e
device=$1 folder=$2 module=$3; shift 3
mount -o ro "$device" "$folder/root"
cd "$folder/root"
mount --bind /usr usr
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
mkdir run/lock
mount --bind "$folder/data" data
mount --bind "$folder/data/mender" var/lib/mender
mount -t tmpfs tmpfs usr/share/mender/modules/v3
cp "$module" usr/share/mender/modules/v3/mender-binary-delta
ln -s mender-binary-delta usr/share/mender/modules/v3/mender-delta
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . "$@"
"#;

/// One of the two partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    A,
    B,
}

impl Slot {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A loop device over a file; detached at the end.
struct Loop {
    device: String,
}

impl Loop {
    fn attach(file: &Path) -> Result<Self, String> {
        let output = run(Command::new("losetup").args(["-f", "--show"]).arg(file))?;
        Ok(Self { device: String::from_utf8_lossy(&output.stdout).trim().to_owned() })
    }

    fn number(&self) -> &str {
        self.device.trim_start_matches(|c: char| !c.is_ascii_digit())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _already_gone = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}

/// A mount in a namespace of its own, which lasts as long as the process in it.
pub(crate) struct Mount {
    process: Child,
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _collected = self.process.wait();
    }
}

/// The device.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    slots: [Loop; 2],
    running: Slot,
    log: fs::File,
}

/// What a call of the client gave.
pub(crate) struct Called {
    pub(crate) status: Option<i32>,
    pub(crate) text: String,
}

impl Rig {
    /// A device that has been flashed with `image` on partition A and runs from it. Says why not, where this
    /// machine cannot do that.
    pub(crate) fn flashed_with(image: &Path, partition_bytes: u64, name: &str) -> Result<Self, String> {
        for program in [
            "mender",
            "mkfs.ext4",
            "losetup",
            "unshare",
            "mount",
            "chroot",
            "fw_printenv",
            "fw_setenv",
            "strip",
            "timeout",
        ] {
            run(Command::new("sh").args(["-c", &format!("command -v {program}")]))
                .map_err(|_| format!("{program} is not installed"))?;
        }
        let version = run(Command::new("mender").arg("--version"))?;
        if !version.stdout.starts_with(b"3.") {
            return Err("the installed client is not mender 3".into());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name);
        for name in ["root", "data/mender", "data/artifacts"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::copy(image, at("a.img")).unwrap();
        for name in ["a.img", "b.img"] {
            let file =
                fs::OpenOptions::new().write(true).create(true).truncate(false).open(at(name)).unwrap();
            file.set_len(partition_bytes).unwrap();
        }
        let why = |error| format!("no loop devices: {error}");
        let slots = [Loop::attach(&at("a.img")).map_err(why)?, Loop::attach(&at("b.img")).map_err(why)?];
        run(Command::new("unshare").args(["-m", "--propagation", "private", "true"]))
            .map_err(|error| format!("no mount namespaces: {error}"))?;
        let [a, b] = &slots;
        let text = format!("{{\"RootfsPartA\": \"{}\", \"RootfsPartB\": \"{}\"}}", a.device, b.device);
        fs::write(at("data/mender/mender.conf"), text).unwrap();
        fs::write(at("data/mender/device_type"), "device_type=bench\n").unwrap();
        fs::File::create(at("data/u-boot.env")).unwrap().set_len(0x4000).unwrap();
        let config = format!("{} 0x0 {ENVIRONMENT_BYTES}\n", at("data/u-boot.env").display());
        fs::write(at("fw_env.config"), config).unwrap();

        let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("client_e2e");
        fs::create_dir_all(&logs).unwrap();
        let log = fs::File::create(logs.join(format!("{name}.log"))).unwrap();
        let mut rig = Self { folder, slots, running: Slot::A, log };
        let part = rig.number(Slot::A).to_owned();
        // The first write of an environment needs defaults.
        fs::write(rig.path("defaults"), "upgrade_available=0\n").unwrap();
        let defaults = rig.path("defaults");
        let mut command = rig.env_tool("fw_setenv");
        run(command.arg("-f").arg(&defaults).args(["mender_boot_part", &part]))
            .map_err(|error| format!("no boot environment in a file: {error}"))?;
        rig.set_env("mender_boot_part_hex", &part);
        rig.say(&format!("# flashed {}: A is {}, B is {}", name, rig.slots[0].device, rig.slots[1].device));
        Ok(rig)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where to put an Artifact, so that the client sees it as `/data/artifacts/NAME`.
    pub(crate) fn artifact(&self, name: &str) -> PathBuf {
        self.path("data/artifacts").join(name)
    }

    /// The module's own configuration.
    pub(crate) fn configure_module(&self, text: &str) {
        fs::write(self.path("data/mender-binary-delta.conf"), text).unwrap();
    }

    fn slot(&self, slot: Slot) -> &Loop {
        &self.slots[usize::from(slot == Slot::B)]
    }

    pub(crate) fn number(&self, slot: Slot) -> &str {
        self.slot(slot).number()
    }

    pub(crate) fn running(&self) -> Slot {
        self.running
    }

    /// The first bytes of a partition, from its backing file: what a flush has brought there.
    pub(crate) fn partition(&self, slot: Slot, bytes: usize) -> Vec<u8> {
        let mut all = fs::read(self.path(if slot == Slot::A { "a.img" } else { "b.img" })).unwrap();
        all.truncate(bytes);
        all
    }

    /// Turns one bit of a partition that is not mounted.
    pub(crate) fn damage(&mut self, slot: Slot, offset: u64) {
        use std::os::unix::fs::FileExt as _;
        let file = fs::OpenOptions::new().read(true).write(true).open(&self.slot(slot).device).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
        file.sync_all().unwrap();
        self.say(&format!("# byte {offset} of {slot:?} is damaged"));
    }

    /// Mounts a partition where neither the client nor this process sees it.
    pub(crate) fn mount_elsewhere(&self, slot: Slot) -> Mount {
        let script = "mount -o ro \"$0\" \"$1\" && echo mounted && exec sleep 100";
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", script, &self.slot(slot).device]);
        command.arg(self.path("root")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = [0; 8];
        process.stdout.take().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"mounted\n");
        Mount { process }
    }

    /// Runs the client on the running system and logs all that it says.
    pub(crate) fn mender(&mut self, arguments: &[&str]) -> Called {
        self.say(&format!("$ mender {}", arguments.join(" ")));
        let device = self.slot(self.running).device.clone();
        let mut command = Command::new("timeout");
        command
            .args(["-k", "5", PATIENCE, "unshare", "-m", "--propagation", "private", "sh", "-c"])
            .args([&format!("exec 2>&1\n{ENTER}"), "sh", &device])
            .arg(self.folder.path())
            .args([env!("CARGO_BIN_EXE_mender-binary-delta"), "mender", "--no-syslog"])
            .args(arguments)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = readable(&String::from_utf8_lossy(&output.stdout));
        let status = output.status.code();
        self.say(&text);
        self.say(&format!("# exit status {}", status.map_or("none".into(), |code| code.to_string())));
        assert_ne!(status, Some(124), "the client hangs:\n{text}");
        Called { status, text }
    }

    /// The boot environment's value of `name`.
    pub(crate) fn env(&self, name: &str) -> String {
        let output = run(self.env_tool("fw_printenv").args(["-n", name])).unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn set_env(&self, name: &str, value: &str) {
        run(self.env_tool("fw_setenv").args([name, value])).unwrap();
    }

    fn env_tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.path("fw_env.config"));
        command
    }

    /// What the boot loader of a Mender device does: start `mender_boot_part`; while an update is on trial count the
    /// starts, and go back to the other partition at the second one.
    pub(crate) fn reboot(&mut self) {
        if self.env("upgrade_available") == "1" {
            let count: u32 = self.env("bootcount").parse().unwrap_or(0) + 1;
            self.set_env("bootcount", &count.to_string());
            if count > 1 {
                let back = self.slot_of(&self.env("mender_boot_part")).other();
                let part = self.number(back).to_owned();
                self.set_env("mender_boot_part", &part);
                self.set_env("mender_boot_part_hex", &part);
                self.set_env("upgrade_available", "0");
                self.set_env("bootcount", "0");
            }
        }
        self.running = self.slot_of(&self.env("mender_boot_part"));
        self.say(&format!("# reboot: runs from {:?}", self.running));
    }

    fn slot_of(&self, part: &str) -> Slot {
        [Slot::A, Slot::B].into_iter().find(|&slot| self.number(slot) == part).unwrap()
    }

    pub(crate) fn say(&mut self, text: &str) {
        println!("{text}");
        writeln!(self.log, "{text}").unwrap();
    }
}

/// The client's log without time stamps, dots of its progress bar and what it says at every start.
fn readable(text: &str) -> String {
    const EVERY_TIME: [&str; 7] = [
        "No server URL",
        "has no associated server URL",
        "Loaded configuration file",
        "ExpirationTimeSeconds",
        "|-------",
        "0%      ",
        "This is a fallback",
    ];
    let lines = text.lines().filter(|line| !EVERY_TIME.iter().any(|noise| line.contains(noise)));
    let lines = lines.map(|line| match line.split_once(" level=") {
        Some((_, rest)) => rest.replacen(" msg=", ": ", 1),
        None => line.trim_start_matches('.').to_owned(),
    });
    lines.filter(|line| !line.is_empty()).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Runs a program that has to succeed.
pub(crate) fn run(command: &mut Command) -> Result<Output, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{}: {}: {text}", command.get_program().to_string_lossy(), output.status))
}
