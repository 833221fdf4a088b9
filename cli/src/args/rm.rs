//! `rm`.

use super::inside::ChangeArgs;
use clap::Args;
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The file or empty folder: an image or Artifact, a colon, and the path in it
    #[arg(value_name = "IMAGE:PATH")]
    pub(crate) file: OsString,

    /// Remove a folder with all that is in it
    #[arg(short, long)]
    pub(crate) recursive: bool,

    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
