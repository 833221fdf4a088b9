//! The S3-compatible server that tests use as a store: the Python package moto, in an environment of its own below the
//! folder of builds. A test that does not find it says 'skipped'.

use crate::failure::Failure;
use crate::step::{find, program, run, target_dir};
use std::path::Path;

/// One that takes conditional puts.
const PACKAGE: &str = "moto[s3,server]==5.2.5";

/// Installs it, unless it is there. Never fails: why it is not there is told.
pub(crate) fn install_missing() {
    let folder = target_dir().join("tools/moto");
    if folder.join("bin/moto_server").exists() {
        return;
    }
    if let Err(why) = install(&folder) {
        // Half of it would be taken for all of it.
        let _ = std::fs::remove_dir_all(&folder);
        println!("skipped: tests that need moto_server ({why})");
    }
}

fn install(folder: &Path) -> Result<(), Failure> {
    let python = find("python3").ok_or_else(|| Failure::new("there is no python3"))?;
    run(program(python).args(["-m", "venv"]).arg(folder))?;
    run(program(folder.join("bin/pip")).args(["install", "--quiet", "--timeout", "30", PACKAGE]))
}
