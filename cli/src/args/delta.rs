//! `delta create`, `delta apply` and `delta info`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

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

/// The names that `--algorithm` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlgorithmName {
    /// This project's own format: the smallest, for its own Update Module
    Native,
    /// VCDIFF as xdelta3 has it, for Mender's Update Module
    Xdelta3,
    /// BSDIFF40, for bspatch
    Bsdiff,
}

/// The format of a delta.
#[derive(Debug, Args)]
pub(crate) struct AlgorithmArgs {
    /// Format of the delta: what the device has to apply it
    #[arg(long, value_name = "NAME", default_value = "native")]
    pub(crate) algorithm: AlgorithmName,

    /// With xdelta3: no LZMA, for decoders of VCDIFF that do not have it
    #[arg(long)]
    pub(crate) no_secondary_compression: bool,
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

    #[command(flatten)]
    pub(crate) format: AlgorithmArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
}

#[derive(Debug, Args)]
pub(crate) struct DeltaInfoArgs {
    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
