//! `inspect`.

use super::inside::PartArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The image or Artifact
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a picture of the layout, one HTML file that needs nothing else; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) html: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) part: PartArgs,
}
