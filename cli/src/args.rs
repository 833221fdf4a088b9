//! The command line: commands, flags and their defaults.

mod reference_style;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Read, write, check and sign Mender Artifacts, and make deltas between root file systems.
#[derive(Debug, Parser)]
#[command(name = "mender-artifact", version = VERSION, disable_version_flag = true, args_override_self = true)]
pub(crate) struct CommandLine {
    /// Compression for the commands that write; their own flag wins
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) compression: Option<CompressionName>,

    /// Print the version
    #[arg(short, long, action = ArgAction::Version)]
    version: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What `--version` prints. Whoever packages the program can set MENDER_ARTIFACT_VERSION when it is built.
const VERSION: &str = match option_env!("MENDER_ARTIFACT_VERSION") {
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
    /// Make, apply and inspect deltas between plain images
    Delta(DeltaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    #[command(subcommand)]
    pub(crate) kind: Option<WriteKind>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WriteKind {
    /// An update of the whole root file system
    RootfsImage(Box<RootfsImageArgs>),
    /// An update that an Update Module installs
    ModuleImage(Box<ModuleImageArgs>),
    /// An Artifact without payload that tells a new device what it provides
    BootstrapArtifact(Box<BootstrapArgs>),
    /// The difference between two root file system Artifacts
    DeltaImage(Box<DeltaImageArgs>),
}

/// The names that `--compression` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum CompressionName {
    None,
    Gzip,
    Lzma,
    ZstdBest,
    ZstdBetter,
    ZstdFast,
    ZstdFastest,
}

/// Flags of everything that is written.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Where the Artifact goes; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "artifact.mender")]
    pub(crate) output_path: PathBuf,

    /// Compression of header and payload [default: gzip]
    #[arg(long, value_name = "NAME")]
    pub(crate) compression: Option<CompressionName>,

    /// Private key (PEM: RSA or ECDSA P-256) that signs the Artifact
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

/// What the Artifact says about release and devices.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Device type that the Artifact is for; repeatable
    #[arg(short, long, value_name = "TYPE", conflicts_with = "device_type")]
    pub(crate) compatible_types: Vec<String>,

    /// Old name of --compatible-types
    #[arg(short = 't', long, value_name = "TYPE", hide = true)]
    pub(crate) device_type: Vec<String>,

    /// Name of the release
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) artifact_name: String,

    /// Format version; 3 is the only one written
    #[arg(short, long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) version: u32,

    /// Release that the device must run; repeatable, any of them will do
    #[arg(short = 'N', long, value_name = "NAME")]
    pub(crate) artifact_name_depends: Vec<String>,

    /// Group that the device is in after the update
    #[arg(short = 'g', long, value_name = "GROUP")]
    pub(crate) provides_group: Option<String>,

    /// Group that the device must be in; repeatable, any of them will do
    #[arg(short = 'G', long, value_name = "GROUP")]
    pub(crate) depends_groups: Vec<String>,

    /// What the device provides after the update; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) provides: Vec<String>,

    /// What the device must provide; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) depends: Vec<String>,

    /// Pattern of provides that the update takes away; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(crate) clears_provides: Vec<String>,
}

/// The version that an update provides, and what it clears by default.
#[derive(Debug, Args)]
pub(crate) struct SoftwareArgs {
    /// Provide no version and clear nothing unless told to
    #[arg(long)]
    pub(crate) no_default_software_version: bool,

    /// Clear nothing unless told to
    #[arg(long)]
    pub(crate) no_default_clears_provides: bool,

    /// Part of the software: the version's key is FILESYSTEM.NAME.version
    #[arg(long, value_name = "NAME")]
    pub(crate) software_name: Option<String>,

    /// The version that is provided [default: the name of the release]
    #[arg(long, value_name = "VERSION")]
    pub(crate) software_version: Option<String>,

    /// First part of the version's key [default: rootfs-image]
    #[arg(long, value_name = "FILESYSTEM")]
    pub(crate) software_filesystem: Option<String>,

    /// Whether one of these flags stands behind the last --provides, and then wins over it; filled in after parsing.
    #[arg(skip)]
    pub(crate) behind_provides: bool,
}

/// Scripts and bounds on the size.
#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    /// State script, or a folder of them; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) script: Vec<PathBuf>,

    /// Fail when the Artifact is larger: a number with B, KB, MB, GB or TB
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_artifact_size: Option<String>,

    /// Warn when the Artifact is larger
    #[arg(long, value_name = "SIZE")]
    pub(crate) warn_artifact_size: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RootfsImageArgs {
    /// The image
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Call the provided checksum rootfs_image_checksum, as clients before 2.5 do
    #[arg(long)]
    pub(crate) legacy_rootfs_image_checksum: bool,

    /// Provide no checksum
    #[arg(long)]
    pub(crate) no_checksum_provide: bool,

    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) software: SoftwareArgs,
    #[command(flatten)]
    pub(crate) package: PackageArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ModuleImageArgs {
    /// Name of the Update Module
    #[arg(short = 'T', long = "type", value_name = "TYPE")]
    pub(crate) payload_type: String,

    /// Payload file; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,

    /// JSON object for the Update Module
    #[arg(short, long, value_name = "FILE")]
    pub(crate) meta_data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) software: SoftwareArgs,
    #[command(flatten)]
    pub(crate) package: PackageArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaImageArgs {
    /// The Artifact that devices run
    #[arg(long, value_name = "OLD.mender")]
    pub(crate) from: PathBuf,

    /// The Artifact that they shall run
    #[arg(long, value_name = "NEW.mender")]
    pub(crate) to: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Public key (PEM) that the signature is checked with
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Public key (PEM) that must have signed the Artifact
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Private key (PEM: RSA or ECDSA P-256)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Where the signed Artifact goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_path: Option<PathBuf>,

    /// Replace a signature that is there
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DeltaArgs {
    #[command(subcommand)]
    pub(crate) action: DeltaAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeltaAction {
    /// Make a delta from one image to another, and prove it
    Create(DeltaCreateArgs),
    /// Make the new image from the old one and a delta
    Apply(DeltaApplyArgs),
    /// Show what a delta says about itself
    Info(DeltaInfoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DeltaCreateArgs {
    /// The image that devices have
    pub(crate) old: PathBuf,

    /// The image that they shall have
    pub(crate) new: PathBuf,

    /// Where the delta goes; - is standard output
    #[arg(short, long, value_name = "DELTA")]
    pub(crate) output_path: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaApplyArgs {
    /// The image that the delta was made from
    pub(crate) base: PathBuf,

    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

    /// Where the new image goes; - is standard output
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output_path: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaInfoArgs {
    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    use super::*;

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
        assert!(args.output.no_progress);
        assert!(!args.no_checksum_provide);
    }

    #[test]
    fn a_switch_does_not_swallow_the_artifact() {
        let line = parsed("mender-artifact read --no-progress a.mender -k pub");
        let Some(Command::Read(args)) = line.command else { panic!("{line:?}") };
        assert_eq!((args.artifact, args.key), (PathBuf::from("a.mender"), Some(PathBuf::from("pub"))));
    }

    #[test]
    fn values_may_look_like_flags() {
        assert_eq!(rootfs("-f img -n -rel -c dev").release.artifact_name, "-rel");
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
