//! One file for each command.

mod cat;
mod claim;
mod completions;
mod conf;
mod cp;
mod delta;
mod diff;
mod dump;
mod inside;
mod inspect;
mod install;
#[cfg(feature = "server")]
mod ledger;
mod man;
mod modify;
mod provision;
mod read;
mod rewriting;
mod rm;
mod sign;
mod validate;
mod write;

use crate::args::delta::DeltaAction;
use crate::args::write::WriteKind;
use crate::args::{self, Command, CommandLine};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report;
use std::ffi::OsString;

/// How a wrong command line ends: `diff` has another use for the status that it has everywhere else.
pub(crate) fn usage_status(words: &[OsString]) -> ExitStatus {
    if words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "diff") {
        ExitStatus::FormatVersion
    } else {
        ExitStatus::Usage
    }
}

/// Runs the command that was given; help when there is none.
pub(crate) fn run(line: CommandLine) -> Result<(), Failure> {
    let compression = line.compression;
    match line.command {
        None => report::print(&args::help(&[])),
        Some(Command::Write(args)) => match args.kind {
            None => report::print(&args::help(&["write"])),
            Some(WriteKind::RootfsImage(args)) => write::rootfs_image::run(*args, compression),
            Some(WriteKind::ModuleImage(args)) => write::module_image::run(*args, compression),
            Some(WriteKind::BootstrapArtifact(args)) => write::bootstrap::run(*args, compression),
            Some(WriteKind::DeltaImage(args)) => write::delta_image::run(&args, compression),
        },
        Some(Command::Read(args)) => read::run(&args),
        Some(Command::Validate(args)) => validate::run(&args),
        Some(Command::Sign(args)) => sign::run(&args),
        Some(Command::Modify(args)) => modify::run(&args),
        Some(Command::Dump(args)) => dump::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Cat(args)) => cat::run(&args),
        Some(Command::Cp(args)) => cp::run(&args),
        Some(Command::Install(args)) => install::run(&args),
        Some(Command::Rm(args)) => rm::run(&args),
        Some(Command::Conf(args)) => conf::run(&args),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Delta(args)) => match args.action {
            DeltaAction::Create(args) => delta::create::run(&args),
            DeltaAction::Apply(args) => delta::apply::run(&args),
            DeltaAction::Info(args) => delta::info::run(&args),
            DeltaAction::Estimate(args) => delta::estimate::run(&args),
            DeltaAction::Explain(args) => delta::explain::run(&args),
            DeltaAction::BlockList(args) => delta::block_list::run(&args),
            #[cfg(feature = "server")]
            DeltaAction::Plan(args) => delta::plan::run(&args),
            #[cfg(feature = "server")]
            DeltaAction::Worker(args) => delta::worker::run(&args),
            #[cfg(feature = "server")]
            DeltaAction::Enqueue(args) => delta::enqueue::run(&args),
            #[cfg(feature = "server")]
            DeltaAction::Store(args) => delta::store::run(&args),
        },
        #[cfg(feature = "server")]
        Some(Command::Ledger(args)) => ledger::run(&args),
        Some(Command::Provision(args)) => provision::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
    }
}
