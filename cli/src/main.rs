//! The command `mender-artifact`: parses, calls one command, reports how it ended.

mod args;
mod commands;
mod exit_code;
mod failure;
mod input;
mod key;
mod output;
mod progress;
mod report;

use exit_code::ExitStatus;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let line = match args::parse(std::env::args_os()) {
        Ok(line) => line,
        Err(error) => {
            if error.use_stderr() {
                return ended(&failure::Failure::usage(args::in_one_line(&error)));
            }
            // Help and version are no failure. A stream that has gone away takes no message.
            let _ = error.print();
            return ExitStatus::Success.into();
        }
    };
    match commands::run(line) {
        Ok(()) => ExitStatus::Success.into(),
        Err(failure) => ended(&failure),
    }
}

fn ended(failure: &failure::Failure) -> ExitCode {
    if failure.status != ExitStatus::Success {
        let _ = writeln!(std::io::stderr(), "mender-artifact: {failure}");
    }
    failure.status.into()
}
