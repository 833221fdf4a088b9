//! `validate`.

use super::key::PublicKeyArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Print JSON, with all that is wrong
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) key: PublicKeyArgs,
}
