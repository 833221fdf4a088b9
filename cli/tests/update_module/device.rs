//! A device in a folder: two plain files as partitions, a boot environment behind scripts, and the client's file tree.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;

use crate::client::{Client, End, Payload};

pub(crate) const MODULE: &str = env!("CARGO_BIN_EXE_mender-binary-delta");

/// How a stand-in for `fw_printenv` and `fw_setenv` behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tools {
    /// libubootenv: `name=value` lines; a missing variable prints as `name=` with success.
    Libubootenv,
    /// Older U-Boot tools: `name value` lines; a missing variable is a failure.
    UBoot,
    /// `grub-mender-grubenv-print` and `-set`.
    Grub,
    /// Writing fails.
    Broken,
    /// Writing says success and does nothing.
    Lying,
    /// Not installed.
    None,
}

pub(crate) struct Device {
    folder: tempfile::TempDir,
    /// How long a state may take.
    pub(crate) patience: Duration,
}

/// What a call of the module gave.
pub(crate) struct Called {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) const PARTITION_BYTES: usize = 3 << 20;

impl Device {
    /// Runs from partition 2, which holds `image`; partition 3 is full of junk.
    pub(crate) fn running(image: &[u8]) -> Self {
        let device = Self { folder: tempfile::tempdir().unwrap(), patience: Duration::from_secs(120) };
        for folder in ["bin", "sys/etc/mender", "sys/var/lib/mender", "sys/proc/self"] {
            fs::create_dir_all(device.path(folder)).unwrap();
        }
        let mut partition = image.to_vec();
        partition.resize(PARTITION_BYTES, 0x5a);
        fs::write(device.partition(2), partition).unwrap();
        fs::write(device.partition(3), vec![0xa5; PARTITION_BYTES]).unwrap();
        device.configure(&format!(
            r#"{{"RootfsPartA": "{}", "RootfsPartB": "{}"}}"#,
            device.partition(2).display(),
            device.partition(3).display()
        ));
        device.boot(2);
        device.set_env("mender_boot_part=2\nmender_boot_part_hex=2\nupgrade_available=0\n");
        device.install_tools(Tools::Libubootenv);
        device.new_tree("mender-delta", image_meta_data(0));
        device
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn partition(&self, number: u32) -> PathBuf {
        self.path(&format!("part{number}"))
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("sys/etc/mender/mender-binary-delta.conf"), text).unwrap();
    }

    /// Says that the kernel was started with this partition as its root.
    pub(crate) fn boot(&self, number: u32) {
        let line = format!("quiet root={} ro\n", self.partition(number).display());
        fs::write(self.path("sys/proc/cmdline"), line).unwrap();
    }

    pub(crate) fn set_env(&self, text: &str) {
        fs::write(self.path("env"), text).unwrap();
    }

    /// The boot environment, sorted.
    pub(crate) fn env(&self) -> String {
        let text = fs::read_to_string(self.path("env")).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join(" ")
    }

    pub(crate) fn install_tools(&self, tools: Tools) {
        let env = self.path("env");
        let env = env.display();
        let found = format!("grep \"^$1=\" '{env}'");
        let (separator, missing) = match tools {
            Tools::UBoot => (" ", "{ echo \"## Error: \\\"$1\\\" not defined\" >&2; exit 1; }"),
            _ => ("=", "echo \"$1=\""),
        };
        let print = format!("{found} || {missing}");
        let write = match tools {
            Tools::Broken => "echo 'cannot write' >&2; exit 1".to_owned(),
            Tools::Lying => "cat >/dev/null".to_owned(),
            _ => format!(
                "[ \"$*\" = '-s -' ] || exit 9\n\
                 while IFS='{separator}' read -r name value; do\n\
                 case $name in *=*) exit 1;; esac; [ -n \"$value\" ] || exit 1\n\
                 grep -v \"^$name=\" '{env}' > '{env}.new'; echo \"$name=$value\" >> '{env}.new'; mv '{env}.new' '{env}'\n\
                 done"
            ),
        };
        let names = match tools {
            Tools::None => return self.remove_tools(),
            Tools::Grub => ["grub-mender-grubenv-print", "grub-mender-grubenv-set"],
            _ => ["fw_printenv", "fw_setenv"],
        };
        self.remove_tools();
        for (name, script) in names.iter().zip([print, write]) {
            self.install_script(name, &script);
        }
    }

    fn remove_tools(&self) {
        fs::remove_dir_all(self.path("bin")).unwrap();
        fs::create_dir(self.path("bin")).unwrap();
        // What the scripts need, and nothing else: the host's own fw_printenv must not be found.
        for program in ["sh", "grep", "cat", "head", "mv", "sleep"] {
            let target = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
            let target = target.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(target, self.path("bin").join(program)).unwrap();
        }
    }

    /// The client's file tree of a fresh installation.
    pub(crate) fn new_tree(&self, payload_type: &str, meta_data: String) {
        let tree = self.tree();
        if tree.exists() {
            fs::remove_dir_all(&tree).unwrap();
        }
        for folder in ["header", "tmp", "streams"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        fs::write(tree.join("version"), "3").unwrap();
        fs::write(tree.join("header/payload_type"), payload_type).unwrap();
        fs::write(tree.join("header/meta-data"), meta_data).unwrap();
    }

    /// Puts a script into `PATH`.
    pub(crate) fn install_script(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        // Written by another process: a child that is forked meanwhile would hold it open, and nobody could start it.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "cat > \"$0\" && chmod 755 \"$0\""]).arg(&path).stdin(Stdio::piped());
        let mut writing = shell.spawn().unwrap();
        writing.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        assert!(writing.wait().unwrap().success());
    }

    pub(crate) fn command(&self, state: &str) -> Command {
        let mut command = Command::new(MODULE);
        command
            .arg(state)
            .arg(self.tree())
            .current_dir(self.tree())
            .env("PATH", self.path("bin"))
            .env("MENDER_BINARY_DELTA_TEST_SYSROOT", self.path("sys"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a state that needs no pipes.
    pub(crate) fn call(&self, state: &str) -> Called {
        Called::from(self.command(state).output().unwrap())
    }

    /// Runs a download state against a client, in a fresh tree of the same payload.
    pub(crate) fn download_state(&self, state: &str, payload: Payload) -> (Called, End) {
        self.download_with(self.command(state), payload)
    }

    /// `Download`, started by a program that takes the command as its arguments and becomes it.
    pub(crate) fn download_below(&self, starter: &[&str], payload: Payload) -> (Called, End) {
        let command = self.command("Download");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        let mut starting = Command::new(starter[0]);
        starting.args(&starter[1..]).arg(command.get_program()).args(command.get_args());
        starting.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
        starting.current_dir(self.tree()).stdin(Stdio::null());
        self.download_with(starting, payload)
    }

    fn download_with(&self, mut command: Command, payload: Payload) -> (Called, End) {
        let client = Client::start(&self.tree(), payload);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < self.patience, "{command:?} hangs");
            std::thread::sleep(Duration::from_millis(5));
        }
        (Called::from(child.wait_with_output().unwrap()), client.end())
    }

    /// Starts a download and lets it run.
    pub(crate) fn start_download(&self, payload: Payload) -> std::process::Child {
        // Nobody waits for the client's half: it ends with the test.
        drop(Client::start(&self.tree(), payload));
        self.command("Download").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The same, but the client ends the module as soon as the stream fails, as the C++ client does.
    pub(crate) fn download_state_impatiently(&self, state: &str, payload: Payload) -> Called {
        let client = Client::start(&self.tree(), payload);
        let mut child = self.command(state).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(client.end(), End::GaveUp);
        child.kill().unwrap();
        Called::from(child.wait_with_output().unwrap())
    }

    /// `Download` of a delta that makes an image of `image_bytes`.
    pub(crate) fn download(&self, delta: &[u8], image_bytes: usize) -> (Called, End) {
        self.new_tree("mender-delta", image_meta_data(image_bytes));
        self.download_state("Download", Payload::new(delta))
    }

    /// The client starts the module and dies.
    pub(crate) fn call_as_orphan(&self, state: &str) -> std::process::Child {
        let mut command = Command::new("/bin/sh");
        // Prints the module's process number, then ends: the module has lost its parent.
        let script = "\"$0\" \"$1\" \"$2\" & echo $!; sleep 0.5";
        command.args(["-c", script, MODULE, state]).arg(self.tree());
        command.env("MENDER_BINARY_DELTA_TEST_SYSROOT", self.path("sys")).env("PATH", self.path("bin"));
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn inactive_is_untouched(&self) -> bool {
        fs::read(self.partition(3)).unwrap() == vec![0xa5; PARTITION_BYTES]
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Called {
    /// Failed with one line that holds `text`.
    pub(crate) fn assert_refused(&self, text: &str) {
        assert!(!self.success, "succeeded, expected: {text}");
        assert!(self.stdout.is_empty(), "{}", self.stdout);
        assert!(self.stderr.contains(text), "expected: {text}, found: {}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
    }

    pub(crate) fn assert_installed(&self, pair: &Pair) {
        let (delta, image) = (pair.delta.len(), pair.new.len());
        assert!(self.success && self.stdout.is_empty(), "{}{}", self.stdout, self.stderr);
        let start = format!("a delta of {delta} bytes gave an image of {image} bytes, which /");
        let counts = self.stderr.split_once("/part3 holds: ").filter(|_| self.stderr.starts_with(&start));
        let (written, kept) =
            counts.and_then(|(_, counts)| parse_counts(counts)).unwrap_or_else(|| panic!("{}", self.stderr));
        assert_eq!(written + kept, image as u64, "{}", self.stderr);
    }

    /// Bytes that were written, and bytes that were there, from what a download says.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let counts = self.stderr.split_once("/part3 holds: ").and_then(|(_, counts)| parse_counts(counts));
        counts.unwrap_or_else(|| panic!("{}", self.stderr))
    }

    pub(crate) fn assert_silent_success(&self) {
        assert!(self.success, "{}", self.stderr);
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""));
    }
}

/// `N bytes written, M were there`.
fn parse_counts(text: &str) -> Option<(u64, u64)> {
    let (written, kept) = text.strip_suffix(" were there\n")?.split_once(" bytes written, ")?;
    Some((written.parse().ok()?, kept.parse().ok()?))
}

pub(crate) fn image_meta_data(bytes: usize) -> String {
    format!(r#"{{ "rootfs_file_size": {bytes}, "delta_algorithm": "mender-native" }}"#)
}

/// Two images that resemble each other, and the delta between them.
pub(crate) struct Pair {
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    pub(crate) delta: Vec<u8>,
}

impl Pair {
    pub(crate) fn make() -> Self {
        let old = noise(1, 2 << 20);
        let mut new = old.clone();
        new.splice(700_000..700_000, noise(2, 90_001));
        for at in (100_000..1_900_000).step_by(10_007) {
            new[at] ^= 0x55;
        }
        new.truncate((2 << 20) + 40_000);
        let mut delta = Cursor::new(Vec::new());
        generate(&old, &new, &GenerateOptions::default(), &mut delta).unwrap();
        Self { old, new, delta: delta.into_inner() }
    }
}

/// Bytes that do not compress (SplitMix64).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let word = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(word).collect();
    bytes.truncate(length);
    bytes
}
