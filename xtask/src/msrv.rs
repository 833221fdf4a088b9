//! `cargo xtask msrv`: what runs on a device, built with the oldest compiler that is promised.

use crate::failure::Failure;
use crate::step::{cargo, find, output, program, run, target_dir};
use std::path::PathBuf;
use std::process::Command;

const OLDEST: &str = "1.85";

pub(crate) fn run_msrv() -> Result<(), Failure> {
    let rustc = compiler()?;
    let version = output(program(&rustc).arg("--version"))?;
    if !version.starts_with(&format!("rustc {OLDEST}.")) {
        return Err(Failure::new(format!(
            "{}: expected rustc {OLDEST}, found {}",
            rustc.display(),
            version.trim()
        )));
    }
    println!("compiler: {}", version.trim());
    let check = || -> Command {
        let mut command = cargo();
        command.env("RUSTC", &rustc).env("CARGO_TARGET_DIR", target_dir().join("msrv")).arg("check");
        command
    };
    run(check().args(["-p", "mender-artifact", "--no-default-features"]))?;
    run(check().args(["-p", "mender-delta", "--no-default-features"]))?;
    run(check().args(["-p", "mender-artifact", "-p", "mender-image"]))?;
    run(check().args(["-p", "mender-delta", "--no-default-features", "--features", "std"]))?;
    run(check().args(["-p", "mender-ffi", "--no-default-features"]))?;
    run(check().args(["-p", "mender-device"]))?;
    let module = ["-p", "mender-artifact-cli", "--no-default-features", "--bin", "mender-binary-delta"];
    run(check().args(module))?;
    run(check().args(module).args(["--features", "block-names"]))?;
    run(check().args(module).args(["--features", "repair-url"]))
}

/// RUSTC_MSRV, else rustup's toolchain.
fn compiler() -> Result<PathBuf, Failure> {
    if let Some(rustc) = std::env::var_os("RUSTC_MSRV") {
        return Ok(PathBuf::from(rustc));
    }
    if find("rustup").is_some() {
        let toolchains = output(program("rustup").args(["toolchain", "list"]))?;
        let oldest = toolchains
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .find(|name| name.starts_with(&format!("{OLDEST}-")) || name.starts_with(&format!("{OLDEST}.")));
        if let Some(name) = oldest {
            let path = output(program("rustup").args(["which", "--toolchain", name, "rustc"]))?;
            return Ok(PathBuf::from(path.trim()));
        }
    }
    Err(Failure::new(format!(
        "no rustc {OLDEST} here: rustup toolchain install {OLDEST}, or name one with RUSTC_MSRV=/path/to/rustc"
    )))
}
