//! `completions SHELL`: a script that completes commands and flags.

use crate::args::CommandLine;
use crate::args::completions::CompletionsArgs;
use crate::failure::Failure;
use crate::report;
use clap::CommandFactory;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "mender-artifact", &mut script);
    report::print(&String::from_utf8_lossy(&script))
}
