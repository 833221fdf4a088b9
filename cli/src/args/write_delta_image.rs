//! `write delta-image`.

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

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
