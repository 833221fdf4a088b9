//! The other programs, where they are installed.

use std::path::Path;
use std::process::Command;

/// Whether `name` can be started; says so when a test has to be skipped.
pub(crate) fn is_there(name: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    if !found {
        println!("skipped: {name} is not installed");
    }
    found
}

/// Runs `name` in `folder`; what it said when it failed.
pub(crate) fn run(folder: &Path, name: &str, words: &[&str]) -> Result<(), String> {
    let output = Command::new(name).args(words).current_dir(folder).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
