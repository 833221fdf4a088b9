//! `cargo xtask check`: what every commit has to pass, with nothing but cargo.

use crate::failure::Failure;
use crate::step::{cargo, run};

pub(crate) fn run_lints() -> Result<(), Failure> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    for device_crate in ["mender-artifact", "mender-delta", "mender-device"] {
        run(cargo().args(["check", "-p", device_crate, "--no-default-features"]))?;
    }
    // The Update Module must not come to need what only makes deltas.
    let module = ["--no-default-features", "--bin", "mender-binary-delta"];
    run(cargo().args(["check", "-p", "mender-artifact-cli"]).args(module))
}

pub(crate) fn run_tests() -> Result<(), Failure> {
    run(cargo().args(["test", "--workspace"]))
}

pub(crate) fn run_all() -> Result<(), Failure> {
    run_lints()?;
    run_tests()
}
