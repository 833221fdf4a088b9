//! `install`.

use super::inside::ChangeArgs;
use clap::Args;
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// The file to be installed, unless a folder is made
    #[arg(value_name = "FILE", required_unless_present = "directory")]
    pub(crate) first: Option<OsString>,

    /// Where it goes: an image or Artifact, a colon, and the path in it
    #[arg(value_name = "IMAGE:PATH", required_unless_present = "directory")]
    pub(crate) second: Option<OsString>,

    /// Permissions in octal, with set-user-ID and the like, as 600 or 4755
    #[arg(short, long, value_name = "MODE")]
    pub(crate) mode: Option<String>,

    /// Make a folder, and those above it
    #[arg(short, long)]
    pub(crate) directory: bool,

    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
