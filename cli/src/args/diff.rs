//! `diff`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// An Artifact
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,

    /// Another Artifact
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Folder for the images that are compared file by file
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tmp: Option<PathBuf>,
}
