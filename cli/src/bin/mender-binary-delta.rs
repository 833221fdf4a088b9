//! The delta Update Module for Linux: what a Mender client starts to install a delta Artifact.

#[cfg(target_os = "linux")]
#[path = "../update_module/mod.rs"]
mod update_module;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    update_module::main(std::env::args_os().skip(1))
}

/// Built with the rest of the package elsewhere, too, but of no use there.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write as _;
    let _nobody_reads = writeln!(std::io::stderr(), "the Update Module runs on Linux only");
    ExitCode::FAILURE
}
