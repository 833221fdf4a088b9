//! Commands that a task runs, shown before they run.

use crate::failure::{Doing, Failure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// Where cargo builds, as the environment says.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A folder of this task's own below the target folder, empty.
pub(crate) fn fresh_dir(name: &str) -> Result<PathBuf, Failure> {
    let dir = target_dir().join("xtask").join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).doing(|| format!("emptying {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).doing(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// The cargo that started this task, run in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// A program, run without standard input.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// Shows and runs a command; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("\n▶ {}", shown(command));
    let status = command.status().doing(|| shown(command))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{}: {status}", shown(command)))) }
}

/// Runs a command silently and returns what it printed on stdout; its stderr stands in the failure.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().doing(|| shown(command))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("{}: {}: {}", shown(command), output.status, why.trim())))
    }
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut line = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// The program's path, if it is installed. The system's folders count even when they are not in PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
