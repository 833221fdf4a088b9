//! `man`: manual pages, made from the definitions that the command line is parsed by.

use crate::args::CommandLine;
use crate::args::completions::ManArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::output::Output;
use crate::report;
use clap::{Command, CommandFactory};
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(args: &ManArgs) -> Result<(), Failure> {
    let mut root = CommandLine::command().disable_help_subcommand(true);
    // Gives every command its full name.
    root.build();
    match &args.output_dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|error| Failure::io(folder, ExitStatus::Output, &error))?;
            write_all(&root, folder)
        }
        None => {
            let mut command = &root;
            for name in &args.command {
                command = command.find_subcommand(name).ok_or_else(|| {
                    Failure::usage(format!("expected a command, found '{}'", args.command.join(" ")))
                })?;
            }
            let page = page(command).map_err(|error| Failure::io("-", ExitStatus::Output, &error))?;
            report::print(&String::from_utf8_lossy(&page))
        }
    }
}

/// One page for the command and for each below it.
fn write_all(command: &Command, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{}.1", page_name(command)));
    let mut output = Output::create(&path)?;
    page(command)
        .and_then(|page| output.write_all(&page))
        .map_err(|error| Failure::io(&path, ExitStatus::Output, &error))?;
    output.commit()?;
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| write_all(sub, folder))
}

/// `mender-artifact-write-rootfs-image`.
fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-")
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).title(page_name(command)).render(&mut text)?;
    Ok(text)
}
