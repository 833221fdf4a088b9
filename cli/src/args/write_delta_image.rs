//! `write delta-image`.

use super::delta::{AlgorithmArgs, LevelArgs, WorthArgs};
use super::output::OutputArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DeltaImageArgs {
    /// The Artifact that devices run
    #[arg(long, value_name = "OLD.mender")]
    pub(crate) from: PathBuf,

    /// The Artifact that they shall run
    #[arg(long, value_name = "NEW.mender")]
    pub(crate) to: PathBuf,

    /// Public key (PEM) that both Artifacts must be signed with
    #[arg(long, value_name = "FILE")]
    pub(crate) verify_key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) format: AlgorithmArgs,

    #[command(flatten)]
    pub(crate) level: LevelArgs,

    #[command(flatten)]
    pub(crate) worth: WorthArgs,

    /// With xdelta3: options that the device's decoder is to be called with, of -B, -W, -P and -I; they bound the
    /// delta, too. Repeatable
    #[arg(short = 'D', long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(crate) decoder_arguments: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
