//! Forms of flags that the reference tool takes and clap does not: long names with one dash, switches with `=true`,
//! values that begin with a dash; and the rule that of two contradicting flags the later one wins.

use super::write::{WriteArgs, WriteKind};
use super::{Command, CommandLine};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches};
use std::ffi::OsString;

pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let mut command = with_dashed_values(CommandLine::command());
    // Gives every command the flags that are for all.
    command.build();
    let command = command.mut_subcommand("help", |help| help.alias("h"));
    let mut words = words.into_iter();
    let program = words.next();
    let mut rewriter = Rewriter { command: &command, value_follows: false, verbatim: false };
    let words = words.filter_map(|word| rewriter.rewritten(word));
    let words: Vec<OsString> = program.into_iter().chain(words).collect();
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

/// Goes through the words with the command in hand that they are for: a word behind a flag that takes a value is left
/// alone, and whether a flag takes one depends on the command.
struct Rewriter<'c> {
    command: &'c clap::Command,
    /// Whether the next word is the value of the flag before it.
    value_follows: bool,
    /// Whether `--` has come.
    verbatim: bool,
}

impl Rewriter<'_> {
    /// `-name` to `--name`, `--switch=true` to `--switch`, `--switch=false` to nothing.
    fn rewritten(&mut self, word: OsString) -> Option<OsString> {
        if self.verbatim || std::mem::take(&mut self.value_follows) {
            return Some(word);
        }
        let Some(text) = word.to_str() else { return Some(word) };
        if text == "--" {
            self.verbatim = true;
            return Some(word);
        }
        let Some(flag) = text.strip_prefix("--").or_else(|| text.strip_prefix('-')) else {
            if let Some(sub) = self.command.find_subcommand(text) {
                self.command = sub;
            }
            return Some(word);
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        let one_dash = !text.starts_with("--");
        let Some((arg, long)) = self.flag(name, one_dash) else { return Some(word) };
        if arg.get_action().takes_values() {
            self.value_follows = value.is_none();
            return if long { Some(format!("--{flag}").into()) } else { Some(word) };
        }
        let plain = if long { format!("--{name}") } else { format!("-{name}") };
        match value {
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(plain.into()),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => None,
            Some(_) => Some(word),
        }
    }

    /// The flag of this name, and whether it is its long one.
    fn flag(&self, name: &str, one_dash: bool) -> Option<(&clap::Arg, bool)> {
        let mut characters = name.chars();
        let short = characters.next().filter(|_| one_dash && characters.next().is_none());
        self.command.get_arguments().find_map(|arg| {
            let long = arg.get_long() == Some(name)
                || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name));
            if long {
                Some((arg, true))
            } else if short.is_some() && arg.get_short() == short {
                Some((arg, false))
            } else {
                None
            }
        })
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
