//! The command `mender-artifact`: parses, calls one command, reports how it ended.

mod args;
mod commands;
mod exit_code;
mod failure;
mod input;
mod interrupt;
mod key;
#[cfg(any(test, not(unix)))]
mod lock_portable;
#[cfg(unix)]
mod lock_unix;
mod output;
mod progress;
mod provision;
mod report;
mod snapshot;
mod talk;

use clap::error::ErrorKind;
use exit_code::ExitStatus;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    interrupt::watch();
    let words: Vec<_> = std::env::args_os().collect();
    let usage_status = commands::usage_status(&words);
    let done = match args::suggestions::asked_for(&words) {
        Some(names) => report::print(&names),
        None => match args::parse(words) {
            Ok(line) => {
                talk::set(line.quiet, line.no_progress);
                commands::run(line)
            }
            Err(error) => answer(&error),
        },
    };
    match done {
        Ok(()) => ExitStatus::Success.into(),
        Err(failure) => ended(&failure, usage_status),
    }
}

/// Help and version are no failure.
fn answer(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayVersion => report::print(&format!("mender-artifact version {}\n", args::VERSION)),
        _ if error.use_stderr() => Err(Failure::usage(args::in_one_line(error))),
        _ => {
            // A stream that has gone away takes no message.
            let _ = error.print();
            Ok(())
        }
    }
}

fn ended(failure: &Failure, usage_status: ExitStatus) -> ExitCode {
    if failure.is_silent() {
        return failure.status.into();
    }
    if failure.status != ExitStatus::Success {
        report::complain(failure);
    }
    if failure.status == ExitStatus::Usage { usage_status.into() } else { failure.status.into() }
}
