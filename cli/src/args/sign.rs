//! `sign`.

use super::key::PrivateKeyArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,

    /// Where the signed Artifact goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_path: Option<PathBuf>,

    /// Replace a signature that is there
    #[arg(short, long)]
    pub(crate) force: bool,
}
