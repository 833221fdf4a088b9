//! What `--generate-bash-completion` prints, which the completion scripts of the reference tool call: the commands, or
//! the flags where the word before it begins like one, one name a line.

use super::CommandLine;
use clap::{Arg, Command, CommandFactory};
use std::ffi::OsString;
use std::fmt::Write;

const FLAG: &str = "--generate-bash-completion";
/// Set by the script for zsh, which shows what a command is for, too.
const WITH_ABOUT: &str = "_CLI_ZSH_AUTOCOMPLETE_HACK";

/// The names that may come next, if that is what the words, the program's name first, ask for.
pub(crate) fn asked_for(words: &[OsString]) -> Option<String> {
    let (last, before) = words.split_last()?;
    if last != FLAG {
        return None;
    }
    let mut command = CommandLine::command();
    command.build();
    let before: Vec<&str> = before.iter().skip(1).filter_map(|word| word.to_str()).collect();
    Some(names(&command, &before, std::env::var_os(WITH_ABOUT).is_some_and(|value| value == "1")))
}

fn names(root: &Command, before: &[&str], with_about: bool) -> String {
    let mut command = root;
    for word in before {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let mut text = String::new();
    match before.last().filter(|word| word.starts_with('-')) {
        Some(begun) => {
            for name in command.get_arguments().filter(|arg| !arg.is_hide_set()).flat_map(flag_names) {
                if name.starts_with(begun) && name != *begun {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "{name}");
                }
            }
        }
        None => {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let _ = match sub.get_about().filter(|_| with_about) {
                    Some(about) => writeln!(text, "{}:{about}", sub.get_name()),
                    None => writeln!(text, "{}", sub.get_name()),
                };
            }
        }
    }
    text
}

fn flag_names(arg: &Arg) -> impl Iterator<Item = String> {
    let long = arg.get_long().map(|name| format!("--{name}"));
    long.into_iter().chain(arg.get_short().map(|name| format!("-{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(before: &[&str]) -> Vec<String> {
        let mut command = CommandLine::command();
        command.build();
        names(&command, before, false).lines().map(str::to_owned).collect()
    }

    #[test]
    fn commands_then_flags() {
        assert!(suggested(&[]).starts_with(&["write".to_owned(), "read".to_owned(), "validate".to_owned()]));
        assert!(suggested(&["write"]).contains(&"rootfs-image".to_owned()));
        assert!(suggested(&["read"]).is_empty());
        assert_eq!(suggested(&["write", "rootfs-image", "--fi"]), ["--file"]);
        let flags = suggested(&["read", "-"]);
        assert!(flags.contains(&"--key".to_owned()) && flags.contains(&"-k".to_owned()), "{flags:?}");
    }
}
