//! `read`.

use super::key::PublicKeyArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    #[command(flatten)]
    pub(crate) key: PublicKeyArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
