//! `cat`.

use super::inside::PartArgs;
use clap::Args;
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct CatArgs {
    /// The file: an image or Artifact, a colon, and the path in it
    #[arg(value_name = "IMAGE:PATH")]
    pub(crate) file: OsString,

    #[command(flatten)]
    pub(crate) part: PartArgs,
}
