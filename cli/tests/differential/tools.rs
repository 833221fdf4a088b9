//! Both tools.

use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const THEIRS: &str = "/usr/bin/mender-artifact";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Ours,
    Theirs,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Whether there is somebody to compare with.
pub(crate) fn installed() -> bool {
    Path::new(THEIRS).exists()
}

pub(crate) fn run(tool: Tool, folder: &Path, arguments: &[&str]) -> Ended {
    let program = match tool {
        Tool::Ours => env!("CARGO_BIN_EXE_mender-artifact"),
        Tool::Theirs => THEIRS,
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("TZ", "UTC")
        .env_remove("SOURCE_DATE_EPOCH")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
