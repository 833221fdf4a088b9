//! Forms of flags that the reference tool takes and clap does not: long names with one dash, switches with `=true`,
//! values that begin with a dash; and the rule that of two contradicting flags the later one wins.

use super::write::{WriteArgs, WriteKind};
use super::{Command, CommandLine};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches};
use std::collections::BTreeMap;
use std::ffi::OsString;

pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let command = with_dashed_values(CommandLine::command());
    let flags = long_flags(&command);
    let words = rewrite(words, &flags);
    let mut matches = command.clone().try_get_matches_from(words)?;
    let behind = software_behind_provides(&matches);
    let mut line = CommandLine::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(&mut command.clone()))?;
    if let Some(Command::Write(WriteArgs { kind: Some(kind) })) = &mut line.command {
        match kind {
            WriteKind::RootfsImage(args) => args.software.behind_provides = behind,
            WriteKind::ModuleImage(args) => args.software.behind_provides = behind,
            WriteKind::BootstrapArtifact(_) | WriteKind::DeltaImage(_) => {}
        }
    }
    Ok(line)
}

/// The word behind a flag is its value, whatever it looks like.
fn with_dashed_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            if takes_value && !arg.is_positional() { arg.allow_hyphen_values(true) } else { arg }
        })
        .mut_subcommands(with_dashed_values)
}

/// Every long name of every command, and whether it is a switch everywhere.
fn long_flags(command: &clap::Command) -> BTreeMap<String, bool> {
    let mut flags = BTreeMap::new();
    for arg in command.get_arguments() {
        if let Some(long) = arg.get_long() {
            let switch = matches!(arg.get_action(), ArgAction::SetTrue);
            flags.insert(long.to_owned(), switch);
        }
    }
    for sub in command.get_subcommands() {
        for (name, switch) in long_flags(sub) {
            flags.entry(name).and_modify(|known| *known &= switch).or_insert(switch);
        }
    }
    flags.insert("help".to_owned(), true);
    flags
}

fn rewrite(
    words: impl IntoIterator<Item = OsString>,
    flags: &BTreeMap<String, bool>,
) -> impl Iterator<Item = OsString> {
    let mut verbatim = false;
    words.into_iter().filter_map(move |word| {
        verbatim |= word == "--";
        if verbatim { Some(word) } else { rewritten(word, flags) }
    })
}

/// `-name` to `--name`, `--switch=true` to `--switch`, `--switch=false` to nothing.
fn rewritten(word: OsString, flags: &BTreeMap<String, bool>) -> Option<OsString> {
    let Some(text) = word.to_str() else { return Some(word) };
    let Some(flag) = text.strip_prefix("--").or_else(|| text.strip_prefix('-')) else { return Some(word) };
    let (name, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    };
    let Some(switch) = flags.get(name) else { return Some(word) };
    match value {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") if *switch => Some(format!("--{name}").into()),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") if *switch => None,
        _ => Some(format!("--{flag}").into()),
    }
}

fn software_behind_provides(matches: &ArgMatches) -> bool {
    let mut leaf = matches;
    while let Some((_, sub)) = leaf.subcommand() {
        leaf = sub;
    }
    let last = |id: &str| {
        let known = leaf.try_contains_id(id).unwrap_or(false);
        let given = known && leaf.value_source(id) == Some(ValueSource::CommandLine);
        if given { leaf.indices_of(id).and_then(Iterator::max) } else { None }
    };
    let software =
        ["software_name", "software_version", "software_filesystem"].into_iter().filter_map(last).max();
    software.is_some() && software > last("provides")
}
