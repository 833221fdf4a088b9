//! A folder for one test, and the command run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// A temporary folder; commands run in it, so that file names in messages are as they are given.
pub(crate) struct Workplace(tempfile::TempDir);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Keys for tests, in the folder of the crate that knows about keys.
pub(crate) fn key(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../mender-artifact/tests/keys")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

impl Workplace {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Sets when a file was last changed, in seconds since 1970.
    pub(crate) fn set_time(&self, name: &str, seconds: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options().write(true).open(self.path(name)).unwrap().set_modified(time).unwrap();
    }

    /// Names of everything in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The command, to be run in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("TZ", "UTC")
            .env_remove("SOURCE_DATE_EPOCH")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().unwrap())
    }

    /// Runs the command, which must succeed and say nothing on stderr.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        ended.stdout
    }

    /// Runs the command, which must fail with this status, one line on stderr, and nothing on stdout.
    pub(crate) fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.status, status, "{arguments:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {}", ended.stderr);
        lines[0].strip_prefix("mender-artifact: ").unwrap_or_else(|| panic!("{}", lines[0])).to_owned()
    }

    /// An Artifact of a small image, `img`, with more flags than these.
    pub(crate) fn write_image(&self, output: &str, more: &[&str]) {
        if !self.path("img").exists() {
            self.put("img", image_bytes());
        }
        let flags = ["write", "rootfs-image", "-f", "img", "-n", "release-1", "-c", "board", "-o", output];
        assert_eq!(self.ok(&[&flags, more].concat()), "");
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// 200 kB that compress to about a half.
pub(crate) fn image_bytes() -> Vec<u8> {
    let mut state = 7_u32;
    (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x0f
        })
        .collect()
}
