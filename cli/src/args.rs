//! The command line. What belongs to one command is in the file of its name below `args/`.

pub(crate) mod cat;
pub(crate) mod completions;
pub(crate) mod conf;
pub(crate) mod cp;
pub(crate) mod delta;
#[cfg(feature = "server")]
pub(crate) mod delta_plan;
pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod inside;
pub(crate) mod inspect;
pub(crate) mod install;
pub(crate) mod key;
#[cfg(feature = "server")]
pub(crate) mod ledger;
pub(crate) mod modify;
pub(crate) mod output;
pub(crate) mod provision;
pub(crate) mod read;
mod reference_style;
pub(crate) mod rm;
#[cfg(feature = "server")]
pub(crate) mod server;
pub(crate) mod sign;
pub(crate) mod snapshot;
pub(crate) mod suggestions;
pub(crate) mod validate;
pub(crate) mod write;
pub(crate) mod write_augment;
pub(crate) mod write_delta_image;
pub(crate) mod write_release;

use cat::CatArgs;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use completions::{CompletionsArgs, ManArgs};
use conf::ConfArgs;
use cp::CpArgs;
use delta::DeltaArgs;
use diff::DiffArgs;
use dump::DumpArgs;
use inspect::InspectArgs;
use install::InstallArgs;
use modify::ModifyArgs;
use output::CompressionName;
use provision::ProvisionArgs;
use read::ReadArgs;
use rm::RmArgs;
use sign::SignArgs;
use std::ffi::OsString;
use validate::ValidateArgs;
use write::WriteArgs;

/// Read, write, check and sign Mender Artifacts, and make deltas between root file systems.
#[derive(Debug, Parser)]
#[command(name = "mender-artifact", version = VERSION, disable_version_flag = true, args_override_self = true)]
pub(crate) struct CommandLine {
    /// Compression for the commands that write; their own flag wins
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) compression: Option<CompressionName>,

    /// Say nothing but results and failures
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// Print the version
    #[arg(short, long, action = ArgAction::Version)]
    version: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What `--version` prints behind "mender-artifact version". Whoever packages the program can set MENDER_ARTIFACT_VERSION when it is built.
pub(crate) const VERSION: &str = match option_env!("MENDER_ARTIFACT_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write an Artifact
    #[command(subcommand_required = false)]
    Write(WriteArgs),
    /// Show what an Artifact says about itself; its checksums are checked on the way
    Read(ReadArgs),
    /// Check that an Artifact is sound, and signed by the key that is given
    Validate(ValidateArgs),
    /// Sign an Artifact; its payload stays as it is
    Sign(SignArgs),
    /// Change what an Artifact says about itself, or the release and server that an image names
    Modify(Box<ModifyArgs>),
    /// Take an Artifact apart into files
    Dump(DumpArgs),
    /// Show what is different between two Artifacts; ends with 1 if anything is
    Diff(DiffArgs),
    /// Print a file that is in an image or Artifact
    Cat(CatArgs),
    /// Copy a file into an image or Artifact, or out of one
    Cp(Box<CpArgs>),
    /// Put a file with these permissions into an image or Artifact, or make a folder there
    Install(Box<InstallArgs>),
    /// Remove a file or folder from an image or Artifact
    Rm(Box<RmArgs>),
    /// Read and change the configuration of the Mender client in an image or Artifact
    Conf(ConfArgs),
    /// Show what an image is made of: partitions, file systems, configuration
    Inspect(InspectArgs),
    /// Make, apply and inspect deltas between plain images
    Delta(DeltaArgs),
    /// Keep account of what devices really downloaded
    #[cfg(feature = "server")]
    Ledger(Box<ledger::LedgerArgs>),
    /// Make keys and certificates for devices, and images that carry them
    Provision(Box<ProvisionArgs>),
    /// Print a script that completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them
    Man(ManArgs),
}

/// Parses the words of a command line, the program's name first, in all the forms that the reference tool takes.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    reference_style::parse(words)
}

/// What is wrong with a command line, as one line.
pub(crate) fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
    format!("{}; see --help", words.join(" "))
}

/// The help text of the command with this path.
pub(crate) fn help(path: &[&str]) -> String {
    let mut command = CommandLine::command();
    for name in path {
        if let Some(sub) = command.find_subcommand(name) {
            command = sub.clone().bin_name(format!("mender-artifact {name}"));
        }
    }
    command.render_long_help().to_string()
}

#[cfg(test)]
mod tests {
    use super::write::{RootfsImageArgs, WriteKind};
    use super::*;
    use std::path::PathBuf;

    fn parsed(line: &str) -> CommandLine {
        parse(line.split(' ').map(OsString::from)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn rootfs(line: &str) -> RootfsImageArgs {
        match parsed(&format!("mender-artifact write rootfs-image {line}")).command {
            Some(Command::Write(WriteArgs { kind: Some(WriteKind::RootfsImage(args)) })) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definitions_hold_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn flags_in_all_forms() {
        for line in [
            "-f img -n rel -t dev -o out -p a:b -p c:d",
            "--file img --artifact-name rel --device-type dev --output-path out --provides a:b -p c:d",
            "-file=img -artifact-name rel -device-type=dev -o=out -provides a:b -p=c:d",
        ] {
            let args = rootfs(line);
            assert_eq!(args.file, PathBuf::from("img"), "{line}");
            assert_eq!(args.release.artifact_name, "rel", "{line}");
            assert_eq!(args.release.device_type, ["dev"], "{line}");
            assert_eq!(args.output.output_path, PathBuf::from("out"), "{line}");
            assert_eq!(args.release.provides, ["a:b", "c:d"], "{line}");
        }
    }

    #[test]
    fn the_last_single_value_wins_and_switches_take_a_value() {
        let args = rootfs("-f a -f b -n rel -c dev --no-progress=true --no-checksum-provide=false");
        assert_eq!(args.file, PathBuf::from("b"));
        assert!(!args.no_checksum_provide);
    }

    #[test]
    fn a_switch_does_not_swallow_the_artifact() {
        let line = parsed("mender-artifact read --no-progress a.mender -k pub");
        let Some(Command::Read(args)) = line.command else { panic!("{line:?}") };
        assert_eq!((args.artifact, args.key.key), (PathBuf::from("a.mender"), Some(PathBuf::from("pub"))));
    }

    #[test]
    fn values_may_look_like_flags() {
        for name in ["-rel", "-provides", "-file=x", "--no-progress=false", "write"] {
            assert_eq!(rootfs(&format!("-f img -n {name} -c dev")).release.artifact_name, name);
        }
    }

    #[test]
    fn switches_of_all_commands_go_before_and_behind_them() {
        for line in [
            "--no-progress -q read a",
            "read --no-progress -quiet a",
            "read a --quiet=true --no-progress=1",
            "--quiet read a --no-progress=true",
        ] {
            let line = parsed(&format!("mender-artifact {line}"));
            assert!(line.quiet && line.no_progress, "{line:?}");
        }
        assert!(!parsed("mender-artifact read a --quiet=false").quiet);
    }

    #[test]
    fn behind_two_dashes_there_are_no_options() {
        let line = parsed("mender-artifact read -key pub -- -key");
        let Some(Command::Read(args)) = line.command else { panic!("{line:?}") };
        assert_eq!((args.artifact, args.key.key), (PathBuf::from("-key"), Some(PathBuf::from("pub"))));
    }

    #[test]
    fn order_of_software_version_and_provides_is_kept() {
        let behind = |line: &str| rootfs(&format!("-f i -n r -c d {line}")).software.behind_provides;
        assert!(behind("-p rootfs-image.version:1 --software-version 2"));
        assert!(!behind("--software-version 2 -p rootfs-image.version:1"));
        assert!(!behind("-p rootfs-image.version:1"));
    }

    #[test]
    fn compression_before_the_command() {
        assert_eq!(
            parsed("mender-artifact --compression zstd_best write").compression,
            Some(CompressionName::ZstdBest)
        );
    }
}
